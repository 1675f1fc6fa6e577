// Package shuffle holds the two reversible filters that Blosc and numcodecs run before
// compression.
//
// An element is typeSize bytes. A plane is one byte position of all elements, in element
// order: the byte filter stores plane 0, plane 1, and so on. The bit filter cuts each
// plane further into eight bit rows, least significant bit first, eight elements to a
// byte. Bytes behind the last whole element follow unchanged.
//
// The layouts are those of the c-blosc 1.x filters (README_CHUNK_FORMAT of c-blosc) and
// of numcodecs.Shuffle.
package shuffle

import (
	"encoding/binary"

	"github.com/micropq/micropq/internal/vec"
)

// Masks of the three stages of a transpose of 8x8 bytes held in eight words.
const (
	evenBytes = 0x00ff00ff00ff00ff
	evenPairs = 0x0000ffff0000ffff
	evenQuads = 0x00000000ffffffff
)

// Shuffle writes the planes of src to dst: byte j of element i goes to j*n+i of n
// elements. It uses len(src) bytes of dst, which must not overlap src and must be at
// least as long. A typeSize below 2 copies.
func Shuffle(dst, src []byte, typeSize int) {
	dst = dst[:len(src)]
	n := len(src) / max(typeSize, 1)
	if typeSize < 2 || n < 2 {
		copy(dst, src)
		return
	}
	j := 0
	for ; j+8 <= typeSize; j += 8 {
		shuffle8(dst[j*n:], src[j:], n, typeSize)
	}
	if j+4 <= typeSize {
		shuffle4(dst[j*n:], src[j:], n, typeSize)
		j += 4
	}
	if typeSize == 2 {
		vec.Deinterleave(dst[:n], dst[n:2*n], src[:2*n])
		j += 2
	}
	for ; j < typeSize; j++ {
		shuffle1(dst[j*n:], src[j:], 0, n, typeSize)
	}
	copy(dst[n*typeSize:], src[n*typeSize:])
}

// Unshuffle is the inverse of Shuffle, under the same conditions.
func Unshuffle(dst, src []byte, typeSize int) {
	n := len(src) / max(typeSize, 1)
	whole := n * max(typeSize, 1)
	UnshuffleRange(dst[:whole], src, typeSize, 0)
	copy(dst[whole:len(src)], src[whole:])
}

// UnshuffleRange is Unshuffle of only some elements: it fills dst with the elements of src
// from element first on. They must exist.
func UnshuffleRange(dst, src []byte, typeSize, first int) {
	n := len(src) / max(typeSize, 1) // between planes
	if typeSize < 2 || n < 2 {
		copy(dst, src[first*max(typeSize, 1):])
		return
	}
	m := len(dst) / typeSize
	if m == 0 {
		return
	}
	src = src[first:]
	j := 0
	for ; j+8 <= typeSize; j += 8 {
		unshuffle8(dst[j:], src[j*n:], n, m, typeSize)
	}
	if j+4 <= typeSize {
		unshuffle4(dst[j:], src[j*n:], n, m, typeSize)
		j += 4
	}
	if typeSize == 2 {
		vec.Interleave(dst[:2*m], src[:m], src[n:n+m])
		j += 2
	}
	for ; j < typeSize; j++ {
		unshuffle1(dst[j:], src[j*n:], 0, m, typeSize)
	}
}

// shuffle1 moves elements i to n of the plane that starts at dst[0], src[0].
func shuffle1(dst, src []byte, i, n, stride int) {
	dst = dst[:n]
	for ; i < n; i++ {
		dst[i] = src[i*stride]
	}
}

func unshuffle1(dst, src []byte, i, n, stride int) {
	src = src[:n]
	for ; i < n; i++ {
		dst[i*stride] = src[i]
	}
}

// shuffle4 moves four neighbouring planes, eight elements a turn: word k holds element k
// in its lower and element 4+k in its upper half.
func shuffle4(dst, src []byte, n, stride int) {
	i := 0
	p0, p1, p2, p3 := dst[:n], dst[n:2*n], dst[2*n:3*n], dst[3*n:4*n]
	for ; i+8 <= n; i += 8 {
		s := src[i*stride:]
		a := load32(s, 0) | load32(s, 4*stride)<<32
		b := load32(s, stride) | load32(s, 5*stride)<<32
		c := load32(s, 2*stride) | load32(s, 6*stride)<<32
		d := load32(s, 3*stride) | load32(s, 7*stride)<<32
		a, b, c, d = transpose4(a, b, c, d)
		store64(p0, i, a)
		store64(p1, i, b)
		store64(p2, i, c)
		store64(p3, i, d)
	}
	for k := range 4 {
		shuffle1(dst[k*n:], src[k:], i, n, stride)
	}
}

