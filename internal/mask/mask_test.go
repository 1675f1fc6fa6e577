package mask

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/micropq/micropq/schemas"
)

// drawn is the mask of the '#' of rows of text.
func drawn(rows ...string) Mask {
	var runs []Run
	for y, row := range rows {
		for x, c := range row {
			if c == '#' {
				runs = append(runs, Run{0, int32(y), int32(x), 1})
			}
		}
	}
	return Of(runs)
}

// random is a mask in a box of d planes, h rows and w columns, of blots or of noise.
func random(r *rand.Rand, d, h, w int, density float64) Mask {
	var runs []Run
	for z := range d {
		for y := range h {
			for x := range w {
				if r.Float64() < density {
					runs = append(runs, Run{int32(z), int32(y), int32(x), 1 + int32(r.IntN(min(3, w-x)))})
				}
			}
		}
	}
	return Of(runs)
}

// elements is the mask as a set, the slow way.
func elements(m Mask) map[[3]int32]bool {
	set := map[[3]int32]bool{}
	for _, r := range m {
		for x := r.X; x < r.End(); x++ {
			set[[3]int32{r.Z, r.Y, x}] = true
		}
	}
	return set
}

func eachRandom(t *testing.T, d, h, w int, f func(t *testing.T, r *rand.Rand, m Mask)) {
	t.Helper()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		m := random(r, 1+r.IntN(d), 1+r.IntN(h), 1+r.IntN(w), []float64{.02, .2, .5, .9}[seed%4])
		f(t, r, m)
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, m)
		}
	}
}

func TestMeasuresOfAMask(t *testing.T) {
	m := drawn(
		"....",
		".##.",
		"##.#",
	)
	if got := m.Area(); got != 5 {
		t.Errorf("area %d, want 5", got)
	}
	if got, want := m.BBox(), (schemas.BBox{Z1: 1, Y0: 1, Y1: 3, X1: 4}); got != want {
		t.Errorf("bbox %v, want %v", got, want)
	}
	if got, want := m.Centroid(), (schemas.Point{Y: 8. / 5, X: 7. / 5}); got != want {
		t.Errorf("centroid %v, want %v", got, want)
	}
	if !m.Contains(0, 1, 2) || m.Contains(0, 2, 2) || m.Contains(0, 0, 0) || !m.Contains(0, 2, 3) {
		t.Error("Contains disagrees with the drawing")
	}
}

