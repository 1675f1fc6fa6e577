package tiffio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"github.com/micropq/micropq/internal/inflate"
)

// maxWhole bounds the segment that can only be decoded as a whole, in bytes.
const maxWhole = 1 << 29

var lzwDecoders = sync.Pool{New: func() any { return new(lzw) }}

// codec decodes the segments of a compression.
type codec struct {
	// whole decodes src to dst and returns how many bytes it is; more than dst has room for
	// is ErrTooLong. Where it is nil, stream is used.
	whole func(p *Page, dst, src []byte) (int, error)
	// stream decodes so many rows piece by piece; nil where that cannot be done.
	stream func(p *Page, src io.Reader, rows int) (io.Reader, error)
	// ratio is the most that a byte of it can decode to, in bytes, or more: a claim beyond it
	// is not believed.
	ratio int64
	// predicts tells that the predictors go with it.
	predicts bool
	// readable, which may be nil, says why a page cannot be read.
	readable func(p *Page) error
}

// codecs by compression; what is not there is not supported.
var codecs = map[Compression]codec{
	None:         {whole: copied, stream: uncompressed, ratio: 1},
	LZW:          {whole: lzwWhole, stream: lzwStream, ratio: 4096, predicts: true}, // the longest string for 12 bits
	AdobeDeflate: {whole: zlibWhole, stream: zlibStream, ratio: 1032, predicts: true},
	Deflate:      {whole: zlibWhole, stream: zlibStream, ratio: 1032, predicts: true},
	PackBits:     {whole: packBitsWhole, stream: packBitsStream, ratio: 64},
	Zstd:         {whole: zstdWhole, stream: zstdStream, ratio: 1 << 16, predicts: true}, // 128 KiB for a block of 4 bytes
	LZMA:         {whole: lzmaWhole, stream: lzmaStream, ratio: 1 << 15, predicts: true}, // 273 bytes for some 0.2 bits
	JPEG:         {whole: jpegWhole, readable: (*Page).jpegReadable, ratio: 1 << 12},     // a bit or so for a block and component
	CCITTG3:      {stream: ccittStream, readable: (*Page).ccittReadable, ratio: 1 << 20}, // a row for few bits
	CCITTG4:      {stream: ccittStream, readable: (*Page).ccittReadable, ratio: 1 << 20},
}

func uncompressed(_ *Page, src io.Reader, _ int) (io.Reader, error) { return src, nil }

func copied(_ *Page, dst, src []byte) (int, error) { return copy(dst, src), nil }

func lzwWhole(_ *Page, dst, src []byte) (int, error) { return decodeLZW(dst, src) }

func lzwStream(_ *Page, src io.Reader, _ int) (io.Reader, error) { return newLZWReader(src), nil }

func packBitsWhole(_ *Page, dst, src []byte) (int, error) { return decodePackBits(dst, src) }

func packBitsStream(_ *Page, src io.Reader, _ int) (io.Reader, error) {
	return &packBitsReader{src: bufio.NewReader(src)}, nil
}

func zlibWhole(_ *Page, dst, src []byte) (int, error) {
	out, _, err := inflate.Zlib(dst[:0:len(dst)], src, len(dst))
	if errors.Is(err, inflate.ErrTooLong) {
		err = ErrTooLong
	}
	return len(out), err
}

func zlibStream(_ *Page, src io.Reader, _ int) (io.Reader, error) {
	return inflate.NewZlibReader(src), nil
}

const (
	maxZstdWindow = 128 << 20 // zstd --long
	maxDictionary = 64 << 20  // xz -9
)

// zstdDecoders run in the caller's goroutine, so that none is left behind.
var zstdDecoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}}

func zstdWhole(_ *Page, dst, src []byte) (int, error) {
	d := zstdDecoders.Get().(*zstd.Decoder)
	defer zstdDecoders.Put(d)
	defer d.Reset(nil)
	if err := d.Reset(bytes.NewReader(src)); err != nil {
		return 0, err
	}
	return fill(dst, d)
}

func zstdStream(_ *Page, src io.Reader, _ int) (io.Reader, error) {
	return zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
}

// lzmaDecoders keep their dictionaries, which are far larger than most tiles.
var lzmaDecoders sync.Pool

func lzmaWhole(_ *Page, dst, src []byte) (int, error) {
	r, _ := lzmaDecoders.Get().(*xz.Reader)
	var err error
	if r == nil {
		r, err = xz.NewReader(bytes.NewReader(src), maxDictionary)
	} else {
		err = r.Reset(bytes.NewReader(src))
	}
	if err != nil {
		return 0, err
	}
	defer lzmaDecoders.Put(r)
	return fill(dst, r)
}

func lzmaStream(_ *Page, src io.Reader, _ int) (io.Reader, error) {
	return xz.NewReader(src, maxDictionary)
}

// fill reads r, which must end where dst does or before.
func fill(dst []byte, r io.Reader) (int, error) {
	n, err := io.ReadFull(r, dst)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	var more [1]byte
	switch k, err := io.ReadFull(r, more[:]); {
	case k > 0:
		return n, ErrTooLong
	case err != io.EOF:
		return n, err
	}
	return n, nil
}

// readable says why the page's segments cannot be decoded.
func (p *Page) readable() error {
	c, ok := codecs[p.Compression]
	switch {
	case !ok:
		return unsupported("compression %d (%v)", uint16(p.Compression), p.Compression)
	case p.predictor != noPredictor && p.predictor != horizontal && p.predictor != floatingPoint:
		return unsupported("predictor %d", p.predictor)
	case p.predictor != noPredictor && !c.predicts:
		return unsupported("predictor %d with compression %v", p.predictor, p.Compression)
	case p.predictor != noPredictor && p.Bits != 8*p.DType.Size():
		return unsupported("predictor %d with samples of %d bits", p.predictor, p.Bits)
	case p.predictor == floatingPoint && p.format != formatFloat:
		return unsupported("predictor 3 (floating point) with samples of format %d (%s)", p.format, formatNames[uint64(p.format)])
	case p.Photometric == YCbCr && (p.Compression != JPEG || p.Planar):
		return unsupported("photometric YCbCr with compression %v and planes %v", p.Compression, p.planes)
	}
	if c.readable != nil {
		if err := c.readable(p); err != nil {
			return err
		}
	}
	if n := int64(p.segH) * int64(p.row()); n > maxWhole && c.stream == nil {
		return unsupported("%s of %d bytes in one segment", p.Compression, n)
	}
	return nil
}

// decode decodes a segment's bytes to packed rows in dst, of which full may follow in the
// stream: a last strip that is written with all its rows.
func (p *Page) decode(dst, src []byte, full int) error {
	c := codecs[p.Compression]
	n, err := p.decodeWhole(c, dst, src)
	if errors.Is(err, ErrTooLong) && full > len(dst) {
		all := make([]byte, full)
		if n, err = p.decodeWhole(c, all, src); err == nil {
			n = copy(dst, all[:n])
		}
	}
	if err == nil && n < len(dst) {
		err = corrupt("it decodes to %d bytes, %d are wanted", n, len(dst))
	}
	return damaged(err)
}

func (p *Page) decodeWhole(c codec, dst, src []byte) (int, error) {
	if c.whole != nil {
		return c.whole(p, dst, src)
	}
	r, err := c.stream(p, bytes.NewReader(src), len(dst)/p.packedRow())
	if err != nil {
		return 0, err
	}
	return fill(dst, r)
}

// damaged makes the error of a decoder one of ErrCorrupt.
func damaged(err error) error {
	var u *UnsupportedError
	if err == nil || errors.Is(err, ErrCorrupt) || errors.As(err, &u) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
