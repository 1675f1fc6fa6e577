package draw

import "math/bits"

// permutation is a bijection of [0, n) that needs no memory: a Feistel network over the
// next power of four, applied again until the result is below n (cycle walking: Black and
// Rogaway, CT-RSA 2002). On average that takes less than four turns.
type permutation struct {
	n    uint64
	half uint // bits of one side
	keys [rounds]uint64
}

// rounds of the network. Luby and Rackoff show that four make it a pseudo-random permutation; six
// keep small domains well mixed too.
const rounds = 6

func newPermutation(n int64, k uint64) permutation {
	p := permutation{n: uint64(n), half: uint(bits.Len64(uint64(max(n, 2)-1))+1) / 2}
	for i := range p.keys {
		p.keys[i] = key(k, uint64(i))
	}
	return p
}

// at is the image of i.
func (p *permutation) at(i int64) int64 {
	x := uint64(i)
	for {
		if x = p.forward(x); x < p.n {
			return int64(x)
		}
	}
}

// inverse is the number whose image is i.
func (p *permutation) inverse(i int64) int64 {
	x := uint64(i)
	for {
		if x = p.backward(x); x < p.n {
			return int64(x)
		}
	}
}

func (p *permutation) forward(x uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	l, r := x>>p.half, x&mask
	for _, k := range p.keys {
		l, r = r, l^mix(r+k)&mask
	}
	return l<<p.half | r
}

func (p *permutation) backward(x uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	l, r := x>>p.half, x&mask
	for i := rounds - 1; i >= 0; i-- {
		l, r = r^mix(l+p.keys[i])&mask, l
	}
	return l<<p.half | r
}
