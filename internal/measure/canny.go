package measure

import "math/bits"

// gradients are the Sobel responses of every window of three by three bits: the upper row in
// the highest three bits.
var gradients = func() (table [512]gradient) {
	for window := range table {
		bit := func(row, column int) int8 { return int8(window >> (3*(2-row) + column) & 1) }
		table[window] = gradient{
			x: bit(0, 2) + 2*bit(1, 2) + bit(2, 2) - bit(0, 0) - 2*bit(1, 0) - bit(2, 0),
			y: bit(2, 0) + 2*bit(2, 1) + bit(2, 2) - bit(0, 0) - 2*bit(0, 1) - bit(0, 2),
		}
	}
	return table
}()

// gradient is a response along X and Y, in units of the height of the mask.
type gradient struct{ x, y int8 }

// size is the L1 norm.
func (g gradient) size() int { return max(int(g.x), -int(g.x)) + max(int(g.y), -int(g.y)) }

func (b *bitmap) gradient(x, y int) gradient {
	return gradients[b.three(x, y-1)<<6|b.three(x, y)<<3|b.three(x, y+1)]
}

// tan22 is the tangent of 22.5 degrees in units of 2^-15, as OpenCV rounds it.
const tan22 = 13573

// canny is the edge image that cv2.Canny(mask, 100, 200) makes of the mask with values 0 and
// 255 (Canny, IEEE PAMI 8(6), 1986; OpenCV: 3x3 Sobel, L1 norm). The smallest gradient there is
// 255, past both thresholds, so every ridge pixel is an edge and there is nothing to follow.
func (b *bitmap) canny() *bitmap {
	edges := newBitmap(b.w, b.h)
	for y := 2; y < b.h-2; y++ {
		above, row, below := b.row(y-1), b.row(y), b.row(y+1)
		for i := range row {
			// Only a window that is neither empty nor full has a gradient.
			any := above[i] | row[i] | below[i] | west(above, i) | west(row, i) | west(below, i) | east(above, i) | east(row, i) | east(below, i)
			all := above[i] & row[i] & below[i] & west(above, i) & west(row, i) & west(below, i) & east(above, i) & east(row, i) & east(below, i)
			for mixed := any &^ all; mixed != 0; mixed &= mixed - 1 {
				x := 64*i + bits.TrailingZeros64(mixed)
				if x >= 2 && x < b.w-2 && b.ridge(x, y) {
					edges.mark(x, y)
				}
			}
		}
	}
	return edges
}

// ridge reports whether the gradient at a pixel is the largest across the edge there.
func (b *bitmap) ridge(x, y int) bool {
	g := b.gradient(x, y)
	here := g.size()
	dx, dy := max(int(g.x), -int(g.x)), max(int(g.y), -int(g.y))<<15
	size := func(x, y int) int { return b.gradient(x, y).size() }
	switch flat := dx * tan22; {
	case here == 0:
		return false
	case dy < flat: // across X
		return here > size(x-1, y) && here >= size(x+1, y)
	case dy > flat+dx<<16: // beyond 67.5 degrees
		return here > size(x, y-1) && here >= size(x, y+1)
	}
	s := 1
	if (g.x < 0) != (g.y < 0) {
		s = -1
	}
	return here > size(x-s, y-1) && here > size(x+s, y+1)
}
