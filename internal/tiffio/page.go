package tiffio

import (
	"maps"
	"math"
	"slices"

	"github.com/micropq/micropq/schemas"
)

const (
	maxExtent = 1 << 31
	// maxSamples bounds the samples of a pixel.
	maxSamples = math.MaxUint16
)

// Page is one image of a file: its size, its samples and how they are kept. Err tells
// whether it can be read.
type Page struct {
	Name   string // for people: "page 3", "page 3, SubIFD 0"
	Offset int64  // of the directory in the file

	Width, Height int
	Samples       int // of a pixel
	DType         schemas.DType
	Bits          int // of a sample as it is kept
	Photometric   Photometric
	ExtraSamples  []uint64 // what the samples past the colour's are: 0 unspecified, 1 premultiplied alpha, 2 alpha
	ColorMap      []uint16 // of a palette: all reds, all greens, all blues
	Compression   Compression
	Planar        bool // samples lie in planes of their own
	Tiled         bool
	Orientation   int // 1: row 0 is the top and column 0 the left side (TIFF 6.0, section 8)
	Reduced       bool
	IsMask        bool // a transparency mask of another page
	Description   string
	Software      string
	PixelSize     PixelSize // by the resolution alone
	SubIFDs       []*Page
	Tags          []uint16 // that its directory has, ascending

	Stored  int64 // bytes of all segments in the file
	Decoded int64 // bytes of all pixels as they are read
	Sparse  int   // segments that the file leaves out, which read as zeros

	layout
	resolutionRaw [4]uint64 // of X and Y, numerator and denominator
	trail         *trail
	file          *File
	err           error
}

// Shape is the page's extent: Y, X, samples.
func (p *Page) Shape() []int { return []int{p.Height, p.Width, p.Samples} }

// Err says why the page cannot be read: an *UnsupportedError, or nil.
func (p *Page) Err() error { return p.err }

// page interprets a directory.
func (p *parser) page(d *directory, name string, file *File) (*Page, error) {
	pg := &Page{Name: name, Offset: d.off, file: file, trail: &trail{}, Tags: slices.Sorted(maps.Keys(d.entries))}
	for _, step := range []func(*directory, *Page) error{p.extent, p.samples, p.meaning, p.segments, p.facts} {
		if err := step(d, pg); err != nil {
			return nil, &Error{Where: name + " (" + directoryAt(d.off) + ")", Err: err}
		}
	}
	if pg.err == nil {
		pg.err = pg.readable()
	}
	if pg.err != nil {
		pg.err = &Error{File: file.name, Where: name, Err: pg.err}
	}
	return pg, nil
}

// extent reads the size of the image in pixels.
func (p *parser) extent(d *directory, pg *Page) error {
	for _, f := range []struct {
		tag uint16
		to  *int
	}{{tagImageWidth, &pg.Width}, {tagImageLength, &pg.Height}} {
		v, err := p.uint(d, f.tag, 0)
		if err != nil {
			return err
		}
		if v == 0 || v > maxExtent {
			return corrupt("tag %s is %d, want 1 to %d", tagName(f.tag), v, maxExtent)
		}
		*f.to = int(v)
	}
	return nil
}

// samples reads the number and type of the samples.
func (p *parser) samples(d *directory, pg *Page) error {
	n, err := p.uint(d, tagSamplesPerPixel, 1)
	if err != nil {
		return err
	}
	if n == 0 || n > maxSamples {
		return corrupt("tag %s is %d", tagName(tagSamplesPerPixel), n)
	}
	pg.Samples = int(n)
	bits, err := p.same(d, tagBitsPerSample, 1, pg)
	if err != nil {
		return err
	}
	format, err := p.same(d, tagSampleFormat, formatUint, pg)
	if err != nil {
		return err
	}
	if bits == 0 || bits > 1<<12 {
		return corrupt("tag %s is %d", tagName(tagBitsPerSample), bits)
	}
	pg.Bits, pg.format = int(bits), int(format)
	if pg.DType = dtype(pg.Bits, pg.format); pg.DType == "" {
		pg.err = unsupported("%d-bit samples of format %d (%s)", bits, format, formatNames[format])
		pg.DType = schemas.Uint8
	}
	return nil
}

var formatNames = map[uint64]string{1: "unsigned", 2: "signed", 3: "float", 4: "void", 5: "complex signed", 6: "complex float"}

