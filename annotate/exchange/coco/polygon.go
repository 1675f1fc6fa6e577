package coco

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/mask"
)

// fromPolygons is the union of polygons, as pycocotools takes the parts of an annotation.
func fromPolygons(polygons [][]float64, h, w int) (union mask.Mask, err error) {
	if len(polygons) == 0 {
		return nil, errors.New("segmentation without a polygon")
	}
	for i, xy := range polygons {
		m, err := fromPolygon(xy, h, w)
		if err != nil {
			return nil, fmt.Errorf("polygon %d: %w", i, err)
		}
		union = mask.Union(union, m)
	}
	return union, nil
}

const (
	// scale is how much finer than pixels a boundary is followed.
	scale = 5
	// maxCoordinate keeps scaled coordinates well within 32 bits.
	maxCoordinate = 1 << 26
	// maxSteps bounds the length of a boundary, in steps.
	maxSteps = 1 << 27
)

// step is a point of the boundary on the fine grid.
type step struct{ u, v int }

// fromPolygon rasterises a polygon given as x, y, x, y, ... in corner coordinates. The rule is
// that of the COCO API (rleFrPoly in common/maskApi.c): corners are rounded to a grid five
// times as fine as the pixels, the boundary is followed along it, and each time it passes the
// middle of a column of pixels, the column changes between outside and inside there.
func fromPolygon(xy []float64, h, w int) (mask.Mask, error) {
	n := len(xy) / 2
	if len(xy)%2 != 0 || n < 3 {
		return nil, fmt.Errorf("%d numbers: want x and y of three or more corners", len(xy))
	}
	corners := make([]step, n)
	for i := range corners {
		x, y := xy[2*i], xy[2*i+1]
		if !(math.Abs(x) < maxCoordinate && math.Abs(y) < maxCoordinate) {
			return nil, fmt.Errorf("corner %d is at (%v, %v): out of range", i, x, y)
		}
		corners[i] = step{int(scale*x + 0.5), int(scale*y + 0.5)}
	}
	boundary, err := follow(corners)
	if err != nil {
		return nil, err
	}
	return mask.FromCOCO(countsOf(crossings(boundary, h, w), h*w), h, w)
}

// follow lists the points of the boundary, both ends of each side included.
func follow(corners []step) ([]step, error) {
	total := 0
	for i, a := range corners {
		b := corners[(i+1)%len(corners)]
		total += max(abs(b.u-a.u), abs(b.v-a.v)) + 1
		if total > maxSteps {
			return nil, errors.New("the boundary is too long")
		}
	}
	boundary := make([]step, 0, total)
	for i, a := range corners {
		boundary = side(boundary, a, corners[(i+1)%len(corners)])
	}
	return boundary, nil
}

// side appends the points from a to b, one for each step along the longer axis. Points are
// computed from the end with the smaller coordinate on that axis, so that a side has the same
// points in both directions.
func side(dst []step, a, b step) []step {
	du, dv := abs(b.u-a.u), abs(b.v-a.v)
	flat := du >= dv
	flip := flat && a.u > b.u || !flat && a.v > b.v
	if flip {
		a, b = b, a
	}
	slope, length := float64(b.v-a.v)/float64(du), du
	if !flat {
		slope, length = float64(b.u-a.u)/float64(dv), dv
	}
	for d := range length + 1 {
		t := d
		if flip {
			t = length - d
		}
		if flat {
			v := a.v // of a single point, which has no slope
			if length > 0 {
				v = int(float64(a.v) + slope*float64(t) + 0.5)
			}
			dst = append(dst, step{a.u + t, v})
		} else {
			dst = append(dst, step{int(float64(a.u) + slope*float64(t) + 0.5), a.v + t})
		}
	}
	return dst
}

// crossings are the positions, column by column in an image of h rows and w columns, at which
// the boundary passes the middle of a column; ascending.
func crossings(boundary []step, h, w int) []int {
	var at []int
	for j := 1; j < len(boundary); j++ {
		p, q := boundary[j-1], boundary[j]
		if p.u == q.u {
			continue
		}
		left := q.u - 1 // of the two points, or one before the second
		if q.u < p.u {
			left = q.u
		}
		x := (float64(left)+0.5)/scale - 0.5
		if x != math.Floor(x) || x < 0 || x > float64(w-1) {
			continue
		}
		y := (float64(min(p.v, q.v))+0.5)/scale - 0.5
		y = math.Ceil(max(0, min(float64(h), y)))
		at = append(at, int(x)*h+int(y))
	}
	slices.Sort(at)
	return at
}

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
