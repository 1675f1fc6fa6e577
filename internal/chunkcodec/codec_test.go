package chunkcodec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/nd"
)

var encodings = []Encoding{Raw, Zstd, ShuffleZstd}

func encode(t testing.TB, e Encoding, src []byte, itemSize int) []byte {
	t.Helper()
	enc, err := NewEncoder(e, 0)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := enc.Encode(nil, src, itemSize)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestRoundTrip(t *testing.T) {
	dec := NewDecoder()
	for _, e := range encodings {
		enc, err := NewEncoder(e, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, itemSize := range []int{1, 2, 3, 4, 8, 16} {
			for _, n := range []int{0, 1, 2, 7, 8, 9, 100, 255, 256, 4097, 70000} {
				src := micrograph(n*itemSize/2 + 1)[:n*itemSize]
				payload, err := enc.Encode(nil, src, itemSize)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(src), len(src)+1)
				got[:len(got)+1][len(got)] = 0xee
				if err := dec.Decode(got, payload, e, itemSize); err != nil {
					t.Fatalf("%s, %d x %d bytes: %v", e, n, itemSize, err)
				}
				if !bytes.Equal(got, src) {
					t.Errorf("%s, %d x %d bytes: decoded bytes differ", e, n, itemSize)
				}
				if got[:len(got)+1][len(got)] != 0xee {
					t.Errorf("%s, %d x %d bytes: wrote past the end", e, n, itemSize)
				}
				got = got[:0]
				if err := dec.Parts(payload, e, itemSize, len(src), func(part []byte) { got = append(got, part...) }); err != nil || !bytes.Equal(got, src) {
					t.Errorf("%s, %d x %d bytes: the parts differ, %v", e, n, itemSize, err)
				}
			}
		}
	}
}

// A frame says its size, has no checksum, and does not depend on what was encoded before.
func TestFrame(t *testing.T) {
	for _, e := range []Encoding{Zstd, ShuffleZstd} {
		used, err := NewEncoder(e, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 2, 100, 300, 1 << 17, 1 << 20} {
			src := micrograph(n / 2)
			payload, err := used.Encode(nil, src, 2)
			if err != nil {
				t.Fatal(err)
			}
			var h zstd.Header
			if err := h.Decode(payload); err != nil {
				t.Fatal(err)
			}
			if !h.HasFCS || h.FrameContentSize != uint64(n) || h.HasCheckSum {
				t.Errorf("%s, %d bytes: frame header %+v", e, n, h)
			}
			if !bytes.Equal(payload, encode(t, e, src, 2)) {
				t.Errorf("%s, %d bytes: a used encoder gives another payload", e, n)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	src := micrograph(1 << 15)
	for _, level := range []int{0, 1, 3, 9, 22} {
		enc, err := NewEncoder(ShuffleZstd, level)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := enc.Encode(nil, src, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(src))
		if err := NewDecoder().Decode(got, payload, ShuffleZstd, 2); err != nil || !bytes.Equal(got, src) {
			t.Errorf("level %d: %v", level, err)
		}
	}
	for _, level := range []int{-1, 23} {
		if _, err := NewEncoder(Zstd, level); err == nil {
			t.Errorf("level %d was accepted", level)
		}
	}
}

func TestParse(t *testing.T) {
	for _, e := range encodings {
		if got, err := Parse(string(e)); got != e || err != nil {
			t.Errorf("Parse(%q) = %q, %v", e, got, err)
		}
	}
	if _, err := Parse("lz4"); err == nil {
		t.Error("lz4 was accepted")
	}
	if _, err := NewEncoder("lz4", 0); err == nil {
		t.Error("an encoder of lz4 was made")
	}
	if err := NewDecoder().Decode(make([]byte, 4), make([]byte, 4), "lz4", 2); err == nil {
		t.Error("lz4 was decoded")
	}
}

func TestDecodeRegion(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dec := NewDecoder()
	boxes := 2000
	if testing.Short() {
		boxes = 200
	}
	for range boxes {
		e := encodings[r.IntN(len(encodings))]
		itemSize := []int{1, 2, 3, 4, 8}[r.IntN(5)]
		shape := make([]int, r.IntN(5))
		for i := range shape {
			shape[i] = 1 + r.IntN(12)
		}
		n := nd.Elements(shape)
		src := micrograph(n*itemSize/2 + 1)[:n*itemSize]
		box := randomBox(r, shape)

		got, want := randomViews(r, box.Shape, itemSize)
		if err := dec.DecodeRegion(got, encode(t, e, src, itemSize), e, shape, box); err != nil {
			t.Fatalf("%s, box %v of %v: %v", e, box, shape, err)
		}
		nd.Copy(want, nd.Dense(src, shape, itemSize).Slice(box))
		if !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("%s, %d-byte elements: box %v of %v into strides %v differs", e, itemSize, box, shape, got.Strides)
		}
	}
}

// randomBox is a box within the shape that reaches both ends of every other axis.
func randomBox(r *rand.Rand, shape []int) nd.Region {
	box := nd.Whole(shape)
	for i, s := range shape {
		if r.IntN(2) == 0 {
			box.Origin[i] = r.IntN(s)
			box.Shape[i] = r.IntN(s - box.Origin[i] + 1)
		}
	}
	return box
}

// randomViews are two equal views of the shape: dense, with room around it, or with its axes
// the other way round.
func randomViews(r *rand.Rand, shape []int, itemSize int) (a, b nd.View) {
	outer := slices.Clone(shape)
	at := nd.Region{Origin: make([]int, len(shape)), Shape: shape}
	for i := range outer {
		if r.IntN(2) == 0 {
			at.Origin[i] = r.IntN(3)
			outer[i] += at.Origin[i] + r.IntN(3)
		}
	}
	strides := nd.CStrides(outer, itemSize)
	if r.IntN(4) == 0 {
		strides = nd.FStrides(outer, itemSize)
	}
	view := func() nd.View {
		data := make([]byte, nd.Elements(outer)*itemSize)
		for i := range data {
			data[i] = byte(i)
		}
		return nd.View{Data: data, Shape: outer, Strides: strides, ItemSize: itemSize}.Slice(at)
	}
	return view(), view()
}

func TestDecodeRegionErrors(t *testing.T) {
	payload := encode(t, ShuffleZstd, micrograph(24), 2)
	box := func(origin, shape []int) nd.Region { return nd.Region{Origin: origin, Shape: shape} }
	tests := []struct {
		name  string
		shape []int
		box   nd.Region
		view  []int
		want  error
	}{
		{"box outside", []int{4, 6}, box([]int{0, 5}, []int{1, 2}), []int{1, 2}, nil},
		{"other view", []int{4, 6}, box([]int{0, 0}, []int{1, 2}), []int{2, 1}, nil},
		{"other chunk", []int{4, 7}, box([]int{0, 0}, []int{1, 2}), []int{1, 2}, ErrSize},
		{"huge chunk", []int{1 << 40, 1 << 40}, box([]int{0, 0}, []int{1, 2}), []int{1, 2}, ErrSize},
	}
	for _, test := range tests {
		dst := nd.Dense(make([]byte, 2*nd.Elements(test.view)), test.view, 2)
		err := NewDecoder().DecodeRegion(dst, payload, ShuffleZstd, test.shape, test.box)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
}

// micrograph is n 12-bit pixels in little-endian order: a smooth signal and the shot noise
// of a camera, the same each time.
func micrograph(n int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, 2*n)
	for i := range n {
		x, y := float64(i%64), float64(i/64%64)
		signal := 120 + 3*x + 40*bump(x-20, y-30) + 25*bump(x-50, y-10)
		v := uint16(min(max(signal+r.NormFloat64()*math.Sqrt(signal), 0), 4095))
		b[2*i], b[2*i+1] = byte(v), byte(v>>8)
	}
	return b
}

func bump(x, y float64) float64 { return 30 / (1 + (x*x+y*y)/64) }

func BenchmarkCodec(b *testing.B) {
	shape := []int{1, 64, 64, 64}
	src := micrograph(nd.Elements(shape))
	for _, e := range encodings {
		enc, err := NewEncoder(e, 0)
		if err != nil {
			b.Fatal(err)
		}
		payload := encode(b, e, src, 2)
		dec := NewDecoder()
		run := func(name string, size int, step func() error) {
			b.Run(fmt.Sprintf("%s/%s", name, e), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.ReportMetric(float64(len(src))/float64(len(payload)), "ratio")
				for b.Loop() {
					if err := step(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		buf, dst := make([]byte, 2*len(src)), make([]byte, len(src))
		run("encode", len(src), func() (err error) { _, err = enc.Encode(buf, src, 2); return err })
		run("decode", len(src), func() error { return dec.Decode(dst, payload, e, 2) })
		big := nd.Dense(make([]byte, 8*len(src)), []int{1, 128, 128, 128}, 2)
		part := big.Slice(nd.Region{Origin: []int{0, 7, 7, 7}, Shape: shape})
		whole := nd.Whole(shape)
		run("region", len(src), func() error { return dec.DecodeRegion(part, payload, e, shape, whole) })
		corner := nd.Region{Origin: []int{0, 32, 32, 32}, Shape: []int{1, 32, 32, 32}}
		part = big.Slice(nd.Region{Origin: []int{0, 7, 7, 7}, Shape: corner.Shape})
		run("corner", len(src)/8, func() error { return dec.DecodeRegion(part, payload, e, shape, corner) })
	}
}