func TestOfJoins(t *testing.T) {
	got := Of([]Run{{0, 1, 5, 2}, {0, 0, 3, 4}, {0, 1, 1, 4}, {0, 1, 2, 1}, {0, 0, 0, 0}})
	if want := (Mask{{0, 0, 3, 4}, {0, 1, 1, 6}}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	for _, m := range []Mask{{{0, 0, 1, 2}, {0, 0, 3, 1}}, {{0, 1, 0, 1}, {0, 0, 0, 1}}, {{0, 0, 0, 0}}, {{0, 0, -1, 2}}, {{0, 0, 1<<31 - 2, 9}}} {
		if m.Check() == nil {
			t.Errorf("%v passes", m)
		}
	}
}

func TestSetOperations(t *testing.T) {
	eachRandom(t, 2, 12, 20, func(t *testing.T, r *rand.Rand, a Mask) {
		b := random(r, 2, 12, 20, r.Float64())
		inA, inB := elements(a), elements(b)
		both, either, only := map[[3]int32]bool{}, elements(a), map[[3]int32]bool{}
		for e := range inA {
			if inB[e] {
				both[e] = true
			} else {
				only[e] = true
			}
		}
		for e := range inB {
			either[e] = true
		}
		for name, c := range map[string]struct {
			got  Mask
			want map[[3]int32]bool
		}{"intersect": {Intersect(a, b), both}, "union": {Union(a, b), either}, "subtract": {Subtract(a, b), only}} {
			if !reflect.DeepEqual(elements(c.got), c.want) || c.got.Check() != nil {
				t.Errorf("%s with %v: %v (%v)", name, b, c.got, c.got.Check())
			}
		}
		if got := IntersectionArea(a, b); got != int64(len(both)) {
			t.Errorf("intersection %d, want %d", got, len(both))
		}
		if got, want := IoU(a, b), float64(len(both))/float64(max(1, len(either))); got != want {
			t.Errorf("IoU %v, want %v", got, want)
		}
	})
}

// plainCounts counts element by element.
func plainCounts(m Mask, b schemas.BBox, o Order) []int64 {
	set := elements(m)
	counts, inside := []int64{0}, false
	step := func(z, y, x int32) {
		if set[[3]int32{z, y, x}] != inside {
			counts, inside = append(counts, 0), !inside
		}
		counts[len(counts)-1]++
	}
	if o == COrder {
		for z := b.Z0; z < b.Z1; z++ {
			for y := b.Y0; y < b.Y1; y++ {
				for x := b.X0; x < b.X1; x++ {
					step(z, y, x)
				}
			}
		}
		return counts
	}
	for x := b.X0; x < b.X1; x++ {
		for y := b.Y0; y < b.Y1; y++ {
			step(b.Z0, y, x)
		}
	}
	return counts
}

func TestCounts(t *testing.T) {
	for _, o := range []Order{ColumnMajor, COrder} {
		depth := 1 + 2*int(o)
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			eachRandom(t, depth, 15, 15, func(t *testing.T, r *rand.Rand, m Mask) {
				boxes := []schemas.BBox{m.BBox(), {Z1: int32(depth), Y1: 15, X1: 17}}
				for _, b := range boxes {
					if b == (schemas.BBox{}) {
						continue
					}
					got, want := m.Counts(b, o), plainCounts(m, b, o)
					if !slices.Equal(got, want) {
						t.Errorf("in %v: %v, want %v", b, got, want)
					}
					back, err := FromCounts(got, b, o)
					if err != nil || !slices.Equal(back, m) {
						t.Errorf("in %v: %v comes back as %v, %v", b, got, back, err)
					}
				}
			})
		})
	}
}

func TestCountsAreRefused(t *testing.T) {
	box := schemas.BBox{Z1: 1, Y1: 3, X1: 4}
	for name, c := range map[string]struct {
		counts []int64
		box    schemas.BBox
	}{
		"short":      {[]int64{3, 4}, box},
		"long":       {[]int64{3, 10}, box},
		"negative":   {[]int64{3, -1, 10}, box},
		"overflow":   {[]int64{3, 1<<63 - 1, 10}, box},
		"inside out": {[]int64{12}, schemas.BBox{Z1: 1, Y1: -3, X1: -4}},
		"too large":  {[]int64{1 << 62}, schemas.BBox{Z1: 1, Y1: 1<<31 - 1, X1: 1<<31 - 1}},
		"volume":     {[]int64{24}, schemas.BBox{Z1: 2, Y1: 3, X1: 4}},
		"many runs":  {[]int64{0, 1 << 30}, schemas.BBox{Z1: 1, Y1: 1 << 28, X1: 4}},
	} {
		if m, err := FromCounts(c.counts, c.box, ColumnMajor); err == nil {
			t.Errorf("%s: taken as %d runs", name, len(m))
		}
	}
	if m, err := FromCounts([]int64{0, 0, 3, 2, 0, 1, 6}, box, ColumnMajor); err != nil || m.Area() != 3 {
		t.Errorf("counts of 0: %v, %v", m, err)
	}
}

func TestCompressedCounts(t *testing.T) {
	// The string is what pycocotools 2.0.11 makes of these counts.
	for _, counts := range [][]int64{{}, {0}, {6, 1, 40, 4, 5, 4, 5, 4, 21}, {0, 1 << 31, 3, 1 << 40, 1}, {5, 0, 0, 1<<63 - 1}} {
		s := CompressCounts(counts)
		back, err := ExpandCounts(s)
		if err != nil || !slices.Equal(back, counts) {
			t.Errorf("%v as %q comes back as %v, %v", counts, s, back, err)
		}
	}
	for _, s := range []string{"P", "0P", "\x00", "p0", "1 2", "oooooooooooooooo", "ooooooooooooo", "O", "101O"} {
		if counts, err := ExpandCounts(s); err == nil {
			t.Errorf("%q is taken as %v", s, counts)
		}
	}
}

