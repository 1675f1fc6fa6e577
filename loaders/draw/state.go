package draw

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// State is where a run goes on. It belongs to the global order, not to a rank: after the same
// number of steps every rank has the same state.
type State struct {
	Version  int    `json:"version"`
	Drawing  string `json:"drawing"` // fingerprint of data set and options that decide the order
	Epoch    int64  `json:"epoch"`
	Position int64  `json:"position"` // items of the epoch that all ranks together are done with
}

// StateVersion is the version of State that this package writes and reads.
const StateVersion = 1

// ErrState is a state that cannot be taken up.
var ErrState = errors.New("state does not fit")

// ParseState reads a state for a drawing of n items an epoch.
func ParseState(data []byte, drawing string, n int64) (s State, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("%w: %w", ErrState, err)
	}
	return s, s.Check(drawing, n)
}

// Check reports whether a drawing of n items an epoch can go on from the state.
func (s State) Check(drawing string, n int64) error {
	switch {
	case s.Version != StateVersion:
		return fmt.Errorf("%w: version %d, want %d", ErrState, s.Version, StateVersion)
	case s.Drawing != drawing:
		return fmt.Errorf("%w: it was saved with another data set or other options: their order of items is another", ErrState)
	case s.Epoch > math.MaxInt64/2/max(1, n)-1:
		return fmt.Errorf("%w: epoch %d of %d items each is out of range", ErrState, s.Epoch, n)
	case s.Epoch < 0 || s.Position < 0 || s.Position > n:
		return fmt.Errorf("%w: epoch %d, position %d of %d items", ErrState, s.Epoch, s.Position, n)
	}
	return nil
}
