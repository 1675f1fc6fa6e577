package zarr

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/micropq/micropq/internal/blosc"
	"github.com/micropq/micropq/internal/inflate"
)

// codec decodes the bytes of a chunk: src to at most limit bytes, in dst's memory where it
// suffices.
type codec struct {
	name   string
	decode func(dst, src []byte, limit int) ([]byte, error)
}

// codecs by the names of zarr v3; v2 and numcodecs use the same.
var codecs = map[string]codec{
	"gzip":   {"gzip", gunzip},
	"zlib":   {"zlib", unzlib},
	"zstd":   {"zstd", unzstd},
	"bz2":    {"bz2", unbz2},
	"lz4":    {"lz4", unlz4},
	"blosc":  {"blosc", blosc.Decode},
	"crc32c": {"crc32c", checkCRC32C},
}

// readAll reads a stream that must not exceed limit bytes, to its end, so that the
// stream's own checksum is verified.
func readAll(dst []byte, r io.Reader, limit int) ([]byte, error) {
	dst = grow(dst, limit)
	n, err := io.ReadFull(r, dst)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		// Only a clean end of the stream is one: a reader that ran out of input says so.
		return dst[:n], nil
	}
	if err != nil {
		return nil, err
	}
	var probe [1]byte
	k, err := io.ReadFull(r, probe[:])
	switch {
	case k > 0:
		return nil, ErrTooLong
	case err == io.EOF:
		return dst, nil
	}
	return nil, err
}

// strict turns the unexpected end of a compressed stream into an error that readAll cannot
// mistake for its clean end.
type strict struct{ io.Reader }

func (s strict) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the compressed stream is truncated")
	}
	return n, err
}

func unzlib(dst, src []byte, limit int) ([]byte, error) {
	out, rest, err := inflate.Zlib(dst, src, limit)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the stream", len(rest))
	}
	return out, tooLong(err)
}

func gunzip(dst, src []byte, limit int) ([]byte, error) {
	out, err := inflate.Gzip(dst, src, limit)
	return out, tooLong(err)
}

// tooLong gives a stream that exceeds its limit the name it has in this package.
func tooLong(err error) error {
	if errors.Is(err, inflate.ErrTooLong) {
		return ErrTooLong
	}
	return err
}

func unbz2(dst, src []byte, limit int) ([]byte, error) {
	return readAll(dst, strict{bzip2.NewReader(bytes.NewReader(src))}, limit)
}

var zstds sync.Pool

func unzstd(dst, src []byte, limit int) ([]byte, error) {
	r, _ := zstds.Get().(*zstd.Decoder)
	if r == nil {
		var err error
		if r, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)); err != nil {
			return nil, err
		}
	}
	defer zstds.Put(r)
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return nil, err
	}
	if h.HasFCS && h.FrameContentSize > uint64(limit) {
		return nil, ErrTooLong
	}
	if !h.HasFCS {
		if err := r.Reset(bytes.NewReader(src)); err != nil {
			return nil, err
		}
		return readAll(dst, strict{r}, limit)
	}
	return r.DecodeAll(src, grow(dst, limit)[:0])
}

// unlz4 reads the frame of numcodecs: the decoded size as 4 little-endian bytes, then a block.
func unlz4(dst, src []byte, limit int) ([]byte, error) {
	if len(src) < 4 {
		return nil, errors.New("lz4: no size")
	}
	n := int64(binary.LittleEndian.Uint32(src))
	if n > int64(limit) {
		return nil, ErrTooLong
	}
	dst = grow(dst, int(n))
	if n == 0 {
		return dst, nil
	}
	k, err := lz4.UncompressBlock(src[4:], dst)
	if err != nil {
		return nil, err
	}
	return dst[:k], nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkCRC32C checks and drops the trailing checksum.
func checkCRC32C(dst, src []byte, limit int) ([]byte, error) {
	if len(src) < 4 {
		return nil, errors.New("crc32c: no checksum")
	}
	body := src[:len(src)-4]
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(src[len(body):]); got != want {
		return nil, fmt.Errorf("crc32c: checksum %08x, want %08x", got, want)
	}
	if len(body) > limit {
		return nil, ErrTooLong
	}
	return append(dst[:0], body...), nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
