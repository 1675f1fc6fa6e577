package loaders

import (
	"errors"
	"fmt"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// Sentinels for errors.Is.
var (
	// ErrDamaged is wrapped by every error that says a data set is damaged, or is none.
	ErrDamaged = errors.New("damaged data set")
	// ErrNotFound is a sample, array, level or instance that the data set does not have.
	ErrNotFound = errors.New("not in the data set")
	// ErrRegion is a region that does not lie in its array.
	ErrRegion = errors.New("region out of bounds")
)

// DTypeError is a read into elements of another type than the array has.
type DTypeError struct {
	Sample, Array string
	Want, Have    schemas.DType // of the array, of the destination
}

func (e *DTypeError) Error() string {
	return fmt.Sprintf("array %s of sample %s is %s and cannot be read into %s: read it as it is and convert", e.Array, e.Sample, e.Want, e.Have)
}

// DamageError is a part of a data set that cannot be trusted. What does not apply is empty;
// a Row of -1 stands for the file as a whole.
type DamageError struct {
	File   string // relative to the data set
	Row    int64  // in the file, from 0
	Sample string
	Array  string
	Level  int
	Origin []int  // of the chunk, along the array's axes
	Digest uint64 // xxh64 that the row promises of the decoded chunk
	Err    error
}

func (e *DamageError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s", ErrDamaged, e.File)
	if e.Row >= 0 {
		fmt.Fprintf(&b, ", row %d", e.Row)
	}
	if e.Sample != "" {
		fmt.Fprintf(&b, ", sample %s", e.Sample)
	}
	if e.Array != "" {
		fmt.Fprintf(&b, ", array %s level %d", e.Array, e.Level)
	}
	if e.Origin != nil {
		fmt.Fprintf(&b, ", chunk at %v", e.Origin)
	}
	if e.Row >= 0 && e.Array != "" {
		fmt.Fprintf(&b, ", digest %016x", e.Digest)
	}
	fmt.Fprintf(&b, ": %v; fetch the file again or convert anew", e.Err)
	return b.String()
}

// Unwrap makes errors.Is see both [ErrDamaged] and the cause.
func (e *DamageError) Unwrap() []error { return []error{ErrDamaged, e.Err} }
