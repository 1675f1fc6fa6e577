package tiffio

import (
	"encoding/binary"
	"math/bits"
)

// finish turns rows of packed samples into little-endian ones. Where samples are whole
// bytes the two are of one size, and dst may be packed itself.
func (p *Page) finish(dst, packed []byte, rows int, scratch *[]byte) {
	in, out := p.packedRow(), p.row()
	size := p.DType.Size()
	if p.Bits != 8*size {
		for y := range rows {
			p.widen(dst[y*out:][:out], packed[y*in:][:in])
		}
		return
	}
	if len(packed) > 0 && &dst[0] != &packed[0] {
		copy(dst, packed[:rows*in])
	}
	dst = dst[:rows*out]
	if p.predictor == floatingPoint {
		*scratch = resize(*scratch, out)
		for y := range rows {
			unfloat(dst[y*out:][:out], *scratch, p.spp, size)
		}
		return
	}
	if p.bigEndian() {
		swap(dst, size)
	}
	if p.predictor == horizontal {
		for y := range rows {
			accumulate(dst[y*out:][:out], p.spp, size)
		}
	}
}

func (p *Page) bigEndian() bool { return p.file.order == binary.BigEndian }

// resize gives a slice of n bytes, in b's memory where that suffices.
func resize(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// swap turns elements around.
func swap(b []byte, size int) {
	switch size {
	case 2:
		const low = 0x00ff00ff00ff00ff
		for ; len(b) >= 32; b = b[32:] {
			p := (*[32]byte)(b)
			for i := 0; i < 32; i += 8 {
				v := binary.LittleEndian.Uint64(p[i:])
				binary.LittleEndian.PutUint64(p[i:], v>>8&low|v&low<<8)
			}
		}
		for ; len(b) >= 2; b = b[2:] {
			b[0], b[1] = b[1], b[0]
		}
	case 4:
		for ; len(b) >= 4; b = b[4:] {
			binary.LittleEndian.PutUint32(b, binary.BigEndian.Uint32(b))
		}
	case 8:
		for ; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
		}
	}
}

// accumulate undoes predictor 2 in a row of little-endian samples: each was stored less the
// one of the pixel before (TIFF 6.0, section 14).
func accumulate(row []byte, spp, size int) {
	le := binary.LittleEndian
	step := spp * size
	switch size {
	case 1:
		if spp == 1 {
			var v byte
			for i, d := range row {
				v += d
				row[i] = v
			}
			return
		}
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2:
		for i := step; i+2 <= len(row); i += 2 {
			le.PutUint16(row[i:], le.Uint16(row[i:])+le.Uint16(row[i-step:]))
		}
	case 4:
		for i := step; i+4 <= len(row); i += 4 {
			le.PutUint32(row[i:], le.Uint32(row[i:])+le.Uint32(row[i-step:]))
		}
	case 8:
		for i := step; i+8 <= len(row); i += 8 {
			le.PutUint64(row[i:], le.Uint64(row[i:])+le.Uint64(row[i-step:]))
		}
	}
}

// unfloat undoes predictor 3: the bytes of a row were sorted by significance, the most
// significant of all samples first, and then stored as differences (Adobe Photoshop TIFF
// Technical Note 3). The result is little-endian whatever the file is.
func unfloat(row, scratch []byte, spp, size int) {
	for i := spp; i < len(row); i++ {
		row[i] += row[i-spp]
	}
	copy(scratch, row)
	n := len(row) / size
	for k := range size {
		plane := scratch[k*n:][:n]
		at := size - 1 - k
		for i, v := range plane {
			row[i*size+at] = v
		}
	}
}

// widen turns a row of samples of any width, the highest bit first, into whole elements.
func (p *Page) widen(dst, packed []byte) {
	size, width := p.DType.Size(), uint(p.Bits)
	if width == 24 && !p.bigEndian() { // the one odd width that is kept in the file's order, as libtiff does
		swap24(dst, packed, p.format == formatInt)
		return
	}
	at := uint(0)
	var b [8]byte
	for i := 0; i < len(dst); i += size {
		v := take(packed, at, width)
		if p.format == formatInt {
			v = uint64(int64(v<<(64-width)) >> (64 - width))
		}
		binary.LittleEndian.PutUint64(b[:], v)
		copy(dst[i:i+size], b[:])
		at += width
	}
}

// take is the number of width bits that begins at bit at, bit 0 being the highest of the first byte.
func take(b []byte, at, width uint) (v uint64) {
	for got := uint(0); got < width; {
		free := 8 - at&7
		k := min(free, width-got)
		v = v<<k | uint64(b[at>>3])>>(free-k)&(1<<k-1)
		at, got = at+k, got+k
	}
	return v
}

func swap24(dst, packed []byte, signed bool) {
	for i := 0; i+3 <= len(packed); i += 3 {
		v := uint32(packed[i]) | uint32(packed[i+1])<<8 | uint32(packed[i+2])<<16
		if signed {
			v = uint32(int32(v<<8) >> 8)
		}
		binary.LittleEndian.PutUint32(dst[i/3*4:], v)
	}
}

// reverseBits turns every byte around.
func reverseBits(b []byte) {
	for i, v := range b {
		b[i] = bits.Reverse8(v)
	}
}
