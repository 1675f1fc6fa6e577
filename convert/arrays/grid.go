package arrays

import (
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/pyramid"
	"github.com/micropq/micropq/schemas"
)

// The axes every array is seen along: those it lacks have extent 1.
const (
	axT = iota
	axC
	axZ
	axY
	axX
	nAxes
)

const axisLetters = "TCZYX"

// blockOrder is the order of blocks, and with C last of the rows of chunks.
var blockOrder = [4]int{axT, axZ, axY, axX}

// grid is the chunk grid of one unit.
type grid struct {
	axes  string
	dim   [nAxes]int // position of each axis in the array, -1 where it has none
	shape [nAxes]int // extents of the unit
	chunk [nAxes]int
	count [nAxes]int // chunks along each axis
}

// newGrid is the grid of array a at a level.
func newGrid(a *Array, level int) *grid {
	g := &grid{axes: a.Axes}
	shape := a.Source.Shape()
	for ax := range nAxes {
		d := strings.IndexByte(a.Axes, axisLetters[ax])
		g.dim[ax], g.shape[ax], g.chunk[ax], g.count[ax] = d, 1, 1, 1
		if d < 0 {
			continue
		}
		g.shape[ax] = schemas.LevelExtent(shape[d], axisLetters[ax], level)
		g.chunk[ax] = a.Chunk[d]
		g.count[ax] = ceilDiv(g.shape[ax], g.chunk[ax])
	}
	return g
}

// scale is the number of level 0 elements along an axis that one element of a level covers.
func scale(axis, level int) int {
	if axis == axT || axis == axC {
		return 1
	}
	return 1 << level
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// blocks is the number of blocks of the unit.
func (g *grid) blocks() int {
	n := 1
	for _, ax := range blockOrder {
		n *= g.count[ax]
	}
	return n
}

// box is a box along the five axes.
type box struct{ origin, shape [nAxes]int }

// block is box i of the grid, with all channels.
func (g *grid) block(i int) (b box) {
	for k := len(blockOrder) - 1; k >= 0; k-- {
		ax := blockOrder[k]
		b.set(ax, i%g.count[ax]*g.chunk[ax], g)
		i /= g.count[ax]
	}
	b.shape[axC] = g.shape[axC]
	return b
}

// channels cuts a block into its chunks along C.
func (g *grid) channels(b box) []box {
	out := make([]box, g.count[axC])
	for i := range out {
		out[i] = b
		out[i].set(axC, i*g.chunk[axC], g)
	}
	return out
}

func (b *box) set(ax, origin int, g *grid) {
	b.origin[ax] = origin
	b.shape[ax] = min(g.chunk[ax], g.shape[ax]-origin)
}

// region is the box in the array's own axes.
func (g *grid) region(b box) nd.Region {
	r := nd.Region{Origin: make([]int, len(g.axes)), Shape: make([]int, len(g.axes))}
	for ax, d := range g.dim {
		if d >= 0 {
			r.Origin[d], r.Shape[d] = b.origin[ax], b.shape[ax]
		}
	}
	return r
}

// source is the level 0 box that box b of a level covers, given the extents of level 0.
func (g *grid) source(b box, level int, full [nAxes]int) box {
	var s box
	for ax := range nAxes {
		f := scale(ax, level)
		s.origin[ax] = b.origin[ax] * f
		s.shape[ax] = min(b.shape[ax]*f, full[ax]-s.origin[ax])
	}
	return s
}

func (b box) elements() int {
	n := 1
	for _, s := range b.shape {
		n *= s
	}
	return n
}

// strides are the element strides along the five axes of a dense array in the grid's own
// axis order and of the box's shape; 0 for an axis the array lacks.
func (g *grid) strides(b box) (st [nAxes]int) {
	n := 1
	for d := len(g.axes) - 1; d >= 0; d-- {
		ax := strings.IndexByte(axisLetters, g.axes[d])
		st[ax] = n
		n *= b.shape[ax]
	}
	return st
}

// dense is a box as a dense array in the grid's own axis order.
func (g *grid) dense(b box) pyramid.Box {
	return pyramid.Box{Shape: b.shape, Strides: g.strides(b)}
}
