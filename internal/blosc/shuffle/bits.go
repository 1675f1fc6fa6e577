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

// rowsToPlane turns eight bit rows into one plane of len(rows) bytes, 64 elements a turn.
func rowsToPlane(plane, rows []byte) {
	m := len(rows) / 8
	g := 0
	for ; g+8 <= m; g += 8 {
		var w [8]uint64
		for k := range w {
			w[k] = load64(rows, k*m+g)
		}
		transposeBits(&w)
		transpose8(&w)
		p := plane[8*g : 8*g+64]
		for k := range w {
			store64(p, 8*k, w[k])
		}
	}
	for ; g < m; g++ {
		var w [8]uint64
		for k := range w {
			w[k] = uint64(rows[k*m+g])
		}
		transposeBits(&w)
		for k := range w {
			plane[8*g+k] = byte(w[k])
		}
	}
}

// planeToRows is the inverse of rowsToPlane.
func planeToRows(rows, plane []byte) {
	m := len(rows) / 8
	g := 0
	for ; g+8 <= m; g += 8 {
		var w [8]uint64
		p := plane[8*g : 8*g+64]
		for k := range w {
			w[k] = load64(p, 8*k)
		}
		transpose8(&w)
		transposeBits(&w)
		for k := range w {
			store64(rows, k*m+g, w[k])
		}
	}
	for ; g < m; g++ {
		var w [8]uint64
		for k := range w {
			w[k] = uint64(plane[8*g+k])
		}
		transposeBits(&w)
		for k := range w {
			rows[k*m+g] = byte(w[k])
		}
	}
}

// transposeBits transposes, for each byte position, the 8x8 bits that the eight words
// hold there: bit i of word k changes place with bit k of word i.
func transposeBits(w *[8]uint64) {
	a, b, c, d := transposeBits4(w[0], w[1], w[2], w[3])
	e, f, g, h := transposeBits4(w[4], w[5], w[6], w[7])
	w[0], w[4] = swap(a, e, 4, evenNibbles)
	w[1], w[5] = swap(b, f, 4, evenNibbles)
	w[2], w[6] = swap(c, g, 4, evenNibbles)
	w[3], w[7] = swap(d, h, 4, evenNibbles)
}

func transposeBits4(a, b, c, d uint64) (w, x, y, z uint64) {
	a, b = swap(a, b, 1, evenBits)
	c, d = swap(c, d, 1, evenBits)
	a, c = swap(a, c, 2, evenTwos)
	b, d = swap(b, d, 2, evenTwos)
	return a, b, c, d
}
