package pictures

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
)

// The colours of outlines can be told apart by all, on the red and green of sections too.
var (
	instanceColour = color.NRGBA{0xff, 0x00, 0xff, 0xff}
	otherColour    = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
	nothing        = color.NRGBA{0x20, 0x20, 0x20, 0xff}
	filled         = map[byte]color.NRGBA{other: {0x60, 0x60, 0x60, 0xff}, instance: {0xb0, 0xb0, 0xb0, 0xff}}
)

// The contrast of an image is stretched between these quantiles of what the shot shows.
const (
	lowQuantile  = 0.002
	highQuantile = 0.998
)

// draw is the shot as a PNG: the image, or masks in grey where there is none, and outlines. A finding without
// an instance has its box drawn instead.
func (s *shot) draw() ([]byte, error) {
	scale := max(1, side/max(s.height, s.width))
	out := image.NewNRGBA(image.Rect(0, 0, s.width*scale, s.height*scale))
	grey := s.stretch()
	line := max(1, scale/5)
	for y := range s.height * scale {
		for x := range s.width * scale {
			at := y/scale*s.width + x/scale
			c := grey(at)
			if kind := s.object[at]; kind != background && s.onOutline(x, y, scale, line) {
				c = otherColour
				if kind == instance {
					c = instanceColour
				}
			}
			out.SetNRGBA(x, y, c)
		}
	}
	if !slices.Contains(s.object, instance) {
		s.drawBox(out, scale, line)
	}
	var b bytes.Buffer
	err := png.Encode(&b, out)
	return b.Bytes(), err
}

// onOutline reports whether a pixel lies within a line of an edge of its object.
func (s *shot) onOutline(x, y, scale, line int) bool {
	own := s.object[y/scale*s.width+x/scale]
	for _, d := range [4][2]int{{-line, 0}, {line, 0}, {0, -line}, {0, line}} {
		ny, nx := y+d[0], x+d[1]
		if ny < 0 || nx < 0 || ny >= s.height*scale || nx >= s.width*scale {
			continue // what is outside of the picture is not known
		}
		if s.object[ny/scale*s.width+nx/scale] != own {
			return true
		}
	}
	return false
}

// drawBox draws the box of the finding.
func (s *shot) drawBox(out *image.NRGBA, scale, line int) {
	b := s.finding.BBox
	place := func(v, from int32, end bool) int {
		d := int(v) - int(from)
		if end {
			return (d+s.step-1)/s.step*scale - 1
		}
		return d / s.step * scale
	}
	top, bottom := place(b.Y0, s.box.Y0, false), place(b.Y1, s.box.Y0, true)
	left, right := place(b.X0, s.box.X0, false), place(b.X1, s.box.X0, true)
	for y := max(top, 0); y <= min(bottom, out.Rect.Dy()-1); y++ {
		for x := max(left, 0); x <= min(right, out.Rect.Dx()-1); x++ {
			if y-top < line || bottom-y < line || x-left < line || right-x < line {
				out.SetNRGBA(x, y, instanceColour)
			}
		}
	}
}

// stretch is the colour of each step.
func (s *shot) stretch() func(at int) color.NRGBA {
	var levels [3]func(at int) uint8
	n := 0
	for c, values := range s.image {
		if values != nil {
			levels[c] = contrast(values)
			n++
		}
	}
	switch n {
	case 0:
		return func(at int) color.NRGBA {
			if c, ok := filled[s.object[at]]; ok {
				return c
			}
			return nothing
		}
	case 1:
		return func(at int) color.NRGBA { v := levels[0](at); return color.NRGBA{v, v, v, 0xff} }
	}
	return func(at int) color.NRGBA {
		var v [3]uint8
		for c, level := range levels {
			if level != nil {
				v[c] = level(at)
			}
		}
		return color.NRGBA{v[0], v[1], v[2], 0xff}
	}
}

// contrast maps values to bytes between two of their quantiles. What was not read is black.
func contrast(values []float32) func(at int) uint8 {
	sorted := slices.DeleteFunc(slices.Clone(values), func(v float32) bool { return math.IsInf(float64(v), 0) || v != v })
	if len(sorted) == 0 {
		return func(int) uint8 { return 0 }
	}
	slices.Sort(sorted)
	lo := sorted[int(lowQuantile*float64(len(sorted)-1))]
	hi := sorted[int(math.Ceil(highQuantile*float64(len(sorted)-1)))]
	return func(at int) uint8 {
		v := values[at]
		switch {
		case !(v > lo): // NaN too
			return 0
		case v >= hi:
			return 0xff
		}
		return uint8(255 * (v - lo) / (hi - lo))
	}
}
