package measure

import "math/bits"

// point is a pixel of a contour.
type point struct{ x, y int }

// compass are the eight neighbours of a pixel: from +X counter-clockwise on a screen.
var compass = [8]point{{1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}, {0, 1}, {1, 1}}

// follower finds the borders of an edge image (Suzuki and Abe, CVGIP 30(1), 1985, algorithm 1):
// seen are the pixels of borders found so far, right those whose right neighbour such a
// border has passed.
type follower struct{ edges, seen, right *bitmap }

// longestHole is the longest of the borders of holes, counted in points after those on
// straight lines are left out; of equals the last in the order of rows, which is the first
// that OpenCV lists. It is nil where there is no hole.
func (b *bitmap) longestHole() []point {
	f := follower{b, newBitmap(b.w, b.h), newBitmap(b.w, b.h)}
	var longest, points []point
	for y := range b.h {
		row := b.row(y)
		for i, v := range row {
			for ends := v &^ (west(row, i) & east(row, i)); ends != 0; ends &= ends - 1 {
				x := 64*i + bits.TrailingZeros64(ends)
				if !b.at(x-1, y) && !f.seen.at(x, y) {
					points = f.follow(points[:0], x, y, 4)
				}
				if !b.at(x+1, y) && !f.right.at(x, y) {
					if points = f.follow(points[:0], x, y, 0); len(points) >= len(longest) {
						longest, points = points, longest
					}
				}
			}
		}
	}
	return longest
}

// follow goes along the border that begins at (x, y), whose neighbour in direction outside is
// empty, and returns the points at which it turns.
func (f *follower) follow(points []point, x, y, outside int) []point {
	start := point{x, y}
	d := outside
	for d = (d - 1) & 7; d != outside && !f.edge(start, d); d = (d - 1) & 7 {
	}
	if d == outside { // a pixel alone
		f.seen.mark(x, y)
		f.right.mark(x, y)
		return append(points, start)
	}
	second := step(start, d)
	for here, last := start, d^4; ; {
		from := d
		for d = (d + 1) & 7; !f.edge(here, d); d = (d + 1) & 7 {
		}
		f.seen.mark(here.x, here.y)
		if d > 0 && d <= from { // the search passed direction 0 and found it empty
			f.right.mark(here.x, here.y)
		}
		if d != last {
			points = append(points, here)
			last = d
		}
		next := step(here, d)
		if next == start && here == second {
			return points
		}
		here, d = next, (d+4)&7
	}
}

func (f *follower) edge(p point, direction int) bool {
	p = step(p, direction)
	return f.edges.at(p.x, p.y)
}

func step(p point, direction int) point {
	return point{p.x + compass[direction].x, p.y + compass[direction].y}
}
