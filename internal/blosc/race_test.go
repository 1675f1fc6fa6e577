//go:build race

package blosc

// raceEnabled says that sync.Pool drops items at random, so that allocations say nothing.
const raceEnabled = true