func TestPieces(t *testing.T) {
	m := drawn(
		"##..#",
		"..#.#",
		"#...#",
		"##.##",
	)
	if got := []int{m.CountPieces(Faces), m.CountPieces(Corners)}; !slices.Equal(got, []int{4, 3}) {
		t.Errorf("%v pieces, want 4 by faces and 3 by corners", got)
	}
	ring := drawn(
		"####.",
		"#.#.#",
		"##.#.",
		"#####",
	)
	if got := []int{ring.CountHoles(Faces), ring.CountHoles(Corners)}; !slices.Equal(got, []int{0, 3}) {
		t.Errorf("%v holes, want 0 where pieces connect by faces and 3 by corners", got)
	}
	if got := ring.Fill(Corners).Area(); got != ring.Area()+3 {
		t.Errorf("filled area %d, want %d", got, ring.Area()+3)
	}
}

func TestPiecesAreMaximal(t *testing.T) {
	eachRandom(t, 3, 10, 14, func(t *testing.T, r *rand.Rand, m Mask) {
		for _, c := range []Connectivity{Faces, Corners} {
			want := plainPieces(m, c)
			if got := len(m.Pieces(c)); got != want || m.CountPieces(c) != want {
				t.Errorf("%d pieces (corners %v), want %d", got, c, want)
			}
			var all Mask
			for _, p := range m.Pieces(c) {
				all = Union(all, p)
			}
			if !slices.Equal(all, m) {
				t.Errorf("the pieces are not the mask")
			}
		}
	})
}

// plainPieces floods element by element.
func plainPieces(m Mask, c Connectivity) (n int) {
	left := elements(m)
	for len(left) > 0 {
		n++
		var stack [][3]int32
		for e := range left {
			stack = append(stack, e)
			delete(left, e)
			break
		}
		for len(stack) > 0 {
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for d := range int32(27) {
				dz, dy, dx := d/9-1, d/3%3-1, d%3-1
				f := [3]int32{e[0] + dz, e[1] + dy, e[2] + dx}
				if (c == Corners || dz*dz+dy*dy+dx*dx == 1) && left[f] {
					delete(left, f)
					stack = append(stack, f)
				}
			}
		}
	}
	return n
}

func TestNeighbours(t *testing.T) {
	a, b, c := drawn("##", "#.", "..", ".."), drawn("..", ".#", "..", ".."), drawn("..", "..", "#.", "..")
	for _, test := range []struct {
		c    Connectivity
		want [][]int
	}{{Faces, [][]int{{1, 2}, {0}, {0}}}, {Corners, [][]int{{1, 2}, {0, 2}, {0, 1}}}} {
		if got := Neighbours([]Mask{a, b, c}, test.c); !reflect.DeepEqual(got, test.want) {
			t.Errorf("corners %v: %v, want %v", test.c, got, test.want)
		}
	}
}

