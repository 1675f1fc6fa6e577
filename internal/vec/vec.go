// Package vec holds the few loops over elements of two bytes, and of one, that a conversion, a loader and
// a validation spend their time in: 16-bit images are what microscopes make.
//
// On amd64 they take 16 bytes a turn, with instructions that every such processor has
// (SSE2). Elsewhere, and for what is left behind the last whole turn, they are the portable
// functions of this file, which the tests hold the others to.
package vec

import "encoding/binary"

// Max16 sets every element of dst to the larger of it and that of src, which is as long.
func Max16(dst, src []uint16) {
	n := max16(dst, src[:len(dst)])
	max16Portable(dst[n:], src[n:])
}

// Range16 returns the least and the largest element of v, which has at least one, and how
// many equal x.
func Range16(v []uint16, x uint16) (lo, hi uint16, equal int) {
	lo, hi = v[0], v[0]
	n := range16(v, x, &lo, &hi, &equal)
	range16Portable(v[n:], x, &lo, &hi, &equal)
	return lo, hi, equal
}

// Range8 is Range16 for elements of one byte.
func Range8(v []uint8, x uint8) (lo, hi uint8, equal int) {
	lo, hi = v[0], v[0]
	n := range8(v, x, &lo, &hi, &equal)
	range8Portable(v[n:], x, &lo, &hi, &equal)
	return lo, hi, equal
}

// Interleave writes even and odd, which are as long, by turns: even[i] goes to dst[2*i] and
// odd[i] to dst[2*i+1]. Neither may overlap dst.
func Interleave(dst, even, odd []byte) {
	dst, odd = dst[:2*len(even)], odd[:len(even)]
	n := interleave(dst, even, odd)
	interleavePortable(dst[2*n:], even[n:], odd[n:])
}

// Deinterleave is the inverse of Interleave.
func Deinterleave(even, odd, src []byte) {
	src, odd = src[:2*len(even)], odd[:len(even)]
	n := deinterleave(even, odd, src)
	deinterleavePortable(even[n:], odd[n:], src[2*n:])
}

func max16Portable(dst, src []uint16) {
	src = src[:len(dst)]
	for i, v := range dst {
		dst[i] = max(v, src[i])
	}
}

func range16Portable(v []uint16, x uint16, lo, hi *uint16, equal *int) {
	l, h, n := *lo, *hi, 0
	for _, y := range v {
		l, h = min(l, y), max(h, y)
		if y == x {
			n++
		}
	}
	*lo, *hi, *equal = l, h, *equal+n
}

func range8Portable(v []uint8, x uint8, lo, hi *uint8, equal *int) {
	l, h, n := *lo, *hi, 0
	for _, y := range v {
		l, h = min(l, y), max(h, y)
		if y == x {
			n++
		}
	}
	*lo, *hi, *equal = l, h, *equal+n
}

// evenBytes covers every other byte of a word.
const evenBytes = 0x00ff00ff00ff00ff

func interleavePortable(dst, even, odd []byte) {
	le := binary.LittleEndian
	i := 0
	for ; i+8 <= len(even); i += 8 {
		a, b := swapBytes(le.Uint64(even[i:]), le.Uint64(odd[i:]))
		d := dst[2*i : 2*i+16]
		le.PutUint16(d, uint16(a))
		le.PutUint16(d[2:], uint16(b))
		le.PutUint16(d[4:], uint16(a>>16))
		le.PutUint16(d[6:], uint16(b>>16))
		le.PutUint16(d[8:], uint16(a>>32))
		le.PutUint16(d[10:], uint16(b>>32))
		le.PutUint16(d[12:], uint16(a>>48))
		le.PutUint16(d[14:], uint16(b>>48))
	}
	for ; i < len(even); i++ {
		dst[2*i], dst[2*i+1] = even[i], odd[i]
	}
}

func deinterleavePortable(even, odd, src []byte) {
	le := binary.LittleEndian
	i := 0
	for ; i+8 <= len(even); i += 8 {
		s := src[2*i : 2*i+16]
		a := uint64(le.Uint16(s)) | uint64(le.Uint16(s[4:]))<<16 | uint64(le.Uint16(s[8:]))<<32 | uint64(le.Uint16(s[12:]))<<48
		b := uint64(le.Uint16(s[2:])) | uint64(le.Uint16(s[6:]))<<16 | uint64(le.Uint16(s[10:]))<<32 | uint64(le.Uint16(s[14:]))<<48
		a, b = swapBytes(a, b)
		le.PutUint64(even[i:], a)
		le.PutUint64(odd[i:], b)
	}
	for ; i < len(even); i++ {
		even[i], odd[i] = src[2*i], src[2*i+1]
	}
}

// swapBytes exchanges the odd bytes of a with the even bytes of b (Warren, Hacker's Delight,
// section 7-3).
func swapBytes(a, b uint64) (uint64, uint64) {
	t := (a>>8 ^ b) & evenBytes
	return a ^ t<<8, b ^ t
}
