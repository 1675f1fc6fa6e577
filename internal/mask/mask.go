package mask

import (
	"fmt"
	"math"
	"slices"

	"github.com/micropq/micropq/schemas"
)

// MaxRuns bounds the runs that input may decode to: 2^26 runs take 1 GiB.
const MaxRuns = 1 << 26

// Run is N elements from (Z, Y, X) on along X.
type Run struct{ Z, Y, X, N int32 }

// End is one past the last X of the run.
func (r Run) End() int32 { return r.X + r.N }

// before orders runs by position.
func (r Run) compare(s Run) int {
	switch {
	case r.Z != s.Z:
		return int(r.Z) - int(s.Z)
	case r.Y != s.Y:
		return int(r.Y) - int(s.Y)
	}
	return int(r.X) - int(s.X)
}

// sameRow reports whether r and s lie in the same row.
func (r Run) sameRow(s Run) bool { return r.Z == s.Z && r.Y == s.Y }

// Mask is a set of elements: runs sorted by (Z, Y, X) that neither overlap nor touch along
// X, so that equal sets have equal masks. In two dimensions Z is 0.
type Mask []Run

// Of is the mask of the elements of any runs, which it sorts and joins in place. Empty and
// negative runs are left out.
func Of(runs []Run) Mask {
	runs = slices.DeleteFunc(runs, func(r Run) bool { return r.N <= 0 })
	if !slices.IsSortedFunc(runs, Run.compare) {
		sortRuns(runs)
	}
	n := 0
	for _, r := range runs {
		if n > 0 && runs[n-1].sameRow(r) && r.X <= runs[n-1].End() {
			runs[n-1].N = max(runs[n-1].End(), r.End()) - runs[n-1].X
			continue
		}
		runs[n] = r
		n++
	}
	return Mask(runs[:n])
}

// sortRuns sorts runs by their rows, whose number is counted first, and within those by X: the runs of an image come
// in the order of its chunks, and there are few in a row.
func sortRuns(runs []Run) {
	z0, z1, y0, y1 := runs[0].Z, runs[0].Z, runs[0].Y, runs[0].Y
	for _, r := range runs {
		z0, z1, y0, y1 = min(z0, r.Z), max(z1, r.Z), min(y0, r.Y), max(y1, r.Y)
	}
	height := int64(y1) - int64(y0) + 1
	rows := (int64(z1) - int64(z0) + 1) * height
	if len(runs) < 64 || len(runs) > math.MaxInt32 || rows > 2*int64(len(runs)) {
		slices.SortFunc(runs, Run.compare)
		return
	}
	row := func(r Run) int64 { return (int64(r.Z)-int64(z0))*height + int64(r.Y) - int64(y0) }
	ends := make([]int32, rows+1)
	for _, r := range runs {
		ends[row(r)+1]++
	}
	for i := range rows {
		ends[i+1] += ends[i]
	}
	in := slices.Clone(runs)
	for _, r := range in {
		i := row(r)
		runs[ends[i]] = r
		ends[i]++
	}
	from := int32(0)
	for _, end := range ends[:rows] {
		if line := runs[from:end]; !slices.IsSortedFunc(line, Run.compare) {
			slices.SortFunc(line, Run.compare)
		}
		from = end
	}
}

// FromQuads is the mask of runs written as z, y, x, n one after the other.
func FromQuads(quads []int32) Mask {
	runs := make([]Run, len(quads)/4)
	for i := range runs {
		q := quads[4*i:]
		runs[i] = Run{q[0], q[1], q[2], q[3]}
	}
	return Of(runs)
}

// Check reports what breaks the rules of a Mask: order, overlap, extents out of range.
func (m Mask) Check() error {
	for i, r := range m {
		switch {
		case r.N <= 0 || r.X < 0 || r.Y < 0 || r.Z < 0 || r.X > math.MaxInt32-r.N:
			return fmt.Errorf("run %d %v: want positions from 0 to 2^31-1 and a positive length", i, r)
		case i > 0 && m[i-1].compare(r) >= 0:
			return fmt.Errorf("run %d %v: runs are sorted by z, y, x; the one before is %v", i, r, m[i-1])
		case i > 0 && m[i-1].sameRow(r) && m[i-1].End() >= r.X:
			return fmt.Errorf("run %d %v: it touches or overlaps the one before, %v", i, r, m[i-1])
		}
	}
	return nil
}

// Area is the number of elements.
func (m Mask) Area() (n int64) {
	for _, r := range m {
		n += int64(r.N)
	}
	return n
}

