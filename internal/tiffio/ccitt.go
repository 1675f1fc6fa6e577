package tiffio

import (
	"io"

	"golang.org/x/image/ccitt"
)

// Bits of T4Options and T6Options (TIFF 6.0, section 11).
const (
	t4TwoDimensional = 1
	t4Uncompressed   = 2
	t4FillBits       = 4
	t6Uncompressed   = 2
)

// ccittReadable says why a fax page cannot be read.
func (p *Page) ccittReadable() error {
	switch {
	case p.Bits != 1 || p.spp != 1:
		return unsupported("%v with %d samples of %d bits", p.Compression, p.spp, p.Bits)
	case p.Compression == CCITTG3 && p.t4&t4TwoDimensional != 0:
		return unsupported("CCITT G3 in its two-dimensional coding")
	case p.Compression == CCITTG3 && p.t4&t4FillBits != 0:
		return unsupported("CCITT G3 with fill bits before ends of lines")
	case p.Compression == CCITTG3 && p.t4&t4Uncompressed != 0, p.Compression == CCITTG4 && p.t6&t6Uncompressed != 0:
		return unsupported("%v with its uncompressed mode", p.Compression)
	}
	return nil
}

// ccittStream decodes fax rows: 1 is black, in rows of whole bytes.
func ccittStream(p *Page, src io.Reader, rows int) (io.Reader, error) {
	format := ccitt.Group4
	if p.Compression == CCITTG3 {
		format = ccitt.Group3
	}
	return ccitt.NewReader(src, ccitt.MSB, format, p.segW, rows, &ccitt.Options{Invert: true}), nil
}