// same reads a tag that has a value for each sample, which must agree.
func (p *parser) same(d *directory, tag uint16, otherwise uint64, pg *Page) (uint64, error) {
	v, err := p.uints(d, tag)
	if err != nil {
		return 0, err
	}
	if len(v) == 0 {
		return otherwise, nil
	}
	for _, x := range v {
		if x != v[0] {
			pg.err = unsupported("tag %s that differs between samples: %v", tagName(tag), v[:min(len(v), 8)])
		}
	}
	return v[0], nil
}

// dtype is the type that holds samples of so many bits, "" where there is none.
func dtype(bits, format int) schemas.DType {
	at := func(types ...schemas.DType) schemas.DType {
		for i, t := range types {
			if bits <= 8<<i {
				return t
			}
		}
		return ""
	}
	switch {
	case (format == formatUint || format == formatVoid) && bits == 1:
		return schemas.Bool
	case format == formatUint || format == formatVoid:
		return at(schemas.Uint8, schemas.Uint16, schemas.Uint32, schemas.Uint64)
	case format == formatInt:
		return at(schemas.Int8, schemas.Int16, schemas.Int32, schemas.Int64)
	case format == formatFloat && bits == 16:
		return schemas.Float16
	case format == formatFloat && bits == 32:
		return schemas.Float32
	case format == formatFloat && bits == 64:
		return schemas.Float64
	}
	return ""
}

// meaning reads what the samples mean and how they are packed.
func (p *parser) meaning(d *directory, pg *Page) error {
	var planar, orientation, subfile, fill, compression, photometric, predict uint64
	for _, f := range []struct {
		tag       uint16
		otherwise uint64
		to        *uint64
	}{
		{tagCompression, uint64(None), &compression}, {tagPhotometric, uint64(BlackIsZero), &photometric},
		{tagPlanarConfig, planarChunky, &planar}, {tagOrientation, 1, &orientation}, {tagNewSubfileType, 0, &subfile},
		{tagFillOrder, 1, &fill}, {tagPredictor, uint64(noPredictor), &predict}, {tagT4Options, 0, &pg.t4}, {tagT6Options, 0, &pg.t6},
	} {
		v, err := p.uint(d, f.tag, f.otherwise)
		if err != nil {
			return err
		}
		if *f.to = v; v > math.MaxUint16 && f.tag != tagNewSubfileType && f.tag != tagT4Options && f.tag != tagT6Options {
			return corrupt("tag %s is %d", tagName(f.tag), v)
		}
	}
	pg.Compression, pg.Photometric, pg.predictor = Compression(compression), Photometric(photometric), predictor(predict)
	if planar != planarChunky && planar != planarSeparate {
		return corrupt("tag %s is %d, want 1 or 2", tagName(tagPlanarConfig), planar)
	}
	if fill != 1 && fill != 2 {
		return corrupt("tag %s is %d, want 1 or 2", tagName(tagFillOrder), fill)
	}
	pg.Planar = planar == planarSeparate && pg.Samples > 1
	pg.Orientation, pg.lsbFirst = int(orientation), fill == 2
	pg.Reduced, pg.IsMask = subfile&1 != 0, subfile&4 != 0
	pg.planes, pg.spp = 1, pg.Samples
	if pg.Planar {
		pg.planes, pg.spp = pg.Samples, 1
	}
	return p.more(d, pg)
}

// more reads the tags that only some kinds of images have.
func (p *parser) more(d *directory, pg *Page) (err error) {
	if pg.ExtraSamples, err = p.uints(d, tagExtraSamples); err != nil {
		return err
	}
	if pg.Photometric == Palette {
		v, err := p.uints(d, tagColorMap)
		if err != nil {
			return err
		}
		if pg.Bits > 16 || len(v) != 3<<pg.Bits {
			return corrupt("tag %s has %d values for indices of %d bits", tagName(tagColorMap), len(v), pg.Bits)
		}
		pg.ColorMap = make([]uint16, len(v))
		for i := range v {
			pg.ColorMap[i] = uint16(v[i])
		}
	}
	if e, ok := d.entries[tagJPEGTables]; ok && pg.Compression == JPEG {
		b, err := p.raw(e)
		if err != nil {
			return err
		}
		pg.tables = slices.Clone(b)
	}
	depth, err := p.uint(d, tagImageDepth, 1)
	if err == nil && depth != 1 {
		pg.err = unsupported("an image of depth %d in one directory", depth)
	}
	return err
}

// facts reads what is told beside the pixels.
func (p *parser) facts(d *directory, pg *Page) (err error) {
	if pg.Description, err = p.text(d, tagDescription); err != nil {
		return err
	}
	if pg.Software, err = p.text(d, tagSoftware); err != nil {
		return err
	}
	pg.PixelSize, err = p.resolution(d, &pg.resolutionRaw)
	return err
}
