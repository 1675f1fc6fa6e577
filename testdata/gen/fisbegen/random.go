package fisbegen

// random is a stream of pseudo-random numbers: splitmix64 (Steele, Lea and Flood, OOPSLA
// 2014). The standard library's generators do not promise the same stream for ever.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// intn is a number of [0, n).
func (r *random) intn(n int) int { return int(r.next() >> 1 % uint64(n)) }

// between is a number of [lo, hi].
func (r *random) between(lo, hi int) int { return lo + r.intn(hi-lo+1) }

// mix is the output function of splitmix64: a hash of 64 bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// derive is an independent seed for part i of what a seed describes.
func derive(seed uint64, i int) uint64 { return mix(seed ^ mix(uint64(i)+0x632be59bd9b4e019)) }

// normal is a number with mean 0 and standard deviation normalUnit, made of a hash: the sum
// of four uniform 16-bit numbers (Irwin-Hall), close to a normal distribution up to three
// standard deviations and the same on every machine.
func normal(h uint64) int {
	return int(h&0xffff) + int(h>>16&0xffff) + int(h>>32&0xffff) + int(h>>48) - 2*0xffff
}

// normalUnit is the standard deviation of normal: 65536 * sqrt(4/12).
const normalUnit = 37837
