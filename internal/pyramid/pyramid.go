// Package pyramid makes the lower resolutions of an array. Element p of level n covers the box of level 0 elements
// [p*2^n, (p+1)*2^n) along Z, Y and X, cut at the array's end. An image element is the mean
// of its box, halves rounded up, for every level from level 0. A label element is the most
// frequent label of its box other than 0, the smallest of those equally frequent, and 0
// only where the box holds no label: no id is invented and thin objects do not vanish.
package pyramid

import (
	"math"
	"slices"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/schemas"
)

// The axes of a box.
const (
	axT = iota
	axC
	axZ
	axY
	axX
	// Axes are T, C, Z, Y and X: those an array lacks have extent 1.
	Axes
)

// Box is dense elements: extents and strides, in elements, along T, C, Z, Y and X.
type Box struct{ Shape, Strides [Axes]int }

// Downsample fills dst, of box out at a level, from src, of the level 0 box that out covers. Both
// hold elements of type d, of a label array where labels is set.
func Downsample(dst, src []byte, d schemas.DType, labels bool, out, in Box, level int) {
	s := sampler{out: out, in: in, level: level}
	switch d {
	case schemas.Bool, schemas.Uint8:
		reduce[uint8](s, dst, src, labels)
	case schemas.Int8:
		reduce[int8](s, dst, src, labels)
	case schemas.Uint16:
		reduce[uint16](s, dst, src, labels)
	case schemas.Int16:
		reduce[int16](s, dst, src, labels)
	case schemas.Uint32:
		reduce[uint32](s, dst, src, labels)
	case schemas.Int32:
		reduce[int32](s, dst, src, labels)
	case schemas.Uint64:
		reduce[uint64](s, dst, src, labels)
	case schemas.Int64:
		reduce[int64](s, dst, src, labels)
	case schemas.Float16:
		wide := make([]byte, 2*len(dst))
		reduce[float32](s, wide, elem.Widen(nil, src), labels)
		elem.Narrow(dst, wide)
	case schemas.Float32:
		reduce[float32](s, dst, src, labels)
	case schemas.Float64:
		reduce[float64](s, dst, src, labels)
	}
}

func reduce[T elem.Number](s sampler, dst, src []byte, labels bool) {
	if labels {
		eachMode[T](s, dst, src)
	} else {
		eachMean[T](s, dst, src)
	}
}

// sampler walks the elements of out and the boxes of in they cover.
type sampler struct {
	out, in Box
	level   int
}

// each calls visit with the offset of every output element and of the first input element
// of its box, and the extents of that box along Z, Y and X.
func (s *sampler) each(visit func(o, i, nz, ny, nx int)) {
	f := 1 << s.level
	n := s.out.Shape
	for t := range n[axT] {
		for c := range n[axC] {
			for z := range n[axZ] {
				for y := range n[axY] {
					for x := range n[axX] {
						visit(t*s.out.Strides[axT]+c*s.out.Strides[axC]+z*s.out.Strides[axZ]+y*s.out.Strides[axY]+x*s.out.Strides[axX],
							t*s.in.Strides[axT]+c*s.in.Strides[axC]+z*f*s.in.Strides[axZ]+y*f*s.in.Strides[axY]+x*f*s.in.Strides[axX],
							min(f, s.in.Shape[axZ]-z*f), min(f, s.in.Shape[axY]-y*f), min(f, s.in.Shape[axX]-x*f))
					}
				}
			}
		}
	}
}

// eachMean averages. Sums are float64, which is exact for integers of up to 32 bits. (A mask of bools gets the majority, ties true.)
func eachMean[T elem.Number](s sampler, dst, src []byte) {
	out, in := elem.As[T](dst), elem.As[T](src)
	half := T(1)
	half /= 2
	integer := half == 0
	s.each(func(o, i, nz, ny, nx int) {
		sum := 0.0
		for z := range nz {
			for y := range ny {
				k := i + z*s.in.Strides[axZ] + y*s.in.Strides[axY]
				for range nx {
					sum += float64(in[k])
					k += s.in.Strides[axX]
				}
			}
		}
		mean := sum / float64(nz*ny*nx)
		if integer {
			mean = math.Floor(mean + 0.5)
		}
		out[o] = T(mean)
	})
}

// eachMode picks labels.
func eachMode[T elem.Number](s sampler, dst, src []byte) {
	out, in := elem.As[T](dst), elem.As[T](src)
	var seen []T
	s.each(func(o, i, nz, ny, nx int) {
		if alike(&s, in, i, nz, ny, nx) { // as inside of objects and between them
			out[o] = in[i]
			return
		}
		seen = seen[:0]
		for z := range nz {
			for y := range ny {
				k := i + z*s.in.Strides[axZ] + y*s.in.Strides[axY]
				for range nx {
					if in[k] != 0 {
						seen = append(seen, in[k])
					}
					k += s.in.Strides[axX]
				}
			}
		}
		out[o] = mode(seen)
	})
}

// alike reports whether all elements of a box equal its first.
func alike[T elem.Number](s *sampler, in []T, i, nz, ny, nx int) bool {
	first := in[i]
	for z := range nz {
		for y := range ny {
			k := i + z*s.in.Strides[axZ] + y*s.in.Strides[axY]
			for range nx {
				if in[k] != first {
					return false
				}
				k += s.in.Strides[axX]
			}
		}
	}
	return true
}

// mode is the most frequent value, the smallest where several are, 0 for none. It sorts v.
func mode[T elem.Number](v []T) (best T) {
	slices.Sort(v)
	most := 0
	for i := 0; i < len(v); {
		j := i
		for j < len(v) && v[j] == v[i] {
			j++
		}
		if j-i > most {
			best, most = v[i], j-i
		}
		i = j
	}
	return best
}
