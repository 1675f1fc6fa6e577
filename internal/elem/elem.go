// Package elem looks at dense elements as numbers: what the smallest and the largest are, how
// many differ from the fill value, whether all are equal. Elements are little-endian.
package elem

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/internal/vec"
	"github.com/micropq/micropq/schemas"
)

// Number is any element type but float16, which is widened to float32 before anyone looks
// at values.
type Number interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64
}

// As sees bytes as elements. Buffers come from make and are aligned; every platform Go
// builds micropq for is little-endian, which an init check asserts.
func As[T Number](b []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

func init() {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		panic("micropq: data is little-endian and so must be the machine")
	}
}

// Widen makes float32 bytes of float16 bytes.
func Widen(dst, halves []byte) []byte {
	dst = Resize(dst, len(halves)*2)
	out := As[float32](dst)
	for i := range out {
		out[i] = half.Float32(binary.LittleEndian.Uint16(halves[2*i:]))
	}
	return dst
}

// Narrow makes float16 bytes of float32 bytes.
func Narrow(dst, single []byte) []byte {
	dst = Resize(dst, len(single)/2)
	for i, v := range As[float32](single) {
		binary.LittleEndian.PutUint16(dst[2*i:], half.FromFloat32(v))
	}
	return dst
}

// Resize gives a slice of n bytes, in b's memory where that suffices.
func Resize(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// Uniform reports whether every element of data equals one, bit for bit.
func Uniform(data, one []byte) bool {
	n := len(one)
	return len(data) == 0 || bytes.Equal(data[:n], one) && bytes.Equal(data[n:], data[:len(data)-n])
}

// Stats are the values chunks keeps of a chunk's elements.
type Stats struct {
	Min, Max   float64
	Valid      bool  // Min and Max hold: there is an element that is not NaN
	Foreground int64 // elements other than the fill value
}

// Add adds the statistics of further elements.
func (s *Stats) Add(o Stats) {
	s.Foreground += o.Foreground
	switch {
	case !o.Valid:
	case !s.Valid:
		s.Min, s.Max, s.Valid = o.Min, o.Max, true
	default:
		s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
	}
}

// Scan computes the statistics of dense elements.
func Scan(data []byte, d schemas.DType, fill float64) Stats {
	switch d {
	case schemas.Bool, schemas.Uint8:
		return scan8(data, uint8(fill))
	case schemas.Int8:
		return scanInts(As[int8](data), int8(fill))
	case schemas.Uint16:
		return scan16(As[uint16](data), uint16(fill))
	case schemas.Int16:
		return scanInts(As[int16](data), int16(fill))
	case schemas.Uint32:
		return scanInts(As[uint32](data), uint32(fill))
	case schemas.Int32:
		return scanInts(As[int32](data), int32(fill))
	case schemas.Uint64:
		return scanInts(As[uint64](data), uint64(fill))
	case schemas.Int64:
		return scanInts(As[int64](data), int64(fill))
	case schemas.Float16:
		return scanFloats(As[float32](Widen(nil, data)), float32(fill))
	case schemas.Float32:
		return scanFloats(As[float32](data), float32(fill))
	}
	return scanFloats(As[float64](data), fill)
}

func scan16(v []uint16, fill uint16) Stats {
	if len(v) == 0 {
		return Stats{}
	}
	lo, hi, background := vec.Range16(v, fill)
	return Stats{Min: float64(lo), Max: float64(hi), Valid: true, Foreground: int64(len(v) - background)}
}

func scan8(v []uint8, fill uint8) Stats {
	if len(v) == 0 {
		return Stats{}
	}
	lo, hi, background := vec.Range8(v, fill)
	return Stats{Min: float64(lo), Max: float64(hi), Valid: true, Foreground: int64(len(v) - background)}
}

func scanInts[T Number](v []T, fill T) Stats {
	if len(v) == 0 {
		return Stats{}
	}
	lo, hi, background := v[0], v[0], 0
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
		if x == fill {
			background++
		}
	}
	return Stats{Min: float64(lo), Max: float64(hi), Valid: true, Foreground: int64(len(v) - background)}
}

func scanFloats[T float32 | float64](v []T, fill T) (s Stats) {
	lo, hi := T(math.Inf(1)), T(math.Inf(-1))
	for _, x := range v {
		if x != fill {
			s.Foreground++
		}
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	s.Min, s.Max, s.Valid = float64(lo), float64(hi), lo <= hi
	return s
}

// Float is the value of the first element of b, of any type.
func Float(b []byte, d schemas.DType) float64 {
	le := binary.LittleEndian
	switch d {
	case schemas.Bool, schemas.Uint8:
		return float64(b[0])
	case schemas.Int8:
		return float64(int8(b[0]))
	case schemas.Int16:
		return float64(int16(le.Uint16(b)))
	case schemas.Int32:
		return float64(int32(le.Uint32(b)))
	case schemas.Int64:
		return float64(int64(le.Uint64(b)))
	case schemas.Uint16:
		return float64(le.Uint16(b))
	case schemas.Uint32:
		return float64(le.Uint32(b))
	case schemas.Uint64:
		return float64(le.Uint64(b))
	case schemas.Float16:
		return float64(half.Float32(le.Uint16(b)))
	case schemas.Float32:
		return float64(math.Float32frombits(le.Uint32(b)))
	case schemas.Float64:
		return math.Float64frombits(le.Uint64(b))
	}
	panic(fmt.Sprintf("element of type %q", d)) // readers know all types
}
