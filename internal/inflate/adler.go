package inflate

import "encoding/binary"

const (
	// adlerStart is the checksum of nothing.
	adlerStart = 1
	adlerMod   = 65521
	// adlerWords is the number of 8-byte words whose sums fit 16 bits: the sum of the sums of n
	// bytes is at most 255 n (n+1) / 2.
	adlerWords = 22
	adlerBlock = 8 * adlerWords
)

// adlerPortable continues an Adler-32 checksum (RFC 1950, section 8.2). It adds eight bytes at
// once, in the 16-bit lanes of words; the standard library adds one. A zlib stream that packs
// well costs more to check than to decode.
func adlerPortable(sum uint32, b []byte) uint32 {
	s1, s2 := uint64(sum&0xffff), uint64(sum>>16)
	for len(b) >= adlerBlock {
		// Sums grow by less than 2^24 for a block, and these stay far from 2^64.
		for range 1 << 10 {
			if len(b) < adlerBlock {
				break
			}
			bytes, weighted := adlerSums((*[adlerBlock]byte)(b))
			s2 += adlerBlock*s1 + weighted
			s1 += bytes
			b = b[adlerBlock:]
		}
		s1, s2 = s1%adlerMod, s2%adlerMod
	}
	for _, c := range b {
		s1 += uint64(c)
		s2 += s1
	}
	return uint32(s2%adlerMod)<<16 | uint32(s1%adlerMod)
}

// adlerSums is the sum of a block's bytes, and that of the bytes times their distance from
// the block's end.
func adlerSums(b *[adlerBlock]byte) (bytes, weighted uint64) {
	const lanes = 0x00ff00ff00ff00ff
	var even, odd, evens, odds uint64 // sums of bytes 0, 2, 4, 6 and 1, 3, 5, 7 of all words, and sums of these sums
	for i := 0; i < adlerBlock; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		even += w & lanes
		odd += w >> 8 & lanes
		evens += even
		odds += odd
	}
	// Byte k of word j of n is 8 (n-j) - k from the end.
	for k := range uint64(4) {
		e, o := even>>(16*k)&0xffff, odd>>(16*k)&0xffff
		bytes += e + o
		weighted += 8*(evens>>(16*k)&0xffff+odds>>(16*k)&0xffff) - 2*k*e - (2*k+1)*o
	}
	return bytes, weighted
}
