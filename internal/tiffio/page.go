package tiffio

import (
	"fmt"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

const (
	maxExtent = 1 << 31
	// maxRow bounds one decoded row of a segment in bytes: the least that is held.
	maxRow = 1 << 28
	// maxSamples bounds the samples of a pixel.
	maxSamples = math.MaxUint16
	// maxSparse bounds a segment that the file leaves out, in bytes.
	maxSparse = 64 << 20
	// ratioSlack is how many bytes may be worth more than a codec's ratio, which is one of long runs.
	ratioSlack = 2
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

	Stored  int64 // bytes of all segments in the file
	Decoded int64 // bytes of all pixels as they are read
	Sparse  int   // segments that the file leaves out, which read as zeros

	layout
	resolutionRaw [4]uint64 // of X and Y, numerator and denominator
	trail         *trail
	file          *File
	err           error
}

// layout is how the samples of a page are kept.
type layout struct {
	segW, segH    int // extent of a segment in pixels
	across, down  int // segments of one plane
	planes        int
	spp           int // samples of a pixel in one segment
	format        int // SampleFormat
	predictor     predictor
	lsbFirst      bool // FillOrder 2
	t4, t6        uint64
	tables        []byte // JPEGTables
	offsets, size []uint64
}

// Shape is the page's extent: Y, X, samples.
func (p *Page) Shape() []int { return []int{p.Height, p.Width, p.Samples} }

// Err says why the page cannot be read: an *UnsupportedError, or nil.
func (p *Page) Err() error { return p.err }

// packedRow is the bytes of a row of a segment as it is compressed.
func (p *Page) packedRow() int { return (p.segW*p.spp*p.Bits + 7) / 8 }

// row is the bytes of a row of a segment as it is read.
func (p *Page) row() int { return p.segW * p.spp * p.DType.Size() }

// rows is the number of rows that a row of segments has in the image.
func (p *Page) rows(segRow int) int { return min(p.segH, p.Height-segRow*p.segH) }

// page interprets a directory.
func (p *parser) page(d *directory, name string, file *File) (*Page, error) {
	pg := &Page{Name: name, Offset: d.off, file: file, trail: &trail{}}
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

// segments reads how the image is cut and where the pieces are.
func (p *parser) segments(d *directory, pg *Page) error {
	_, pg.Tiled = d.entries[tagTileWidth]
	offsets, sizes := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	if pg.Tiled {
		offsets, sizes = tagTileOffsets, tagTileByteCounts
		if _, ok := d.entries[offsets]; !ok { // as some writers do
			offsets, sizes = tagStripOffsets, tagStripByteCounts
		}
	}
	if err := p.cut(d, pg); err != nil {
		return err
	}
	var err error
	if pg.offsets, err = p.uints(d, offsets); err != nil {
		return err
	}
	if pg.size, err = p.uints(d, sizes); err != nil {
		return err
	}
	n, ok := nd.CheckedElements([]int{pg.across, pg.down, pg.planes})
	if !ok || len(pg.offsets) != n {
		return corrupt("tag %s has %d values, an image of %d x %d pixels and %d planes in segments of %d x %d has %d",
			tagName(offsets), len(pg.offsets), pg.Width, pg.Height, pg.planes, pg.segW, pg.segH, n)
	}
	if pg.size == nil {
		if pg.size, err = pg.guessSizes(p.size); err != nil {
			return err
		}
	}
	if len(pg.size) != len(pg.offsets) {
		return corrupt("tag %s has %d values, tag %s has %d", tagName(sizes), len(pg.size), tagName(offsets), len(pg.offsets))
	}
	return pg.checkSegments(p.size)
}

// cut reads the extent of a segment.
func (p *parser) cut(d *directory, pg *Page) error {
	w, h := uint64(pg.Width), uint64(pg.Height)
	var err error
	if pg.Tiled {
		if w, err = p.uint(d, tagTileWidth, 0); err != nil {
			return err
		}
		if h, err = p.uint(d, tagTileLength, 0); err != nil {
			return err
		}
	} else {
		if h, err = p.uint(d, tagRowsPerStrip, h); err != nil {
			return err
		}
		h = min(h, uint64(pg.Height))
	}
	if w == 0 || h == 0 || w > maxExtent || h > maxExtent {
		return corrupt("segments of %d x %d pixels", w, h)
	}
	pg.segW, pg.segH = int(w), int(h)
	pg.across, pg.down = ceilDiv(pg.Width, pg.segW), ceilDiv(pg.Height, pg.segH)
	if int64(pg.segW)*int64(pg.spp) > maxRow/int64(pg.DType.Size()) {
		return unsupported("a row of %d pixels of %d samples", pg.segW, pg.spp)
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// guessSizes is what old files without StripByteCounts mean.
func (pg *Page) guessSizes(size int64) ([]uint64, error) {
	out := make([]uint64, len(pg.offsets))
	switch {
	case pg.Compression == None:
		for i := range out {
			out[i] = uint64(pg.packed(i))
		}
	case len(out) == 1 && pg.offsets[0] <= uint64(size):
		out[0] = uint64(size) - pg.offsets[0]
	default:
		return nil, corrupt("tag %s is missing", tagName(tagStripByteCounts))
	}
	return out, nil
}

// checkSegments checks that every segment lies in the file.
func (pg *Page) checkSegments(size int64) error {
	for i, off := range pg.offsets {
		n := pg.size[i]
		if n == 0 && off == 0 {
			if pg.packed(i) > maxSparse {
				return corrupt("%s has no bytes and is to have %d", pg.segment(i), pg.packed(i))
			}
			pg.Sparse++
			continue
		}
		if n == 0 {
			return corrupt("%s at %d has no bytes", pg.segment(i), off)
		}
		if off > uint64(size) || n > uint64(size)-off {
			return corrupt("%s has %d bytes at %d, the file ends at %d", pg.segment(i), n, off, size)
		}
		if off == 0 {
			return corrupt("%s begins in the file's header", pg.segment(i))
		}
		if c, ok := codecs[pg.Compression]; ok && pg.packed(i) > c.ratio*int64(n)+ratioSlack*(c.ratio-1) {
			return corrupt("%s has %d bytes at %d, which cannot be the %d of its pixels (%v)", pg.segment(i), n, off, pg.packed(i), pg.Compression)
		}
		pg.Stored += int64(n)
	}
	if total := float64(pg.Width) * float64(pg.Height) * float64(pg.Samples) * float64(pg.DType.Size()); total > math.MaxInt64/2 {
		return corrupt("an image of %d x %d pixels of %d samples", pg.Width, pg.Height, pg.Samples)
	}
	pg.Decoded = int64(pg.Width) * int64(pg.Height) * int64(pg.Samples) * int64(pg.DType.Size())
	return nil
}

// packed is the bytes of a segment before it was compressed.
func (pg *Page) packed(i int) int64 {
	rows := pg.segH
	if !pg.Tiled {
		rows = pg.rows(i / pg.across % pg.down)
	}
	return int64(rows) * int64(pg.packedRow())
}

// segment is a segment for people.
func (pg *Page) segment(i int) string {
	if pg.Tiled {
		return fmt.Sprintf("tile %d", i)
	}
	return fmt.Sprintf("strip %d", i)
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
