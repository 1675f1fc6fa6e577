// Package align measures by how much labels are shifted against the image they were drawn on.
//
// The words it uses:
//
//   - An edge is a side of an instance: left, right, upper or lower.
//   - A profile is the mean intensity across all edges of one side, from outside to inside.
//
// The estimator needs to know nothing of what an edge looks like, a step, a bright membrane or a
// dark gap, nor whether annotators draw inside or outside of it. If labels and image fit, the
// profile across left edges is that across right edges: one is the mirror image of the other. A
// shift of the image by d to the right moves the former d inwards and the latter d outwards, so
// that they lie 2d apart. Their distance is where their correlation is largest, refined by a
// parabola through the neighbours of the peak. The standard error is that of a jackknife over
// groups of instances (Efron and Stein, Annals of Statistics 9(3), 1981), so one instance
// drawn badly makes no systematic shift.
//
// Each axis is measured by itself. Where most edges run along one diagonal, a shift along one axis shows
// as a small part of it along the other as well; without a shift there is none along either.
package align

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

const (
	// reach is how far profiles go to either side of an edge, in pixels.
	reach = 12
	// maxLag is the largest distance of two profiles: twice the largest shift.
	maxLag = 8
	groups = 16
	// enough runs of instances are looked at; of a volume with more some planes are left out.
	enough = 1 << 18
	// minGroups are needed for a standard error.
	minGroups = 8
)

// MaxShift is the largest shift that can be measured, in pixels.
const MaxShift = float64(maxLag) / 2

// Shift is by how much the image lies beside its labels: moved by it, the labels fit.
type Shift struct {
	Y, X float64 // in pixels
	// Error is the standard error of each.
	ErrorY, ErrorX float64
	// Correlation is that of the profiles of opposite sides at the shift, the smaller of the two
	// axes: near 1 where the image shows the instances' edges at all.
	Correlation float64
	Channel     int   // of the image, the one with the largest correlation
	Edges       int64 // pixels of edges that were looked at
}

// Size is the length of the shift.
func (s *Shift) Size() float64 { return math.Hypot(s.Y, s.X) }

// Error is the standard error of the length.
func (s *Shift) Error() float64 { return math.Hypot(s.ErrorY, s.ErrorX) }

// Sides of instances.
const (
	left = iota
	right
	upper
	lower
)

// edge is a run of pixels inside of an edge: of a left edge the first pixel of a run, of a right edge the last.
type edge struct {
	mask.Run
	group int
}

// sums are the profile of one side and group.
type sums struct {
	profile [2 * reach]float64
	n       int64
}

// Estimator measures a shift while an image is read. Make one with [New].
type Estimator struct {
	height, width int
	planes        map[int32]bool         // that are looked at
	rows          [4]map[[2]int32][]edge // of edges, by z and y
	channels      [][4][groups]sums
	row           []float64
}

// New prepares to compare instances with an image of the extent. Planes are looked at one by one.
func New(masks []mask.Mask, channels, height, width int) *Estimator {
	e := &Estimator{height: height, width: width, planes: planes(masks), channels: make([][4][groups]sums, channels), row: make([]float64, width)}
	var edges [4][]edge
	for i, m := range masks {
		if len(e.planes) > 1 {
			m = slices.DeleteFunc(slices.Clone(m), func(r mask.Run) bool { return !e.planes[r.Z] })
		}
		for _, r := range m {
			if r.Y >= reach && int(r.Y) < height-reach { // others would weigh on X alone
				edges[left] = append(edges[left], edge{mask.Run{Z: r.Z, Y: r.Y, X: r.X, N: 1}, i % groups})
				edges[right] = append(edges[right], edge{mask.Run{Z: r.Z, Y: r.Y, X: r.End() - 1, N: 1}, i % groups})
			}
		}
		for _, r := range mask.Subtract(m, m.Shift(0, 1, 0)) {
			edges[upper] = append(edges[upper], edge{r, i % groups})
		}
		for _, r := range mask.Subtract(m, m.Shift(0, -1, 0)) {
			edges[lower] = append(edges[lower], edge{r, i % groups})
		}
	}
	for side := range edges {
		edges[side] = slices.DeleteFunc(edges[side], func(d edge) bool { return !e.inside(d, side) })
		slices.SortFunc(edges[side], func(a, b edge) int {
			return cmp.Or(cmp.Compare(a.Z, b.Z), cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X), a.group-b.group)
		})
		e.rows[side] = byRow(edges[side])
	}
	return e
}

