package inflate

// adlerRun is how many bytes are summed before a reduction: their sums fit 32 bits.
const adlerRun = 5552 / 16 * 16

// adler continues an Adler-32 checksum (RFC 1950, section 8.2), which begins as adlerStart.
func adler(sum uint32, b []byte) uint32 {
	s1, s2 := uint64(sum&0xffff), uint64(sum>>16)
	for len(b) >= 16 {
		n := min(len(b), adlerRun) / 16
		bytes, before, weighted := adlerBlocks(&b[0], n)
		s2 += 16*uint64(n)*s1 + 16*uint64(before) + uint64(weighted)
		s1 += uint64(bytes)
		s1, s2 = s1%adlerMod, s2%adlerMod
		b = b[16*n:]
	}
	return adlerPortable(uint32(s2)<<16|uint32(s1), b)
}

// adlerBlocks sums n blocks of 16 bytes, at least one: all bytes; for each block all bytes
// before it; and in each block the bytes times their distance from its end. It uses SSE2,
// which every amd64 machine has.
//
//go:noescape
func adlerBlocks(p *byte, n int) (bytes, before, weighted uint32)
