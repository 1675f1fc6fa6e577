package vec

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// lengths are around those of one and several turns.
var lengths = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 1000, 1 << 16}

func words(r *rand.Rand, n int) []uint16 {
	v := make([]uint16, n)
	for i := range v {
		// Small values repeat, large ones have the sign bit.
		v[i] = uint16(r.Uint32()) >> (r.Uint32() % 16)
	}
	return v
}

func TestMax16(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range lengths {
		// One element before and behind must stay as they are.
		dst, src := words(r, n+2), words(r, n)
		want := slices.Clone(dst)
		max16Portable(want[1:n+1], src)
		Max16(dst[1:n+1], src)
		if !slices.Equal(dst, want) {
			t.Errorf("%d elements differ from the portable result", n)
		}
	}
}

func TestRange16(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, n := range lengths[1:] {
		for _, x := range []uint16{0, 1, 5, 0x8000, 0xffff} {
			v := words(r, n)
			for i := range v {
				if r.Uint32()%3 == 0 {
					v[i] = x
				}
			}
			lo, hi, equal := Range16(v, x)
			wantEqual := 0
			for _, y := range v {
				if y == x {
					wantEqual++
				}
			}
			if lo != slices.Min(v) || hi != slices.Max(v) || equal != wantEqual {
				t.Errorf("%d elements: %d, %d, %d times %d, want %d, %d, %d", n, lo, hi, equal, x, slices.Min(v), slices.Max(v), wantEqual)
			}
		}
	}
}

func TestRange8(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, n := range lengths[1:] {
		for _, x := range []uint8{0, 1, 5, 0x80, 0xff} {
			v := make([]uint8, n)
			for i := range v {
				v[i] = uint8(r.Uint32()) >> (r.Uint32() % 8)
				if r.Uint32()%3 == 0 {
					v[i] = x
				}
			}
			lo, hi, equal := Range8(v, x)
			if lo != slices.Min(v) || hi != slices.Max(v) || equal != bytes.Count(v, []byte{x}) {
				t.Errorf("%d elements: %d, %d, %d times %d, want %d, %d, %d", n, lo, hi, equal, x, slices.Min(v), slices.Max(v), bytes.Count(v, []byte{x}))
			}
		}
	}
}

func TestInterleave(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, n := range lengths {
		src := make([]byte, 2*n)
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		even, odd := make([]byte, n+1), make([]byte, n+1)
		Deinterleave(even[:n], odd[:n], src)
		for i := range n {
			if even[i] != src[2*i] || odd[i] != src[2*i+1] {
				t.Fatalf("%d pairs: pair %d is %d, %d, want %d, %d", n, i, even[i], odd[i], src[2*i], src[2*i+1])
			}
		}
		back := make([]byte, 2*n+1)
		Interleave(back[:2*n], even[:n], odd[:n])
		if !bytes.Equal(back[:2*n], src) {
			t.Errorf("%d pairs: Interleave does not undo Deinterleave", n)
		}
		if even[n]|odd[n]|back[2*n] != 0 {
			t.Errorf("%d pairs: written past the end", n)
		}

		a, b := make([]byte, n), make([]byte, n)
		deinterleavePortable(a, b, src)
		interleavePortable(back, a, b)
		if !bytes.Equal(a, even[:n]) || !bytes.Equal(b, odd[:n]) || !bytes.Equal(back[:2*n], src) {
			t.Errorf("%d pairs: the portable functions differ", n)
		}
	}
}

func Benchmark(b *testing.B) {
	const n = 1 << 16
	v, w := words(rand.New(rand.NewPCG(4, 4)), n), make([]uint16, n)
	src, dst := make([]byte, 2*n), make([]byte, 2*n)
	lo, hi, equal := uint16(0), uint16(0), 0
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"Max16", func() { Max16(w, v) }},
		{"Max16/portable", func() { max16Portable(w, v) }},
		{"Range16", func() { Range16(v, 0) }},
		{"Range16/portable", func() { range16Portable(v, 0, &lo, &hi, &equal) }},
		{"Interleave", func() { Interleave(dst, src[:n], src[n:]) }},
		{"Interleave/portable", func() { interleavePortable(dst, src[:n], src[n:]) }},
		{"Deinterleave", func() { Deinterleave(dst[:n], dst[n:], src) }},
		{"Deinterleave/portable", func() { deinterleavePortable(dst[:n], dst[n:], src) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.SetBytes(2 * n)
			for b.Loop() {
				f.run()
			}
		})
	}
}
