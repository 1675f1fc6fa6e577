package tiffio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/micropq/micropq/internal/inflate"
)

// maxWhole bounds the segment that can only be decoded as a whole, in bytes.
const maxWhole = 1 << 30

var lzwDecoders = sync.Pool{New: func() any { return new(lzw) }}

// codec decodes the segments of a compression.
type codec struct {
	// whole decodes src to dst and returns how many bytes it is; more than dst has room for
	// is errTooLong. Where it is nil, stream is used.
	whole func(p *Page, dst, src []byte) (int, error)
	// stream decodes piece by piece; nil where that cannot be done.
	stream func(p *Page, src io.Reader) (io.Reader, error)
	// predicts tells that the predictors go with it.
	predicts bool
}

// codecs by compression; what is not there is not supported.
var codecs = map[Compression]codec{
	None:         {whole: copied, stream: func(_ *Page, src io.Reader) (io.Reader, error) { return src, nil }},
	LZW:          {whole: lzwWhole, stream: lzwStream, predicts: true},
	AdobeDeflate: {whole: zlibWhole, stream: zlibStream, predicts: true},
	Deflate:      {whole: zlibWhole, stream: zlibStream, predicts: true},
	PackBits:     {whole: packBitsWhole, stream: packBitsStream},
}

func copied(_ *Page, dst, src []byte) (int, error) { return copy(dst, src), nil }

func lzwWhole(_ *Page, dst, src []byte) (int, error) { return decodeLZW(dst, src) }

func lzwStream(_ *Page, src io.Reader) (io.Reader, error) { return newLZWReader(src), nil }

func packBitsWhole(_ *Page, dst, src []byte) (int, error) { return decodePackBits(dst, src) }

func packBitsStream(_ *Page, src io.Reader) (io.Reader, error) {
	return &packBitsReader{src: bufio.NewReader(src)}, nil
}

func zlibWhole(_ *Page, dst, src []byte) (int, error) {
	out, _, err := inflate.Zlib(dst[:0], src, len(dst))
	if errors.Is(err, inflate.ErrTooLong) {
		err = errTooLong
	}
	return len(out), err
}

func zlibStream(_ *Page, src io.Reader) (io.Reader, error) { return inflate.NewZlibReader(src), nil }

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
	case p.Photometric == YCbCr && p.Compression != JPEG:
		return unsupported("photometric YCbCr with compression %v", p.Compression)
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
	if errors.Is(err, errTooLong) && full > len(dst) {
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
	return 0, fmt.Errorf("compression %v: no decoder", p.Compression)
}

// damaged makes the error of a decoder one of ErrCorrupt.
func damaged(err error) error {
	var u *UnsupportedError
	if err == nil || errors.Is(err, ErrCorrupt) || errors.As(err, &u) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
