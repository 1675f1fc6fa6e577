package zarr

import (
	"errors"
	"fmt"
)

// The causes of a ChunkError. Either of the first two is wrapped together with ErrCorrupt.
var (
	ErrTruncated = errors.New("truncated: it decodes to less than its shape")
	ErrTooLong   = errors.New("too long: it decodes to more than its shape")
	ErrCorrupt   = errors.New("corrupt")
)

// ErrClosed is what a Reader returns after Close.
var ErrClosed = errors.New("the reader is closed")

// UnsupportedError names what this package cannot read.
type UnsupportedError struct {
	Array string // path of the array or group
	What  string // such as `codec "pcodec"`
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("zarr array %s: %s is not supported", name(e.Array), e.What)
}

// MetadataError is a defect of a metadata object.
type MetadataError struct {
	Key   string // of the object
	Field string // of the object, "" for all of it
	Err   error
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
	Array string // path
	Key   string // of the object that holds the chunk
	Err   error
}

func (e *ChunkError) Error() string { return fmt.Sprintf("chunk %s: %v", e.Key, e.Err) }
func (e *ChunkError) Unwrap() error { return e.Err }

// name is a path for people: the root has none.
func name(path string) string {
	if path == "" {
		return "at the root"
	}
	return path
}
