// Package blosclz decodes BloscLZ, the LZ77 format of c-blosc that descends from FastLZ
// level 2.
//
// A stream is a sequence of instructions. The upper three bits of the first byte of an
// instruction tell its kind:
//
//   - 0: a literal run. The lower five bits plus one count the bytes that follow and are
//     copied.
//   - 1 to 7: a match, that many plus two bytes long. With 7, length bytes follow, which
//     are added up to and including the first that is not 255. The lower five bits are
//     the upper bits of the offset, the next byte is its lower eight. The match starts
//     offset plus one bytes back. If all thirteen bits are set, two more bytes give a
//     big-endian offset, and the match starts that plus 8192 bytes back.
//
// The upper three bits of the first instruction are not part of it: a stream starts with
// a literal run.
package blosclz

import (
	"errors"
	"fmt"
)

// ErrCorrupt marks a stream that does not decode. Every error of this package wraps it
// and names the byte of the stream it was found at.
var ErrCorrupt = errors.New("corrupt blosclz stream")

const (
	maxNearOffset = 31<<8 | 255
	farDistance   = maxNearOffset + 1 // added to the 16-bit offset of a far match
	longMatch     = 7                 // kind of a match whose length goes on in further bytes
)

// Decode decodes all of src into dst and returns the number of bytes written. A stream
// that holds more than len(dst) bytes is an error.
func Decode(dst, src []byte) (int, error) {
	in, out := 0, 0
	for in < len(src) {
		ctrl := int(src[in])
		if in == 0 {
			ctrl &= 31
		}
		if ctrl < 32 {
			n := ctrl + 1
			if n > len(src)-in-1 || n > len(dst)-out {
				return out, fmt.Errorf("%w: byte %d: literal run of %d with %d bytes of input and %d of output left",
					ErrCorrupt, in, n, len(src)-in-1, len(dst)-out)
			}
			copy(dst[out:out+n], src[in+1:in+1+n])
			in, out = in+1+n, out+n
			continue
		}
		length, distance, next := match(src, in)
		if next < 0 {
			return out, fmt.Errorf("%w: byte %d: match cut short", ErrCorrupt, in)
		}
		if distance > out || length > len(dst)-out {
			return out, fmt.Errorf("%w: byte %d: match of %d bytes, %d back, with %d written and %d left",
				ErrCorrupt, in, length, distance, out, len(dst)-out)
		}
		copyMatch(dst[out-distance:out+length], distance)
		in, out = next, out+length
	}
	return out, nil
}

// match reads the match instruction at src[in]. A negative next says that src ends
// within it.
func match(src []byte, in int) (length, distance, next int) {
	kind, offset := int(src[in]>>5), int(src[in]&31)<<8
	in++
	length = kind + 2
	for more := kind == longMatch; more; in++ {
		if in >= len(src) {
			return 0, 0, -1
		}
		length += int(src[in])
		more = src[in] == 255
	}
	if in >= len(src) {
		return 0, 0, -1
	}
	offset |= int(src[in])
	in++
	if offset < maxNearOffset {
		return length, offset + 1, in
	}
	if in+2 > len(src) {
		return 0, 0, -1
	}
	return length, int(src[in])<<8 + int(src[in+1]) + farDistance, in + 2
}

// copyMatch fills b with repeats of its first distance bytes; each copy doubles the part
// that is done, so that runs need few of them.
func copyMatch(b []byte, distance int) {
	for done := distance; done < len(b); {
		done += copy(b[done:], b[:done])
	}
}
