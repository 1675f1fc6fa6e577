package inflate

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func TestReader(t *testing.T) {
	sources := map[string]func([]byte) io.Reader{
		"whole":  func(b []byte) io.Reader { return bytes.NewReader(b) },
		"halves": func(b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) },
		"bytes":  func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
		"early":  func(b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) },
	}
	for name, data := range volumes() {
		for _, level := range []int{-2, 0, 1, 9} {
			src := append(deflated(t, data, level), "rest"...)
			for how, from := range sources {
				got, err := io.ReadAll(NewReader(from(src)))
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s/%d/%s: %d bytes of %d, %v", name, level, how, len(got), len(data), err)
				}
			}
			for _, cut := range []int{1, len(src) / 3, len(src) - 5} {
				if cut >= len(src)-4 {
					continue
				}
				if _, err := io.ReadAll(NewReader(bytes.NewReader(src[:cut]))); !errors.Is(err, ErrTruncated) {
					t.Errorf("%s/%d: cut to %d of %d: %v", name, level, cut, len(src), err)
				}
			}
		}
	}
}

func TestZlibReader(t *testing.T) {
	for name, data := range volumes() {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(data)
		w.Close()
		src := b.Bytes()
		got, err := io.ReadAll(NewZlibReader(iotest.HalfReader(bytes.NewReader(src))))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(data), err)
		}
		src[len(src)-1] ^= 1
		if _, err := io.ReadAll(NewZlibReader(bytes.NewReader(src))); !errors.Is(err, ErrChecksum) {
			t.Errorf("%s: wrong checksum: %v", name, err)
		}
		if _, err := io.ReadAll(NewZlibReader(bytes.NewReader(src[:len(src)-1]))); !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: cut off: %v", name, err)
		}
	}
	want := fmt.Errorf("the disk is gone")
	if _, err := io.ReadAll(NewZlibReader(iotest.ErrReader(want))); !errors.Is(err, want) {
		t.Errorf("a source that fails: %v", err)
	}
}

func TestAdler(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	data := bytes.Repeat([]byte{255}, 1<<20) // the largest sums
	for i := range 1 << 18 {
		data[i] = byte(r.Uint32())
	}
	for range 300 {
		from := r.IntN(len(data))
		n := r.IntN(len(data) - from)
		if n > 2000 && r.IntN(4) > 0 {
			n %= 2000
		}
		b := data[from : from+n]
		k := r.IntN(n + 1)
		want := adler32.Checksum(b)
		for name, sum := range map[string]func(uint32, []byte) uint32{"adler": adler, "portable": adlerPortable} {
			if got := sum(sum(adlerStart, b[:k]), b[k:]); got != want {
				t.Fatalf("%s: %d bytes from %d, in two parts: %08x, want %08x", name, n, from, got, want)
			}
		}
	}
}

func BenchmarkAdler(b *testing.B) {
	data := volumes()["noise"]
	for name, sum := range map[string]func(uint32, []byte) uint32{
		"adler": adler, "portable": adlerPortable, "standard": func(_ uint32, b []byte) uint32 { return adler32.Checksum(b) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				sum(adlerStart, data)
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	for _, name := range []string{"camera", "sparse", "text"} {
		data := bytes.Repeat(volumes()[name], 4)
		src := deflated(b, data, 1)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := io.Copy(io.Discard, NewReader(bytes.NewReader(src))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
