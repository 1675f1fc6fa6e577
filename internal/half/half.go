// Package half converts IEEE 754 binary16 numbers, the float16 of numpy.
//
// Conversions round to nearest, ties to even, and know subnormals, which the float16 package
// of arrow-go (v18.8) does not: it cuts off bits and reads subnormals as other numbers.
package half

import "math"

const (
	signBit  = 1 << 15
	infinity = 0x7c00
	quiet    = 0x0200
	// subnormal is 2^24, the inverse of the smallest positive number.
	subnormal = 1 << 24
)

// FromFloat64 is the bits of the number nearest to f; of a NaN the sign and the upper bits of
// its payload stay.
func FromFloat64(f float64) uint16 {
	bits := math.Float64bits(f)
	sign := uint16(bits>>48) & signBit
	const fraction = 1<<52 - 1
	switch abs := math.Abs(f); {
	case f != f:
		return sign | infinity | quiet | uint16(bits&fraction>>42)
	case abs >= 65520: // half way between the largest number and 2^16
		return sign | infinity
	case abs < 1.0/(1<<14):
		return sign | uint16(math.RoundToEven(abs*subnormal)) // 1<<10 is the smallest normal number
	}
	exp := int(bits>>52&0x7ff) - 1023
	frac := bits & fraction
	m := uint16(exp+15)<<10 | uint16(frac>>42)
	rest := frac & (1<<42 - 1)
	if rest > 1<<41 || rest == 1<<41 && m&1 == 1 {
		m++ // may carry into the exponent, as it should
	}
	return sign | m
}

// FromFloat32 is the bits of the number nearest to f.
func FromFloat32(f float32) uint16 { return FromFloat64(float64(f)) }

// Float32 is the number of the bits, which is always exact.
func Float32(bits uint16) float32 {
	sign := uint32(bits&signBit) << 16
	exp, frac := uint32(bits>>10&31), uint32(bits&0x3ff)
	switch exp {
	case 0:
		f := float32(frac) / subnormal
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
