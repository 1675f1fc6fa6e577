package chunkcodec

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/blosc/shuffle"
	"github.com/micropq/micropq/internal/nd"
)

// Decoder decodes payloads. It is not safe for concurrent use. It allocates nothing once
// it has met the largest chunk.
type Decoder struct {
	z       *zstd.Decoder
	scratch []byte
}

// maxDecoded bounds what a frame may claim; a caller's own bound is the size of its chunk.
const maxDecoded = 4 << 30

// NewDecoder makes a decoder.
func NewDecoder() *Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded))
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	return &Decoder{z: z}
}

// Decode fills dst, whose length is the chunk's, from a payload of elements of itemSize bytes.
func (d *Decoder) Decode(dst, payload []byte, e Encoding, itemSize int) error {
	switch e {
	case Raw:
		if len(payload) != len(dst) {
			return fmt.Errorf("%w: %d bytes, want %d", ErrSize, len(payload), len(dst))
		}
		copy(dst, payload)
		return nil
	case Zstd:
		return d.unpack(dst, payload)
	case ShuffleZstd:
		if itemSize == 1 {
			return d.unpack(dst, payload)
		}
		if itemSize < 1 || len(dst)%itemSize != 0 {
			return fmt.Errorf("decode: %d bytes are no whole number of %d-byte elements", len(dst), itemSize)
		}
		d.scratch = grow(d.scratch, len(dst))
		if err := d.unpack(d.scratch, payload); err != nil {
			return err
		}
		shuffle.Unshuffle(dst, d.scratch, itemSize)
		return nil
	}
	return fmt.Errorf("unknown encoding %q", e)
}

// DecodeRegion fills dst with the box of a chunk: shape is the chunk's and box is relative
// to it, with dst's shape. Elements outside the box are not unshuffled.
func (d *Decoder) DecodeRegion(dst nd.View, payload []byte, e Encoding, shape []int, box nd.Region) error {
	if err := box.Within(shape); err != nil {
		return err
	}
	size := nd.Elements(shape) * dst.ItemSize
	src := payload
	if e != Raw {
		d.scratch = grow(d.scratch, size)
		if err := d.unpack(d.scratch, payload); err != nil {
			return err
		}
		src = d.scratch
	} else if len(payload) != size {
		return fmt.Errorf("%w: %d bytes, want %d", ErrSize, len(payload), size)
	}
	if e == ShuffleZstd && dst.ItemSize > 1 {
		unshuffleBox(dst, src, shape, box)
		return nil
	}
	nd.Copy(dst, nd.Dense(src, shape, dst.ItemSize).Slice(box))
	return nil
}

// unpack decodes one zstd frame that must hold exactly len(dst) bytes.
func (d *Decoder) unpack(dst, payload []byte) error {
	var h zstd.Header
	if err := h.Decode(payload); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if h.HasFCS && h.FrameContentSize != uint64(len(dst)) {
		return fmt.Errorf("%w: the frame holds %d bytes, want %d", ErrSize, h.FrameContentSize, len(dst))
	}
	if !h.HasFCS {
		return d.unpackUnsized(dst, payload)
	}
	out, err := d.z.DecodeAll(payload, dst[:0:len(dst)])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if len(out) != len(dst) {
		return fmt.Errorf("%w: %d bytes, want %d", ErrSize, len(out), len(dst))
	}
	return nil
}

// unpackUnsized decodes a frame of another writer that does not say its size.
func (d *Decoder) unpackUnsized(dst, payload []byte) error {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(len(dst))+1))
	if err != nil {
		return err
	}
	defer z.Close()
	out, err := z.DecodeAll(payload, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if copy(dst, out) != len(dst) || len(out) != len(dst) {
		return fmt.Errorf("%w: %d bytes, want %d", ErrSize, len(out), len(dst))
	}
	return nil
}

// unshuffleBox restores the elements of a box, run by run, straight into dst.
func unshuffleBox(dst nd.View, planes []byte, shape []int, box nd.Region) {
	if box.Elements() == 0 {
		return
	}
	// run elements lie next to each other both in the chunk and in dst over the axes from outer on.
	run, outer, stride := 1, len(shape), dst.ItemSize
	for outer > 0 {
		i := outer - 1
		if dst.Shape[i] != 1 && dst.Strides[i] != stride {
			break
		}
		whole := box.Shape[i] == shape[i]
		run *= box.Shape[i]
		stride *= box.Shape[i]
		outer--
		if !whole {
			break
		}
	}
	st := nd.CStrides(shape, 1)
	first := 0
	for i, o := range box.Origin {
		first += o * st[i]
	}
	unshuffleRuns(dst.Data, planes, dst.Strides[:outer], st[:outer], box.Shape[:outer], first, run, dst.ItemSize)
}

func unshuffleRuns(dst, planes []byte, ds, ss, shape []int, first, run, itemSize int) {
	if len(shape) == 0 {
		shuffle.UnshuffleRange(dst[:run*itemSize], planes, itemSize, first)
		return
	}
	for i := range shape[0] {
		unshuffleRuns(dst[i*ds[0]:], planes, ds[1:], ss[1:], shape[1:], first+i*ss[0], run, itemSize)
	}
}
