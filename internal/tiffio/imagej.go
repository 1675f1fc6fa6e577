package tiffio

import (
	"fmt"
	"strconv"
	"strings"
)

func isImageJ(text string) bool { return strings.HasPrefix(text, "ImageJ=") }

// imageJ is what an ImageJ description says: one key=value a line.
type imageJ map[string]string

func parseImageJ(text string) imageJ {
	ij := imageJ{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "="); ok {
			ij[key] = value
		}
	}
	return ij
}

// number is a positive count, 1 where it is left out.
func (ij imageJ) number(key string) (int, error) {
	text, ok := ij[key]
	if !ok {
		return 1, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > maxDirectories {
		return 0, fmt.Errorf("ImageJ: %s is %q", key, text)
	}
	return n, nil
}

// imageJSeries is the hyperstack that an ImageJ description means: pages of channels, then
// slices, then frames. It is nil, with the reasons, where the pages do not fit.
func (f *File) imageJSeries(text string) (*Series, []string) {
	ij := parseImageJ(text)
	var n [4]int
	for i, key := range []string{"frames", "channels", "slices", "images"} {
		var err error
		if n[i], err = ij.number(key); err != nil {
			return nil, []string{err.Error()}
		}
	}
	images := n[3]
	if images == 1 && len(f.pages) > 1 {
		images = len(f.pages)
	}
	samples := f.pages[0].Samples
	if samples > 1 && n[1] == samples && n[0]*n[2] == images { // channels that are the samples of a pixel
		n[1] = 1
	}
	if n[0]*n[2] > maxDirectories || n[0]*n[1]*n[2] != images {
		if n[0]*n[1]*n[2] != 1 {
			return nil, []string{fmt.Sprintf("ImageJ: %d frames of %d channels of %d slices are not %d images", n[0], n[1], n[2], images)}
		}
		n[2] = images // a plain stack
	}
	pages, err := f.imageJPages(images)
	if err != nil {
		return nil, []string{err.Error()}
	}
	s := &Series{Name: f.pages[0].Name, By: ByImageJ, lead: [3]int{n[0], n[1], n[2]}}
	table := make([]*Page, images)
	for i, p := range pages {
		c, z, t := i%n[1], i/n[1]%n[2], i/n[1]/n[2]
		table[(t*n[1]+c)*n[2]+z] = p
	}
	s.levels = [][]*Page{table}
	for _, p := range table {
		if p.err == nil && table[0].err == nil && !p.like(table[0]) {
			return nil, []string{fmt.Sprintf("ImageJ: %s and %s are images of one stack and differ in size or type", table[0].Name, p.Name)}
		}
	}
	s.name()
	s.merge(ij.pixelSize(f.pages[0].resolutionRaw))
	return s, nil
}

// imageJPages are the pages of the images. ImageJ writes large stacks with one directory, the
// images behind each other.
func (f *File) imageJPages(images int) ([]*Page, error) {
	p := f.pages[0]
	if images == len(f.pages) {
		return f.pages, nil
	}
	if len(f.pages) != 1 || p.Compression != None || p.Tiled || p.err != nil {
		return nil, fmt.Errorf("ImageJ: there are %d images, the file has %d pages", images, len(f.pages))
	}
	plane := int64(p.packedRow()) * int64(p.Height) * int64(p.planes)
	at := int64(p.offsets[0])
	if at+plane*int64(images) > f.size || plane > f.size {
		return nil, fmt.Errorf("ImageJ: %d images of %d bytes at %d leave the file, which ends at %d", images, plane, at, f.size)
	}
	for i, off := range p.offsets {
		if rows := p.rows(0) * i * p.packedRow(); int64(off) != at+int64(rows) && p.planes == 1 {
			return nil, fmt.Errorf("ImageJ: %d images in one page whose strips are apart", images)
		}
	}
	pages := make([]*Page, images)
	for i := range pages {
		q := *p
		q.Name = fmt.Sprintf("image %d", i)
		q.offsets = make([]uint64, len(p.offsets))
		for k, off := range p.offsets {
			q.offsets[k] = off + uint64(int64(i)*plane)
		}
		pages[i] = &q
	}
	return pages, nil
}

// imageJUnits are micrometres by ImageJ's names of units.
var imageJUnits = map[string]float64{
	"micron": 1, "microns": 1, "um": 1, "µm": 1, "μm": 1, `\u00B5m`: 1, `\u00b5m`: 1, "micrometer": 1,
	"nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400, "inches": 25400,
}

// pixelSize is the size of a pixel: ImageJ writes pixels per unit as the resolution.
func (ij imageJ) pixelSize(res [4]uint64) PixelSize {
	unit := strings.TrimSpace(ij["unit"])
	scale, ok := imageJUnits[unit]
	if !ok {
		return PixelSize{Reason: fmt.Sprintf("ImageJ: the unit is %q", unit)}
	}
	s := PixelSize{Source: ByImageJ}
	if spacing, err := strconv.ParseFloat(strings.TrimSpace(ij["spacing"]), 64); err == nil && spacing > 0 {
		s.Z = spacing * scale
	}
	if res[0] == 0 || res[1] == 0 || res[2] == 0 || res[3] == 0 {
		return PixelSize{Z: s.Z, Reason: fmt.Sprintf("ImageJ: the resolution is %d/%d by %d/%d", res[0], res[1], res[2], res[3])}
	}
	s.X, s.Y = scale*float64(res[1])/float64(res[0]), scale*float64(res[3])/float64(res[2])
	return s
}
