package draw

import (
	"errors"
	"fmt"
)

// Remainder is what happens to the items at the end of an epoch that do not fill a batch for
// every rank.
type Remainder string

// The ways to deal with them.
const (
	Keep Remainder = "keep" // the last batches are smaller, or there is none for a rank: each item exactly once
	Drop Remainder = "drop" // they are left out: all batches are whole, all ranks have as many
	Pad  Remainder = "pad"  // the epoch's first items fill them up: all ranks have as many whole batches
)

// Partition shares the positions of an epoch out to ranks and their workers.
type Partition struct {
	Batch     int       `json:"batch,omitzero"`     // items of a batch, 0 stands for 1
	Rank      int       `json:"rank,omitzero"`      // 0 <= Rank < World
	World     int       `json:"world,omitzero"`     // 0 stands for 1
	Worker    int       `json:"worker,omitzero"`    // 0 <= Worker < Workers, within the rank
	Workers   int       `json:"workers,omitzero"`   // 0 stands for 1
	Remainder Remainder `json:"remainder,omitzero"` // "" stands for Keep
}

// MaxItems bounds the items of an epoch and of a step, so that arithmetic with them stays within 64 bits.
const MaxItems = 1 << 48

// WithDefaults puts in what zero values stand for.
func (p Partition) WithDefaults() Partition {
	p.Batch, p.World, p.Workers = or(p.Batch, 1), or(p.World, 1), or(p.Workers, 1)
	if p.Remainder == "" {
		p.Remainder = Keep
	}
	return p
}

// Validate reports every problem of a partition with its defaults.
func (p Partition) Validate() error {
	var errs []error
	// So that positions, which are at most MaxItems and one step more, stay within 64 bits.
	if p.Batch > MaxItems || p.World > MaxItems/max(1, p.Batch) {
		errs = append(errs, fmt.Errorf("batches of %d items for %d ranks: want at most %d items a step", p.Batch, p.World, MaxItems))
	}
	if p.Batch < 1 {
		errs = append(errs, fmt.Errorf("batch of %d items: want at least 1", p.Batch))
	}
	if p.World < 1 || p.Rank < 0 || p.Rank >= p.World {
		errs = append(errs, fmt.Errorf("rank %d of %d: want 0 to one less than the number of ranks", p.Rank, p.World))
	}
	if p.Workers < 1 || p.Worker < 0 || p.Worker >= p.Workers {
		errs = append(errs, fmt.Errorf("worker %d of %d: want 0 to one less than the number of workers", p.Worker, p.Workers))
	}
	switch p.Remainder {
	case Keep, Drop, Pad:
	default:
		errs = append(errs, fmt.Errorf("remainder %q: want %s, %s or %s", p.Remainder, Keep, Drop, Pad))
	}
	return errors.Join(errs...)
}

// Steps is the number of steps of an epoch of n items that begins at position start.
func (p Partition) Steps(n, start int64) int64 {
	left, each := max(0, n-start), int64(p.Batch)*int64(p.World)
	if p.Remainder == Drop {
		return left / each
	}
	return (left + each - 1) / each
}

// Step appends the positions of this rank's batch of a step to dst, in order. Positions past
// the end of an epoch of n items are left out, or begin anew with [Pad].
func (p Partition) Step(dst []int64, n, start, step int64) []int64 {
	first := start + (step*int64(p.World)+int64(p.Rank))*int64(p.Batch)
	for i := first; i < first+int64(p.Batch); i++ {
		switch {
		case i < n:
			dst = append(dst, i)
		case p.Remainder == Pad && n > 0:
			dst = append(dst, (i-n)%n)
		}
	}
	return dst
}

// Own is how many batches this worker makes in so many steps.
func (p Partition) Own(steps int64) int64 {
	return max(0, (steps-int64(p.Worker)+int64(p.Workers)-1)/int64(p.Workers))
}

// Nth is the step of this worker's batch i, from 0.
func (p Partition) Nth(i int64) int64 { return int64(p.Worker) + i*int64(p.Workers) }

// After is the position of the global order from which a run goes on after so many steps of
// all ranks.
func (p Partition) After(n, start, steps int64) int64 {
	if steps >= p.Steps(n, start) {
		return n
	}
	return start + steps*int64(p.Batch)*int64(p.World)
}
