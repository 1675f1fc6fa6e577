// Package chunkcodec encodes the elements of a chunk into the payload of a row of the
// chunks table, and back.
//
// The elements of a chunk lie in C order, little-endian. A plane is one byte position of all
// of them, in element order. Neighbouring voxels share their upper bytes, so planes compress
// better and several times faster than the elements do.
//
//	raw            the elements
//	zstd           one zstd frame (RFC 8878) of the elements, content size in its header
//	shuffle+zstd   one zstd frame of plane 0, plane 1, ...
//
// Frames carry no checksum: pages have a CRC and chunks a digest.
package chunkcodec

import (
	"errors"
	"fmt"
)

// ErrCorrupt is wrapped where a payload cannot be decoded.
var ErrCorrupt = errors.New("corrupt payload")

// ErrSize is wrapped where a payload holds another number of bytes than its chunk.
var ErrSize = errors.New("payload of the wrong size")

// Encoding names how the elements of a chunk are stored.
type Encoding string

// The encodings.
const (
	Raw         Encoding = "raw"
	Zstd        Encoding = "zstd"
	ShuffleZstd Encoding = "shuffle+zstd"
)

// Parse returns the encoding of that name.
func Parse(name string) (Encoding, error) {
	switch e := Encoding(name); e {
	case Raw, Zstd, ShuffleZstd:
		return e, nil
	}
	return "", fmt.Errorf("unknown encoding %q: want %s, %s or %s", name, Raw, Zstd, ShuffleZstd)
}

// checkItems checks that n bytes are a whole number of elements.
func checkItems(n, itemSize int) error {
	if itemSize < 1 || n%itemSize != 0 {
		return fmt.Errorf("%w: %d bytes are no whole number of %d-byte elements", ErrSize, n, itemSize)
	}
	return nil
}

// grow returns a slice of n bytes, b where it is large enough.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
