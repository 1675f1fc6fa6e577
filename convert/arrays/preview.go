package arrays

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"slices"
)

// The contrast of a preview: each channel is stretched between these quantiles of its
// projection, so that neither dark background nor a few saturated voxels decide it.
const (
	lowQuantile  = 0.02
	highQuantile = 0.998
)

// panelGap separates the panels of a preview, in pixels.
const panelGap = 4

// PreviewOptions say how a preview is drawn. The zero value works.
type PreviewOptions struct {
	// Boundaries draws a line where an object meets another or the background: for objects
	// that lie side by side.
	Boundaries bool
}

// Preview is a PNG of the projection of an image, and beside it, where there is one, that
// of its labels, each object in a colour of its own.
func Preview(img, labels *Projection, o PreviewOptions) ([]byte, error) {
	var panels []*image.NRGBA
	if img != nil {
		panels = append(panels, imagePanel(img))
	}
	if labels != nil {
		panels = append(panels, labelPanel(labels, o.Boundaries))
	}
	w, h := -panelGap, 0
	for _, p := range panels {
		w += p.Rect.Dx() + panelGap
		h = max(h, p.Rect.Dy())
	}
	out := image.NewNRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	for i := range out.Pix {
		out.Pix[i] = 0xff
	}
	x := 0
	for _, p := range panels {
		for y := range p.Rect.Dy() {
			copy(out.Pix[out.PixOffset(x, y):], p.Pix[p.PixOffset(0, y):][:4*p.Rect.Dx()])
		}
		x += p.Rect.Dx() + panelGap
	}
	var buf bytes.Buffer
	err := png.Encode(&buf, out)
	return buf.Bytes(), err
}

// imagePanel shows one channel grey, two or three as red, green and blue, and more in hues
// spread over the circle, added up.
func imagePanel(p *Projection) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	n := p.Height * p.Width
	sum := make([][3]float64, n)
	for c := range p.Channels {
		values := p.Values[c*n : (c+1)*n]
		lo, hi := contrast(values)
		tint := channelTint(c, p.Channels)
		for i, v := range values {
			f := math.Min(1, math.Max(0, (float64(v)-lo)/(hi-lo)))
			for k := range 3 {
				sum[i][k] += f * tint[k]
			}
		}
	}
	for i, s := range sum {
		for k := range 3 {
			out.Pix[4*i+k] = uint8(math.Min(255, 255*s[k]+0.5))
		}
		out.Pix[4*i+3] = 0xff
	}
	return out
}

// contrast is the range of values shown from black to full.
func contrast(values []float32) (lo, hi float64) {
	var finite []float32
	for _, v := range values {
		if !math.IsInf(float64(v), 0) && v == v {
			finite = append(finite, v)
		}
	}
	if len(finite) == 0 {
		return 0, 1
	}
	slices.Sort(finite)
	at := func(q float64) float64 { return float64(finite[int(q*float64(len(finite)-1))]) }
	lo, hi = at(lowQuantile), at(highQuantile)
	if hi <= lo {
		lo, hi = at(0), at(1)
	}
	if hi <= lo {
		hi = lo + 1
	}
	return lo, hi
}

func channelTint(c, n int) [3]float64 {
	switch {
	case n == 1:
		return [3]float64{1, 1, 1}
	case n <= 3:
		var t [3]float64
		t[c] = 1
		return t
	}
	k := hue(float64(c) / float64(n))
	return [3]float64{float64(k.R) / 255, float64(k.G) / 255, float64(k.B) / 255}
}

// goldenRatio spreads the hues of successive objects as far apart as can be.
const goldenRatio = 0.61803398875

// labelPanel gives objects hues by their rank, so that neighbours in it look different
// whatever the labels are.
func labelPanel(p *Projection, boundaries bool) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	colours := map[Key]color.NRGBA{}
	for _, k := range p.Objects {
		if k.Label != 0 {
			colours[k] = color.NRGBA{}
		}
	}
	for i, k := range slices.SortedFunc(maps.Keys(colours), Key.compare) {
		_, f := math.Modf(float64(i) * goldenRatio)
		colours[k] = hue(f)
	}
	black := color.NRGBA{A: 0xff}
	for i, k := range p.Objects {
		c, ok := colours[k]
		if !ok {
			c = black
		}
		if boundaries && p.boundary(i) {
			c = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
		}
		out.SetNRGBA(i%p.Width, i/p.Width, c)
	}
	return out
}

// boundary reports whether pixel i is of an object and the one to its right or below is not
// of the same.
func (p *Projection) boundary(i int) bool {
	k := p.Objects[i]
	right := i%p.Width < p.Width-1 && p.Objects[i+1] != k
	below := i+p.Width < len(p.Objects) && p.Objects[i+p.Width] != k
	return k.Label != 0 && (right || below)
}

// hue is a bright, fully opaque colour at position f of the colour circle, 0 <= f < 1.
func hue(f float64) color.NRGBA {
	ramp := func(shift float64) uint8 {
		_, t := math.Modf(f + shift)
		v := math.Abs(6*t-3) - 1
		return uint8(40 + 215*math.Min(1, math.Max(0, v)))
	}
	return color.NRGBA{R: ramp(0), G: ramp(2.0 / 3), B: ramp(1.0 / 3), A: 0xff}
}
