package arrays

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/schemas"
)

// What the objects of a chunk of labels say of its values is what a look at them says.
func TestStatsOfLabels(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 200 {
		shape := [4]int{1 + rng.IntN(3), 1 + rng.IntN(4), 1 + rng.IntN(5), 1 + rng.IntN(20)}
		g := labelGrid(shape, [3]int{4, 5, 20})
		data := labelVolume(rng, shape)
		switch round % 4 {
		case 0: // no background
			for i := range data {
				data[i] = max(data[i], 1)
			}
		case 1: // a channel and planes without objects
			clear(data[:len(data)/shape[0]])
		}
		b := g.block(0)
		var ls labelScan
		if err := ls.block(data, schemas.Uint8, g, b); err != nil {
			t.Fatal(err)
		}
		n := len(data) / shape[0]
		for k, c := range g.channels(b) {
			got, want := ls.parts.stats(c), elem.Scan(data[k*n:][:n], schemas.Uint8, 0)
			if got != want {
				t.Fatalf("shape %v, channel %d: %+v, want %+v", shape, k, got, want)
			}
		}
	}
}

// A projection is the maximum over T and Z whatever the order of the axes.
func TestProject(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, axes := range []string{"CZYX", "ZYXC", "TZCYX", "XYZ"} {
		g := &grid{axes: axes, shape: [nAxes]int{2, 3, 4, 5, 17}, chunk: [nAxes]int{2, 3, 4, 5, 17}, count: [nAxes]int{1, 1, 1, 1, 1}}
		for ax := range nAxes {
			if g.dim[ax] = strings.IndexByte(axes, axisLetters[ax]); g.dim[ax] < 0 {
				g.shape[ax], g.chunk[ax] = 1, 1
			}
		}
		b := g.block(0)
		v := make([]uint16, b.elements())
		for i := range v {
			v[i] = uint16(rng.Uint32())
		}
		data, err := binary.Append(nil, binary.LittleEndian, v)
		if err != nil {
			t.Fatal(err)
		}
		const step = 2
		p := &Projection{Step: step, Channels: g.shape[axC], Height: 3, Width: 9}
		var pt patch
		projectBlock(&pt, p, data, schemas.Uint16, g, b)

		want := make([]float32, p.Channels*p.Height*p.Width)
		st := g.strides(b)
		for i := range v {
			// The place of element i, from its strides.
			at := func(ax int) int {
				if g.dim[ax] < 0 {
					return 0
				}
				return i / st[ax] % g.shape[ax]
			}
			o := (at(axC)*p.Height+at(axY)/step)*p.Width + at(axX)/step
			want[o] = max(want[o], float32(v[i]))
		}
		for i := range want {
			if pt.values[i] != want[i] {
				t.Errorf("%s: pixel %d is %v, want %v", axes, i, pt.values[i], want[i])
				break
			}
		}
	}
}
