package inflate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	kflate "github.com/klauspost/compress/flate"
)

// volumes are data of several kinds: what codes, matches and stored blocks are made of.
func volumes() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_001)
	camera := make([]byte, 300_002)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for i := 0; i < len(camera); i += 2 {
		v := uint16(300 + 60*r.NormFloat64())
		camera[i], camera[i+1] = byte(v), byte(v>>8)
	}
	sparse := make([]byte, 1_000_003)
	for range 500 {
		copy(sparse[r.IntN(len(sparse)-100):], bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(100)))
	}
	skewed := make([]byte, 100_000) // codes of up to 15 bits
	for i := range skewed {
		skewed[i] = byte(min(255, int(r.ExpFloat64()*4)*int(1+r.Uint32()%7)))
	}
	var periods []byte
	for p := 1; p < 40; p++ {
		periods = append(periods, bytes.Repeat(noise[:p], 700/p+1)...)
	}
	text := bytes.Repeat([]byte("voxel, chunk, shard, split, instance; "), 3000)
	return map[string][]byte{"empty": {}, "one": {7}, "noise": noise, "camera": camera, "sparse": sparse,
		"skewed": skewed, "periods": periods, "text": text, "short": text[:13]}
}

func deflated(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecode(t *testing.T) {
	for name, data := range volumes() {
		for level := flate.HuffmanOnly; level <= 9; level++ {
			t.Run(fmt.Sprintf("%s/%d", name, level), func(t *testing.T) {
				src := append(deflated(t, data, level), "rest"...)
				for _, dst := range [][]byte{nil, make([]byte, 0, len(data)), make([]byte, 1, len(data)/2+1)} {
					got, rest, err := Decode(dst, src, len(data))
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, data) || string(rest) != "rest" {
						t.Fatalf("decoded %d bytes of %d, %d left", len(got), len(data), len(rest))
					}
				}
				if len(data) > 0 {
					if _, _, err := Decode(nil, src, len(data)-1); !errors.Is(err, ErrTooLong) {
						t.Errorf("limit of a byte less: %v", err)
					}
				}
				for _, cut := range []int{5, 6, len(src) / 2, len(src) - 1} {
					if cut = len(src) - cut; cut >= 0 && cut < len(src)-len("rest") {
						if _, _, err := Decode(nil, src[:cut], len(data)); !errors.Is(err, ErrTruncated) {
							t.Errorf("cut to %d of %d: %v", cut, len(src), err)
						}
					}
				}
			})
		}
	}
}

func TestZlib(t *testing.T) {
	for name, data := range volumes() {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(data)
		w.Close()
		src := b.Bytes()
		got, rest, err := Zlib(nil, src, len(data))
		if err != nil || !bytes.Equal(got, data) || len(rest) > 0 {
			t.Errorf("%s: %d bytes of %d, %d left, %v", name, len(got), len(data), len(rest), err)
		}
		src[len(src)-1] ^= 1
		if _, _, err := Zlib(nil, src, len(data)); !errors.Is(err, ErrChecksum) {
			t.Errorf("%s: wrong checksum: %v", name, err)
		}
		if _, _, err := Zlib(nil, src[:len(src)-1], len(data)); !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: cut off: %v", name, err)
		}
	}
	for _, head := range []string{"\x78\x02\x00", "\x77\x85\x00", "\x78\x20\x00"} {
		if _, _, err := Zlib(nil, []byte(head), 9); !errors.Is(err, ErrCorrupt) {
			t.Errorf("header %x: %v", head, err)
		}
	}
}

func gzipped(t testing.TB, data []byte, h gzip.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Header = h
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	data := volumes()["camera"]
	full := gzip.Header{Name: "0.0.0", Comment: "chunk", Extra: []byte("extra")}
	plain := gzipped(t, data, gzip.Header{})
	two := append(gzipped(t, data[:1000], full), gzipped(t, data[1000:], gzip.Header{})...)
	for _, src := range [][]byte{plain, gzipped(t, data, full), two} {
		got, err := Gzip(nil, src, len(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %d: %v", len(got), len(data), err)
		}
		if _, err := Gzip(nil, src, len(data)-1); !errors.Is(err, ErrTooLong) {
			t.Errorf("limit of a byte less: %v", err)
		}
		for cut := range len(src) {
			if cut > 60 && cut < len(src)-20 {
				continue
			}
			if _, err := Gzip(nil, src[:cut], len(data)); !errors.Is(err, ErrTruncated) {
				t.Errorf("cut to %d of %d: %v", cut, len(src), err)
			}
		}
	}
	for i := range 8 {
		bad := bytes.Clone(plain)
		bad[len(bad)-1-i] ^= 1
		if _, err := Gzip(nil, bad, len(data)); !errors.Is(err, ErrChecksum) {
			t.Errorf("byte %d from the end flipped: %v", i, err)
		}
	}
	for i, flip := range map[int]byte{0: 1, 1: 1, 2: 1, 3: 0x80} {
		bad := bytes.Clone(plain)
		bad[i] ^= flip
		if _, err := Gzip(nil, bad, len(data)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d of the header flipped: %v", i, err)
		}
	}
}

// A bit flipped in a gzip member is found by the codes or by the checksum, unless it is one
// of those between blocks and bytes that mean nothing.
func TestGzipFlips(t *testing.T) {
	data := volumes()["camera"][:4000]
	src := gzipped(t, data, gzip.Header{})
	for bit := 8 * 10; bit < 8*len(src); bit++ {
		bad := bytes.Clone(src)
		bad[bit/8] ^= 1 << (bit % 8)
		if got, err := Gzip(nil, bad, 4000); err == nil && !bytes.Equal(got, data) {
			t.Fatalf("bit %d flipped and not found", bit)
		}
	}
}

// The streams of whatever bytes agree with the standard library's: output, end and refusal.
func FuzzDecode(f *testing.F) {
	for _, data := range volumes() {
		data = data[:min(len(data), 3000)]
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 9} {
			f.Add(deflated(f, data, level))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 20
		r := bytes.NewReader(src)
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(r), limit+1))
		got, rest, err := Decode(nil, src, limit)
		switch {
		case len(want) > limit:
			if !errors.Is(err, ErrTooLong) {
				t.Fatalf("too long: %v", err)
			}
		case (wantErr == nil) != (err == nil):
			t.Fatalf("error %v, the standard library's %v", err, wantErr)
		case err == nil && (!bytes.Equal(got, want) || len(rest) != r.Len()):
			t.Fatalf("%d bytes and %d left, the standard library's %d and %d", len(got), len(rest), len(want), r.Len())
		}
		Zlib(nil, src, limit)
		Gzip(nil, src, limit)
	})
}

// BenchmarkDecode decodes with this package, and beside it with the readers of
// klauspost/compress and of the standard library.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"camera", "sparse", "text"} {
		data := bytes.Repeat(volumes()[name], 4)
		src := deflated(b, data, 1)
		dst := make([]byte, len(data))
		bench := func(by string, decode func() error) {
			b.Run(name+"/"+by, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					if err := decode(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		bench("ours", func() error {
			_, _, err := Decode(dst, src, len(data))
			return err
		})
		streamed := func(r io.ReadCloser) func() error {
			return func() error {
				if err := r.(flate.Resetter).Reset(bytes.NewReader(src), nil); err != nil {
					return err
				}
				_, err := io.ReadFull(r, dst)
				return err
			}
		}
		bench("klauspost", streamed(kflate.NewReader(nil)))
		bench("std", streamed(flate.NewReader(nil)))
	}
}
