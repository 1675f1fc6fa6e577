package zarr

import (
	"encoding/binary"
	"math"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/schemas"
)

// sumInts adds up little-endian integers of type s, in the arithmetic of type d: that of
// numpy.cumsum into an array of d. Where the types are of one size dst and src may be one.
func sumInts(dst, src []byte, d, s schemas.DType) {
	le := binary.LittleEndian
	size := s.Size()
	if d.Size() != size {
		sumMixed(dst, src, d, s)
		return
	}
	switch size {
	case 1:
		var sum byte
		for i, v := range src {
			sum += v
			dst[i] = sum
		}
	case 2:
		sumPairs(dst, src)
	case 4:
		var sum uint32
		for i := 0; i+4 <= len(src); i += 4 {
			sum += le.Uint32(src[i:])
			le.PutUint32(dst[i:], sum)
		}
	case 8:
		var sum uint64
		for i := 0; i+8 <= len(src); i += 8 {
			sum += le.Uint64(src[i:])
			le.PutUint64(dst[i:], sum)
		}
	}
}

// sumPairs is sumInts for elements of two bytes, four at a time.
func sumPairs(dst, src []byte) {
	le := binary.LittleEndian
	var sum uint16
	for len(src) >= 8 && len(dst) >= 8 {
		v := le.Uint64(src)
		a := sum + uint16(v)
		b := a + uint16(v>>16)
		c := b + uint16(v>>32)
		sum = c + uint16(v>>48)
		le.PutUint64(dst, uint64(a)|uint64(b)<<16|uint64(c)<<32|uint64(sum)<<48)
		src, dst = src[8:], dst[8:]
	}
	for len(src) >= 2 && len(dst) >= 2 {
		sum += le.Uint16(src)
		le.PutUint16(dst, sum)
		src, dst = src[2:], dst[2:]
	}
}

// sumMixed is sumInts for types of different sizes. The lower bytes of a sum do not depend on
// the upper ones, so that one width serves all.
func sumMixed(dst, src []byte, d, s schemas.DType) {
	var sum uint64
	n, m := d.Size(), s.Size()
	for len(src) >= m && len(dst) >= n {
		sum += loadInt(src, s)
		putUint(dst, n, sum)
		src, dst = src[m:], dst[n:]
	}
}

// loadInt is the first integer of b, extended to 64 bits by its sign.
func loadInt(b []byte, d schemas.DType) uint64 {
	le := binary.LittleEndian
	switch d {
	case schemas.Int8:
		return uint64(int8(b[0]))
	case schemas.Uint8, schemas.Bool:
		return uint64(b[0])
	case schemas.Int16:
		return uint64(int16(le.Uint16(b)))
	case schemas.Uint16:
		return uint64(le.Uint16(b))
	case schemas.Int32:
		return uint64(int32(le.Uint32(b)))
	case schemas.Uint32:
		return uint64(le.Uint32(b))
	}
	return le.Uint64(b)
}

// putUint stores the lowest n bytes of v.
func putUint(b []byte, n int, v uint64) {
	le := binary.LittleEndian
	switch n {
	case 1:
		b[0] = byte(v)
	case 2:
		le.PutUint16(b, uint16(v))
	case 4:
		le.PutUint32(b, uint32(v))
	default:
		le.PutUint64(b, v)
	}
}

// sumFloats adds up floats of type s, every sum rounded to type d.
func sumFloats(dst, src []byte, d, s schemas.DType) {
	n, m := d.Size(), s.Size()
	sum := math.Copysign(0, -1) // which changes nothing it is added to
	for len(src) >= m && len(dst) >= n {
		sum = round(d, sum+round(d, loadFloat(src, s)))
		putFloat(dst, d, sum)
		src, dst = src[m:], dst[n:]
	}
}

// round is the number of type d nearest to v.
func round(d schemas.DType, v float64) float64 {
	switch d {
	case schemas.Float16:
		return float64(half.Float32(half.FromFloat64(v)))
	case schemas.Float32:
		return float64(float32(v))
	}
	return v
}

// loadFloat is the first element of b, of whatever type.
func loadFloat(b []byte, d schemas.DType) float64 {
	le := binary.LittleEndian
	switch d {
	case schemas.Float16:
		return float64(half.Float32(le.Uint16(b)))
	case schemas.Float32:
		return float64(math.Float32frombits(le.Uint32(b)))
	case schemas.Float64:
		return math.Float64frombits(le.Uint64(b))
	case schemas.Uint64:
		return float64(le.Uint64(b))
	}
	return float64(int64(loadInt(b, d)))
}

// putFloat stores v as an element of any type: rounded as a float, its fraction cut off as
// an integer. What an integer type cannot hold becomes the nearest that it can, and NaN
// zero; numpy leaves both undefined.
func putFloat(b []byte, d schemas.DType, v float64) {
	le := binary.LittleEndian
	switch d {
	case schemas.Float16:
		le.PutUint16(b, half.FromFloat64(v))
	case schemas.Float32:
		le.PutUint32(b, float32Bits(v))
	case schemas.Float64:
		le.PutUint64(b, math.Float64bits(v))
	default:
		putUint(b, d.Size(), toInt(d, v))
	}
}

func toInt(d schemas.DType, v float64) uint64 {
	bits := 8 * d.Size()
	lo, hi := 0.0, math.Ldexp(1, bits)
	if d.Signed() {
		lo, hi = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
	}
	switch {
	case v != v:
		return 0
	case v < lo:
		return uint64(int64(lo))
	case v >= hi && d.Signed():
		return 1<<(bits-1) - 1
	case v >= hi:
		return math.MaxUint64
	case v >= 1<<63:
		return uint64(v)
	}
	return uint64(int64(v))
}

// unscale turns x into x/scale + offset: in the arithmetic of src's type where that is a
// float, else in float64, as numpy does for an array and two Python numbers.
func unscale(dst, src []byte, d, s schemas.DType, scale, offset float64) {
	n, m := d.Size(), s.Size()
	in := s
	if !s.Float() {
		in = schemas.Float64
	}
	scale, offset = round(in, scale), round(in, offset)
	for len(src) >= m && len(dst) >= n {
		putFloat(dst, d, round(in, round(in, loadFloat(src, s)/scale)+offset))
		src, dst = src[m:], dst[n:]
	}
}
