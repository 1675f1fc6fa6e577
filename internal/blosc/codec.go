package blosc

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/micropq/micropq/internal/blosc/blosclz"
	"github.com/micropq/micropq/internal/inflate"
)

// codec is the id of an inner codec's format. lz4hc writes the format of lz4.
type codec byte

const (
	codecBloscLZ codec = iota
	codecLZ4
	codecSnappy
	codecZlib
	codecZstd
	numCodecs
)

func (c codec) String() string {
	if c < numCodecs {
		return [numCodecs]string{"blosclz", "lz4", "snappy", "zlib", "zstd"}[c]
	}
	return strconv.Itoa(int(c))
}

// decoder holds what decoding a frame needs beside its output, so that none of it is
// allocated anew for each frame.
type decoder struct {
	filtered, planes []byte // a block before its filter is undone, and half way

	zstd *zstd.Decoder
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// keepScratch is the largest block whose scratch is kept: four times what c-blosc chooses
// at most by itself. Larger ones would hold memory that no budget counts.
const keepScratch = 4 << 20

func (d *decoder) release() {
	if cap(d.filtered) > keepScratch {
		d.filtered, d.planes = nil, nil
	}
	decoders.Put(d)
}

// stream decodes src, which must come to exactly len(dst) bytes. The capacity of dst must
// be its length.
func (d *decoder) stream(dst, src []byte, c codec) (err error) {
	var n int
	switch c {
	case codecBloscLZ:
		n, err = blosclz.Decode(dst, src)
	case codecLZ4:
		n, err = lz4.UncompressBlock(src, dst)
	case codecSnappy:
		n, err = decodeSnappy(dst, src)
	case codecZlib:
		n, err = decodeZlib(dst, src)
	case codecZstd:
		n, err = d.decodeZstd(dst, src)
	}
	if err == nil && n != len(dst) {
		err = fmt.Errorf("decodes to %d bytes, not %d", n, len(dst))
	}
	return err
}

// decodeSnappy asks for the length first, since snappy.Decode allocates what does not
// fit.
func decodeSnappy(dst, src []byte) (int, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil || n != len(dst) {
		return n, err
	}
	_, err = snappy.Decode(dst, src)
	return n, err
}

func (d *decoder) decodeZstd(dst, src []byte) (int, error) {
	if d.zstd == nil {
		var err error
		// One core, and never more output than the stream may decode to.
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderMaxMemory(maxDecoded))
		if err != nil {
			return 0, err
		}
	}
	out, err := d.zstd.DecodeAll(src, dst[:0])
	return len(out), err
}

func decodeZlib(dst, src []byte) (int, error) {
	out, rest, err := inflate.Zlib(dst, src, len(dst))
	switch {
	case errors.Is(err, inflate.ErrTooLong):
		err = fmt.Errorf("decodes to more than %d bytes", len(dst))
	case err == nil && len(rest) > 0:
		err = fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return len(out), err
}
