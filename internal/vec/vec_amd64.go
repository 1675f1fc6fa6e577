package vec

// Each of these does as many whole turns as there are and returns the number of elements,
// or pairs of bytes, that it has done.

const turn = 16 // bytes

func max16(dst, src []uint16) int {
	n := len(dst) &^ (turn/2 - 1)
	if n > 0 {
		max16SSE2(&dst[0], &src[0], n)
	}
	return n
}

func range16(v []uint16, x uint16, lo, hi *uint16, equal *int) int {
	n := len(v) &^ (turn/2 - 1)
	if n > 0 {
		var r ranges
		range16SSE2(&v[0], n, x, &r)
		for i := range r.lo {
			*lo, *hi = min(*lo, r.lo[i]), max(*hi, r.hi[i])
		}
		for _, c := range r.equal {
			*equal += int(c)
		}
	}
	return n
}

func range8(v []uint8, x uint8, lo, hi *uint8, equal *int) int {
	n := len(v) &^ (turn - 1)
	if n > 0 {
		var r ranges8
		range8SSE2(&v[0], n, x, &r)
		for i := range r.lo {
			*lo, *hi = min(*lo, r.lo[i]), max(*hi, r.hi[i])
		}
		*equal += int(r.equal[0] + r.equal[1])
	}
	return n
}

func interleave(dst, even, odd []byte) int {
	n := len(even) &^ (turn - 1)
	if n > 0 {
		interleaveSSE2(&dst[0], &even[0], &odd[0], n)
	}
	return n
}

func deinterleave(even, odd, src []byte) int {
	n := len(even) &^ (turn - 1)
	if n > 0 {
		deinterleaveSSE2(&even[0], &odd[0], &src[0], n)
	}
	return n
}

// ranges is what range16SSE2 finds, a lane each.
type ranges struct {
	lo, hi [turn / 2]uint16
	equal  [turn / 4]uint32
}

// ranges8 is what range8SSE2 finds, a lane each.
type ranges8 struct {
	lo, hi [turn]uint8
	equal  [turn / 8]uint64
}

// The numbers n below are positive multiples of the elements of a turn.

//go:noescape
func max16SSE2(dst, src *uint16, n int)

//go:noescape
func range16SSE2(v *uint16, n int, x uint16, r *ranges)

//go:noescape
func interleaveSSE2(dst, even, odd *byte, n int)

//go:noescape
func deinterleaveSSE2(even, odd, src *byte, n int)

//go:noescape
func range8SSE2(v *uint8, n int, x uint8, r *ranges8)
