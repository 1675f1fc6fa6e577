package measure

import (
	"math"

	"github.com/micropq/micropq/internal/mask"
)

// extent is the first and last pixel of an object in a row.
type extent struct{ y, first, last int64 }

// extents are those of the rows of a flat mask that have any.
func extents(m mask.Mask) []extent {
	var rows []extent
	for _, r := range m {
		y, first, last := int64(r.Y), int64(r.X), int64(r.End()-1)
		if n := len(rows) - 1; n >= 0 && rows[n].y == y {
			rows[n].last = last
			continue
		}
		rows = append(rows, extent{y, first, last})
	}
	return rows
}

// corner is a corner of a hull in half pixels, so that the middles of pixel edges are whole.
type corner struct{ x, y int64 }

// hull is the convex hull of the middles of the pixel edges of an object: its left and its
// right side, both from the top down and both with the corners at the ends.
type hull struct{ left, right []corner }

func newHull(rows []extent) hull {
	var h hull
	for i, r := range rows {
		x0, x1, y := 2*r.first, 2*r.last, 2*r.y
		if i == 0 || rows[i-1].y != r.y-1 { // else the row above has this line from below
			h.add(x0, x1, y-1)
		} else {
			above := rows[i-1]
			h.add(min(x0, 2*above.first), max(x1, 2*above.last), y-1)
		}
		h.add(x0-1, x1+1, y)
		if i == len(rows)-1 || rows[i+1].y != r.y+1 {
			h.add(x0, x1, y+1)
		}
	}
	return h
}

// add extends both sides by a line further down (Andrew, Inf. Proc. Letters 9(5), 1979).
func (h *hull) add(x0, x1, y int64) {
	h.left = push(h.left, corner{x0, y}, 1)
	h.right = push(h.right, corner{x1, y}, -1)
}

// push adds a corner to a side and drops those that it leaves inside.
func push(side []corner, c corner, sign int64) []corner {
	for n := len(side); n >= 2 && sign*turn(side[n-2], side[n-1], c) >= 0; n = len(side) {
		side = side[:n-1]
	}
	return append(side, c)
}

// turn is twice the area of the triangle of three corners, signed.
func turn(a, b, c corner) int64 { return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x) }

// image are the rows of the hull image.
func (h hull) image() []extent {
	top, bottom := h.left[0].y, h.left[len(h.left)-1].y
	rows := make([]extent, 0, (bottom-top)/2)
	l, r := 0, 0
	for y := top + 1; y < bottom; y += 2 {
		for h.left[l+1].y < y {
			l++
		}
		for h.right[r+1].y < y {
			r++
		}
		row := extent{y / 2, firstPixel(h.left[l], h.left[l+1], y), lastPixel(h.right[r], h.right[r+1], y)}
		if row.first <= row.last { // a hull thinner than a pixel may pass between two centres
			rows = append(rows, row)
		}
	}
	return rows
}

// firstPixel is the first pixel centre at or right of the line from a to b in line y.
func firstPixel(a, b corner, y int64) int64 { return -floorDiv(-atLine(a, b, y), 2*(b.y-a.y)) }

// lastPixel is the last one at or left of it.
func lastPixel(a, b corner, y int64) int64 { return floorDiv(atLine(a, b, y), 2*(b.y-a.y)) }

// atLine is where the line from a to b crosses line y, times b.y-a.y.
func atLine(a, b corner, y int64) int64 { return a.x*(b.y-a.y) + (b.x-a.x)*(y-a.y) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// pixels counts the pixels of rows.
func pixels(rows []extent) (n int64) {
	for _, r := range rows {
		n += r.last - r.first + 1
	}
	return n
}

// ring is the hull as a closed line, clockwise on a screen: down the right side, up the left.
func (h hull) ring() []corner {
	ring := append([]corner{}, h.right...)
	for i := len(h.left) - 1; i >= 0; i-- {
		if c := h.left[i]; c != ring[len(ring)-1] && c != ring[0] {
			ring = append(ring, c)
		}
	}
	return ring
}

// calipers are the largest distance of two corners of the hull and the smallest of two
// parallel lines around it, in pixels, by turning a pair of lines around it (Shamos, 1978).
func (h hull) calipers() (widest, narrowest float64) {
	ring := h.ring()
	n := len(ring)
	far := 1
	most, least := int64(0), math.Inf(1)
	for i, a := range ring {
		b := ring[(i+1)%n]
		for turn(a, b, ring[(far+1)%n]) > turn(a, b, ring[far]) {
			far = (far + 1) % n
		}
		most = max(most, distance2(a, ring[far]), distance2(b, ring[far]))
		least = min(least, float64(turn(a, b, ring[far]))/math.Sqrt(float64(distance2(a, b))))
	}
	return math.Sqrt(float64(most)) / 2, least / 2
}

func distance2(a, b corner) int64 { return (a.x-b.x)*(a.x-b.x) + (a.y-b.y)*(a.y-b.y) }
