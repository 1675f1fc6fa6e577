package zarr

import (
	"errors"
	"fmt"
)

// The causes of a ChunkError.
var (
	ErrTruncated = errors.New("truncated: it decodes to less than its shape")
	ErrTooLong   = errors.New("too long: it decodes to more than its shape")
	ErrCorrupt   = errors.New("corrupt")
)

// UnsupportedError names what this package cannot read.
type UnsupportedError struct{ Array, What string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("zarr array %s: %s is not supported", e.Array, e.What)
}

// MetadataError is a defect of a metadata object.
type MetadataError struct {
	Key, Field string
	Err        error
}

func (e *MetadataError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %v", e.Key, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Key, e.Field, e.Err)
}

func (e *MetadataError) Unwrap() error { return e.Err }

// ChunkError is a chunk that cannot be read.
type ChunkError struct {
	Array, Key string
	Err        error
}

func (e *ChunkError) Error() string { return fmt.Sprintf("chunk %s: %v", e.Key, e.Err) }
func (e *ChunkError) Unwrap() error { return e.Err }