func TestGrow(t *testing.T) {
	got := drawn("....", ".#..", "...#").Grow(schemas.BBox{Z1: 1, Y1: 3, X1: 4})
	if want := drawn(".#..", "####", ".###"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDilate(t *testing.T) {
	eachRandom(t, 2, 14, 18, func(t *testing.T, r *rand.Rand, m Mask) {
		b := schemas.BBox{Z1: 2, Y1: 14, X1: 18}
		reach := int32(r.IntN(7))
		want := map[[3]int32]bool{}
		for e := range elements(m) {
			for y := max(0, e[1]-reach); y <= min(13, e[1]+reach); y++ {
				for x := max(0, e[2]-reach); x <= min(17, e[2]+reach); x++ {
					want[[3]int32{e[0], y, x}] = true
				}
			}
		}
		if got := m.Dilate(reach, b); !reflect.DeepEqual(elements(got), want) || got.Check() != nil {
			t.Errorf("by %d: %v (%v)", reach, got, got.Check())
		}
	})
}

func TestOverlaps(t *testing.T) {
	eachRandom(t, 2, 14, 18, func(t *testing.T, r *rand.Rand, m Mask) {
		as, bs := []Mask{m, random(r, 2, 9, 9, .3), nil}, []Mask{random(r, 2, 14, 18, .1), random(r, 2, 14, 18, .5)}
		var want []Overlap
		for i, a := range as {
			for j, b := range bs {
				if n := IntersectionArea(a, b); n > 0 {
					want = append(want, Overlap{i, j, n})
				}
			}
		}
		if got := Overlaps(as, bs); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		all := append(slices.Clone(as), bs...)
		want = nil
		for i, a := range all {
			for j, b := range all[:i] {
				if n := IntersectionArea(a, b); n > 0 {
					want = append(want, Overlap{j, i, n})
				}
			}
		}
		slices.SortFunc(want, func(p, q Overlap) int { return cmp.Or(p.A-q.A, p.B-q.B) })
		if got := SelfOverlaps(all); !slices.Equal(got, want) {
			t.Errorf("of one set: %v, want %v", got, want)
		}
	})
}

func TestOutlinesRasteriseToTheMask(t *testing.T) {
	eachRandom(t, 1, 14, 18, func(t *testing.T, r *rand.Rand, m Mask) {
		polygons := m.Outlines()
		if len(polygons) != m.CountPieces(Faces) {
			t.Errorf("%d outlines, want %d", len(polygons), m.CountPieces(Faces))
		}
		var all Mask
		area, holes := 0.0, 0
		for _, p := range polygons {
			area += p.Outer.Area()
			holes += len(p.Holes)
			for _, ring := range p.Rings() {
				if v, twice := repeated(ring); twice {
					t.Errorf("ring %v comes to %v twice", ring, v)
				}
			}
			for _, h := range p.Holes {
				area += h.Area()
			}
			part, err := Rasterize(p.Rings(), 14, 18)
			if err != nil {
				t.Fatal(err)
			}
			all = Union(all, part)
		}
		if !slices.Equal(all, m) || area != float64(m.Area()) {
			t.Errorf("outlines %v rasterise to %v, area %v", polygons, all, area)
		}
	})
}

func repeated(r Ring) (Vertex, bool) {
	seen := map[Vertex]bool{}
	for _, v := range r {
		if seen[v] {
			return v, true
		}
		seen[v] = true
	}
	return Vertex{}, false
}

func TestRasterize(t *testing.T) {
	triangle := Ring{{1, 1}, {4, 1}, {1, 4}}
	got, err := Rasterize([]Ring{triangle}, 10, 10)
	if err != nil || !slices.Equal(got, Mask{{0, 1, 1, 2}, {0, 2, 1, 1}}) {
		t.Errorf("triangle: %v, %v; its diagonal passes through centres, which are outside", got, err)
	}
	outside := Ring{{-5, -5}, {50, -5}, {50, 50}, {-5, 50}}
	if got, err := Rasterize([]Ring{outside}, 3, 4); err != nil || got.Area() != 12 {
		t.Errorf("a ring around the image: %v, %v", got, err)
	}
	nan := Ring{{0, 0}, {1, 0}, {0, nan()}}
	for name, rings := range map[string][]Ring{"two vertices": {{{0, 0}, {1, 1}}}, "NaN": {nan}, "huge": {{{-1e308, 0}, {1e308, 5}, {0, 9}}}} {
		if m, err := Rasterize(rings, 10, 10); err == nil {
			t.Errorf("%s: taken as %v", name, m)
		}
	}
}

func nan() float64 { z := 0.0; return z / z }

// Many runs are sorted by another way than few.
func TestOfManyRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 9))
	for range 20 {
		var runs []Run
		for range 64 + r.IntN(400) {
			runs = append(runs, Run{Z: int32(r.IntN(3)) + 7, Y: int32(r.IntN(20)) + 100, X: int32(r.IntN(1000)), N: int32(r.IntN(4))})
		}
		want := slices.Clone(runs)
		slices.SortFunc(want, Run.compare)
		want = Of(want)
		if got := Of(runs); !slices.Equal(got, want) || Mask(got).Check() != nil {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}