// BBox is the smallest box that holds the mask, half-open; the zero box where it is empty.
func (m Mask) BBox() schemas.BBox {
	if len(m) == 0 {
		return schemas.BBox{}
	}
	b := schemas.BBox{Z0: m[0].Z, Z1: m[len(m)-1].Z + 1, Y0: m[0].Y, Y1: m[0].Y + 1, X0: m[0].X, X1: m[0].End()}
	for _, r := range m {
		b.Y0, b.Y1 = min(b.Y0, r.Y), max(b.Y1, r.Y+1)
		b.X0, b.X1 = min(b.X0, r.X), max(b.X1, r.End())
	}
	return b
}

// Centroid is the mean position of the elements; NaN where there are none.
func (m Mask) Centroid() schemas.Point {
	var z, y, x, n int64
	for _, r := range m {
		k := int64(r.N)
		n += k
		z += k * int64(r.Z)
		y += k * int64(r.Y)
		x += k*int64(r.X) + k*(k-1)/2
	}
	f := float64(n)
	return schemas.Point{Z: float64(z) / f, Y: float64(y) / f, X: float64(x) / f}
}

// Contains reports whether the element (z, y, x) is in the mask.
func (m Mask) Contains(z, y, x int32) bool {
	i, found := slices.BinarySearchFunc(m, Run{Z: z, Y: y, X: x}, Run.compare)
	return found || i > 0 && m[i-1].sameRow(Run{Z: z, Y: y}) && x < m[i-1].End()
}

// Shift is the mask moved by (dz, dy, dx).
func (m Mask) Shift(dz, dy, dx int32) Mask {
	out := slices.Clone(m)
	for i := range out {
		out[i].Z, out[i].Y, out[i].X = out[i].Z+dz, out[i].Y+dy, out[i].X+dx
	}
	return out
}

// Clip is the part of the mask inside a box.
func (m Mask) Clip(b schemas.BBox) Mask {
	if inside(m.BBox(), b) {
		return m
	}
	var out Mask
	for _, r := range m {
		x0, x1 := max(r.X, b.X0), min(r.End(), b.X1)
		if r.Z >= b.Z0 && r.Z < b.Z1 && r.Y >= b.Y0 && r.Y < b.Y1 && x0 < x1 {
			out = append(out, Run{r.Z, r.Y, x0, x1 - x0})
		}
	}
	return out
}

// inside reports whether box a lies in box b.
func inside(a, b schemas.BBox) bool {
	return a.Z0 >= b.Z0 && a.Z1 <= b.Z1 && a.Y0 >= b.Y0 && a.Y1 <= b.Y1 && a.X0 >= b.X0 && a.X1 <= b.X1
}

// Box is the mask of a whole box.
func Box(b schemas.BBox) Mask {
	var m Mask
	if b.X1 <= b.X0 {
		return nil
	}
	for z := b.Z0; z < b.Z1; z++ {
		for y := b.Y0; y < b.Y1; y++ {
			m = append(m, Run{z, y, b.X0, b.X1 - b.X0})
		}
	}
	return m
}

// Volume is the number of elements of a box; ok is false where it is turned inside out.
// Extents below 2^31 give a volume below 2^93, so the product is checked: too large is not ok.
func Volume(b schemas.BBox) (n int64, ok bool) {
	z, y, x := int64(b.Z1)-int64(b.Z0), int64(b.Y1)-int64(b.Y0), int64(b.X1)-int64(b.X0)
	if z < 0 || y < 0 || x < 0 {
		return 0, false
	}
	plane := y * x // below 2^64 as each is below 2^32; checked next
	if x != 0 && plane/x != y || plane < 0 || plane != 0 && z > math.MaxInt64/plane {
		return 0, false
	}
	return z * plane, true
}

// Paint sets the elements of the mask to v in dst, which holds box b in C order. Elements
// outside b are left out.
func Paint[T any](dst []T, b schemas.BBox, m Mask, v T) {
	h, w := int(b.Y1-b.Y0), int(b.X1-b.X0)
	for _, r := range m.Clip(b) {
		o := (int(r.Z-b.Z0)*h+int(r.Y-b.Y0))*w + int(r.X-b.X0)
		fillRow(dst[o:o+int(r.N)], v)
	}
}

// fillRow sets all elements. Past a few it copies what is set already, which moves more at a
// time.
func fillRow[T any](row []T, v T) {
	const few = 32
	for i := range row[:min(few, len(row))] {
		row[i] = v
	}
	for n := few; n < len(row); n *= 2 {
		copy(row[n:], row[:n])
	}
}
