// Package nd holds the two words every part of micropq uses for N-D arrays.
//
// A Region is a half-open box of an array's grid: an origin and a shape, one entry an
// axis, slowest axis first. A View is memory that holds such a box: bytes, a shape and
// the distance in bytes between neighbours along each axis. Views share their bytes, so
// a box is cut out of a larger array without a copy.
package nd

import (
	"fmt"
	"math"
	"slices"
)

// MaxDims bounds the number of axes, so that loops can keep their counters on the stack.
const MaxDims = 16

// Region is the half-open box [Origin, Origin+Shape) of an array's grid, in elements.
type Region struct {
	Origin []int
	Shape  []int
}

// Whole is the region of a whole array.
func Whole(shape []int) Region {
	return Region{Origin: make([]int, len(shape)), Shape: append([]int(nil), shape...)}
}

// Elements is the number of elements of the region.
func (r Region) Elements() int { return Elements(r.Shape) }

// End is one past the last element along axis i.
func (r Region) End(i int) int { return r.Origin[i] + r.Shape[i] }

// Within reports an error that names the axis unless r lies inside an array of the shape.
func (r Region) Within(shape []int) error {
	if len(r.Origin) != len(shape) || len(r.Shape) != len(shape) {
		return fmt.Errorf("region %v has %d axes, the array has %d", r, len(r.Shape), len(shape))
	}
	for i := range shape {
		if r.Origin[i] < 0 || r.Shape[i] < 0 || r.Origin[i] > shape[i]-r.Shape[i] {
			return fmt.Errorf("region %v leaves the array of shape %v on axis %d", r, shape, i)
		}
	}
	return nil
}

// Intersect is the box common to r and s; ok is false when it is empty.
func (r Region) Intersect(s Region) (box Region, ok bool) {
	box = Region{Origin: make([]int, len(r.Origin)), Shape: make([]int, len(r.Shape))}
	for i := range r.Origin {
		lo := max(r.Origin[i], s.Origin[i])
		hi := min(r.End(i), s.End(i))
		if hi <= lo {
			return Region{}, false
		}
		box.Origin[i], box.Shape[i] = lo, hi-lo
	}
	return box, true
}

// Sub is r relative to an origin: the same box in the coordinates of an array that begins there.
func (r Region) Sub(origin []int) Region {
	out := Region{Origin: make([]int, len(r.Origin)), Shape: append([]int(nil), r.Shape...)}
	for i := range r.Origin {
		out.Origin[i] = r.Origin[i] - origin[i]
	}
	return out
}

// String writes the region as numpy would slice it: 0:3,10:20,0:50,0:50.
func (r Region) String() string {
	s := ""
	for i := range r.Origin {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf("%d:%d", r.Origin[i], r.End(i))
	}
	return s
}

// Elements is the product of a shape. It panics on overflow: shapes that come from a file
// pass CheckedElements first.
func Elements(shape []int) int {
	n, ok := CheckedElements(shape)
	if !ok {
		panic(fmt.Sprintf("nd: shape %v overflows", shape))
	}
	return n
}

// CheckedElements is the product of a shape; ok is false when an extent is negative or the
// product times 16 overflows an int.
func CheckedElements(shape []int) (n int, ok bool) {
	n = 1
	for _, s := range shape {
		if s < 0 {
			return 0, false
		}
		if s == 0 {
			return 0, true
		}
		if n > math.MaxInt/16/s {
			return 0, false
		}
		n *= s
	}
	return n, true
}

// View is a box of elements in memory.
type View struct {
	Data     []byte
	Shape    []int
	Strides  []int // bytes between neighbours along each axis
	ItemSize int   // bytes of one element
}

// Dense is a C-order view over data, whose length must be the shape's.
func Dense(data []byte, shape []int, itemSize int) View {
	if want := Elements(shape) * itemSize; len(data) != want {
		panic(fmt.Sprintf("nd: %d bytes for shape %v of %d-byte elements", len(data), shape, itemSize))
	}
	return View{Data: data, Shape: shape, Strides: CStrides(shape, itemSize), ItemSize: itemSize}
}

// CStrides are the strides in bytes of a C-order array.
func CStrides(shape []int, itemSize int) []int {
	st := make([]int, len(shape))
	n := itemSize
	for i := len(shape) - 1; i >= 0; i-- {
		st[i] = n
		n *= shape[i]
	}
	return st
}

