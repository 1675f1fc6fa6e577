//go:build race

package zarr

// Under the race detector pools drop what they are given, now and then.
const raceEnabled = true
