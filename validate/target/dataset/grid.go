package dataset

import (
	"fmt"
	"math"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/pyramid"
	"github.com/micropq/micropq/schemas"
)

// axisLetters are the axes that every array is seen along, those that it lacks with extent 1.
const axisLetters = "TCZYX"

// Positions in axisLetters.
const (
	axT = iota
	axC
	axZ
	axY
	axX
	nAxes
)

// rowOrder is the order of axes by which the rows of an array are sorted, slowest first.
var rowOrder = [nAxes]int{axT, axZ, axY, axX, axC}

const (
	// maxChunkElements bounds what is allocated to decode one chunk.
	maxChunkElements = 1 << 29
	maxLevels        = 31
)

// box is a box along the five axes.
type box struct{ origin, size [nAxes]int }

func (b *box) elements() int { return nd.Elements(b.size[:]) }

func (b *box) String() string {
	return fmt.Sprintf("t %d, c %d, z %d, y %d, x %d", b.origin[axT], b.origin[axC], b.origin[axZ], b.origin[axY], b.origin[axX])
}

// bbox is the box without T and C.
func (b *box) bbox() *schemas.BBox {
	return &schemas.BBox{
		Z0: int32(b.origin[axZ]), Y0: int32(b.origin[axY]), X0: int32(b.origin[axX]),
		Z1: int32(b.origin[axZ] + b.size[axZ]), Y1: int32(b.origin[axY] + b.size[axY]), X1: int32(b.origin[axX] + b.size[axX]),
	}
}

// boxOf is the box that a row says it is.
func boxOf(c *schemas.Chunk) box {
	return box{
		origin: [nAxes]int{int(c.T), int(c.C), int(c.Z), int(c.Y), int(c.X)},
		size:   [nAxes]int{int(c.SizeT), int(c.SizeC), int(c.SizeZ), int(c.SizeY), int(c.SizeX)},
	}
}

// grid is the chunk grid of an array at one level.
type grid struct {
	shape, chunk, count [nAxes]int
	rows                int64
}

// newGrid checks a description that comes from a file and lays out its grid at a level.
func newGrid(a *schemas.Array, level int) (*grid, error) {
	n := len(a.Axes)
	if n == 0 || n > nAxes || len(a.Shape) != n || len(a.Chunk) != n {
		return nil, fmt.Errorf("axes %q, shape %v and chunk %v do not go together", a.Axes, a.Shape, a.Chunk)
	}
	g := &grid{rows: 1}
	for ax := range nAxes {
		g.shape[ax], g.chunk[ax] = 1, 1
	}
	for i := range n {
		ax := strings.IndexByte(axisLetters, a.Axes[i])
		if ax < 0 || strings.IndexByte(a.Axes, a.Axes[i]) != i {
			return nil, fmt.Errorf("axes %q: want letters out of %s, each once", a.Axes, axisLetters)
		}
		if a.Shape[i] < 0 || a.Shape[i] > math.MaxInt32 || a.Chunk[i] < 1 || a.Chunk[i] > math.MaxInt32 {
			return nil, fmt.Errorf("shape %v and chunk %v: extent out of range", a.Shape, a.Chunk)
		}
		g.shape[ax], g.chunk[ax] = schemas.LevelExtent(int(a.Shape[i]), a.Axes[i], level), int(a.Chunk[i])
	}
	var largest [nAxes]int
	for ax := range nAxes {
		largest[ax] = min(g.chunk[ax], g.shape[ax])
		g.count[ax] = (g.shape[ax] + g.chunk[ax] - 1) / g.chunk[ax]
		if g.count[ax] > 0 && g.rows > math.MaxInt64/int64(g.count[ax]) {
			return nil, fmt.Errorf("shape %v has too many chunks of %v", a.Shape, a.Chunk)
		}
		g.rows *= int64(g.count[ax])
	}
	if n, ok := nd.CheckedElements(largest[:]); !ok || n > maxChunkElements {
		return nil, fmt.Errorf("chunks of %v have more than %d elements", a.Chunk, maxChunkElements)
	}
	return g, nil
}

// number is the place of a box among the rows of the grid, -1 where it is no box of the grid.
func (g *grid) number(b *box) int64 {
	n := int64(0)
	for _, ax := range rowOrder {
		o := b.origin[ax]
		if o < 0 || o >= g.shape[ax] || o%g.chunk[ax] != 0 || b.size[ax] != min(g.chunk[ax], g.shape[ax]-o) {
			return -1
		}
		n = n*int64(g.count[ax]) + int64(o/g.chunk[ax])
	}
	return n
}

// box is a box of the grid by its place among the rows.
func (g *grid) box(number int64) (b box) {
	for k := nAxes - 1; k >= 0; k-- {
		ax := rowOrder[k]
		n := int64(g.count[ax])
		b.origin[ax] = int(number%n) * g.chunk[ax]
		b.size[ax] = min(g.chunk[ax], g.shape[ax]-b.origin[ax])
		number /= n
	}
	return b
}

// dense is a box as a dense array of the axes, which are some of axisLetters in any order.
func dense(axes string, size [nAxes]int) pyramid.Box {
	b := pyramid.Box{Shape: size}
	n := 1
	for i := len(axes) - 1; i >= 0; i-- {
		ax := strings.IndexByte(axisLetters, axes[i])
		b.Strides[ax] = n
		n *= size[ax]
	}
	return b
}

// bits is a set of numbers.
type bits []uint64

func newBits(n int64) bits { return make(bits, (n+63)/64) }

// add reports whether the number was in the set.
func (b bits) add(i int64) (had bool) {
	had = b[i/64]>>(i%64)&1 == 1
	b[i/64] |= 1 << (i % 64)
	return had
}

func (b bits) has(i int64) bool { return b[i/64]>>(i%64)&1 == 1 }
