package chunkcodec

import (
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/blosc/shuffle"
	"github.com/micropq/micropq/internal/nd"
)

const (
	// Slack is the room behind the output with which the zstd library copies in whole blocks
	// up to the end.
	Slack = 32
	// maxRatio is the most that a zstd frame can inflate: a block of at most 128 KiB takes a
	// header of 3 bytes and at least one more (RFC 8878, section 3.1.1.2).
	maxRatio = 128 << 10 / 4
)

// Decoder decodes payloads. It works on the caller's goroutine alone, is not safe for
// concurrent use, and allocates nothing once it has met the largest chunk.
type Decoder struct {
	z       *zstd.Decoder
	scratch []byte
	part    []byte
	strides []int
}

// NewDecoder makes a decoder.
func NewDecoder() *Decoder {
	z, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderLowmem(false), // buffers of the largest block at once, not of each new size
	)
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	return &Decoder{z: z}
}

// Decode fills dst, whose length is that of the chunk in bytes, from its payload. It fails
// with [ErrCorrupt] or [ErrSize]; what dst then holds is undefined.
func (d *Decoder) Decode(dst, payload []byte, e Encoding, itemSize int) error {
	if err := checkItems(len(dst), itemSize); err != nil {
		return err
	}
	switch {
	case e == Raw:
		if err := checkSize(len(payload), len(dst)); err != nil {
			return err
		}
		copy(dst, payload)
		return nil
	case e == Zstd, e == ShuffleZstd && itemSize == 1:
		return d.unpack(dst[:len(dst):len(dst)], payload)
	}
	planes, err := d.plain(payload, e, len(dst))
	if err != nil {
		return err
	}
	shuffle.Unshuffle(dst, planes, itemSize)
	return nil
}

// DecodeRegion fills dst with the box of a chunk of the shape; box is relative to the chunk
// and has dst's shape. Elements outside the box are not unshuffled. It fails as Decode does.
func (d *Decoder) DecodeRegion(dst nd.View, payload []byte, e Encoding, shape []int, box nd.Region) error {
	if err := box.Within(shape); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if !slices.Equal(dst.Shape, box.Shape) {
		return fmt.Errorf("decode: box %v into a view of shape %v", box, dst.Shape)
	}
	n, ok := nd.CheckedElements(shape)
	if !ok || dst.ItemSize < 1 || dst.ItemSize > 16 {
		return fmt.Errorf("%w: no chunk has shape %v of %d-byte elements", ErrSize, shape, dst.ItemSize)
	}
	plain, err := d.plain(payload, e, n*dst.ItemSize)
	if err != nil {
		return err
	}
	d.extract(dst, plain, e, shape, box)
	return nil
}

// Unpack undoes the compression of a payload and leaves its elements as they lie in it,
// planes or not, for Extract. plain has the size of the chunk in bytes; up to [Slack] bytes of
// capacity behind it are written to. It fails as Decode does.
func (d *Decoder) Unpack(plain, payload []byte, e Encoding) error {
	if e != Raw {
		return d.unpack(plain, payload)
	}
	if err := checkSize(len(payload), len(plain)); err != nil {
		return err
	}
	copy(plain, payload)
	return nil
}

// Extract fills dst with the box of a chunk that Unpack has unpacked. plain is not changed.
func (d *Decoder) Extract(dst nd.View, plain []byte, e Encoding, shape []int, box nd.Region) error {
	if err := box.Within(shape); err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	if n, ok := nd.CheckedElements(shape); !ok || n*dst.ItemSize != len(plain) || !slices.Equal(dst.Shape, box.Shape) {
		return fmt.Errorf("extract: box %v of a chunk %v of %d bytes into a view of shape %v", box, shape, len(plain), dst.Shape)
	}
	d.extract(dst, plain, e, shape, box)
	return nil
}

func (d *Decoder) extract(dst nd.View, plain []byte, e Encoding, shape []int, box nd.Region) {
	if e == ShuffleZstd && dst.ItemSize > 1 {
		d.strides = cStrides(d.strides, shape, 1)
		unshuffleBox(dst, plain, shape, d.strides, box)
		return
	}
	d.strides = cStrides(d.strides, shape, dst.ItemSize)
	chunk := nd.View{Data: plain, Shape: shape, Strides: d.strides, ItemSize: dst.ItemSize}
	nd.Copy(dst, chunk.Slice(box))
}

// Held is the memory that the decoder keeps from one payload to the next, in bytes.
func (d *Decoder) Held() int { return cap(d.scratch) }

// plain returns the size bytes of the payload without compression, still shuffled, in the
// payload itself or in the scratch memory.
func (d *Decoder) plain(payload []byte, e Encoding, size int) ([]byte, error) {
	switch e {
	case Raw:
		return payload, checkSize(len(payload), size)
	case Zstd, ShuffleZstd:
		if size/maxRatio > len(payload) {
			return nil, fmt.Errorf("%w: %d bytes cannot hold %d", ErrSize, len(payload), size)
		}
		d.scratch = grow(d.scratch, size+Slack)
		return d.scratch[:size], d.unpack(d.scratch[:size], payload)
	}
	return nil, fmt.Errorf("unknown encoding %q", e)
}

// unpack decodes a payload that must hold len(dst) bytes. It writes up to cap(dst).
func (d *Decoder) unpack(dst, payload []byte) error {
	var h zstd.Header
	if err := h.Decode(payload); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if h.HasFCS && h.FrameContentSize != uint64(len(dst)) {
		return fmt.Errorf("%w: the frame says %d bytes, the chunk has %d", ErrSize, h.FrameContentSize, len(dst))
	}
	out, err := d.z.DecodeAll(payload, dst[:0])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return checkSize(len(out), len(dst))
}

func checkSize(have, want int) error {
	if have != want {
		return fmt.Errorf("%w: %d bytes, the chunk has %d", ErrSize, have, want)
	}
	return nil
}

// cStrides is nd.CStrides in the memory of st.
func cStrides(st, shape []int, itemSize int) []int {
	st = append(st[:0], shape...)
	for i := len(st) - 1; i >= 0; i-- {
		st[i], itemSize = itemSize, itemSize*st[i]
	}
	return st
}

// partBytes is how much Parts hands out at a time: it stays in the nearest caches.
const partBytes = 32 << 10

// Parts decodes the payload of a chunk of size bytes and calls each with its elements, some at a time and in their
// order, for those who look at them once and need no chunk in memory. It fails as Decode does; each has then been
// called for none of them.
func (d *Decoder) Parts(payload []byte, e Encoding, itemSize, size int, each func(part []byte)) error {
	if err := checkItems(size, itemSize); err != nil {
		return err
	}
	plain, err := d.plain(payload, e, size)
	if err != nil {
		return err
	}
	step := max(1, partBytes/itemSize)
	d.part = grow(d.part, step*itemSize)
	for first := 0; first < size/itemSize; first += step {
		n := min(step, size/itemSize-first) * itemSize
		part := d.part[:n]
		switch {
		case e == ShuffleZstd && itemSize > 1:
			shuffle.UnshuffleRange(part, plain, itemSize, first)
		case e == Raw: // which lies anywhere in its page, not where elements are aligned
			copy(part, plain[first*itemSize:])
		default:
			part = plain[first*itemSize:][:n]
		}
		each(part)
	}
	return nil
}
