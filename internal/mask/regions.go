package mask

import "github.com/micropq/micropq/schemas"

// Connectivity says which elements are neighbours.
type Connectivity bool

// The connectivities.
const (
	Faces   Connectivity = false // 4 neighbours in a plane, 6 in a volume
	Corners Connectivity = true  // 8 in a plane, 26 in a volume
)

// reach is how far beyond its ends a run touches runs of the next row.
func (c Connectivity) reach() int32 {
	if c == Corners {
		return 1
	}
	return 0
}

// Pieces are the connected components of the mask, in the order of their first elements.
func (m Mask) Pieces(c Connectivity) []Mask {
	of, n := m.label(c)
	if n == 1 {
		return []Mask{m}
	}
	pieces := make([]Mask, n)
	for i, r := range m {
		pieces[of[i]] = append(pieces[of[i]], r)
	}
	return pieces
}

// CountPieces is the number of connected components.
func (m Mask) CountPieces(c Connectivity) int {
	_, n := m.label(c)
	return n
}

// Holes are the holes of the mask, whose pieces are connected by c: a plane's where it is
// flat, cavities in a volume.
func (m Mask) Holes(c Connectivity) []Mask {
	if len(m) == 0 {
		return nil
	}
	// One element around the box joins all that is outside; the first of it comes first.
	pieces := Subtract(Box(m.frame()), m).Pieces(!c)
	return pieces[1:]
}

// CountHoles is the number of holes of a mask whose pieces are connected by c.
func (m Mask) CountHoles(c Connectivity) int {
	if len(m) == 0 {
		return 0
	}
	if m[0].Z == m[len(m)-1].Z {
		// Flat: runs and the pairs of them that are adjacent are a planar graph, each of whose bounded faces
		// is a hole, so that Euler's formula gives their number.
		sets, pairs := newSets(len(m)), 0
		pieces := len(m)
		m.adjacent(c, func(i, j int) {
			pairs++
			if sets.join(int32(i), int32(j)) {
				pieces--
			}
		})
		return pairs - len(m) + pieces
	}
	_, n := Subtract(Box(m.frame()), m).label(!c)
	return n - 1
}

// Fill is the mask with its holes.
func (m Mask) Fill(c Connectivity) Mask {
	if len(m) == 0 {
		return nil
	}
	box := Box(m.frame())
	return Subtract(box, Subtract(box, m).Pieces(!c)[0])
}

// frame is the box of the mask with one element more on each side, but of its own plane
// where it is flat. Its elements may be at -1.
func (m Mask) frame() schemas.BBox {
	b := m.BBox()
	b.Y0, b.X0, b.Y1, b.X1 = b.Y0-1, b.X0-1, b.Y1+1, b.X1+1
	if b.Z1-b.Z0 > 1 {
		b.Z0, b.Z1 = b.Z0-1, b.Z1+1
	}
	return b
}

// Grow is the mask with all neighbours by faces of its elements, within box b.
func (m Mask) Grow(b schemas.BBox) Mask {
	wide := make(Mask, 0, len(m))
	for _, r := range m {
		wide = append(wide, Run{r.Z, r.Y, r.X - 1, r.N + 2})
	}
	grown := Of(wide)
	for _, d := range [][2]int32{{0, 1}, {0, -1}, {1, 0}, {-1, 0}} {
		grown = Union(grown, m.Shift(d[0], d[1], 0))
	}
	return grown.Clip(b)
}

// Dilate is the mask with all elements of its planes that are within r along X and Y, inside
// box b.
func (m Mask) Dilate(r int32, b schemas.BBox) Mask {
	wide := make(Mask, 0, len(m))
	for _, run := range m.Clip(b) {
		x0, x1 := max(b.X0, run.X-min(r, run.X-b.X0)), run.End()+min(r, b.X1-run.End())
		wide = append(wide, Run{run.Z, run.Y, x0, x1 - x0})
	}
	out := Of(wide)
	// What reaches done rows each way reaches three times as far, and one, when it is shifted.
	// Rows outside b are kept until the end: they reach back into it.
	for done := int32(0); done < r; {
		step := min(2*done+1, r-done)
		out = Union(Union(out, out.Shift(0, step, 0)), out.Shift(0, -step, 0))
		done += step
	}
	return out.Clip(b)
}

// label numbers the component of each run from 0, in the order of their first runs.
func (m Mask) label(c Connectivity) (of []int32, n int) {
	sets := newSets(len(m))
	m.adjacent(c, func(i, j int) { sets.join(int32(i), int32(j)) })
	of = make([]int32, len(m))
	for i := range m {
		root := sets.find(int32(i))
		if int(root) == i { // roots are the first of their set
			of[i] = int32(n)
			n++
		} else {
			of[i] = of[root]
		}
	}
	return of, n
}

// adjacent hands out each pair of runs i < j that have neighbouring elements.
func (m Mask) adjacent(c Connectivity, pair func(i, j int)) {
	var at map[[2]int32][2]int // rows of a volume by place
	if len(m) > 0 && m[len(m)-1].Z != m[0].Z {
		at = map[[2]int32][2]int{}
	}
	var above [2]int
	for begin := 0; begin < len(m); {
		row := [2]int{begin, m.rowEnd(begin)}
		first := m[begin]
		begin = row[1]
		if above[1] > 0 {
			if prev := m[above[0]]; prev.Z == first.Z && prev.Y == first.Y-1 {
				m.touching(above, row, c.reach(), pair)
			}
		}
		above = row
		if at == nil {
			continue // flat: no plane before
		}
		at[[2]int32{first.Z, first.Y}] = row
		dy := c.reach()
		for y := first.Y - dy; y <= first.Y+dy; y++ {
			if before, ok := at[[2]int32{first.Z - 1, y}]; ok {
				m.touching(before, row, c.reach(), pair)
			}
		}
	}
}

// rowEnd is the end of the runs that lie in the row of run i.
func (m Mask) rowEnd(i int) int {
	end := i + 1
	for end < len(m) && m[end].sameRow(m[i]) {
		end++
	}
	return end
}

// touching hands out the pairs of runs of two rows that overlap along X or, with reach 1,
// meet at corners.
func (m Mask) touching(a, b [2]int, reach int32, pair func(i, j int)) {
	for i, j := a[0], b[0]; i < a[1] && j < b[1]; {
		r, s := m[i], m[j]
		if r.X < s.End()+reach && s.X < r.End()+reach {
			pair(i, j)
		}
		if r.End() < s.End() {
			i++
		} else {
			j++
		}
	}
}

// sets are disjoint sets of numbers; the root of a set is its smallest number.
type sets []int32

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

func (s sets) find(i int32) int32 {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

// join makes one set of two and reports whether they were two.
func (s sets) join(i, j int32) bool {
	i, j = s.find(i), s.find(j)
	s[max(i, j)] = min(i, j)
	return i != j
}
