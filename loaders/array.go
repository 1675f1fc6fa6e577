package loaders

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// Region is a half-open box of an array, along its axes, in elements.
type Region = nd.Region

// View is memory that holds a region: bytes, a shape and strides in bytes.
type View = nd.View

// Array is one array of a sample at one pyramid level, safe for concurrent use.
type Array struct {
	*stored
	memory *Memory // of its reads, nil for none that they share
}

// stored is an array as it lies in a data set.
type stored struct {
	dataset *Dataset
	sample  string
	split   string
	desc    schemas.Array
	level   int
	dtype   schemas.DType
	grid    *grid
	fill    []byte // one element
	index   *index

	labels struct { // see instanceIDs and redrawn
		turn  *semaphore.Weighted // of who reads them
		ids   map[objectKey]int64
		masks []object
	}
}

// Array opens an array of a sample at a level, 0 being full resolution. The first time it
// reads the key columns of the sample's chunks; later it is found in memory, as long as
// [Options.IndexMemory] suffices for the arrays in use.
func (d *Dataset) Array(ctx context.Context, sample, array string, level int) (*Array, error) {
	return d.arrays.get(ctx, arrayKey{sample, array, level}, func() (*Array, error) {
		return d.openArray(ctx, sample, array, level)
	})
}

func (d *Dataset) openArray(ctx context.Context, sample, array string, level int) (*Array, error) {
	s, err := d.directory(ctx)
	if err != nil {
		return nil, err
	}
	entry, ok := s[sample]
	if !ok {
		return nil, fmt.Errorf("sample %q: %w: it has %s", sample, ErrNotFound, someOf(slices.Sorted(maps.Keys(s))))
	}
	i := slices.IndexFunc(entry.arrays, func(a schemas.Array) bool { return a.Name == array })
	if i < 0 {
		return nil, fmt.Errorf("array %q of sample %s: %w: it has %v", array, sample, ErrNotFound, arrayNames(entry.arrays))
	}
	desc := entry.arrays[i]
	if level < 0 || level >= int(desc.Levels) {
		return nil, fmt.Errorf("level %d of array %s of sample %s: %w: it has %d levels", level, array, sample, ErrNotFound, desc.Levels)
	}
	a := &Array{stored: &stored{dataset: d, sample: sample, split: entry.shard.Split, desc: desc, level: level}}
	a.labels.turn = semaphore.NewWeighted(1)
	if err := a.describe(); err != nil {
		return nil, &DamageError{File: entry.shard.Path, Row: -1, Sample: sample, Array: array, Level: level, Err: err}
	}
	a.index, err = buildIndex(ctx, a, d.shardsOf(schemas.ChunksTable, a.split))
	return a, err
}

// describe checks the sample's description of the array.
func (a *Array) describe() (err error) {
	if a.dtype, err = schemas.ParseDType(a.desc.DType); err != nil {
		return err
	}
	a.fill = nd.Element(a.dtype, a.desc.Fill)
	a.grid, err = newGrid(&a.desc, a.level)
	return err
}

// someOf names the first of what there is.
func someOf[T any](all []T) string {
	const shown = 10
	if len(all) <= shown {
		return fmt.Sprint(all)
	}
	return fmt.Sprintf("%v and %d more", all[:shown], len(all)-shown)
}

func arrayNames(arrays []schemas.Array) []string {
	names := make([]string, len(arrays))
	for i := range arrays {
		names[i] = arrays[i].Name
	}
	return names
}

// Within is the array for reads that share memory with others; a nil Memory ends that.
func (a *Array) Within(m *Memory) *Array { return &Array{a.stored, m} }

// Sample is the id of the sample.
func (a *Array) Sample() string { return a.sample }

// Level is the pyramid level.
func (a *Array) Level() int { return a.level }

// Shape is the extent along each axis at this level, in elements.
func (a *Array) Shape() []int { return slices.Clone(a.grid.shape) }

// Chunk is the extent of a chunk along each axis.
func (a *Array) Chunk() []int { return slices.Clone(a.grid.chunk) }

// Axes has one letter out of TCZYX an axis, slowest first.
func (a *Array) Axes() string { return a.desc.Axes }

// DType is the element type.
func (a *Array) DType() schemas.DType { return a.dtype }

// Fill is one element of the value that empty chunks stand for, little-endian.
func (a *Array) Fill() []byte { return slices.Clone(a.fill) }

// Role is schemas.RoleImage or schemas.RoleLabels.
func (a *Array) Role() string { return a.desc.Role }

// size is the memory that the array's index takes, in bytes.
func (a *Array) size() int64 { return 1024 + chunkRefBytes*int64(len(a.index.chunks)) }
