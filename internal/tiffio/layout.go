package tiffio

import (
	"fmt"
	"math"

	"github.com/micropq/micropq/internal/nd"
)

const (
	// maxRow bounds one decoded row of a segment in bytes: the least that is held.
	maxRow = 1 << 28
	// maxSparse bounds a segment that the file leaves out, in bytes.
	maxSparse = 64 << 20
	// ratioSlack is how many bytes may be worth more than a codec's ratio, which is one of long runs.
	ratioSlack = 2
)

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

// packedRow is the bytes of a row of a segment as it is compressed.
func (p *Page) packedRow() int { return (p.segW*p.spp*p.Bits + 7) / 8 }

// row is the bytes of a row of a segment as it is read.
func (p *Page) row() int { return p.segW * p.spp * p.DType.Size() }

// rows is the number of rows that a row of segments has in the image.
func (p *Page) rows(segRow int) int { return min(p.segH, p.Height-segRow*p.segH) }

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

// SegmentBytes is the size of the largest strip or tile as it is read, 0 where nothing is
// compressed and so no part has to be decoded as one.
func (p *Page) SegmentBytes() int64 {
	if p.Compression == None {
		return 0
	}
	return int64(p.segH) * int64(p.row())
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
