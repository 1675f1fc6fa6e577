package arrays

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/internal/vec"
	"github.com/micropq/micropq/schemas"
)

// elem is any element type but float16, which is widened to float32 before anyone looks
// at values.
type elem interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64
}

// as sees bytes as elements. Buffers come from make and are aligned; every platform Go
// builds micropq for is little-endian, which an init check asserts.
func as[T elem](b []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

func init() {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		panic("micropq: data is little-endian and so must be the machine")
	}
}

// widen makes float32 bytes of float16 bytes.
func widen(dst, halves []byte) []byte {
	dst = resize(dst, len(halves)*2)
	out := as[float32](dst)
	for i := range out {
		out[i] = half.Float32(binary.LittleEndian.Uint16(halves[2*i:]))
	}
	return dst
}

// narrow makes float16 bytes of float32 bytes.
func narrow(dst, single []byte) []byte {
	dst = resize(dst, len(single)/2)
	for i, v := range as[float32](single) {
		binary.LittleEndian.PutUint16(dst[2*i:], half.FromFloat32(v))
	}
	return dst
}

// resize gives a slice of n bytes, in b's memory where that suffices.
func resize(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// uniform reports whether every element of data equals elem, bit for bit.
func uniform(data, elem []byte) bool {
	n := len(elem)
	return len(data) == 0 || bytes.Equal(data[:n], elem) && bytes.Equal(data[n:], data[:len(data)-n])
}

// stats are the values chunks keeps of a chunk's elements.
type stats struct {
	min, max   float64
	valid      bool // min and max hold: there is an element that is not NaN
	foreground int64
}

// scan computes the stats of dense elements.
func scan(data []byte, d schemas.DType, fill float64) stats {
	switch d {
	case schemas.Bool, schemas.Uint8:
		return scanInts(as[uint8](data), uint8(fill))
	case schemas.Int8:
		return scanInts(as[int8](data), int8(fill))
	case schemas.Uint16:
		return scan16(as[uint16](data), uint16(fill))
	case schemas.Int16:
		return scanInts(as[int16](data), int16(fill))
	case schemas.Uint32:
		return scanInts(as[uint32](data), uint32(fill))
	case schemas.Int32:
		return scanInts(as[int32](data), int32(fill))
	case schemas.Uint64:
		return scanInts(as[uint64](data), uint64(fill))
	case schemas.Int64:
		return scanInts(as[int64](data), int64(fill))
	case schemas.Float16:
		return scanFloats(as[float32](widen(nil, data)), float32(fill))
	case schemas.Float32:
		return scanFloats(as[float32](data), float32(fill))
	}
	return scanFloats(as[float64](data), fill)
}

func scan16(v []uint16, fill uint16) stats {
	if len(v) == 0 {
		return stats{}
	}
	lo, hi, background := vec.Range16(v, fill)
	return stats{min: float64(lo), max: float64(hi), valid: true, foreground: int64(len(v) - background)}
}

func scanInts[T elem](v []T, fill T) stats {
	if len(v) == 0 {
		return stats{}
	}
	lo, hi, background := v[0], v[0], 0
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
		if x == fill {
			background++
		}
	}
	return stats{min: float64(lo), max: float64(hi), valid: true, foreground: int64(len(v) - background)}
}

func scanFloats[T float32 | float64](v []T, fill T) (s stats) {
	lo, hi := T(math.Inf(1)), T(math.Inf(-1))
	for _, x := range v {
		if x != fill {
			s.foreground++
		}
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	s.min, s.max, s.valid = float64(lo), float64(hi), lo <= hi
	return s
}
