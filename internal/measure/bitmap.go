package measure

import (
	"math/bits"

	"github.com/micropq/micropq/internal/mask"
)

// pad is how many empty pixels surround the object in a bitmap: as far as the window of an
// edge reaches beyond an edge pixel, which may lie one pixel outside the object.
const pad = 3

// bitmap is an image of bits; bit x%64 of word x/64 of a row is its pixel x.
type bitmap struct {
	w, h   int
	stride int // words a row
	words  []uint64
}

func newBitmap(w, h int) *bitmap {
	stride := (w + 63) / 64
	return &bitmap{w: w, h: h, stride: stride, words: make([]uint64, stride*h)}
}

// paint is the bitmap of a flat mask: pixel (pad, pad) is the corner of its bounding box.
func paint(m mask.Mask) *bitmap {
	box := m.BBox()
	b := newBitmap(int(box.X1-box.X0)+2*pad, int(box.Y1-box.Y0)+2*pad)
	for _, r := range m {
		b.set(int(r.X-box.X0)+pad, int(r.End()-box.X0)+pad, int(r.Y-box.Y0)+pad)
	}
	return b
}

// set sets pixels x0 to x1 of row y.
func (b *bitmap) set(x0, x1, y int) {
	row := b.row(y)
	first, last := x0/64, (x1-1)/64
	low, high := ^uint64(0)<<(x0%64), ^uint64(0)>>(63-(x1-1)%64)
	if first == last {
		row[first] |= low & high
		return
	}
	row[first] |= low
	for i := first + 1; i < last; i++ {
		row[i] = ^uint64(0)
	}
	row[last] |= high
}

func (b *bitmap) row(y int) []uint64 { return b.words[y*b.stride : (y+1)*b.stride] }

func (b *bitmap) at(x, y int) bool { return b.words[y*b.stride+x/64]>>(x%64)&1 != 0 }

func (b *bitmap) mark(x, y int) { b.words[y*b.stride+x/64] |= 1 << (x % 64) }

// three are the pixels x-1 to x+1 of row y, the left one in the highest of three bits. All
// three lie in the bitmap.
func (b *bitmap) three(x, y int) uint64 {
	row := b.words[y*b.stride:]
	i, s := (x-1)/64, (x-1)%64
	v := row[i] >> s
	if s > 61 {
		v |= row[i+1] << (64 - s)
	}
	return v & 7
}

// east is a row moved by one pixel, so that a pixel sees its right neighbour; west its left.
func east(row []uint64, i int) uint64 {
	v := row[i] >> 1
	if i+1 < len(row) {
		v |= row[i+1] << 63
	}
	return v
}

func west(row []uint64, i int) uint64 {
	v := row[i] << 1
	if i > 0 {
		v |= row[i-1] >> 63
	}
	return v
}

// steps counts what the perimeters are made of.
type steps struct {
	border          int64 // pixels with a neighbour by faces outside the object
	across, down    int64 // runs along X, and along Y
	falling, rising int64 // and along the diagonals, y growing with x or not
}

func (b *bitmap) steps() (s steps) {
	count := func(v uint64) int64 { return int64(bits.OnesCount64(v)) }
	for y := 1; y < b.h-1; y++ {
		above, row, below := b.row(y-1), b.row(y), b.row(y+1)
		for i, v := range row {
			if v == 0 {
				continue
			}
			left := west(row, i)
			s.border += count(v &^ (above[i] & below[i] & left & east(row, i)))
			s.across += count(v &^ left)
			s.down += count(v &^ above[i])
			s.falling += count(v &^ west(above, i))
			s.rising += count(v &^ west(below, i))
		}
	}
	return s
}
