package tiffio

import "fmt"

// PixelSize is the distance of neighbouring pixels in micrometres, 0 where it is unknown.
type PixelSize struct {
	X, Y, Z float64
	Source  string // what tells it: "XResolution", "OME-XML", "ImageJ"
	Reason  string // why X and Y are unknown, "" where they are known
}

// Known tells whether the size in the plane is known.
func (s PixelSize) Known() bool { return s.X > 0 && s.Y > 0 }

// maxPrint is the finest resolution in pixels per inch that is taken for one of a printer or
// a screen, which says nothing of what was imaged: 72, 96, 300 and the like.
const maxPrint = 600

// resolution is the pixel size by XResolution, YResolution and ResolutionUnit (TIFF 6.0, section 8).
func (p *parser) resolution(d *directory, raw *[4]uint64) (PixelSize, error) {
	s := PixelSize{Source: "XResolution"}
	unit, err := p.uint(d, tagResolutionUnit, 2)
	if err != nil {
		return s, err
	}
	for i, f := range []struct {
		tag uint16
		to  *float64
	}{{tagXResolution, &s.X}, {tagYResolution, &s.Y}} {
		num, den, ok, err := p.rational(d, f.tag)
		if err != nil {
			return s, err
		}
		raw[2*i], raw[2*i+1] = num, den
		um, reason := micrometres(num, den, unit)
		if !ok {
			reason = "there is no tag " + tagName(f.tag)
		}
		if *f.to = um; reason != "" && s.Reason == "" {
			s.Reason = reason
		}
	}
	if s.Reason != "" {
		return PixelSize{Reason: s.Reason}, nil
	}
	return s, nil
}

// micrometres is the size of a pixel of which there are num/den a unit, or why there is none.
func micrometres(num, den, unit uint64) (um float64, reason string) {
	switch {
	case num == 0 || den == 0:
		return 0, fmt.Sprintf("the resolution is %d/%d", num, den)
	case unit == 2:
		if dpi := float64(num) / float64(den); dpi <= maxPrint && dpi == float64(int(dpi)) {
			return 0, fmt.Sprintf("the resolution of %d pixels per inch is one for print", int(dpi))
		}
		return 25400 * float64(den) / float64(num), ""
	case unit == 3:
		return 10000 * float64(den) / float64(num), ""
	}
	return 0, fmt.Sprintf("the resolution %d/%d has no unit", num, den)
}
