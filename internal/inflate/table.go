package inflate

import "math/bits"

// An entry of a table, from its lowest bit:
//
//	bits 0-7    bits of input that it takes, those of the code and of its extra bits
//	bits 8-11   bits of the code alone, or of a second table's index
//	bits 12-15  kind, 1 and 2 being the number of literals
//	bits 16-31  literals, the first in the low byte; base of length or distance; start of the second table
type entry uint32

const (
	kindOne   = 1 << 12 // one literal
	kindTwo   = 2 << 12 // two literals
	kindMatch = 4 << 12 // length or distance
	kindSub   = 8 << 12 // go on in a second table
	kindEnd   = 5 << 12 // end of block
	kindBad   = 6 << 12 // no code
	kindMask  = 15 << 12

	maxCode   = 15 // longest code in bits
	litBits   = 12 // index of the first table of literals and lengths; two literals of camera data fit
	distBits  = 9
	litCodes  = 288
	distCodes = 32
	// Room for the second tables: every one has at least two codes, and 1<<(15-index) entries
	// at most (zlib's enough.c finds smaller bounds; these need no proof).
	litTable  = 1<<litBits + litCodes/2<<(maxCode-litBits)
	distTable = 1<<distBits + distCodes/2<<(maxCode-distBits)
)

// Bases and extra bits of length codes 257 to 285 and of distance codes (RFC 1951, 3.2.5).
var (
	lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthMore = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase   = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distMore   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// litEntry is the entry of a literal or length symbol, without its code's bits.
func litEntry(symbol int) entry {
	switch {
	case symbol < 256:
		return kindOne | entry(symbol)<<16
	case symbol == 256:
		return kindEnd
	case symbol < 286:
		return kindMatch | entry(lengthBase[symbol-257])<<16 | entry(lengthMore[symbol-257])
	}
	return kindBad
}

// distEntry is the entry of a distance symbol, without its code's bits.
func distEntry(symbol int) entry {
	if symbol < 30 {
		return kindMatch | entry(distBase[symbol])<<16 | entry(distMore[symbol])
	}
	return kindBad
}

// build fills a table whose first 1<<index entries are indexed by the next bits of the
// input, from the code length of every symbol (RFC 1951, 3.2.2). Codes must use the code
// space exactly, but for no code at all or a single one of one bit, which the specification
// allows for distances.
func build(table []entry, index uint, lengths []uint8, make func(symbol int) entry) bool {
	var left [maxCode + 1]int // codes of each length not yet in the table
	for _, n := range lengths {
		left[n]++
	}
	left[0] = 0
	var next, first [maxCode + 2]int // next code of a length; place of its first symbol when sorted
	space, used := 0, 0
	for n := 1; n <= maxCode; n++ {
		next[n+1] = (next[n] + left[n]) << 1
		first[n+1] = first[n] + left[n]
		space += left[n] << (maxCode - n)
		used += left[n]
	}
	if space < 1<<maxCode {
		if used > 1 || used != left[1] {
			return false
		}
		for i := range table[:1<<index] {
			table[i] = kindBad | 1
		}
	}
	if space > 1<<maxCode {
		return false
	}
	var sorted [litCodes]uint16
	for symbol, n := range lengths {
		if n > 0 {
			sorted[first[n]] = uint16(symbol)
			first[n]++
		}
	}
	free := 1 << index // first entry not yet taken by a second table
	prefix, sub := -1, 0
	var subBits uint
	for _, symbol := range sorted[:used] {
		n := uint(lengths[symbol])
		// The low byte has the extra bits already: with the code's they are all it takes.
		e := make(int(symbol)) + entry(n) + entry(n)<<8
		rev := int(bits.Reverse16(uint16(next[n])) >> (16 - n))
		next[n]++
		if n <= index {
			for i := rev; i < 1<<index; i += 1 << n {
				table[i] = e
			}
			left[n]--
			continue
		}
		// Codes of one prefix follow each other, so that one second table is open at a time.
		if p := rev & (1<<index - 1); p != prefix {
			prefix, sub, subBits = p, free, subIndex(&left, n, index)
			free += 1 << subBits
			table[p] = kindSub | entry(subBits)<<8 | entry(sub)<<16 | entry(index)
		}
		left[n]--
		e -= entry(index) + entry(index)<<8 // which the first table's entry has taken
		for i := rev >> index; i < 1<<subBits; i += 1 << (n - index) {
			table[sub+i] = e
		}
	}
	return true
}

// subIndex is the index of a second table that begins with a code of length n: what its
// longest code has past the first table's index.
func subIndex(left *[maxCode + 1]int, n, index uint) uint {
	for room := 1 << (n - index); n < maxCode; n++ {
		if room -= left[n]; room <= 0 {
			break
		}
		room <<= 1
	}
	return n - index
}

// pair joins literals that follow each other within the index of a table.
func pair(table []entry, index uint) {
	// Downwards, so that the second literal is looked up among entries still single.
	for i := 1<<index - 1; i >= 0; i-- {
		e := table[i]
		if e&kindMask != kindOne {
			continue
		}
		n := uint(e & 0xff)
		if s := table[i>>n]; s&kindMask == kindOne && n+uint(s&0xff) <= index {
			table[i] = kindTwo | e&0x00ff0000 | s&0x00ff0000<<8 | entry(n) + s&0xff
		}
	}
}
