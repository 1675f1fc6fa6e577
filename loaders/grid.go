package loaders

import (
	"fmt"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// axisLetters are the axes an array may have, in the order of the flat columns of chunks.
const axisLetters = "TCZYX"

// rowAxes are the axes in the order by which the rows of an array are sorted, slowest first.
const rowAxes = "TZYXC"

// maxChunks bounds the grid of one array at one level, so that no shape that a file claims
// makes an index of more than a few gigabytes.
const maxChunks = 1 << 27

// maxChunkElements bounds what is allocated to decode one chunk.
const maxChunkElements = 1 << 29

// grid is the chunk grid of an array at one level. Slices are in the order of its axes.
type grid struct {
	axes   string
	shape  []int // elements at this level
	chunk  []int // extent of a chunk
	count  []int // chunks along each axis
	stride []int // rows between neighbouring chunks along each axis
	rows   int   // chunks of the grid
}

// newGrid checks a description that comes from a file and lays out its grid at a level.
func newGrid(a *schemas.Array, level int) (*grid, error) {
	n := len(a.Axes)
	if n == 0 || n > len(axisLetters) || len(a.Shape) != n || len(a.Chunk) != n {
		return nil, fmt.Errorf("axes %q, shape %v and chunk %v do not go together", a.Axes, a.Shape, a.Chunk)
	}
	g := &grid{axes: a.Axes, shape: make([]int, n), chunk: make([]int, n), count: make([]int, n), stride: make([]int, n)}
	for i := range n {
		if !strings.ContainsRune(axisLetters, rune(a.Axes[i])) || strings.IndexByte(a.Axes, a.Axes[i]) != i {
			return nil, fmt.Errorf("axes %q: want letters out of %s, each once", a.Axes, axisLetters)
		}
		if a.Shape[i] < 0 || a.Shape[i] > maxExtent || a.Chunk[i] < 1 || a.Chunk[i] > maxExtent {
			return nil, fmt.Errorf("shape %v and chunk %v: extent out of range", a.Shape, a.Chunk)
		}
		g.shape[i], g.chunk[i] = schemas.LevelExtent(int(a.Shape[i]), a.Axes[i], level), int(a.Chunk[i])
		g.count[i] = ceilDiv(g.shape[i], g.chunk[i])
	}
	largest := make([]int, n)
	for i := range n {
		largest[i] = min(g.chunk[i], g.shape[i])
	}
	if n, ok := nd.CheckedElements(largest); !ok || n > maxChunkElements {
		return nil, fmt.Errorf("chunks of %v have more than %d elements", largest, maxChunkElements)
	}
	var ok bool
	if g.rows, ok = nd.CheckedElements(g.count); !ok || g.rows > maxChunks {
		return nil, fmt.Errorf("shape %v has more than %d chunks of %v", g.shape, maxChunks, g.chunk)
	}
	g.setStrides()
	return g, nil
}

// maxExtent is the largest coordinate that the flat columns hold.
const maxExtent = 1<<31 - 1

func (g *grid) setStrides() {
	n := 1
	for k := len(rowAxes) - 1; k >= 0; k-- {
		if i := strings.IndexByte(g.axes, rowAxes[k]); i >= 0 {
			g.stride[i] = n
			n *= g.count[i]
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// box is chunk i of the grid, in row order, put into r.
func (g *grid) box(i int, r nd.Region) {
	for k := range g.axes {
		at := i / g.stride[k] % g.count[k] * g.chunk[k]
		r.Origin[k], r.Shape[k] = at, min(g.chunk[k], g.shape[k]-at)
	}
}

// newBox makes room for a box.
func (g *grid) newBox() nd.Region {
	return nd.Region{Origin: make([]int, len(g.axes)), Shape: make([]int, len(g.axes))}
}

// touched appends the numbers of the chunks that a region inside the array touches,
// ascending for an array that is sorted as its rows are.
func (g *grid) touched(dst []int, r nd.Region) []int {
	if r.Elements() == 0 {
		return dst
	}
	dst = append(dst, 0)
	for k := range g.axes {
		first, last := r.Origin[k]/g.chunk[k], (r.End(k)-1)/g.chunk[k]
		n := len(dst)
		for c := first + 1; c <= last; c++ {
			for _, base := range dst[:n] {
				dst = append(dst, base+c*g.stride[k])
			}
		}
		for i := range dst[:n] {
			dst[i] += first * g.stride[k]
		}
	}
	return dst
}

// check reports a region that leaves the array, by axis and extent.
func (g *grid) check(r nd.Region) error {
	if len(r.Origin) != len(g.axes) || len(r.Shape) != len(g.axes) {
		return fmt.Errorf("%w: %d axes, the array has %d (%s)", ErrRegion, len(r.Shape), len(g.axes), g.axes)
	}
	for k := range g.axes {
		if r.Origin[k] < 0 || r.Shape[k] < 0 || r.Origin[k] > g.shape[k]-r.Shape[k] {
			return fmt.Errorf("%w: %d:%d on axis %c, whose extent is %d", ErrRegion, r.Origin[k], r.End(k), g.axes[k], g.shape[k])
		}
	}
	return nil
}
