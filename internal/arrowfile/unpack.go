package arrowfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// unpack reads a compressed buffer whole and keeps it: its decoded length, or -1 for bytes
// stored as they are, then an LZ4 or zstd frame (Arrow columnar format, "Compression").
func (r *reader) unpack(s *span) error {
	packed := s.bytes
	if packed == nil {
		if err := r.room(s.length); err != nil {
			return err
		}
		packed = make([]byte, s.length)
		if err := r.file.read(packed, r.body+s.offset); err != nil {
			return err
		}
	}
	if len(packed) < 8 {
		return errors.New("a compressed buffer without its length")
	}
	size := int64(binary.LittleEndian.Uint64(packed))
	packed = packed[8:]
	if size == -1 {
		s.bytes, s.length, s.packed = packed, int64(len(packed)), false
		return nil
	}
	if size < 0 {
		return fmt.Errorf("a compressed buffer of %d bytes", size)
	}
	if err := r.room(size); err != nil {
		return err
	}
	out, err := decompress(r.codec, packed, size)
	if err != nil {
		return err
	}
	r.kept += size
	s.bytes, s.length, s.packed = out, size, false
	return nil
}

// room reports whether n bytes more may be kept.
func (r *reader) room(n int64) error {
	if n > r.limit-r.kept {
		return fmt.Errorf("%w: a compressed buffer of %d bytes with %d of %d left: give more memory, or write the file without compression",
			ErrTooLarge, n, r.limit-r.kept, r.limit)
	}
	return nil
}

func decompress(codec int, packed []byte, size int64) ([]byte, error) {
	var from io.Reader = lz4.NewReader(bytes.NewReader(packed))
	if codec == codecZSTD {
		d, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		from = d
	}
	// It grows as bytes come: a length is only a claim.
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(from, size+1)); err != nil {
		return nil, fmt.Errorf("compressed buffer: %w", err)
	}
	if int64(out.Len()) != size {
		return nil, fmt.Errorf("compressed buffer: %d bytes, it claims %d", out.Len(), size)
	}
	return out.Bytes(), nil
}
