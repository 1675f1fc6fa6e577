package draw

import "math/bits"

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014; the constants are
// variant 13 of Stafford's): a bijection whose output bits each depend on all input bits.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// gamma is SplitMix64's increment, 2^64 over the golden ratio.
const gamma = 0x9e3779b97f4a7c15

// key folds words into one, order mattering.
func key(words ...uint64) uint64 {
	k := uint64(0)
	for _, w := range words {
		k = mix(k + gamma + mix(w+gamma))
	}
	return k
}

// Random is a stream of random numbers: SplitMix64 from a key. The zero value is one too.
type Random struct{ state uint64 }

// NewRandom is the stream of an item of an epoch. Streams of different purpose are told apart by
// their tag.
func NewRandom(seed uint64, epoch, item int64, tag uint64) Random {
	return Random{key(seed, uint64(epoch), uint64(item), tag)}
}

// Uint64 is the next number.
func (r *Random) Uint64() uint64 {
	r.state += gamma
	return mix(r.state)
}

// Below is the next number scaled to [0, n): the high word of its product with n (Lemire,
// ACM TOMACS 29(1), 2019, without the rejection; the bias is below n/2^64). n is at least 1.
func (r *Random) Below(n int64) int64 {
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int64(hi)
}

// Float64 is the next number scaled to [0, 1), a multiple of 2^-53.
func (r *Random) Float64() float64 { return float64(r.Uint64()>>11) * 0x1p-53 }
