package half

import (
	"math"
	"testing"
)

// Every number survives, and what lies between two neighbours goes to the nearer one, ties
// to the even one.
func TestRoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		bits := uint16(i)
		f := Float32(bits)
		if got := FromFloat32(f); got != bits && !(f != f && got == bits|quiet) {
			t.Fatalf("%04x is %g, back %04x", bits, f, got)
		}
		if bits&0x7fff >= 0x7bff || f != f {
			continue
		}
		next := float64(Float32(bits + 1))
		middle := (float64(f) + next) / 2
		even := bits + bits&1
		for _, c := range []struct {
			f    float64
			want uint16
		}{
			{middle, even},
			{math.Nextafter(middle, float64(f)), bits},
			{math.Nextafter(middle, next), bits + 1},
		} {
			if got := FromFloat64(c.f); got != c.want {
				t.Fatalf("%g, beside %04x: %04x, want %04x", c.f, bits, got, c.want)
			}
		}
	}
}

func TestKnown(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 1.0 / (1 << 14),
		0x0001: 1.0 / (1 << 24), 0x03ff: 1023.0 / (1 << 24), 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := Float32(bits); float64(got) != want {
			t.Errorf("%04x: %g, want %g", bits, got, want)
		}
		if got := FromFloat64(want); got != bits {
			t.Errorf("%g: %04x, want %04x", want, got, bits)
		}
	}
	if math.Signbit(float64(Float32(0))) || !math.Signbit(float64(Float32(0x8000))) || FromFloat64(math.Copysign(0, -1)) != 0x8000 {
		t.Error("zeros lose their signs")
	}
	for _, f := range []float64{65520, 1e300, math.MaxFloat64} {
		if FromFloat64(f) != infinity || FromFloat64(-f) != signBit|infinity {
			t.Errorf("%g is not infinite", f)
		}
	}
	if FromFloat64(65519.999) != 0x7bff || FromFloat64(math.NaN()) != 0x7e00 {
		t.Error("the largest number, or NaN")
	}
}
