// Package arrays turns N-D arrays of samples into rows of the chunks table, and gathers in
// passing what the instances and samples tables need.
//
// Words:
//
//   - A block is one box of the (t, z, y, x) grid with all channels: it is read once and
//     gives one row for every chunk along C. Channels of labels that overlap are seen
//     together in it.
//   - A unit is one array of one sample at one pyramid level: a run of blocks.
//   - A span is a run of blocks of one unit that goes into one shard.
//   - A piece is what is read at once for a block of a higher level, whose source may be
//     far larger than the block.
//
// Data moves one way: Source -> Reader -> block -> rows of a shard, and Facts beside them.
package arrays

import (
	"context"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// Source is an N-D array that can be read by region.
type Source interface {
	Shape() []int
	DType() schemas.DType
	// Reader reads the regions of the schedule. It holds at most about budget bytes.
	// onObject, which may be nil, is told of every encoded object it reads.
	Reader(schedule []nd.Region, budget int64, onObject func(key string, off int64, encoded []byte)) (Reader, error)
}

// Reader reads the regions of a schedule.
type Reader interface {
	// Read fills dst with region i of the schedule, little-endian. It may be called from
	// several goroutines; each region is read at most once, in about the order of the schedule.
	Read(ctx context.Context, i int, dst nd.View) error
	Close() error
}

// Array is one array of a sample as it will be stored.
type Array struct {
	Name   string
	Role   string // schemas.RoleImage or schemas.RoleLabels
	Axes   string // one letter an axis out of TCZYX; X is the last of a label array
	Source Source
	Chunk  []int   // extent of a chunk along each axis
	Levels int     // pyramid levels, at least 1
	Fill   float64 // value that a null chunk stands for
	Stored int64   // bytes the source keeps for the array, 0 where unknown
}

// Sample is a sample and its arrays, sorted by name.
type Sample struct {
	ID, Split string
	// Source identifies the bytes behind the sample for the plan's fingerprint: a digest
	// of names and sizes.
	Source string
	Arrays []Array
}

// Describe is the array's entry in samples.arrays.
func (a *Array) Describe() schemas.Array {
	return schemas.Array{
		Name: a.Name, Role: a.Role, Axes: a.Axes,
		Shape: int64s(a.Source.Shape()), Chunk: int64s(a.Chunk),
		DType: string(a.Source.DType()), Fill: a.Fill, Levels: int32(a.Levels),
	}
}

func int64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i := range v {
		out[i] = int64(v[i])
	}
	return out
}
