package mask

import (
	"cmp"
	"math"
	"slices"
)

// Contact is where two sides of a ring meet that should not.
type Contact struct {
	At      Vertex // a vertex of the ring near it, or, of sides that cross, about where
	Crosses bool   // the ring passes through itself; else it only touches itself there
}

const (
	// fewVertices are compared pair by pair, which takes less time than to sweep.
	fewVertices = 64
	// searchedForCrossing is up to how many vertices a ring that touches itself is searched for a crossing.
	searchedForCrossing = 1 << 11
)

// Contact finds a place where the ring crosses or touches itself, nil where it is simple as OGC Simple Features has it
// (OGC 06-103r4, 6.1.6): no side meets another but for the vertex between two that follow each other. Vertices that repeat
// the one before are left out. A ring of which fewer than three are left, or with a vertex that is no number, has no contact.
//
// It is the sweep of Shamos and Hoey (1976), "Geometric intersection problems", in O(n log n): it ends at the first
// contact. A ring of more than 2048 vertices that touches itself there is not looked at for a crossing further on.
func (r Ring) Contact() *Contact {
	vertices, ok := distinct(r)
	if !ok || len(vertices) < 3 {
		return nil
	}
	s := &simplicity{v: vertices}
	if len(vertices) <= fewVertices {
		return s.pairs()
	}
	if c := s.sweep(); c == nil || c.Crosses || len(vertices) > searchedForCrossing {
		return c
	}
	return s.pairs()
}

// pairs is the contact of any two sides, a crossing where there is one.
func (s *simplicity) pairs() (c *Contact) {
	type box struct{ x0, x1, y0, y1 float64 }
	var few [fewVertices]box
	boxes := few[:0]
	for i := range s.v {
		a, b := s.v[i], s.v[s.after(int32(i))]
		boxes = append(boxes, box{min(a.X, b.X), max(a.X, b.X), min(a.Y, b.Y), max(a.Y, b.Y)})
	}
	for i := range boxes {
		a := &boxes[i]
		for j := range boxes[:i] {
			b := &boxes[j]
			if a.x0 > b.x1 || b.x0 > a.x1 || a.y0 > b.y1 || b.y0 > a.y1 {
				continue
			}
			if d := s.meet(int32(i), int32(j)); d != nil && (c == nil || d.Crosses) {
				if c = d; c.Crosses {
					return c
				}
			}
		}
	}
	return c
}

// distinct are the vertices of the ring without those that repeat the one before; ok is false where one is no number.
func distinct(r Ring) (out []Vertex, ok bool) {
	repeated := false
	for i, v := range r {
		if math.IsNaN(v.X-v.X) || math.IsNaN(v.Y-v.Y) {
			return nil, false
		}
		repeated = repeated || i > 0 && v == r[i-1]
	}
	if n := len(r); !repeated && n > 1 && r[0] != r[n-1] {
		return r, true
	}
	out = make([]Vertex, 0, len(r))
	for _, v := range r {
		if n := len(out); n == 0 || out[n-1] != v {
			out = append(out, v)
		}
	}
	for len(out) > 1 && out[0] == out[len(out)-1] {
		out = out[:len(out)-1]
	}
	return out, true
}

// simplicity sweeps a line along X over a ring, tilted so that of two vertices with the same X that with the smaller Y
// comes first. Side i goes from vertex i to the next. The sides that the line crosses are in order along it.
type simplicity struct {
	v     []Vertex
	order sideOrder
}

func compareVertices(a, b Vertex) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) }

// ends are the vertices of a side, in the order of the sweep.
func (s *simplicity) ends(side int32) (first, last int32) {
	a, b := side, s.after(side)
	if compareVertices(s.v[a], s.v[b]) > 0 {
		return b, a
	}
	return a, b
}

func (s *simplicity) after(i int32) int32 {
	if int(i)+1 == len(s.v) {
		return 0
	}
	return i + 1
}

func (s *simplicity) before(i int32) int32 {
	if i == 0 {
		return int32(len(s.v)) - 1
	}
	return i - 1
}

// side is where a point lies: 1 beyond a side that the line crosses, -1 before it, 0 on it.
func (s *simplicity) side(side int32, p Vertex) int {
	a, b := s.ends(side)
	return orientation(s.v[a], s.v[b], p)
}

func (s *simplicity) sweep() *Contact {
	events := make([]int32, len(s.v))
	for i := range events {
		events[i] = int32(i)
	}
	slices.SortFunc(events, func(a, b int32) int { return compareVertices(s.v[a], s.v[b]) })
	s.order.init(len(s.v))
	for i, p := range events {
		if i > 0 && s.v[p] == s.v[events[i-1]] {
			return s.coincide(events[i-1], p)
		}
		if c := s.event(p); c != nil {
			return c
		}
	}
	return nil
}

// event moves the line past a vertex.
func (s *simplicity) event(p int32) *Contact {
	a, b := s.before(p), p // the sides at the vertex
	_, lastA := s.ends(a)
	_, lastB := s.ends(b)
	switch {
	case lastA == p && lastB == p:
		if s.order.next(a) != b && s.order.next(b) != a {
			return &Contact{At: s.v[p]} // what lies between would have been met
		}
		if s.order.next(b) == a {
			a, b = b, a
		}
		lower, upper := s.order.previous(a), s.order.next(b)
		s.order.remove(a)
		s.order.remove(b)
		return s.neighbours(lower, upper)
	case lastA == p:
		return s.replace(a, b)
	case lastB == p:
		return s.replace(b, a)
	}
	return s.begin(p, a, b)
}

