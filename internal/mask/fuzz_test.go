package mask

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/micropq/micropq/schemas"
)

// FuzzExpandCounts: what is accepted survives being compressed again.
func FuzzExpandCounts(f *testing.F) {
	for _, s := range []string{"", "0", "61X15n05_OK", "P", "0P", "oooooooooooooooo", "ooooooooooooo", "500oooooooooooo7", "101O"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		counts, err := ExpandCounts(s)
		if err != nil {
			return
		}
		back, err := ExpandCounts(CompressCounts(counts))
		if err != nil || !slices.Equal(back, counts) {
			t.Fatalf("%q: %v comes back as %v, %v", s, counts, back, err)
		}
	})
}

// FuzzFromCounts decodes counts in boxes of any size: what is accepted has valid runs whose
// counts decode to the same mask.
func FuzzFromCounts(f *testing.F) {
	f.Add([]byte{3, 1, 4, 1, 3}, uint32(1), uint32(3), uint32(4), uint32(0), false)
	f.Add([]byte{0, 12}, uint32(1), uint32(3), uint32(4), uint32(7), true)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1}, uint32(1), uint32(1<<31-1), uint32(1<<31-1), uint32(0), false)
	f.Add([]byte{0, 24}, uint32(2), uint32(3), uint32(4), uint32(1<<31), true)
	f.Fuzz(func(t *testing.T, code []byte, depth, h, w, at uint32, volume bool) {
		var counts []int64
		for len(code) > 0 {
			n, size := binary.Uvarint(code)
			if size <= 0 {
				break
			}
			counts, code = append(counts, int64(n)), code[size:]
		}
		// Small boxes are the interesting ones; a large one must be refused or be cheap.
		if h%4 != 0 {
			h, w, depth = h%64, w%64, depth%8
		}
		o := ColumnMajor
		if volume {
			o = COrder
		}
		b := schemas.BBox{Z0: int32(at), Y0: int32(at), X0: int32(at), Z1: int32(at + depth), Y1: int32(at + h), X1: int32(at + w)}
		if h > 1<<16 || w > 1<<16 {
			counts = counts[:min(len(counts), 1)]
		}
		m, err := FromCounts(counts, b, o)
		if err != nil {
			return
		}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		back, err := FromCounts(m.Counts(b, o), b, o)
		if err != nil || !slices.Equal(back, m) {
			t.Fatalf("%v in %v: %v comes back as %v, %v", counts, b, m, back, err)
		}
	})
}

// FuzzRasterize: whatever the vertices, the mask is valid and inside the image, and its
// outlines rasterise to it.
func FuzzRasterize(f *testing.F) {
	add := func(values ...float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, uint8(3), uint8(20), uint8(30))
	}
	add(1, 1, 4, 1, 1, 4)
	add(0, 0, 30, 0, 30, 20, 0, 20, 5, 5, 5, 10, 10, 10)
	add(math.NaN(), 0, 1, 1, 2, 2)
	add(-1e308, 0, 1e308, 5, 0, 9)
	add(0, 0, 1e300, 1e300, -1e300, 3)
	f.Fuzz(func(t *testing.T, code []byte, size, h, w uint8) {
		var rings []Ring
		var ring Ring
		for ; len(code) >= 16; code = code[16:] {
			ring = append(ring, Vertex{
				math.Float64frombits(binary.LittleEndian.Uint64(code)),
				math.Float64frombits(binary.LittleEndian.Uint64(code[8:])),
			})
			if len(ring) >= max(3, int(size)) {
				rings, ring = append(rings, ring), nil
			}
		}
		m, err := Rasterize(rings, int(h), int(w))
		if err != nil {
			return
		}
		if err := m.Check(); err != nil || len(m.Clip(image(int(h), int(w)))) != len(m) {
			t.Fatalf("%v, or it leaves the image: %v", err, m)
		}
		var back Mask
		for _, p := range m.Outlines() {
			part, err := Rasterize(p.Rings(), int(h), int(w))
			if err != nil {
				t.Fatal(err)
			}
			back = Union(back, part)
		}
		if !slices.Equal(back, m) {
			t.Fatalf("%v: the outlines of %v rasterise to %v", rings, m, back)
		}
	})
}

// FuzzScanner: bands of any bytes scan to valid masks whose areas sum to the pixels that are
// not 0.
func FuzzScanner(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 2, 2, 2, 0}, uint8(2), uint8(4))
	f.Add(make([]byte, 64), uint8(1), uint8(7))
	f.Fuzz(func(t *testing.T, data []byte, kind, width uint8) {
		d := schemas.DTypes[int(kind)%len(schemas.DTypes)]
		w := int(width)
		if w == 0 || d.Size() == 0 {
			return
		}
		data = data[:len(data)/(w*d.Size())*(w*d.Size())]
		var s Scanner
		if err := s.Rows(data, d, w, 0, 0); err != nil {
			return
		}
		want := int64(0)
		for i := 0; i < len(data); i += d.Size() {
			if load(data[i:], d.Size()) != 0 {
				want++
			}
		}
		got := int64(0)
		for _, m := range s.Instances() {
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			got += m.Area()
		}
		if got != want {
			t.Fatalf("%d pixels in masks, want %d", got, want)
		}
	})
}
