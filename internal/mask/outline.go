package mask

import (
	"math"
	"slices"
	"sync"
)

// Outlines are the outlines of a flat mask along pixel edges: a polygon for each piece
// connected by faces, with its holes, in the order of the pieces. Rings are simple: none
// crosses or touches itself, and two rings of a polygon meet in points only, as OGC Simple
// Features (OGC 06-103r4, 6.1.11) and GeoJSON want it. Outer rings go from +X to +Y, holes
// the other way; the first vertex is not repeated. [Rasterize] gives the mask back exactly.
func (m Mask) Outlines() []Polygon {
	if len(m) == 0 {
		return nil
	}
	t := newTracer(m)
	defer t.release()
	var rings []ring
	outer := 0
	for i := range t.corners {
		if t.corners[i].done {
			continue
		}
		for _, r := range t.trace(int32(i)) {
			if r.outer = r.vertices.Area() > 0; r.outer {
				outer++
			}
			rings = append(rings, r)
		}
	}
	polygons := make([]Polygon, outer)
	var of []int32 // the polygon of a run, nil where there is one
	if outer > 1 {
		of, _ = m.label(Faces)
	}
	for _, r := range rings {
		p := &polygons[0]
		if of != nil {
			p = &polygons[of[r.run]]
		}
		if r.outer {
			p.Outer = r.vertices
		} else {
			p.Holes = append(p.Holes, r.vertices)
		}
	}
	return polygons
}

// corner is where an outline turns: a horizontal and a vertical side meet. Where two pixels
// touch in a point only, two corners stand there: each goes around one of the pixels.
type corner struct {
	x, y       int32
	run        int32 // a run that the horizontal side bounds
	horizontal int32 // the corner at the other end of the horizontal side
	vertical   int32 // and of the vertical one
	twin       int32 // the other corner at the same point, or -1
	at         int32 // its place in the ring being traced, or -1
	done       bool
}

// tracer knows the corners of a mask, row by row.
type tracer struct {
	mask    Mask
	corners []corner
	open    []int32 // of each column, the last corner whose vertical side goes down
	x0      int32
	path    []int32 // of the ring being traced, used again
}

// tracers keeps memory of the size of usual objects.
var tracers = sync.Pool{New: func() any { return new(tracer) }}

// keptCorners bounds what is kept.
const keptCorners = 1 << 14

func (t *tracer) release() {
	if t.mask = nil; max(cap(t.corners), cap(t.open)) <= keptCorners {
		tracers.Put(t)
	}
}

func newTracer(m Mask) *tracer {
	b := m.BBox()
	t := tracers.Get().(*tracer)
	t.mask, t.x0, t.corners = m, b.X0, t.corners[:0]
	t.open = slices.Grow(t.open[:0], int(b.X1-b.X0)+1)[:b.X1-b.X0+1]
	var above [2]int
	last := int32(math.MinInt32)
	for begin := 0; begin < len(m); {
		row := [2]int{begin, m.rowEnd(begin)}
		y := m[begin].Y
		begin = row[1]
		if y != last+1 && above[1] > 0 {
			t.border(last+1, above, [2]int{})
			above = [2]int{}
		}
		t.border(y, above, row)
		above, last = row, y
	}
	t.border(last+1, above, [2]int{})
	return t
}

// border adds the corners on the line at y between two rows of runs, either of which may be
// empty. A side lies where exactly one of the rows has elements.
func (t *tracer) border(y int32, above, below [2]int) {
	i, j := 2*above[0], 2*below[0] // twice the run, plus one inside of it
	left := int32(-1)              // corner at which the side here begins
	for i < 2*above[1] || j < 2*below[1] {
		a, b := t.end(i, above), t.end(j, below)
		x := min(a, b)
		inAbove, inBelow := i%2 == 1, j%2 == 1
		ended, began := int32(-1), int32(-1)
		if inAbove != inBelow {
			ended = t.add(x, y, pick(inAbove, i/2, j/2))
			t.corners[ended].horizontal, t.corners[left].horizontal = left, ended
		}
		if a == x {
			i++
		}
		if b == x {
			j++
		}
		if i%2 != j%2 {
			began = t.add(x, y, pick(i%2 == 1, i/2, j/2))
			left = began
		}
		t.join(ended, began, b == x)
	}
}

func pick(first bool, a, b int) int {
	if first {
		return a
	}
	return b
}

// end is the end of a run that comes next, the right one where i is odd.
func (t *tracer) end(i int, row [2]int) int32 {
	switch {
	case i >= 2*row[1]:
		return math.MaxInt32
	case i%2 == 1:
		return t.mask[i/2].End()
	}
	return t.mask[i/2].X
}

func (t *tracer) add(x, y int32, run int) int32 {
	t.corners = append(t.corners, corner{x: x, y: y, run: int32(run), twin: -1, at: -1})
	return int32(len(t.corners) - 1)
}

// join gives the corners at one point, -1 for none, their vertical sides. A single corner goes
// down where the row below has an end. Of two, each goes around the pixel of its own run, so
// that pixels which touch in a point are apart.
func (t *tracer) join(ended, began int32, endBelow bool) {
	down := func(c int32) bool { return endBelow }
	if ended >= 0 && began >= 0 {
		t.corners[ended].twin, t.corners[began].twin = began, ended
		down = t.below
	}
	for _, c := range [2]int32{ended, began} {
		if c >= 0 && !down(c) {
			up := t.open[t.corners[c].x-t.x0]
			t.corners[c].vertical, t.corners[up].vertical = up, c
		}
	}
	for _, c := range [2]int32{ended, began} {
		if c >= 0 && down(c) {
			t.open[t.corners[c].x-t.x0] = c
		}
	}
}

// below reports whether the run that the horizontal side of c bounds lies below it.
func (t *tracer) below(c int32) bool { return t.mask[t.corners[c].run].Y == t.corners[c].y }

// ring is a closed part of an outline and a run beside it.
type ring struct {
	vertices Ring
	run      int32
	outer    bool
}

// trace follows the outline that has corner i and cuts it into simple rings where it comes
// to a point a second time. Sides above a run are followed to the right, others to the left.
func (t *tracer) trace(i int32) (rings []ring) {
	if !t.below(i) {
		i = t.corners[i].horizontal
	}
	path := t.path[:0]
	defer func() { t.path = path }()
	visit := func(c int32) {
		t.corners[c].done = true
		if twin := t.corners[c].twin; twin >= 0 && t.corners[twin].at >= 0 {
			from := t.corners[twin].at
			rings = append(rings, t.ring(path[from:]))
			path = path[:from]
		}
		t.corners[c].at = int32(len(path))
		path = append(path, c)
	}
	for c := i; ; {
		visit(c)
		other := t.corners[c].horizontal
		visit(other)
		if c = t.corners[other].vertical; c == i {
			return append(rings, t.ring(path))
		}
	}
}

// ring is the ring of the corners of a path, which no longer count as being on it.
func (t *tracer) ring(path []int32) ring {
	vertices := make(Ring, len(path))
	for k, c := range path {
		vertices[k] = Vertex{float64(t.corners[c].x), float64(t.corners[c].y)}
		t.corners[c].at = -1
	}
	return ring{vertices: vertices, run: t.corners[path[0]].run}
}
