package tiffio

import (
	"errors"
	"fmt"
)

var (
	// ErrNotTIFF is a file that does not begin as a TIFF file does.
	ErrNotTIFF = errors.New("not a TIFF file")
	// ErrCorrupt is a file that contradicts itself or the specification.
	ErrCorrupt = errors.New("damaged TIFF file")
	// ErrTooLong is a strip or tile that decodes to more than its pixels.
	ErrTooLong = errors.New("it decodes to more bytes than it has pixels for")
	// ErrTooLarge is an array larger than its reader allows.
	ErrTooLarge = errors.New("the array is larger than allowed")
)

// UnsupportedError is a valid file, or a part of one, that this package does not read.
type UnsupportedError struct {
	What string // for people: "compression 34712 (JPEG 2000)"
}

func (e *UnsupportedError) Error() string {
	return e.What + " is not supported; convert the file with another tool, for example to Deflate"
}

// Error says where in a file an error is.
type Error struct {
	File  string
	Where string // "directory at 8", "page 0: strip 3 at 5120"; "" for the file as a whole
	Err   error
}

func (e *Error) Error() string {
	if e.Where == "" {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.File, e.Where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// corrupt is an error that wraps ErrCorrupt.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// unsupported is an *UnsupportedError.
func unsupported(format string, args ...any) error {
	return &UnsupportedError{What: fmt.Sprintf(format, args...)}
}
