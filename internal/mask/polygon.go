package mask

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// Vertex is a corner of a ring, in corner coordinates (see the package comment).
type Vertex struct{ X, Y float64 }

// Ring is a closed line: its last vertex is joined to its first. It may repeat the first.
type Ring []Vertex

// Area is the area that the ring encloses, in pixels: positive for one that goes from +X to
// +Y (clockwise on a screen, where Y points down). It is the shoelace formula.
func (r Ring) Area() float64 {
	sum := 0.0
	for i, v := range r {
		w := r[(i+1)%len(r)]
		sum += v.X*w.Y - w.X*v.Y
	}
	return sum / 2
}

// Polygon is an area with holes.
type Polygon struct {
	Outer Ring
	Holes []Ring
}

// Rings are the rings of the polygon, the outer one first.
func (p Polygon) Rings() []Ring { return append([]Ring{p.Outer}, p.Holes...) }

// PolygonError is a polygon that cannot be rasterised.
type PolygonError struct {
	Ring   int // its index, -1 for all of them
	Reason string
}

func (e *PolygonError) Error() string {
	if e.Ring < 0 {
		return "polygon: " + e.Reason
	}
	return fmt.Sprintf("polygon ring %d: %s", e.Ring, e.Reason)
}

// Rasterize is the mask, in plane 0 of an image of h rows and w columns, of the pixels whose
// centre is inside the rings by the even-odd rule. What lies outside the image is left out.
// A ring with a vertex that is no number, or with fewer than three vertices, is a
// *[PolygonError], as is one that crosses rows more than 2*[MaxRuns] times.
func Rasterize(rings []Ring, h, w int) (Mask, error) {
	if h < 0 || w < 0 || h > math.MaxInt32 || w > math.MaxInt32 {
		return nil, &PolygonError{-1, fmt.Sprintf("no image has %d rows and %d columns", h, w)}
	}
	f := fillers.Get().(*filler)
	defer f.release()
	if err := f.collectEdges(rings, h); err != nil {
		return nil, err
	}
	f.sortEdges()
	return f.fillRows(w), nil
}

// filler fills rings. Its memory is used again.
type filler struct {
	edges, sorted []edge
	active        []int32 // indices into sorted, of the edges that cross a row
	next          []int32
	xs            []float64
}

var fillers = sync.Pool{New: func() any { return new(filler) }}

// keptEdges bounds what is kept.
const keptEdges = 1 << 14

func (f *filler) release() {
	if max(cap(f.edges), cap(f.next)) <= keptEdges {
		fillers.Put(f)
	}
}

// edge is a side of a ring that crosses the centres of rows first to last.
type edge struct {
	first, last int
	x, y, slope float64 // of its upper end; X per Y
}

// at is where the edge crosses the centre of row y.
func (e *edge) at(y int) float64 { return e.x + (float64(y)+0.5-e.y)*e.slope }

// collectEdges lists the edges that cross the centre of a row of the image.
func (f *filler) collectEdges(rings []Ring, h int) error {
	edges := f.edges[:0]
	crossings := 0
	for k, ring := range rings {
		if len(ring) < 3 {
			return &PolygonError{k, fmt.Sprintf("%d vertices enclose nothing: want 3 or more", len(ring))}
		}
		for i, a := range ring {
			if math.IsNaN(a.X-a.X) || math.IsNaN(a.Y-a.Y) { // NaN or infinite
				return &PolygonError{k, fmt.Sprintf("vertex %d is (%v, %v): want finite numbers", i, a.X, a.Y)}
			}
			b := ring[(i+1)%len(ring)]
			if a.Y > b.Y {
				a, b = b, a
			}
			// A centre at y+0.5 is crossed where a.Y <= y+0.5 < b.Y.
			first := max(0, math.Ceil(a.Y-0.5))
			last := min(float64(h), math.Ceil(b.Y-0.5)) - 1
			if !(first <= last) {
				continue
			}
			e := edge{int(first), int(last), a.X, a.Y, (b.X - a.X) / (b.Y - a.Y)}
			if math.IsNaN(e.slope-e.slope) || math.IsInf(b.X-a.X, 0) {
				return &PolygonError{k, fmt.Sprintf("vertex %d: the side to the next is too long to follow", i)}
			}
			if crossings += e.last - e.first + 1; crossings > 2*MaxRuns {
				return &PolygonError{k, fmt.Sprintf("it crosses rows more than %d times", 2*MaxRuns)}
			}
			edges = append(edges, e)
		}
	}
	f.edges = edges
	return nil
}

// sortEdges sorts the edges by their first row: by counting, where there are not many more rows than edges.
func (f *filler) sortEdges() {
	if len(f.edges) == 0 {
		f.sorted = f.sorted[:0]
		return
	}
	low, high := f.edges[0].first, f.edges[0].first
	for i := range f.edges {
		low, high = min(low, f.edges[i].first), max(high, f.edges[i].first)
	}
	if high-low > 4*len(f.edges)+256 {
		f.sorted = append(f.sorted[:0], f.edges...)
		slices.SortFunc(f.sorted, func(a, b edge) int { return a.first - b.first })
		return
	}
	f.next = slices.Grow(f.next[:0], high-low+2)[:high-low+2]
	clear(f.next)
	for i := range f.edges {
		f.next[f.edges[i].first-low+1]++
	}
	for i := range high - low {
		f.next[i+1] += f.next[i]
	}
	f.sorted = slices.Grow(f.sorted[:0], len(f.edges))[:len(f.edges)]
	for _, e := range f.edges {
		at := &f.next[e.first-low]
		f.sorted[*at] = e
		*at++
	}
}

// fillRows fills between every other crossing of each row.
func (f *filler) fillRows(w int) Mask {
	edges, active := f.sorted, f.active[:0]
	if len(edges) == 0 {
		return nil
	}
	m := make(Mask, 0, min(edges[len(edges)-1].last-edges[0].first+1, 1<<10)) // a run a row, as a rule
	for y, begun := 0, 0; begun < len(edges) || len(active) > 0; y++ {
		if len(active) == 0 {
			y = edges[begun].first
		}
		for ; begun < len(edges) && edges[begun].first == y; begun++ {
			active = append(active, int32(begun))
		}
		f.xs = f.xs[:0]
		kept := 0
		for _, i := range active {
			f.xs = append(f.xs, edges[i].at(y))
			if edges[i].last > y {
				active[kept] = i
				kept++
			}
		}
		active = active[:kept]
		slices.Sort(f.xs)
		for i := 0; i+1 < len(f.xs); i += 2 {
			m = appendFilled(m, y, f.xs[i], f.xs[i+1], w)
		}
	}
	f.active = active
	return m
}

// appendFilled appends the run of the pixels of row y whose centre is in [from, to).
func appendFilled(m Mask, y int, from, to float64, w int) Mask {
	x0 := int32(max(0, min(float64(w), math.Ceil(from-0.5))))
	x1 := int32(max(0, min(float64(w), math.Ceil(to-0.5))))
	if x0 >= x1 {
		return m
	}
	if n := len(m) - 1; n >= 0 && int(m[n].Y) == y && m[n].End() >= x0 {
		m[n].N = max(x1, m[n].End()) - m[n].X
		return m
	}
	return append(m, Run{0, int32(y), x0, x1 - x0})
}
