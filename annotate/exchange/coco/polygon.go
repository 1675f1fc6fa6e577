package coco

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

const (
	// scale is how much finer than pixels a boundary is followed.
	scale = 5
	// middle is where, on the fine grid, the boundary passes the middle of a column: between middle and
	// middle+1 of the steps of the column.
	middle = scale / 2
	// maxCoordinate keeps scaled coordinates well within 32 bits.
	maxCoordinate = 1 << 26
	// maxCrossings bounds how often boundaries cross the middle of a column.
	maxCrossings = 1 << 24
)

// Rasterize is the union of polygons given as rings in corner coordinates, as pycocotools takes the parts of an
// annotation, in an image of h rows and w columns. The rule is that of the COCO API (rleFrPoly in common/maskApi.c):
// corners are rounded to a grid five times as fine as the pixels, the boundary is followed along it, and each time
// it passes the middle of a column of pixels, the column changes between outside and inside there. What cannot be
// rasterised is a *[mask.PolygonError], more than maxRuns runs are a *[mask.CountsError].
func Rasterize(rings []mask.Ring, h, w, maxRuns int) (union mask.Mask, err error) {
	if len(rings) == 0 {
		return nil, &mask.PolygonError{Ring: -1, Reason: "segmentation without a polygon"}
	}
	for i, ring := range rings {
		m, err := rasterize(i, ring, h, w, maxRuns)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			union = m
		} else {
			union = mask.Union(union, m)
		}
	}
	return union, nil
}

// buffers keeps memory for the crossings of usual polygons.
var buffers = sync.Pool{New: func() any { return new([]int) }}

const keptCrossings = 1 << 14

// step is a point of the boundary on the fine grid.
type step struct{ u, v int }

func rasterize(index int, ring mask.Ring, h, w, maxRuns int) (mask.Mask, error) {
	if len(ring) < 3 {
		return nil, &mask.PolygonError{Ring: index, Reason: fmt.Sprintf("%d corners: want three or more", len(ring))}
	}
	for i, p := range ring {
		if !(math.Abs(p.X) < maxCoordinate && math.Abs(p.Y) < maxCoordinate) {
			return nil, &mask.PolygonError{Ring: index, Reason: fmt.Sprintf("corner %d is at (%v, %v): out of range", i, p.X, p.Y)}
		}
	}
	pooled := buffers.Get().(*[]int)
	at := (*pooled)[:0]
	defer func() {
		if cap(at) <= keptCrossings {
			*pooled = at
			buffers.Put(pooled)
		}
	}()
	a := fine(ring[len(ring)-1])
	for _, p := range ring {
		b := fine(p)
		if at = crossings(at, a, b, h, w); len(at) > maxCrossings {
			return nil, &mask.PolygonError{Ring: index, Reason: fmt.Sprintf("it crosses columns more than %d times", maxCrossings)}
		}
		a = b
	}
	slices.Sort(at)
	return mask.FromCountsWithin(countsOf(at, h*w), schemas.BBox{Z1: 1, Y1: int32(h), X1: int32(w)}, mask.ColumnMajor, maxRuns)
}

func fine(p mask.Vertex) step { return step{int(scale*p.X + 0.5), int(scale*p.Y + 0.5)} }

// crossings appends the positions, column by column in an image of h rows and w columns, at which the boundary from a to b
// passes the middle of a column. The boundary has one point for each step along the longer axis, computed from the
// end with the smaller coordinate on that axis, so that a side has the same points in both directions. Of those, only
// the two at the middle of each column are computed here.
func crossings(at []int, a, b step, h, w int) []int {
	if a.u == b.u {
		return at
	}
	du, dv := abs(b.u-a.u), abs(b.v-a.v)
	flat := du >= dv
	if flat && a.u > b.u || !flat && a.v > b.v {
		a, b = b, a
	}
	first := max(0, ceilDiv(min(a.u, b.u)-middle, scale))
	last := min(w-1, floorDiv(max(a.u, b.u)-1-middle, scale))
	for x := first; x <= last; x++ {
		left := scale*x + middle // the point before the crossing, going right
		var v int
		if flat {
			slope := float64(b.v-a.v) / float64(du)
			t := left - a.u
			v = min(along(a.v, slope, t), along(a.v, slope, t+1))
		} else {
			v = a.v + steep(a.u, float64(b.u-a.u)/float64(dv), dv, left)
		}
		y := (float64(v)+0.5)/scale - 0.5
		y = math.Ceil(max(0, min(float64(h), y)))
		at = append(at, x*h+int(y))
	}
	return at
}

// along is the coordinate across a side at step t of it.
func along(from int, slope float64, t int) int { return int(float64(from) + slope*float64(t) + 0.5) }

// steep is the last step t, of a side of n steps along V, before U changes between left and left+1.
func steep(from int, slope float64, n, left int) int {
	before := func(t int) bool { // the change comes after t
		u := along(from, slope, t)
		return slope > 0 && u <= left || slope < 0 && u > left
	}
	t := max(0, min(n-1, int((float64(left)+0.5-float64(from))/slope)))
	for t > 0 && !before(t) {
		t--
	}
	for t < n-1 && before(t+1) {
		t++
	}
	return t
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

func ceilDiv(a, b int) int { return floorDiv(a+b-1, b) }

// countsOf are the run lengths between positions, outside first.
func countsOf(at []int, size int) []int64 {
	counts := make([]int64, 0, len(at)+1)
	last := 0
	for _, p := range append(at, size) {
		counts = append(counts, int64(p-last))
		last = p
	}
	return counts
}

func abs(n int) int { return max(n, -n) }
