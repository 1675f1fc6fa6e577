package picture

import (
	"math"
	"slices"
)

const (
	hashGrid = 32 // cells along a side
	hashLow  = 8  // lowest frequencies along a side
)

// cosines are those of the DCT-II of 32 points in units of 1/2^14, of the lowest
// frequencies: cos(pi (2x+1) u / 64).
var cosines = func() (t [hashLow][hashGrid]int64) {
	for u := range t {
		for x := range t[u] {
			t[u][x] = int64(math.Round(math.Cos(math.Pi*float64((2*x+1)*u)/(2*hashGrid)) * (1 << 14)))
		}
	}
	return t
}()

// Hash is the perceptual hash: the pHash of Zauner (Implementation and Benchmarking of
// Perceptual Image Hash Functions, 2010), in integers, so that it is the same everywhere.
//
// Luma, (19595 R + 38470 G + 7471 B + 32768) >> 16 as in Pillow (ITU-R 601), of samples cut
// to 8 bits, alpha ignored, and of CMYK 255 minus ink, is averaged over the cells of a
// 32 by 32 grid on the image, a pixel that lies in several cells by its share of each; in
// units of 1/256. Of the DCT-II of the cells the 8 by 8 lowest frequencies are compared
// with their median, the mean of the middle two: a bit is 1 where the frequency is larger,
// the first row (vertical frequency 0) in the most significant byte.
func (p *Pixels) Hash() uint64 {
	cells := p.cells()
	var half [hashGrid][hashLow]int64 // horizontal frequencies of each row
	for y := range half {
		for u := range half[y] {
			for x := range hashGrid {
				half[y][u] += cells[y][x] * cosines[u][x]
			}
		}
	}
	var low [hashLow * hashLow]int64
	for v := range hashLow {
		for u := range hashLow {
			for y := range hashGrid {
				low[v*hashLow+u] += half[y][u] * cosines[v][y]
			}
		}
	}
	sorted := low
	slices.Sort(sorted[:])
	// The sum of two fits: a frequency is below 2^16 * 2^14 * 2^14 * 2^10 = 2^54.
	median := sorted[31] + sorted[32]
	var hash uint64
	for _, f := range low {
		hash <<= 1
		if 2*f > median {
			hash |= 1
		}
	}
	return hash
}

// cells are the averages of luma, in units of 1/256. A pixel spans 32 units along each
// axis and a cell as many as the image has pixels, so that all shares are integers.
func (p *Pixels) cells() (out [hashGrid][hashGrid]int64) {
	luma := make([]uint8, p.Width)
	for y := range p.Height {
		p.luma(y, luma)
		line := cellsOf(luma)
		first, last := hashGrid*y/p.Height, (hashGrid*(y+1)-1)/p.Height
		for cell := first; cell <= last; cell++ {
			share := int64(min(hashGrid*(y+1), (cell+1)*p.Height) - max(hashGrid*y, cell*p.Height))
			for x := range line {
				out[cell][x] += share * line[x]
			}
		}
	}
	total := int64(p.Width) * int64(p.Height)
	for y := range out {
		for x := range out[y] {
			out[y][x] = out[y][x] * 256 / total
		}
	}
	return out
}

// cellsOf are the sums of a row's pixels over the cells, each by its share.
func cellsOf(luma []uint8) (line [hashGrid]int64) {
	w := len(luma)
	for cell := range line {
		begin, end := cell*w, (cell+1)*w
		first, last := begin/hashGrid, (end-1)/hashGrid
		if first == last {
			line[cell] = int64(w) * int64(luma[first])
			continue
		}
		whole := 0
		for _, v := range luma[first+1 : last] {
			whole += int(v)
		}
		line[cell] = int64((first+1)*hashGrid-begin)*int64(luma[first]) +
			hashGrid*int64(whole) + int64(end-last*hashGrid)*int64(luma[last])
	}
	return line
}

// luma is a row of pixels as 8 bits of grey.
func (p *Pixels) luma(y int, out []uint8) {
	step, first := p.Samples, 0
	if p.Wide {
		step, first = 2*step, 1 // the high byte
	}
	row := p.Data[y*p.Width*step:][:p.Width*step]
	if p.Samples < 3 {
		for x := range out {
			out[x] = row[x*step+first]
		}
		return
	}
	if p.Layout == "RGB" {
		for x := range out {
			px := row[3*x : 3*x+3 : 3*x+3]
			out[x] = uint8((19595*int(px[0]) + 38470*int(px[1]) + 7471*int(px[2]) + 32768) >> 16)
		}
		return
	}
	sample := step / p.Samples
	for x := range out {
		px := row[x*step+first:]
		r, g, b := int(px[0]), int(px[sample]), int(px[2*sample])
		if p.Layout == "CMYK" {
			white := 255 - int(px[3*sample])
			r, g, b = (255-r)*white/255, (255-g)*white/255, (255-b)*white/255
		}
		out[x] = uint8((19595*r + 38470*g + 7471*b + 32768) >> 16)
	}
}
