package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
)

// MaxSide is the largest height and width that images are resized to.
const MaxSide = 1 << 14

// fraction is the number of bits behind the point of a filter's weights, which leaves a byte times
// a weight, and a sum of such, in 32 bits.
const fraction = 22

// window is the run of samples that make one sample of the result, and their weights.
type window struct {
	first   int
	weights []int32
}

// windows are those of the triangle filter along an axis of n samples, of which the first extent ones,
// which need not be whole, become m: linear interpolation where it is enlarged, and where it is reduced
// the filter is as much wider, so that every sample counts (antialiasing). Weights are rounded to 2^-22.
func windows(n int, extent float64, m int) []window {
	scale := extent / float64(m)
	wide := max(scale, 1)
	all := make([]window, m)
	for i := range all {
		centre := (float64(i) + 0.5) * scale
		first, end := max(0, int(centre-wide+0.5)), min(n, int(centre+wide+0.5))
		exact, sum := make([]float64, end-first), 0.0
		for k := range exact {
			exact[k] = max(0, 1-math.Abs((float64(first+k)-centre+0.5)*(1/wide)))
			sum += exact[k]
		}
		all[i] = window{first, make([]int32, len(exact))}
		for k, w := range exact {
			all[i].weights[k] = int32(math.Round(w / sum * (1 << fraction)))
		}
	}
	return all
}

// DecodeRGB decodes an image and resizes it to w by h pixels of R, G and B, a byte each, into dst.
//
// The filter is the triangle filter that the function windows defines, first along the rows, then along the
// columns, each rounded to whole samples: what Pillow calls BILINEAR. Of a JPEG with colours in luma and
// chroma these are resized, each at its own resolution, and then made R, G and B; so chroma that is stored
// coarser is interpolated. Alpha is left out, not multiplied in; grey is R, G and B alike; of two bytes a sample
// the high one counts.
func DecodeRGB(dst, encoded []byte, h, w int) error {
	if info, err := Probe(encoded); err == nil && info.Format == JPEG && info.Mode == "RGB" && info.Width <= MaxPixels/info.Height {
		if m, err := jpeg.Decode(bytes.NewReader(encoded)); err == nil {
			if planes, ok := m.(*image.YCbCr); ok {
				resizeYCbCr(dst, planes, h, w)
				return nil
			}
		}
	}
	p, err := Decode(encoded) // also to say what is wrong
	if err != nil {
		return err
	}
	p.resizeRGB(dst, h, w)
	return nil
}

// resizeYCbCr resizes the planes of an image that begins at 0, 0.
func resizeYCbCr(dst []byte, m *image.YCbCr, h, w int) {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	across, down := 1, 1 // luma samples of a chroma sample
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		across = 2
	case image.YCbCrSubsampleRatio420:
		across, down = 2, 2
	case image.YCbCrSubsampleRatio440:
		down = 2
	case image.YCbCrSubsampleRatio411:
		across = 4
	case image.YCbCrSubsampleRatio410:
		across, down = 4, 2
	}
	plane := func(samples []byte, stride, across, down int) []byte {
		columns, rows := (width+across-1)/across, (height+down-1)/down
		out := make([]byte, w*h)
		resize(out, windows(columns, float64(width)/float64(across), w), windows(rows, float64(height)/float64(down), h), 1,
			func(y int) []byte { return samples[y*stride:][:columns] })
		return out
	}
	luma, cb, cr := plane(m.Y, m.YStride, 1, 1), plane(m.Cb, m.CStride, across, down), plane(m.Cr, m.CStride, across, down)
	for i, y := range luma {
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = color.YCbCrToRGB(y, cb[i], cr[i])
	}
}

// resizeRGB resizes pixels of any layout.
func (p *Pixels) resizeRGB(dst []byte, h, w int) {
	channels := 3
	if p.Samples < 3 {
		channels = 1
	}
	across, down := windows(p.Width, float64(p.Width), w), windows(p.Height, float64(p.Height), h)
	line := make([]byte, p.Width*channels)
	out := dst[len(dst)-w*h*channels:] // grey lies at the end, from where it is spread out
	resize(out, across, down, channels, func(y int) []byte { return p.line(line, y, channels) })
	if channels == 1 {
		for i := range w * h {
			dst[3*i], dst[3*i+1], dst[3*i+2] = out[i], out[i], out[i]
		}
	}
}

// resize fills dst with samples of one or three interleaved channels, a row a window of down. row gives
// row y of what is resized.
func resize(dst []byte, across, down []window, channels int, row func(y int) []byte) {
	// Of the rows that were resized along their length only those are kept that the next
	// row of the result needs.
	most, length := 0, len(across)*channels
	for _, d := range down {
		most = max(most, len(d.weights))
	}
	kept, next := make([]byte, most*length), 0
	sums := make([]int32, length)
	for y, d := range down {
		for ; next < d.first+len(d.weights); next++ {
			to := kept[next%most*length:][:length]
			if channels == 1 {
				resizeGrey(to, row(next), across)
			} else {
				resizeColour(to, row(next), across)
			}
		}
		for i := range sums {
			sums[i] = 1 << (fraction - 1)
		}
		for k, weight := range d.weights {
			from := kept[(d.first+k)%most*length:][:len(sums)]
			for i := range sums {
				sums[i] += int32(from[i]) * weight
			}
		}
		out := dst[y*length:][:len(sums)]
		for i, v := range sums {
			out[i] = uint8(v >> fraction)
		}
	}
}

// resizeGrey and resizeColour resize a row. Weights are not negative and their sum is 1 but for their
// rounding, so that sums stay within a byte.
func resizeGrey(dst, src []byte, across []window) {
	for i, a := range across {
		sum := int32(1 << (fraction - 1))
		from := src[a.first:][:len(a.weights)]
		for k, weight := range a.weights {
			sum += int32(from[k]) * weight
		}
		dst[i] = uint8(sum >> fraction)
	}
}

func resizeColour(dst, src []byte, across []window) {
	for i, a := range across {
		r, g, b := int32(1<<(fraction-1)), int32(1<<(fraction-1)), int32(1<<(fraction-1))
		from, weights := src[3*a.first:][:3*len(a.weights)], a.weights
		for k, j := 0, 0; k < len(weights) && j+2 < len(from); k, j = k+1, j+3 {
			weight := weights[k]
			r += int32(from[j]) * weight
			g += int32(from[j+1]) * weight
			b += int32(from[j+2]) * weight
		}
		to := dst[3*i : 3*i+3 : 3*i+3]
		to[0], to[1], to[2] = uint8(r>>fraction), uint8(g>>fraction), uint8(b>>fraction)
	}
}

// line is row y with one or three samples of a byte, in the memory of buf unless it lies so.
func (p *Pixels) line(buf []byte, y, channels int) []byte {
	width := p.Samples
	if p.Wide {
		width *= 2
	}
	row := p.Data[y*p.Width*width:][:p.Width*width]
	if p.Layout == "CMYK" {
		for x := range p.Width {
			buf[3*x], buf[3*x+1], buf[3*x+2] = color.CMYKToRGB(row[4*x], row[4*x+1], row[4*x+2], row[4*x+3])
		}
		return buf
	}
	if !p.Wide && p.Samples == channels {
		return row
	}
	step, high := 1, 0
	if p.Wide {
		step, high = 2, 1
	}
	for x := range p.Width {
		for c := range channels {
			buf[x*channels+c] = row[x*width+c*step+high]
		}
	}
	return buf
}
