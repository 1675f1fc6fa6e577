package convert

import (
	"errors"
	"fmt"
)

// ErrExists is returned, wrapped, when the destination holds something that this
// conversion did not make.
var ErrExists = errors.New("destination is in use")

// ErrDamaged is returned, wrapped, when the destination is the data set asked for, with
// other bytes than its manifest says.
var ErrDamaged = errors.New("damaged data set")

// InputError is a defect of the source: what is wrong and where.
type InputError struct {
	Sample string // sample or file, "" where the whole source is meant
	Where  string // array, field or position within it, may be empty
	Err    error
}

func (e *InputError) Error() string {
	switch {
	case e.Sample == "":
		return e.Err.Error()
	case e.Where == "":
		return fmt.Sprintf("%s: %v", e.Sample, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Sample, e.Where, e.Err)
}

func (e *InputError) Unwrap() error { return e.Err }

// Inputf makes an InputError.
func Inputf(sample, where, format string, args ...any) error {
	return &InputError{Sample: sample, Where: where, Err: fmt.Errorf(format, args...)}
}
