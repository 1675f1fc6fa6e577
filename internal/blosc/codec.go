package blosc

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/micropq/micropq/internal/blosc/blosclz"
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

	zstd   *zstd.Decoder
	zlib   io.ReadCloser
	source bytes.Reader // what zlib reads
	probe  [1]byte      // tells whether zlib has more to give
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
		return d.decodeZlib(dst, src)
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

// decodeZlib reads one byte past dst, which both makes zlib verify its checksum and tells
// whether it holds more.
func (d *decoder) decodeZlib(dst, src []byte) (err error) {
	d.source.Reset(src)
	defer d.source.Reset(nil) // the pool must not keep the frame alive
	if d.zlib == nil {
		d.zlib, err = zlib.NewReader(&d.source)
	} else {
		err = d.zlib.(zlib.Resetter).Reset(&d.source, nil)
	}
	if err != nil {
		return err
	}
	if n, err := io.ReadFull(d.zlib, dst); err != nil {
		return fmt.Errorf("after %d of %d bytes: %w", n, len(dst), err)
	}
	switch _, err := io.ReadFull(d.zlib, d.probe[:]); err {
	case io.EOF:
	case nil:
		return fmt.Errorf("decodes to more than %d bytes", len(dst))
	default:
		return err
	}
	if d.source.Len() != 0 {
		return fmt.Errorf("%d bytes follow its end", d.source.Len())
	}
	return nil
}
