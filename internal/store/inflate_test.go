package store

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"io"
	"testing"
)

func deflate(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestGetAllocates asks that a stored entry goes straight into a dst that has room.
func TestGetAllocates(t *testing.T) {
	s := open(t, writeZip(t, zip.Store, objects()), Options{})
	dst := make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.Get(context.Background(), "volumes/raw/0.0.1", dst, 1<<20); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a Get", n)
	}
}

func BenchmarkGet(b *testing.B) {
	// Twelve-bit values in 16-bit words, as microscopes write: they deflate to about 0.8.
	chunk := noise(4<<20, 1)
	for i := 1; i < len(chunk); i += 2 {
		chunk[i] &= 0x0f
	}
	for name, method := range map[string]uint16{"stored": zip.Store, "deflated": zip.Deflate} {
		b.Run(name, func(b *testing.B) {
			s := open(b, writeZip(b, method, map[string][]byte{"chunk": chunk}), Options{})
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = s.Get(context.Background(), "chunk", dst[:0], 1<<30); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
