package arrays

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// labelVolume is a CZYX uint8 volume with random blobs that overlap between channels.
func labelVolume(rng *rand.Rand, shape [4]int) []byte {
	data := make([]byte, shape[0]*shape[1]*shape[2]*shape[3])
	for i := range data {
		if rng.IntN(3) > 0 {
			data[i] = byte(rng.IntN(3))
		}
	}
	return data
}

func labelGrid(shape [4]int, chunk [3]int) *grid {
	g := &grid{axes: "CZYX", dim: [nAxes]int{-1, 0, 1, 2, 3}}
	g.shape = [nAxes]int{1, shape[0], shape[1], shape[2], shape[3]}
	g.chunk = [nAxes]int{1, 1, chunk[0], chunk[1], chunk[2]}
	for ax := range nAxes {
		g.count[ax] = ceilDiv(g.shape[ax], g.chunk[ax])
	}
	return g
}

// blockBytes cuts a block out of a CZYX volume.
func blockBytes(data []byte, shape [4]int, b box) []byte {
	var out []byte
	for c := range b.shape[axC] {
		for z := range b.shape[axZ] {
			for y := range b.shape[axY] {
				o := ((c*shape[1]+b.origin[axZ]+z)*shape[2]+b.origin[axY]+y)*shape[3] + b.origin[axX]
				out = append(out, data[o:o+b.shape[axX]]...)
			}
		}
	}
	return out
}

// Whatever the chunks, the merged parts say what a plain look at the whole volume says.
func TestPartsAgainstWholeVolume(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		shape := [4]int{1 + rng.IntN(3), 1 + rng.IntN(6), 1 + rng.IntN(7), 1 + rng.IntN(40)}
		g := labelGrid(shape, [3]int{1 + rng.IntN(4), 1 + rng.IntN(4), 1 + rng.IntN(17)})
		data := labelVolume(rng, shape)
		parts := Parts{}
		for i := range g.blocks() {
			b := g.block(i)
			var ls labelScan
			if err := ls.block(blockBytes(data, shape, b), schemas.Uint8, g, b); err != nil {
				t.Fatal(err)
			}
			parts.merge(ls.parts)
		}
		checkParts(t, parts, data, shape)
	}
}

func checkParts(t *testing.T, parts Parts, data []byte, shape [4]int) {
	t.Helper()
	n := shape[1] * shape[2] * shape[3]
	found := map[Key]bool{}
	for i, v := range data {
		if v != 0 {
			found[Key{int32(i / n), int64(v)}] = true
		}
	}
	if len(found) != len(parts) {
		t.Fatalf("%d objects, want %d", len(parts), len(found))
	}
	for k, p := range parts {
		whole := make([]byte, n)
		var shared, voxels int64
		for i := range n {
			if int64(data[int(k.Channel)*n+i]) != k.Label {
				continue
			}
			whole[i] = 1
			voxels++
			for c := range shape[0] {
				if c != int(k.Channel) && data[c*n+i] != 0 {
					shared++
					break
				}
			}
		}
		if p.Voxels != voxels || p.Shared != shared {
			t.Errorf("%v: %d voxels, %d shared, want %d and %d", k, p.Voxels, p.Shared, voxels, shared)
		}
		if got := paint(p, shape); !slices.Equal(got, whole) {
			t.Errorf("%v: the runs do not paint the object", k)
		}
	}
}

// paint decodes the counts of a part into a whole mask.
func paint(p *Part, shape [4]int) []byte {
	out := make([]byte, shape[1]*shape[2]*shape[3])
	h, w := int(p.Max[1]-p.Min[1])+1, int(p.Max[2]-p.Min[2])+1
	pos := 0
	for i, n := range p.Mask().Counts(p.BBox(), mask.COrder) {
		for range n {
			z, y, x := pos/(h*w), pos/w%h, pos%w
			out[((z+int(p.Min[0]))*shape[2]+y+int(p.Min[1]))*shape[3]+x+int(p.Min[2])] = byte(i % 2)
			pos++
		}
	}
	return out
}

func TestPartCounts(t *testing.T) {
	tests := []struct {
		name string
		runs [][4]int32
		want []int64
	}{
		{"one voxel", [][4]int32{{3, 4, 5, 1}}, []int64{0, 1}},
		{"cut by a chunk boundary", [][4]int32{{0, 0, 4, 3}, {0, 0, 0, 4}}, []int64{0, 7}},
		{"row to row", [][4]int32{{0, 0, 0, 3}, {0, 1, 0, 3}}, []int64{0, 6}},
		{"begins inside its box", [][4]int32{{0, 0, 1, 1}, {0, 1, 0, 1}}, []int64{1, 2, 1}},
		{"planes apart", [][4]int32{{0, 0, 0, 2}, {2, 0, 0, 2}}, []int64{0, 2, 2, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Part
			for _, r := range tt.runs {
				p.add(r[0], r[1], r[2], r[3])
			}
			if got := p.Mask().Counts(p.BBox(), mask.COrder); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNegativeLabel(t *testing.T) {
	g := labelGrid([4]int{2, 1, 2, 3}, [3]int{1, 2, 3})
	data := make([]byte, 12)
	data[6+4] = 0xff // channel 1, y 1, x 1
	var ls labelScan
	err := ls.block(data, schemas.Int8, g, g.block(0))
	want := "label -1 at channel 1, z 0, y 1, x 1: labels are integers from 0 to 2^63-1"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