// FStrides are the strides in bytes of a Fortran-order array.
func FStrides(shape []int, itemSize int) []int {
	st := make([]int, len(shape))
	n := itemSize
	for i := range shape {
		st[i] = n
		n *= shape[i]
	}
	return st
}

// Slice is the view of box r of v; r is relative to v.
func (v View) Slice(r Region) View {
	if err := r.Within(v.Shape); err != nil {
		panic("nd: " + err.Error())
	}
	off := 0
	for i, o := range r.Origin {
		off += o * v.Strides[i]
	}
	if r.Elements() == 0 {
		off = 0
	}
	return View{Data: v.Data[off:], Shape: r.Shape, Strides: v.Strides, ItemSize: v.ItemSize}
}

// Copy copies every element of src to dst; shapes and element sizes must agree.
func Copy(dst, src View) {
	if len(dst.Shape) != len(src.Shape) || dst.ItemSize != src.ItemSize {
		panic(fmt.Sprintf("nd: copy of %v x%d into %v x%d", src.Shape, src.ItemSize, dst.Shape, dst.ItemSize))
	}
	for i := range dst.Shape {
		if dst.Shape[i] != src.Shape[i] {
			panic(fmt.Sprintf("nd: copy of shape %v into %v", src.Shape, dst.Shape))
		}
	}
	if Elements(dst.Shape) == 0 {
		return
	}
	run, outer := contiguous(dst, src)
	copyRuns(dst.Data, src.Data, dst.Strides[:outer], src.Strides[:outer], dst.Shape[:outer], run)
}

// contiguous finds the trailing axes over which both views are dense: run is their length
// in bytes and outer the number of axes before them. Where not even
// the last axis is dense in both, run is one element.
func contiguous(a, b View) (run, outer int) {
	run, outer = a.ItemSize, len(a.Shape)
	for outer > 0 {
		i := outer - 1
		if a.Shape[i] != 1 && (a.Strides[i] != run || b.Strides[i] != run) {
			break
		}
		run *= a.Shape[i]
		outer--
	}
	return run, outer
}

// copyRuns copies run bytes at every position of the outer axes, the innermost of them in a
// plain loop.
func copyRuns(dst, src []byte, ds, ss, shape []int, run int) {
	if len(shape) == 0 {
		copy(dst[:run], src[:run])
		return
	}
	if len(shape) > 1 {
		for i := 0; i < shape[0]; i++ {
			copyRuns(dst[i*ds[0]:], src[i*ss[0]:], ds[1:], ss[1:], shape[1:], run)
		}
		return
	}
	n, d, s := shape[0], ds[0], ss[0]
	switch run {
	case 1:
		for i := 0; i < n; i++ {
			dst[i*d] = src[i*s]
		}
	case 2:
		for i := 0; i < n; i++ {
			*(*[2]byte)(dst[i*d:]) = *(*[2]byte)(src[i*s:])
		}
	case 4:
		for i := 0; i < n; i++ {
			*(*[4]byte)(dst[i*d:]) = *(*[4]byte)(src[i*s:])
		}
	case 8:
		for i := 0; i < n; i++ {
			*(*[8]byte)(dst[i*d:]) = *(*[8]byte)(src[i*s:])
		}
	default:
		for i := 0; i < n; i++ {
			copy(dst[i*d:i*d+run], src[i*s:i*s+run])
		}
	}
}

// Fill sets every element of dst to the element elem, ItemSize bytes long.
func Fill(dst View, elem []byte) {
	if len(elem) != dst.ItemSize {
		panic(fmt.Sprintf("nd: fill of %d bytes into %d-byte elements", len(elem), dst.ItemSize))
	}
	if Elements(dst.Shape) == 0 {
		return
	}
	run, outer := contiguous(dst, dst)
	var first []byte // nil for zeros: clearing is faster than copying
	if slices.ContainsFunc(elem, func(b byte) bool { return b != 0 }) {
		first = dst.Data[:run]
		for n := copy(first, elem); n < run; {
			n += copy(first[n:], first[:n])
		}
	}
	fillRuns(dst.Data, dst.Strides[:outer], dst.Shape[:outer], run, first)
}

// fillRuns makes every run of dst like the first, or zero where there is none.
func fillRuns(dst []byte, st, shape []int, run int, first []byte) {
	if len(shape) > 0 {
		for i := 0; i < shape[0]; i++ {
			fillRuns(dst[i*st[0]:], st[1:], shape[1:], run, first)
		}
		return
	}
	if first == nil {
		clear(dst[:run])
		return
	}
	copy(dst[:run], first)
}