// planes are those of the instances, or every other, every third ... where there are more than enough runs.
func planes(masks []mask.Mask) map[int32]bool {
	runs, total := map[int32]int{}, 0
	for _, m := range masks {
		for _, r := range m {
			runs[r.Z]++
		}
		total += len(m)
	}
	kept := map[int32]bool{}
	for i, z := range slices.Sorted(maps.Keys(runs)) {
		if i%(total/enough+1) == 0 {
			kept[z] = true
		}
	}
	return kept
}

// byRow cuts sorted edges into rows.
func byRow(edges []edge) map[[2]int32][]edge {
	rows := map[[2]int32][]edge{}
	for first, i := 0, 1; i <= len(edges); i++ {
		if d := edges[first]; i == len(edges) || edges[i].Z != d.Z || edges[i].Y != d.Y {
			rows[[2]int32{d.Z, d.Y}] = edges[first:i]
			first = i
		}
	}
	return rows
}

// inside reports whether the profile across an edge lies in the image.
func (e *Estimator) inside(d edge, side int) bool {
	if side == left || side == right {
		return d.X >= reach && int(d.X) < e.width-reach
	}
	return d.Y >= reach && int(d.Y) < e.height-reach
}

// Rows looks at dense rows of little-endian elements of a channel, the first of them row y of plane z. Each row
// is given once, in any order.
func (e *Estimator) Rows(channel, z, y int, data []byte, d schemas.DType) {
	if !e.planes[int32(z)] {
		return
	}
	for n := e.width * d.Size(); len(data) > 0; data = data[n:] {
		e.look(&e.channels[channel], data[:n], d, int32(z), int32(y))
		y++
	}
}

// look adds what one row shows of profiles.
func (e *Estimator) look(to *[4][groups]sums, data []byte, d schemas.DType, z, y int32) {
	decoded := false
	need := func(edges []edge) bool {
		if len(edges) > 0 && !decoded {
			decode(e.row, data, d)
			decoded = true
		}
		return len(edges) > 0
	}
	for side := left; side <= right; side++ {
		edges := e.rows[side][[2]int32{z, y}]
		if !need(edges) {
			continue
		}
		for _, d := range edges {
			s := &to[side][d.group]
			s.n++
			for k := range s.profile {
				x := int(d.X) - reach + k
				if side == right {
					x = int(d.X) + reach - k
				}
				s.profile[k] += e.row[x]
			}
		}
	}
	for k := range 2 * reach {
		for side, at := range [2]int32{y + reach - int32(k), y - reach + int32(k)} {
			edges := e.rows[upper+side][[2]int32{z, at}]
			if !need(edges) {
				continue
			}
			for _, d := range edges {
				s := &to[upper+side][d.group]
				for _, v := range e.row[d.X:d.End()] {
					s.profile[k] += v
				}
				if k == 0 {
					s.n += int64(d.N)
				}
			}
		}
	}
}

// decode turns elements to numbers. What is not a finite number counts as 0.
func decode(dst []float64, data []byte, d schemas.DType) {
	le := binary.LittleEndian
	switch d {
	case schemas.Uint8, schemas.Bool:
		each(dst, data, 1, func(b []byte) float64 { return float64(b[0]) })
	case schemas.Int8:
		each(dst, data, 1, func(b []byte) float64 { return float64(int8(b[0])) })
	case schemas.Uint16:
		each(dst, data, 2, func(b []byte) float64 { return float64(le.Uint16(b)) })
	case schemas.Int16:
		each(dst, data, 2, func(b []byte) float64 { return float64(int16(le.Uint16(b))) })
	case schemas.Uint32:
		each(dst, data, 4, func(b []byte) float64 { return float64(le.Uint32(b)) })
	case schemas.Int32:
		each(dst, data, 4, func(b []byte) float64 { return float64(int32(le.Uint32(b))) })
	case schemas.Uint64:
		each(dst, data, 8, func(b []byte) float64 { return float64(le.Uint64(b)) })
	case schemas.Int64:
		each(dst, data, 8, func(b []byte) float64 { return float64(int64(le.Uint64(b))) })
	case schemas.Float16:
		each(dst, data, 2, func(b []byte) float64 { return finite(float64(half.Float32(le.Uint16(b)))) })
	case schemas.Float32:
		each(dst, data, 4, func(b []byte) float64 { return finite(float64(math.Float32frombits(le.Uint32(b)))) })
	case schemas.Float64:
		each(dst, data, 8, func(b []byte) float64 { return finite(math.Float64frombits(le.Uint64(b))) })
	}
}

func each(dst []float64, data []byte, size int, number func([]byte) float64) {
	for i := range dst {
		dst[i] = number(data[i*size:])
	}
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
