package tiffio

import (
	"path"
	"strconv"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// planes finds the page of every plane. It reports false, with problems, where OME-XML does
// not fit the file.
func (r *omeReader) planes() bool {
	px, s := r.px, r.s
	first := r.file.pages[min(r.number("TiffData IFD", r.firstIFD(), 0), len(r.file.pages)-1)]
	sizeC := max(1, r.number("SizeC", px.SizeC, 1))
	if sizeC%first.Samples != 0 {
		s.problem("OME-XML: SizeC is %d, %s has %d samples a pixel", sizeC, first.Name, first.Samples)
	}
	r.size = [3]int{max(1, r.number("SizeT", px.SizeT, 1)), max(1, sizeC/first.Samples), max(1, r.number("SizeZ", px.SizeZ, 1))}
	n := int64(r.size[0]) * int64(r.size[1])
	if n > maxDirectories || n*int64(r.size[2]) > maxDirectories {
		s.problem("OME-XML describes %d x %d x %d planes, the file has %d pages", r.size[0], r.size[1], r.size[2], len(r.file.pages))
		return false
	}
	table := make([]*Page, r.size[0]*r.size[1]*r.size[2])
	data := px.Data
	if len(data) == 0 {
		data = []omeTiffData{{}}
	}
	var elsewhere string
	for i := range data {
		if name := r.foreign(&data[i]); name != "" {
			elsewhere = name
			continue
		}
		r.place(table, &data[i])
	}
	return r.settle(table, elsewhere)
}

func (r *omeReader) firstIFD() string {
	if len(r.px.Data) > 0 {
		return r.px.Data[0].IFD
	}
	return ""
}

// foreign is the name of the other file that a TiffData element refers to.
func (r *omeReader) foreign(d *omeTiffData) string {
	switch {
	case d.UUID == nil, r.uuid != "" && strings.TrimSpace(d.UUID.Value) == r.uuid:
		return ""
	case d.UUID.FileName == "", d.UUID.FileName == path.Base(strings.ReplaceAll(r.file.name, "\\", "/")):
		return ""
	}
	return d.UUID.FileName
}

// place enters the pages of a TiffData element: planes in the order of dimensions.
func (r *omeReader) place(table []*Page, d *omeTiffData) {
	at := [3]int{r.first("FirstT", d.T, 0), r.first("FirstC", d.C, 1), r.first("FirstZ", d.Z, 2)}
	ifd := r.number("TiffData IFD", d.IFD, 0)
	count := len(table)
	if d.IFD != "" {
		count = 1
	}
	count = r.number("PlaneCount", d.Count, count)
	order := r.order()
	for k := range min(count, len(table)) {
		if at[order[2]] >= r.size[order[2]] {
			if d.Count != "" {
				r.s.problem("OME-XML: a TiffData element has %d planes, more than the image has left", count)
			}
			return
		}
		if ifd+k >= len(r.file.pages) {
			if d.Count != "" || d.IFD != "" {
				r.s.problem("OME-XML: TiffData names page %d, the file has %d", ifd+k, len(r.file.pages))
			}
			return
		}
		table[(at[0]*r.size[1]+at[1])*r.size[2]+at[2]] = r.file.pages[ifd+k]
		for _, ax := range order {
			if at[ax]++; at[ax] < r.size[ax] || ax == order[2] {
				break
			}
			at[ax] = 0
		}
	}
}

// first is where a TiffData element begins along an axis.
func (r *omeReader) first(what, text string, axis int) int {
	n := r.number(what, text, 0)
	if n >= r.size[axis] {
		r.s.problem("OME-XML: %s is %d, there are %d; 0 is taken", what, n, r.size[axis])
		return 0
	}
	return n
}

// order is DimensionOrder as indices of size, the fastest axis first.
func (r *omeReader) order() [3]int {
	const usual = "CZT"
	letters := strings.TrimPrefix(r.px.Order, "XY")
	if len(letters) != 3 || len(r.px.Order) != 5 || !strings.Contains(letters, "T") || !strings.Contains(letters, "C") || !strings.Contains(letters, "Z") {
		r.s.problem("OME-XML: DimensionOrder is %q; XYCZT is taken", r.px.Order)
		letters = usual
	}
	var order [3]int
	for i := range order {
		order[i] = strings.IndexByte("TCZ", letters[i])
	}
	return order
}

// settle makes the series of a table of planes.
func (r *omeReader) settle(table []*Page, elsewhere string) bool {
	s := r.s
	var have []*Page
	for _, p := range table {
		if p != nil {
			have = append(have, p)
		}
	}
	switch missing := len(table) - len(have); {
	case len(have) == 0:
		s.problem("OME-XML: image %q has no plane in this file", s.Name)
		return false
	case missing > 0 && elsewhere != "":
		s.lead, s.levels = [3]int{1, 1, len(have)}, [][]*Page{have}
		s.err = &Error{File: r.file.name, Err: unsupported("an OME image that is spread over several files (%q has a part)", elsewhere)}
		s.name()
		return true
	case missing > 0:
		s.problem("OME-XML describes %d planes of T, C, Z = %d, %d, %d; %d of them have no page: its order is not followed",
			len(table), r.size[0], r.size[1], r.size[2], missing)
		return false
	}
	for _, p := range table[1:] {
		if p.err == nil && table[0].err == nil && !p.like(table[0]) {
			s.problem("OME-XML: %s and %s are planes of one image and differ in size or type: its order is not followed", table[0].Name, p.Name)
			return false
		}
	}
	s.lead, s.levels = r.size, [][]*Page{table}
	s.name()
	return true
}

// channels names the channels.
func (r *omeReader) channels() {
	at := 0
	for _, c := range r.px.Channels {
		n := r.number("SamplesPerPixel", c.Samples, 1)
		if at >= r.size[1]*r.s.Pages()[0].Samples {
			r.s.problem("OME-XML has %d channels, more than SizeC", len(r.px.Channels))
			return
		}
		r.s.Channels = append(r.s.Channels, Channel{Index: at, Name: c.Name})
		at += max(1, n)
	}
}

// omeTypes are the pixel types of OME-XML.
var omeTypes = map[string]schemas.DType{
	"bit": schemas.Bool, "int8": schemas.Int8, "int16": schemas.Int16, "int32": schemas.Int32, "uint8": schemas.Uint8,
	"uint16": schemas.Uint16, "uint32": schemas.Uint32, "float": schemas.Float32, "double": schemas.Float64,
}

// compare tells where OME-XML contradicts the pages or itself.
func (r *omeReader) compare() {
	px, s := r.px, r.s
	p := s.Pages()[0]
	for _, f := range []struct {
		what, text string
		is         int
	}{{"SizeX", px.SizeX, p.Width}, {"SizeY", px.SizeY, p.Height}} {
		if n := r.number(f.what, f.text, f.is); n != f.is {
			s.problem("OME-XML: %s is %d, the pages have %d", f.what, n, f.is)
		}
	}
	if t, ok := omeTypes[px.Type]; ok && t != p.DType {
		s.problem("OME-XML: Type is %s, the pages have %s", px.Type, p.DType)
	}
	for _, plane := range px.Planes {
		for _, f := range []struct {
			what, text string
			size       int
		}{{"TheT", plane.T, r.size[0]}, {"TheC", plane.C, r.size[1]}, {"TheZ", plane.Z, r.size[2]}} {
			if n := r.number(f.what, f.text, 0); n >= f.size {
				s.problem("OME-XML: a Plane has %s %d, Size%s is %d", f.what, n, f.what[3:], f.size)
			}
		}
	}
}

// omeUnits are micrometres by unit of length.
var omeUnits = map[string]float64{
	"": 1, "µm": 1, "μm": 1, "um": 1, "micron": 1, "nm": 1e-3, "pm": 1e-6, "Å": 1e-4, "mm": 1e3, "cm": 1e4, "dm": 1e5, "m": 1e6,
	"in": 25400, "ft": 304800, "pt": 25400. / 72,
}

// size is the physical size of a pixel in micrometres.
func (r *omeReader) pixelSize() PixelSize {
	s := PixelSize{Source: ByOME}
	px := r.px
	for _, f := range []struct {
		what, text, unit string
		to               *float64
	}{{"PhysicalSizeX", px.X, px.UnitX, &s.X}, {"PhysicalSizeY", px.Y, px.UnitY, &s.Y}, {"PhysicalSizeZ", px.Z, px.UnitZ, &s.Z}} {
		v, err := strconv.ParseFloat(strings.TrimSpace(f.text), 64)
		scale, known := omeUnits[f.unit]
		reason := ""
		switch {
		case f.text == "":
			reason = "OME-XML gives no " + f.what
		case err != nil || !(v > 0) || v > 1e12:
			reason = "OME-XML: " + f.what + " is " + strconv.Quote(f.text)
		case !known:
			reason = "OME-XML: " + f.what + " is in " + strconv.Quote(f.unit)
		default:
			*f.to = v * scale
		}
		if reason != "" && f.to != &s.Z && s.Reason == "" {
			s.Reason = reason
		}
	}
	if s.Reason != "" {
		return PixelSize{Z: s.Z, Reason: s.Reason}
	}
	return s
}
