package nclsmgen

// mix is the output function of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): a hash of
// 64 bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is a hash of a seed and numbers.
func hash(seed uint64, numbers ...int) uint64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	for _, n := range numbers {
		h = mix(h ^ mix(uint64(n)+0x632be59bd9b4e019))
	}
	return h
}

// below is a number of [0, n) made of a hash.
func below(h uint64, n int) int { return int(h >> 1 % uint64(n)) }
