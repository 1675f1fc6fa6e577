package shuffle

// Masks of the three stages of a transpose of 8x8 bits, in every byte of eight words.
const (
	evenBits    = 0x5555555555555555
	evenTwos    = 0x3333333333333333
	evenNibbles = 0x0f0f0f0f0f0f0f0f
)

// BitShuffle writes the bit rows of src to dst: bit k of byte j of element i goes to bit
// i%8 of byte (8*j+k)*n/8 + i/8 of n elements. It uses len(src) bytes of dst and of the
// scratch tmp; the three must not overlap. Where n is no multiple of 8 it copies, as
// c-blosc 1.x does.
func BitShuffle(dst, src, tmp []byte, typeSize int) {
	dst, tmp = dst[:len(src)], tmp[:len(src)]
	n := len(src) / max(typeSize, 1)
	if typeSize < 1 || n == 0 || n%8 != 0 {
		copy(dst, src)
		return
	}
	planes := src
	if typeSize > 1 {
		Shuffle(tmp, src, typeSize)
		planes = tmp
	}
	for at := 0; at < n*typeSize; at += n {
		planeToRows(dst[at:at+n], planes[at:at+n])
	}
	copy(dst[n*typeSize:], src[n*typeSize:])
}

// BitUnshuffle is the inverse of BitShuffle, under the same conditions.
func BitUnshuffle(dst, src, tmp []byte, typeSize int) {
	dst, tmp = dst[:len(src)], tmp[:len(src)]
	n := len(src) / max(typeSize, 1)
	if typeSize < 1 || n == 0 || n%8 != 0 {
		copy(dst, src)
		return
	}
	planes := dst
	if typeSize > 1 {
		planes = tmp
	}
	for at := 0; at < n*typeSize; at += n {
		rowsToPlane(planes[at:at+n], src[at:at+n])
	}
	copy(planes[n*typeSize:], src[n*typeSize:])
	if typeSize > 1 {
		Unshuffle(dst, tmp, typeSize)
	}
}

// rowsToPlane turns eight bit rows into one plane of len(rows) bytes, 64 elements a turn
// and then eight.
func rowsToPlane(plane, rows []byte) {
	m := len(rows) / 8
	i := 0
	for ; i+8 <= m; i += 8 {
		a, b, c, d, e, f, g, h := transpose8(transposeBits(loadRows(rows[i:], m)))
		storeRows(plane[8*i:], 8, a, b, c, d, e, f, g, h)
	}
	for ; i < m; i++ {
		var w uint64
		for k := range 8 {
			w |= uint64(rows[k*m+i]) << (8 * k)
		}
		store64(plane, 8*i, transposeWord(w))
	}
}

// planeToRows is the inverse of rowsToPlane.
func planeToRows(rows, plane []byte) {
	m := len(rows) / 8
	i := 0
	for ; i+8 <= m; i += 8 {
		a, b, c, d, e, f, g, h := transposeBits(transpose8(loadRows(plane[8*i:], 8)))
		storeRows(rows[i:], m, a, b, c, d, e, f, g, h)
	}
	for ; i < m; i++ {
		w := transposeWord(load64(plane, 8*i))
		for k := range 8 {
			rows[k*m+i] = byte(w >> (8 * k))
		}
	}
}

// transposeBits transposes, for each byte position, the 8x8 bits that the eight words
// hold there: bit i of word k changes place with bit k of word i.
func transposeBits(a, b, c, d, e, f, g, h uint64) (_, _, _, _, _, _, _, _ uint64) {
	a, b, c, d = transposeBits4(a, b, c, d)
	e, f, g, h = transposeBits4(e, f, g, h)
	a, e = swap(a, e, 4, evenNibbles)
	b, f = swap(b, f, 4, evenNibbles)
	c, g = swap(c, g, 4, evenNibbles)
	d, h = swap(d, h, 4, evenNibbles)
	return a, b, c, d, e, f, g, h
}

func transposeBits4(a, b, c, d uint64) (w, x, y, z uint64) {
	a, b = swap(a, b, 1, evenBits)
	c, d = swap(c, d, 1, evenBits)
	a, c = swap(a, c, 2, evenTwos)
	b, d = swap(b, d, 2, evenTwos)
	return a, b, c, d
}

// transposeWord transposes 8x8 bits, a byte a row, in three stages (Warren, Hacker's
// Delight, section 7-3).
func transposeWord(w uint64) uint64 {
	w = exchange(w, 7, 0x00aa00aa00aa00aa)
	w = exchange(w, 14, 0x0000cccc0000cccc)
	return exchange(w, 28, 0x00000000f0f0f0f0)
}

// exchange swaps the bits of mask with those shift places above them.
func exchange(w uint64, shift uint, mask uint64) uint64 {
	t := (w>>shift ^ w) & mask
	return w ^ t ^ t<<shift
}
