package tiffio

// limits say how pages are cut into bands. The zero value stands for the usual ones, others
// are for tests.
type limits struct {
	// whole is the largest segment that is decoded as a whole where it could be read piece by
	// piece, in bytes.
	whole int
	// band is about the size of the bands that a larger one is cut into, and that small strips
	// are put together to, in bytes.
	band int
}

var usual = limits{whole: 4 << 20, band: 512 << 10}

// bands is how the rows of a page are cut into bands.
type bands struct {
	p      *Page
	h      int // rows of a band, the last of a segment or of the image may have fewer
	perSeg int // bands of one segment; 1 where segments are decoded as a whole
	group  int // strips of one band; 1 where a segment is larger
}

func (p *Page) bands(l limits) bands {
	if l == (limits{}) {
		l = usual
	}
	b := bands{p: p, h: p.segH, perSeg: 1, group: 1}
	row := p.row()
	rows := max(1, l.band/row)
	switch {
	case p.segH*row > l.whole && codecs[p.Compression].stream != nil:
		b.h = min(rows, p.segH)
		b.perSeg = ceilDiv(p.segH, b.h)
	case p.across == 1 && rows >= 2*p.segH && !p.Tiled:
		b.group = min(rows/p.segH, p.down)
		b.h = b.group * p.segH
	}
	return b
}

// find is the band that holds a row of the image.
func (b bands) find(y int) int {
	if b.perSeg > 1 {
		return y/b.p.segH*b.perSeg + y%b.p.segH/b.h
	}
	return y / b.h
}

// at is the first row of band i and the number of its rows; those of a tile may pass the
// bottom of the image.
func (b bands) at(i int) (y, rows int) {
	if b.perSeg > 1 {
		seg, sub := i/b.perSeg, i%b.perSeg
		return seg*b.p.segH + sub*b.h, min(b.h, b.segRows(seg)-sub*b.h)
	}
	if y = i * b.h; b.p.Tiled {
		return y, b.h
	}
	return y, min(b.h, b.p.Height-y)
}

// segRows is the number of rows that the segments of a row of segments hold.
func (b bands) segRows(seg int) int {
	if b.p.Tiled {
		return b.p.segH
	}
	return b.p.rows(seg)
}

// segment is the index of a segment in the tables of the page.
func (p *Page) segmentIndex(plane, row, col int) int {
	return (plane*p.down+row)*p.across + col
}
