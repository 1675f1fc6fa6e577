package blosc

import (
	"encoding/binary"
	"fmt"

	"github.com/micropq/micropq/internal/blosc/shuffle"
)

// DecodedLen is the number of bytes that frame decodes to, from its checked header.
// Errors wrap ErrCorrupt or ErrUnsupported.
func DecodedLen(frame []byte) (int, error) {
	h, err := parseHeader(frame)
	if err != nil {
		return 0, err
	}
	return h.decoded, nil
}

// Decode decodes one whole frame into the memory of dst, from its start, and returns it
// at its decoded length; dst is replaced where its capacity does not suffice, and may be
// nil. dst and frame must not overlap. A frame that decodes to more than limit bytes
// fails before memory is taken for it; beside the result, filtered
// frames take one block of scratch, bit-shuffled ones two. Decode uses one core and is
// safe for concurrent use.
//
// Errors wrap ErrCorrupt, ErrUnsupported or ErrLimit and name the byte of the frame.
// After an error the contents of dst are undefined.
func Decode(dst, frame []byte, limit int) ([]byte, error) {
	h, err := parseHeader(frame)
	if err != nil {
		return nil, err
	}
	if h.decoded > limit {
		return nil, fmt.Errorf("%w: decoded size %d, at most %d allowed", ErrLimit, h.decoded, limit)
	}
	dst = sized(dst, h.decoded)
	if h.decoded == 0 {
		return dst, nil
	}
	if h.flags&flagStored != 0 {
		copy(dst, frame[headerLen:])
		return dst, nil
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	if err := d.blocks(dst, frame, h); err != nil {
		return nil, err
	}
	return dst, nil
}

// blocks decodes all blocks of frame. Blocks may lie in any order, but together they fill
// the frame: a start that is used twice or skips bytes is found by the sum.
func (d *decoder) blocks(dst, frame []byte, h header) error {
	first := headerLen + 4*h.blocks()
	used := first
	for i := range h.blocks() {
		start := int(int32(binary.LittleEndian.Uint32(frame[headerLen+4*i:])))
		if start < first || start > len(frame) {
			return fmt.Errorf("%w: block %d starts at byte %d, outside of %d to %d", ErrCorrupt, i, start, first, len(frame))
		}
		out := dst[i*h.blockSize : min((i+1)*h.blockSize, len(dst))]
		end, err := d.block(out, frame, start, h)
		if err != nil {
			return fmt.Errorf("%w: block %d: %w", ErrCorrupt, i, err)
		}
		used += end - start
	}
	if used != len(frame) {
		return fmt.Errorf("%w: header and blocks make up %d bytes, the frame has %d", ErrCorrupt, used, len(frame))
	}
	return nil
}

// block decodes the block at frame[start:] into out and returns the byte after it.
func (d *decoder) block(out, frame []byte, start int, h header) (end int, err error) {
	filter := filterOf(h.flags, h.typeSize, len(out))
	if filter == NoShuffle {
		return d.streams(out, frame, start, h)
	}
	d.filtered = sized(d.filtered, len(out))
	if end, err = d.streams(d.filtered, frame, start, h); err != nil {
		return 0, err
	}
	if filter == ByteShuffle {
		shuffle.Unshuffle(out, d.filtered, h.typeSize)
		return end, nil
	}
	d.planes = sized(d.planes, len(out))
	shuffle.BitUnshuffle(out, d.filtered, d.planes, h.typeSize)
	return end, nil
}

// streams decodes the streams of one block, which start at frame[at:], into out.
func (d *decoder) streams(out, frame []byte, at int, h header) (end int, err error) {
	count := h.streams(len(out))
	n := len(out) / count
	if n*count != len(out) {
		return 0, fmt.Errorf("%d bytes do not split into %d streams", len(out), count)
	}
	for i := range count {
		if len(frame)-at < 4 {
			return 0, fmt.Errorf("stream %d at byte %d: no room for its size", i, at)
		}
		size := int(int32(binary.LittleEndian.Uint32(frame[at:])))
		at += 4
		if size < 0 || size > len(frame)-at {
			return 0, fmt.Errorf("stream %d at byte %d: size %d, %d bytes are left", i, at, size, len(frame)-at)
		}
		to, src := out[i*n:(i+1)*n:(i+1)*n], frame[at:at+size]
		if size == n {
			copy(to, src)
		} else if err := d.stream(to, src, h.codec()); err != nil {
			return 0, fmt.Errorf("stream %d at byte %d: %s: %w", i, at, h.codec(), err)
		}
		at += size
	}
	return at, nil
}

// filterOf is the filter that acts on a block of n bytes. Byte shuffle does nothing to
// single bytes, either filter nothing to less than one element.
func filterOf(flags byte, typeSize, n int) Filter {
	switch {
	case n < typeSize:
		return NoShuffle
	case flags&flagByteShuffle != 0 && typeSize > 1:
		return ByteShuffle
	case flags&flagBitShuffle != 0:
		return BitShuffle
	}
	return NoShuffle
}

// sized is b with length n, or new memory of exactly that where b cannot hold it.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
