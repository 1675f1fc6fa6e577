package picture

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/micropq/micropq/internal/inflate"
)

// decodePNG decodes images of 8 or 16 bits a sample that are not interlaced and have no
// palette: nearly all of them, several times as fast as image/png, which has the rest.
func decodePNG(b []byte, info Info) (*Pixels, error) {
	interlaced := b[28] != 0
	if info.Mode == "P" || info.Bits < 8 || interlaced {
		return slowPNG(b, info)
	}
	packed, transparent, err := imageData(b)
	if err != nil {
		return nil, err
	}
	if transparent { // a colour that stands for no colour: rare
		return slowPNG(b, info)
	}
	width := info.Channels * info.Bits / 8 // bytes of a pixel
	stride := info.Width * width
	size := (stride + 1) * info.Height
	raw, _, err := inflate.Zlib(nil, packed, size)
	if err != nil {
		return nil, damaged("PNG: %w", err)
	}
	if len(raw) != size {
		return nil, damaged("PNG: %d bytes of pixels, want %d", len(raw), size)
	}
	p := newPixels(info.Width, info.Height, info.Channels, info.Bits == 16)
	above := make([]byte, stride)
	for y := range info.Height {
		line := raw[y*(stride+1):][:stride+1]
		row := p.Data[y*stride:][:stride]
		if !unfilter(line[0], row, line[1:], above, width) {
			return nil, damaged("PNG: filter %d in row %d", line[0], y)
		}
		above = row
	}
	if p.Wide {
		swapRow(p.Data, p.Data)
	}
	return p, nil
}

// imageData joins the IDAT chunks and checks the CRC of the chunks that matter.
func imageData(b []byte) (packed []byte, transparent bool, err error) {
	for at := len(pngMagic); ; {
		if len(b)-at < 12 {
			return nil, false, damaged("PNG: cut off at byte %d", at)
		}
		n := int64(binary.BigEndian.Uint32(b[at:]))
		if n > int64(len(b)-at-12) {
			return nil, false, damaged("PNG: a chunk of %d bytes at byte %d of %d", n, at, len(b))
		}
		kind, data := string(b[at+4:at+8]), b[at+8:at+8+int(n)]
		sum := binary.BigEndian.Uint32(b[at+8+int(n):])
		if kind[0]&0x20 == 0 && crc32.ChecksumIEEE(b[at+4:at+8+int(n)]) != sum { // upper case: critical
			return nil, false, damaged("PNG: checksum of %s at byte %d", kind, at)
		}
		switch kind {
		case "IDAT":
			if packed == nil {
				packed = data[:len(data):len(data)]
			} else {
				packed = append(packed, data...)
			}
		case "tRNS":
			transparent = true
		case "IEND":
			return packed, transparent, nil
		}
		at += 12 + int(n)
	}
}

// unfilter restores a row from what its filter left of it (PNG specification, 9.2). above
// is the row before, zeros for the first.
func unfilter(filter byte, row, line, above []byte, width int) bool {
	above = above[:len(row)]
	line = line[:len(row)]
	switch filter {
	case 0:
		copy(row, line)
	case 1:
		copy(row[:width], line)
		for i := width; i < len(row); i++ {
			row[i] = line[i] + row[i-width]
		}
	case 2:
		for i, v := range line {
			row[i] = v + above[i]
		}
	case 3:
		for i := range width {
			row[i] = line[i] + above[i]/2
		}
		for i := width; i < len(row); i++ {
			row[i] = line[i] + byte((int(row[i-width])+int(above[i]))/2)
		}
	case 4:
		paeth(row, line, above, width)
	default:
		return false
	}
	return true
}

// paeth adds whichever of left, above and above left is nearest to left + above - above
// left, in that order among equals. Pixels of three and four bytes, which are most, go
// through a loop that keeps their neighbours in registers.
func paeth(row, line, above []byte, width int) {
	above, line = above[:len(row)], line[:len(row)]
	switch width {
	case 3:
		var a0, a1, a2, c0, c1, c2 int
		for i := 0; i+2 < len(row); i += 3 {
			b0, b1, b2 := int(above[i]), int(above[i+1]), int(above[i+2])
			a0 = int(line[i]+nearest(a0, b0, c0)) & 0xff
			a1 = int(line[i+1]+nearest(a1, b1, c1)) & 0xff
			a2 = int(line[i+2]+nearest(a2, b2, c2)) & 0xff
			row[i], row[i+1], row[i+2] = byte(a0), byte(a1), byte(a2)
			c0, c1, c2 = b0, b1, b2
		}
		return
	case 4:
		var a0, a1, a2, a3, c0, c1, c2, c3 int
		for i := 0; i+3 < len(row); i += 4 {
			b0, b1, b2, b3 := int(above[i]), int(above[i+1]), int(above[i+2]), int(above[i+3])
			a0 = int(line[i]+nearest(a0, b0, c0)) & 0xff
			a1 = int(line[i+1]+nearest(a1, b1, c1)) & 0xff
			a2 = int(line[i+2]+nearest(a2, b2, c2)) & 0xff
			a3 = int(line[i+3]+nearest(a3, b3, c3)) & 0xff
			row[i], row[i+1], row[i+2], row[i+3] = byte(a0), byte(a1), byte(a2), byte(a3)
			c0, c1, c2, c3 = b0, b1, b2, b3
		}
		return
	}
	for i := range width {
		row[i] = line[i] + above[i]
	}
	for i := width; i < len(row); i++ {
		row[i] = line[i] + nearest(int(row[i-width]), int(above[i]), int(above[i-width]))
	}
}

// nearest is the predictor of Paeth, without a branch that noise would mispredict.
func nearest(a, b, c int) byte {
	pa, pb := b-c, a-c
	pc := abs(pa + pb)
	pa, pb = abs(pa), abs(pb)
	// Of b and c the nearer, then of that and a.
	p, d := b, pb
	if pc < pb {
		p = c
	}
	if pc < pb {
		d = pc
	}
	if pa <= d {
		p = a
	}
	return byte(p)
}

func abs(v int) int {
	m := v >> 63
	return (v ^ m) - m
}
