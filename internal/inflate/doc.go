// Package inflate decodes DEFLATE data (RFC 1951) and its wrappers zlib (RFC 1950) and gzip
// (RFC 1952), which most chunks of zarr arrays and many strips of TIFF files hold.
//
// Words:
//
//   - A block is a run of output with codes of its own.
//   - A symbol is a literal byte, the end of a block, or a match: length and distance of
//     bytes that came before, at most 32 KiB back.
//   - A table turns the next bits of the input into an entry: one or two literals, a match's
//     length or distance, or the place of a second table for codes longer than its index.
//
// The decoder works on byte slices: the input is held, the output is its own window. That
// is what makes it faster than one that serves an [io.Reader] through a window of its own
// (docs/decisions/0004-inflate.md has the measurements). [Reader] is the streaming face of
// the same loop.
package inflate

import "errors"

// The defects of a stream.
var (
	// ErrTruncated is input that ends before the stream does.
	ErrTruncated = errors.New("the compressed stream is truncated")
	// ErrTooLong is a stream that decodes to more than it may.
	ErrTooLong = errors.New("the compressed stream decodes to more than its limit")
	// ErrCorrupt is input that is no DEFLATE stream.
	ErrCorrupt = errors.New("the compressed stream is corrupt")
	// ErrChecksum is output that is not what was compressed.
	ErrChecksum = errors.New("the checksum of the compressed stream does not match")
)
