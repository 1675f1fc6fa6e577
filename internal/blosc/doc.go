// Package blosc reads and writes frames of c-blosc 1.x, the form in which numcodecs.Blosc
// stores the chunks of zarr arrays.
//
// A frame is one compressed buffer: a header of 16 bytes, a table of block starts and the
// blocks. All integers are little endian.
//
//	byte 0        format version, 2 for c-blosc 1.x
//	     1        version of the inner codec's format
//	     2        flags: 1 byte shuffle, 2 stored, 4 bit shuffle, 16 not split; the upper
//	              three bits name the inner codec
//	     3        type size: bytes of an element
//	     4 .. 7   decoded size
//	     8 .. 11  block size
//	     12 .. 15 frame size, this header included
//
// A stored frame holds the plain bytes after its header. Otherwise the decoded bytes are
// cut into blocks of the block size, the last one possibly shorter, and a table of one
// int32 a block tells where in the frame each starts; blocks come in any order.
//
// A block is filtered (package shuffle) and then cut into streams: one a byte of the
// type size when the block is split, otherwise a single one. Each stream is preceded by
// its size as an int32; a stream as long as what it decodes to is stored plain. A block
// is split unless the flag forbids it, it is shorter than the block size, its type size
// is above 16, or its streams would be shorter than 128 bytes.
//
// The layout is README_CHUNK_FORMAT.rst of c-blosc; the rules for splitting are those of
// its version 1.21. c-blosc2 frames (format versions above 2) are not read.
package blosc

import "errors"

var (
	// ErrCorrupt marks a frame that contradicts itself or does not decode.
	ErrCorrupt = errors.New("corrupt blosc frame")
	// ErrUnsupported marks a frame, or options, this package knows no way to handle.
	ErrUnsupported = errors.New("unsupported blosc frame")
	// ErrLimit marks a frame that decodes to more bytes than the caller allowed.
	ErrLimit = errors.New("blosc frame over the size limit")
)
