package zarr

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"encoding/json"
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

// The most that one byte can become; the package comment has the reasons.
const (
	deflateRatio = 1032
	lz4Ratio     = 255
	zstdRatio    = 32 << 10
	bz2Ratio     = 2 << 20
)

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

func unblosc(dst, src []byte, limit int) ([]byte, error) {
	out, err := blosc.Decode(dst, src, limit)
	return out, tooLong(err)
}

// tooLong gives output that exceeds its limit the name it has in this package.
func tooLong(err error) error {
	for _, is := range []error{inflate.ErrTooLong, blosc.ErrLimit, zstd.ErrDecoderSizeExceeded} {
		if errors.Is(err, is) {
			return fmt.Errorf("%w: %w", ErrTooLong, err)
		}
	}
	return err
}

// unbz2 reads all streams of src to their end, so that their checksums are verified. The
// decoder of the standard library cannot be used again: each call takes some 4 MB.
func unbz2(dst, src []byte, limit int) ([]byte, error) {
	dst = grow(dst, limit)
	r := bzip2.NewReader(bytes.NewReader(src))
	n := 0
	for n < limit {
		k, err := r.Read(dst[n:])
		n += k
		if err == io.EOF {
			return dst[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
	var probe [1]byte
	switch k, err := io.ReadFull(r, probe[:]); {
	case k > 0:
		return nil, ErrTooLong
	case err != io.EOF:
		return nil, err
	}
	return dst, nil
}

var zstds sync.Pool

// unzstd decodes all frames of src. Of each the checksum, where it has one, is verified.
func unzstd(dst, src []byte, limit int) ([]byte, error) {
	r, _ := zstds.Get().(*zstd.Decoder)
	if r == nil {
		var err error
		r, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, err
		}
	}
	defer zstds.Put(r)
	out, err := r.DecodeAll(src, grow(dst, limit)[:0:limit])
	return out, tooLong(err)
}

// unlz4 reads the frame of numcodecs: the decoded size as 4 little-endian bytes, then one
// block, which must decode to exactly that.
func unlz4(dst, src []byte, limit int) ([]byte, error) {
	if len(src) < 4 {
		return nil, errors.New("no size")
	}
	n := int64(binary.LittleEndian.Uint32(src))
	if n > int64(limit) {
		return nil, ErrTooLong
	}
	if n == 0 {
		return dst[:0], nil
	}
	dst = grow(dst, int(n))
	k, err := lz4.UncompressBlock(src[4:], dst)
	if err == nil && k != len(dst) {
		err = fmt.Errorf("%d bytes, the header says %d", k, n)
	}
	return dst, err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc32c adds a checksum (RFC 3720) of four bytes: behind the data, or before it where the
// location of numcodecs says so.
func (b *builder) crc32c(config json.RawMessage) error {
	var c struct {
		Location string `json:"location"`
	}
	if err := unmarshalConfig(config, &c); err != nil {
		return err
	}
	if c.Location != "" && c.Location != "end" && c.Location != "start" {
		return b.unsupported("crc32c at %q", c.Location)
	}
	return b.push(step{name: "crc32c", inPlace: func(src []byte) ([]byte, error) {
		return checkCRC32C(src, c.Location == "start")
	}}, b.size+4, b.open)
}

// checkCRC32C checks and drops the checksum.
func checkCRC32C(src []byte, atStart bool) ([]byte, error) {
	if len(src) < 4 {
		return nil, errors.New("no checksum")
	}
	n := len(src) - 4
	body, sum := src[:n], src[n:]
	if atStart {
		body, sum = src[4:], src[:4]
	}
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(sum); got != want {
		return nil, fmt.Errorf("checksum %08x, want %08x", got, want)
	}
	if atStart {
		return src[:copy(src, body)], nil // from the start, so that no capacity is lost
	}
	return body, nil
}

// unmarshalConfig reads a configuration, which may be left out.
func unmarshalConfig(config json.RawMessage, to any) error {
	if isNull(config) {
		return nil
	}
	return decodeJSON(config, to)
}

// grow is b with length n, or new memory of that where b cannot hold it.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