func unshuffle4(dst, src []byte, n, m, stride int) {
	i := 0
	p0, p1, p2, p3 := src[:m], src[n:n+m], src[2*n:2*n+m], src[3*n:3*n+m]
	for ; i+8 <= m; i += 8 {
		a, b, c, d := transpose4(load64(p0, i), load64(p1, i), load64(p2, i), load64(p3, i))
		o := dst[i*stride:]
		store32(o, 0, a)
		store32(o, stride, b)
		store32(o, 2*stride, c)
		store32(o, 3*stride, d)
		store32(o, 4*stride, a>>32)
		store32(o, 5*stride, b>>32)
		store32(o, 6*stride, c>>32)
		store32(o, 7*stride, d>>32)
	}
	for k := range 4 {
		unshuffle1(dst[k:], src[k*n:], i, m, stride)
	}
}

// shuffle8 moves eight neighbouring planes, eight elements a turn.
func shuffle8(dst, src []byte, n, stride int) {
	i := 0
	for ; i+8 <= n; i += 8 {
		a, b, c, d, e, f, g, h := transpose8(loadRows(src[i*stride:], stride))
		storeRows(dst[i:], n, a, b, c, d, e, f, g, h)
	}
	for k := range 8 {
		shuffle1(dst[k*n:], src[k:], i, n, stride)
	}
}

func unshuffle8(dst, src []byte, n, m, stride int) {
	i := 0
	for ; i+8 <= m; i += 8 {
		a, b, c, d, e, f, g, h := transpose8(loadRows(src[i:], n))
		storeRows(dst[i*stride:], stride, a, b, c, d, e, f, g, h)
	}
	for k := range 8 {
		unshuffle1(dst[k:], src[k*n:], i, m, stride)
	}
}

// swap exchanges the odd lanes of a with the even lanes of b; a lane is shift bits wide
// and mask covers the even ones. It is one stage of a matrix transpose (Warren, Hacker's
// Delight, section 7-3).
func swap(a, b uint64, shift uint, mask uint64) (uint64, uint64) {
	t := (a>>shift ^ b) & mask
	return a ^ t<<shift, b ^ t
}

// transpose4 transposes the 4x4 bytes in the lower halves and those in the upper halves.
func transpose4(a, b, c, d uint64) (w, x, y, z uint64) {
	a, b = swap(a, b, 8, evenBytes)
	c, d = swap(c, d, 8, evenBytes)
	a, c = swap(a, c, 16, evenPairs)
	b, d = swap(b, d, 16, evenPairs)
	return a, b, c, d
}

// transpose8 transposes 8x8 bytes, a word a row. Eight values instead of an array stay in
// registers, which doubles the speed.
func transpose8(a, b, c, d, e, f, g, h uint64) (_, _, _, _, _, _, _, _ uint64) {
	a, b, c, d = transpose4(a, b, c, d)
	e, f, g, h = transpose4(e, f, g, h)
	a, e = swap(a, e, 32, evenQuads)
	b, f = swap(b, f, 32, evenQuads)
	c, g = swap(c, g, 32, evenQuads)
	d, h = swap(d, h, 32, evenQuads)
	return a, b, c, d, e, f, g, h
}

// loadRows loads the first eight bytes of each of eight rows, stride bytes apart.
func loadRows(s []byte, stride int) (a, b, c, d, e, f, g, h uint64) {
	s = s[:7*stride+8]
	return load64(s, 0), load64(s, stride), load64(s, 2*stride), load64(s, 3*stride),
		load64(s, 4*stride), load64(s, 5*stride), load64(s, 6*stride), load64(s, 7*stride)
}

// storeRows is the inverse of loadRows.
func storeRows(p []byte, stride int, a, b, c, d, e, f, g, h uint64) {
	p = p[:7*stride+8]
	store64(p, 0, a)
	store64(p, stride, b)
	store64(p, 2*stride, c)
	store64(p, 3*stride, d)
	store64(p, 4*stride, e)
	store64(p, 5*stride, f)
	store64(p, 6*stride, g)
	store64(p, 7*stride, h)
}

func load32(b []byte, i int) uint64     { return uint64(binary.LittleEndian.Uint32(b[i:])) }
func load64(b []byte, i int) uint64     { return binary.LittleEndian.Uint64(b[i:]) }
func store32(b []byte, i int, v uint64) { binary.LittleEndian.PutUint32(b[i:], uint32(v)) }
func store64(b []byte, i int, v uint64) { binary.LittleEndian.PutUint64(b[i:], v) }
