package blosc

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressor appends the compressed form of src to dst, or nothing where it has none that
// is shorter.
type compressor func(dst, src []byte) ([]byte, error)

func newCompressor(name string, level int) (codec, compressor, error) {
	switch name {
	case "lz4":
		c := new(lz4.Compressor)
		return codecLZ4, lz4Compressor(c.CompressBlock), nil
	case "lz4hc":
		c := &lz4.CompressorHC{Level: lz4.CompressionLevel(1 << (8 + level))}
		return codecLZ4, lz4Compressor(c.CompressBlock), nil
	case "snappy":
		return codecSnappy, compressSnappy, nil
	case "zlib":
		c, err := zlibCompressor(level)
		return codecZlib, c, err
	case "zstd":
		c, err := zstdCompressor(level)
		return codecZstd, c, err
	}
	return 0, nil, fmt.Errorf("%w: codec %q cannot be written, only lz4, lz4hc, snappy, zlib and zstd", ErrUnsupported, name)
}

func lz4Compressor(compress func(src, dst []byte) (int, error)) compressor {
	return func(dst, src []byte) ([]byte, error) {
		bound := lz4.CompressBlockBound(len(src))
		dst = slices.Grow(dst, bound)
		n, err := compress(src, dst[len(dst):len(dst)+bound])
		return dst[:len(dst)+n], err
	}
}

func compressSnappy(dst, src []byte) ([]byte, error) {
	bound := snappy.MaxEncodedLen(len(src))
	if bound < 0 {
		return dst, nil
	}
	dst = slices.Grow(dst, bound)
	return dst[:len(dst)+len(snappy.Encode(dst[len(dst):len(dst)+bound], src))], nil
}

func zlibCompressor(level int) (compressor, error) {
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		return nil, err
	}
	return func(dst, src []byte) ([]byte, error) {
		out.Reset()
		z.Reset(&out)
		if _, err := z.Write(src); err != nil {
			return dst, err
		}
		if err := z.Close(); err != nil {
			return dst, err
		}
		return append(dst, out.Bytes()...), nil
	}, nil
}

// zstdCompressor maps the level as c-blosc does, to zstd's 2*level-1 and to its highest
// at 9.
func zstdCompressor(level int) (compressor, error) {
	native := 2*level - 1
	if level == 9 {
		native = 22
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(native)))
	if err != nil {
		return nil, err
	}
	return func(dst, src []byte) ([]byte, error) { return z.EncodeAll(src, dst), nil }, nil
}
