package mask

import (
	"math"
	"math/big"
)

// orientation is the sign of the area of the triangle a, b, c: 1 where it goes from +X to +Y, -1 where it goes the other
// way, 0 where the three lie in a line. It is exact for finite vertices.
func orientation(a, b, c Vertex) int {
	dx, dy, ex, ey := b.X-a.X, b.Y-a.Y, c.X-a.X, c.Y-a.Y
	l, r := dx*ey, dy*ex
	det := l - r
	// Shewchuk (1997), "Adaptive precision floating-point arithmetic", 4.1: past this the sign is right.
	const bound = (3 + 16*0x1p-53) * 0x1p-53
	if math.Abs(det) > bound*(math.Abs(l)+math.Abs(r)) {
		return sign(det)
	}
	if exact(b.X, a.X, dx) && exact(b.Y, a.Y, dy) && exact(c.X, a.X, ex) && exact(c.Y, a.Y, ey) && tame(l) && tame(r) {
		// Rounding keeps order, and what it takes off a product is a float64 itself.
		if l != r {
			return sign(det)
		}
		return sign(math.FMA(dx, ey, -l) - math.FMA(dy, ex, -r))
	}
	return bigOrientation(a, b, c)
}

// exact reports whether d is a-b without rounding.
func exact(a, b, d float64) bool {
	// Knuth's two-sum: the tail of the difference.
	back := a - d
	return (a-(d+back))+(back-b) == 0
}

// tame reports whether a product is far enough from the ends of float64 for its error to be one.
func tame(p float64) bool {
	m := math.Abs(p)
	return m == 0 || m > 0x1p-900 && m < 0x1p1000
}

func sign(f float64) int {
	switch {
	case f > 0:
		return 1
	case f < 0:
		return -1
	}
	return 0
}

// bigOrientation holds all bits of the differences of float64 and of their products.
func bigOrientation(a, b, c Vertex) int {
	number := func(f float64) *big.Float { return new(big.Float).SetPrec(5000).SetFloat64(f) }
	difference := func(p, q float64) *big.Float { return number(0).Sub(number(p), number(q)) }
	l := number(0).Mul(difference(b.X, a.X), difference(c.Y, a.Y))
	r := number(0).Mul(difference(b.Y, a.Y), difference(c.X, a.X))
	return l.Cmp(r)
}
