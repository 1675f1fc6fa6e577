package arrays

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/micropq/micropq/internal/pyramid"
	"github.com/micropq/micropq/schemas"
)

// Every element of a level is computed from its box of level 0, edges included.
func TestDownsampleAgainstDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		shape := [4]int{1 + rng.IntN(2), 1 + rng.IntN(9), 1 + rng.IntN(9), 1 + rng.IntN(9)}
		level := 1 + rng.IntN(3)
		g := labelGrid(shape, [3]int{64, 64, 64})
		in := box{shape: g.shape}
		out := in
		for ax := range nAxes {
			out.shape[ax] = schemas.LevelExtent(g.shape[ax], axisLetters[ax], level)
		}
		src := make([]byte, in.elements())
		for i := range src {
			src[i] = byte(rng.IntN(4) * rng.IntN(80))
		}
		for _, role := range []string{schemas.RoleImage, schemas.RoleLabels} {
			dst := make([]byte, out.elements())
			pyramid.Downsample(dst, src, schemas.Uint8, role == schemas.RoleLabels, g.dense(out), g.dense(in), level)
			for i, got := range dst {
				if want := define(src, shape, out, i, level, role); got != want {
					t.Fatalf("%s, shape %v, level %d, element %d: got %d, want %d", role, shape, level, i, got, want)
				}
			}
		}
	}
}

// define is the rule of the pyramid, written down as slowly as can be.
func define(src []byte, shape [4]int, out box, i, level int, role string) byte {
	f := 1 << level
	ox, oy, oz := out.shape[axX], out.shape[axY], out.shape[axZ]
	x, y, z, c := i%ox*f, i/ox%oy*f, i/(ox*oy)%oz*f, i/(ox*oy*oz)
	var sum, n float64
	count := map[byte]int{}
	for dz := z; dz < min(z+f, shape[1]); dz++ {
		for dy := y; dy < min(y+f, shape[2]); dy++ {
			for dx := x; dx < min(x+f, shape[3]); dx++ {
				v := src[((c*shape[1]+dz)*shape[2]+dy)*shape[3]+dx]
				sum, n = sum+float64(v), n+1
				if v != 0 {
					count[v]++
				}
			}
		}
	}
	if role == schemas.RoleImage {
		return byte(math.Floor(sum/n + 0.5))
	}
	best := byte(0)
	for v, k := range count {
		if k > count[best] || k == count[best] && v < best {
			best = v
		}
	}
	return best
}