// replace puts a side where the one before it ended.
func (s *simplicity) replace(old, side int32) *Contact {
	s.order.replace(old, side)
	if c := s.neighbours(s.order.previous(side), side); c != nil {
		return c
	}
	return s.neighbours(side, s.order.next(side))
}

// begin adds two sides that begin at a vertex.
func (s *simplicity) begin(p, a, b int32) *Contact {
	lower := none
	for at := s.order.root; at != none; {
		switch s.side(at, s.v[p]) {
		case 0:
			return s.onSide(at, p)
		case 1:
			lower, at = at, s.order.nodes[at].right
		default:
			at = s.order.nodes[at].left
		}
	}
	_, lastA := s.ends(a)
	_, lastB := s.ends(b)
	switch orientation(s.v[p], s.v[lastB], s.v[lastA]) {
	case 0:
		return &Contact{At: s.v[p]}
	case -1:
	default:
		a, b = b, a
	}
	s.order.insert(lower, a)
	s.order.insert(a, b)
	if c := s.neighbours(lower, a); c != nil {
		return c
	}
	return s.neighbours(b, s.order.next(b))
}

// neighbours is the contact of two sides, either of which may be none.
func (s *simplicity) neighbours(a, b int32) *Contact {
	if a == none || b == none {
		return nil
	}
	return s.meet(a, b)
}

// meet is the contact of two sides.
func (s *simplicity) meet(i, j int32) *Contact {
	a, b, c, d := i, s.after(i), j, s.after(j)
	switch {
	case b == c:
		return s.spike(a, b, d)
	case d == a:
		return s.spike(c, a, b)
	}
	p, q, u, v := s.v[a], s.v[b], s.v[c], s.v[d]
	abc, abd, cda, cdb := orientation(p, q, u), orientation(p, q, v), orientation(u, v, p), orientation(u, v, q)
	if abc*abd < 0 && cda*cdb < 0 {
		return &Contact{At: crossing(p, q, u, v), Crosses: true}
	}
	for _, e := range [4]struct {
		zero   int
		side   int32
		vertex int32
	}{{abc, i, c}, {abd, i, d}, {cda, j, a}, {cdb, j, b}} {
		if e.zero == 0 && within(s.v[e.side], s.v[s.after(e.side)], s.v[e.vertex]) {
			return s.onSide(e.side, e.vertex)
		}
	}
	return nil
}

// spike is the contact of the sides a-b and b-c: the second runs back along the first.
func (s *simplicity) spike(a, b, c int32) *Contact {
	p, q, r := s.v[a], s.v[b], s.v[c]
	if orientation(p, q, r) == 0 && (within(p, q, r) || within(q, r, p)) {
		return &Contact{At: q}
	}
	return nil
}

// within reports whether p, which lies in the line of a and b, lies between them or at one of them.
func within(a, b, p Vertex) bool {
	return min(a.X, b.X) <= p.X && p.X <= max(a.X, b.X) && min(a.Y, b.Y) <= p.Y && p.Y <= max(a.Y, b.Y)
}

// onSide is the contact of a vertex that lies on a side: the ring passes through it where the sides at the vertex
// go to either side.
func (s *simplicity) onSide(side, vertex int32) *Contact {
	for _, end := range [2]int32{side, s.after(side)} {
		if s.v[end] == s.v[vertex] {
			return s.coincide(end, vertex)
		}
	}
	l, r := s.side(side, s.v[s.before(vertex)]), s.side(side, s.v[s.after(vertex)])
	return &Contact{s.v[vertex], l*r < 0}
}

// coincide is the contact of two vertices at one place: the ring passes through itself where the neighbours of one lie on either
// side of the path through the other.
func (s *simplicity) coincide(a, b int32) *Contact {
	c := &Contact{At: s.v[a]}
	from, to := s.v[s.before(a)], s.v[s.after(a)]
	l, okL := inWedge(from, s.v[a], to, s.v[s.before(b)])
	r, okR := inWedge(from, s.v[a], to, s.v[s.after(b)])
	c.Crosses = okL && okR && l != r
	return c
}

// inWedge reports whether p lies between the rays from v to b and from v to a, going from +X to +Y; ok is false where it
// lies in the line of either.
func inWedge(a, v, b, p Vertex) (in, ok bool) {
	pa, pb, ab := orientation(v, a, p), orientation(v, b, p), orientation(v, b, a)
	if pa == 0 || pb == 0 {
		return false, false
	}
	if ab > 0 { // a turn of less than half
		return pb > 0 && pa < 0, true
	}
	return pb > 0 || pa < 0, true
}

// crossing is about where two sides cross.
func crossing(a, b, c, d Vertex) Vertex {
	t := ((c.X-a.X)*(d.Y-c.Y) - (c.Y-a.Y)*(d.X-c.X)) / ((b.X-a.X)*(d.Y-c.Y) - (b.Y-a.Y)*(d.X-c.X))
	at := Vertex{a.X + t*(b.X-a.X), a.Y + t*(b.Y-a.Y)}
	if math.IsNaN(at.X-at.X) || math.IsNaN(at.Y-at.Y) {
		return a
	}
	return at
}
