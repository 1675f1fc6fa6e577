package inflate

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// long is data of some 18 MiB, past two points.
func long() []byte {
	camera := volumes()["camera"]
	r := rand.New(rand.NewPCG(5, 6))
	var data []byte
	for len(data) < 18<<20 {
		from := r.IntN(len(camera) / 2)
		data = append(data, camera[from:from+r.IntN(len(camera)/2)]...)
		data = append(data, make([]byte, r.IntN(200_000))...)
	}
	return data
}

// Any part of a stream reads right in any order, and from several goroutines.
func TestReaderAt(t *testing.T) {
	data := long()
	src := deflated(t, data, 1)
	a := NewReaderAt(bytes.NewReader(append(src, "rest"...)), int64(len(src)), int64(len(data)), crc32.ChecksumIEEE(data))
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(7, uint64(g)))
			for range 60 {
				off := r.IntN(len(data))
				p := make([]byte, r.IntN(1<<r.IntN(22)+1))
				n, err := a.ReadAt(p, int64(off))
				if want := data[off:min(len(data), off+len(p))]; !bytes.Equal(p[:n], want) || (err == io.EOF) != (len(want) < len(p)) || err != nil && err != io.EOF {
					t.Errorf("%d bytes at %d: %d, %v", len(p), off, n, err)
				}
			}
		}()
	}
	wg.Wait()
	if len(a.points) < 2 || len(a.blocks) > atBlocks {
		t.Errorf("%d points, %d blocks", len(a.points), len(a.blocks))
	}
}

func TestReaderAtDamaged(t *testing.T) {
	data := volumes()["camera"]
	src := deflated(t, data, 6)
	size, crc := int64(len(data)), crc32.ChecksumIEEE(data)
	for name, c := range map[string]struct {
		packed, size int64
		crc          uint32
		want         error
	}{
		"checksum": {int64(len(src)), size, crc + 1, ErrChecksum},
		"cut off":  {int64(len(src)) - 9, size, crc, ErrTruncated},
		"short":    {int64(len(src)), size + 1, crc, ErrTruncated},
		"long":     {int64(len(src)), size - 1, crc, ErrTooLong},
	} {
		a := NewReaderAt(bytes.NewReader(src), c.packed, c.size, c.crc)
		for range 2 { // it stays so
			if _, err := a.ReadAt(make([]byte, c.size), 0); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	}
}

// A stream can be left at any place and gone on with.
func TestPoint(t *testing.T) {
	for name, data := range volumes() {
		for _, level := range []int{0, 1, 9} {
			src := deflated(t, data, level)
			r := NewReader(bytes.NewReader(src))
			step := make([]byte, 10_001)
			for {
				n, err := io.ReadFull(r, step)
				if p := r.Point(); p != nil {
					again := NewReader(nil)
					again.Resume(p, bytes.NewReader(src[p.In:]))
					rest, err := io.ReadAll(again)
					if err != nil || !bytes.Equal(rest, data[p.Out:]) {
						t.Fatalf("%s/%d: from %d: %d bytes, %v", name, level, p.Out, len(rest), err)
					}
				}
				if n < len(step) || err != nil {
					break
				}
			}
		}
	}
}
