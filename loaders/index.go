package loaders

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/ordered"
	"github.com/micropq/micropq/schemas"
)

// chunkKey are the columns of chunks that say which chunk a row is.
type chunkKey struct {
	SampleID string  `parquet:"sample_id,dict"`
	Array    string  `parquet:"array,dict"`
	Level    int32   `parquet:"level"`
	T        int32   `parquet:"t"`
	C        int32   `parquet:"c"`
	Z        int32   `parquet:"z"`
	Y        int32   `parquet:"y"`
	X        int32   `parquet:"x"`
	SizeT    int32   `parquet:"size_t"`
	SizeC    int32   `parquet:"size_c"`
	SizeZ    int32   `parquet:"size_z"`
	SizeY    int32   `parquet:"size_y"`
	SizeX    int32   `parquet:"size_x"`
	DType    string  `parquet:"dtype,dict"`
	Encoding string  `parquet:"encoding,dict"`
	Fill     float64 `parquet:"fill"`
	Digest   uint64  `parquet:"digest"`
}

// index holds where the chunks of one array at one level lie. It does not change once made.
type index struct {
	runs      []run
	chunks    []chunkRef // by number in the grid
	encodings []chunkcodec.Encoding
}

// run is a run of chunks that are neighbours both in the grid and in a shard.
type run struct {
	shard *shard
	chunk int   // number of the first
	row   int64 // its row
}

// chunkRef is what the key columns say of a chunk.
type chunkRef struct {
	digest   uint64
	encoding uint8 // in index.encodings
	empty    bool  // every element is the fill value, as the digest proves
}

// chunkRefBytes is the memory of a chunkRef.
const chunkRefBytes = 16

// place is the shard and row of chunk i.
func (x *index) place(i int) (*shard, int64) {
	k := sort.Search(len(x.runs), func(k int) bool { return x.runs[k].chunk > i }) - 1
	r := &x.runs[k]
	return r.shard, r.row + int64(i-r.chunk)
}

// keysAhead is how many rows of keys are held at a time, about a hundred bytes each.
const keysAhead = 1 << 17

// indexReaders is how many row groups' keys are read at a time.
func (a *Array) indexReaders(groups []rowGroup) int {
	most := int64(1)
	for _, g := range groups {
		most = max(most, g.NumRows())
	}
	n := a.dataset.options.Workers
	if a.dataset.remote {
		n = openFiles
	}
	return int(max(1, min(int64(n), keysAhead/most)))
}

// indexer takes the key columns of one array and checks that they are exactly the rows of its
// grid, in order.
type indexer struct {
	array *Array
	index *index
	box   nd.Region
	empty map[int]uint64 // digest of a chunk of fill values, by number of elements
}

// groupKeys are the rows of an array in a row group.
type groupKeys struct {
	rows []int64 // in the shard
	keys []chunkKey
	past bool // other rows follow them
}

// errIndexed ends the reading of row groups early.
var errIndexed = errors.New("the rows of the array are past")

// buildIndex reads the row groups whose statistics admit the array's sample, several at a time.
func buildIndex(ctx context.Context, a *Array, shards []*shard) (*index, error) {
	var of []*shard
	var groups []rowGroup
	for _, s := range shards {
		for _, g := range s.groups(bound{"sample_id", a.sample}, bound{"array", a.desc.Name}) {
			of, groups = append(of, s), append(groups, g)
		}
	}
	b := &indexer{array: a, index: &index{}, box: a.grid.newBox(), empty: map[int]uint64{}}
	n, next := a.indexReaders(groups), 0
	err := ordered.Each(ctx, len(groups), n, n, func(ctx context.Context, i int) (groupKeys, error) {
		return a.groupKeys(ctx, of[i], groups[i])
	}, func(k groupKeys) error {
		for i := range k.rows {
			if err := b.row(of[next], k.rows[i], &k.keys[i]); err != nil {
				return err
			}
		}
		next++
		if k.past && len(b.index.chunks) == a.grid.rows {
			return errIndexed
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && !errors.Is(err, errIndexed):
		return nil, err
	case len(of) == 0:
		return b.done(nil)
	}
	return b.done(of[len(of)-1])
}

// groupKeys reads the rows of the array in a row group.
func (a *Array) groupKeys(ctx context.Context, s *shard, g rowGroup) (k groupKeys, err error) {
	for r, err := range rows[chunkKey](ctx, s, g) {
		if err != nil {
			return k, err
		}
		v := r.value
		if v.SampleID != a.sample || v.Array != a.desc.Name || int(v.Level) != a.level {
			k.past = len(k.rows) > 0
			continue
		}
		k.rows, k.keys, k.past = append(k.rows, r.number), append(k.keys, *v), false
	}
	return k, nil
}

// row takes the next row of the array.
func (b *indexer) row(s *shard, row int64, k *chunkKey) error {
	a := b.array
	n := len(b.index.chunks)
	if n == a.grid.rows {
		return b.damage(s, row, k, fmt.Errorf("a row too many: the grid of %v has %d chunks", a.grid.count, n))
	}
	a.grid.box(n, b.box)
	if !k.at(a.grid.axes, b.box) {
		return b.damage(s, row, k, fmt.Errorf("the row of chunk %v should be here, this is that of %v: rows are missing or out of order", b.box, k.region(a.grid.axes)))
	}
	if k.DType != a.desc.DType || math.Float64bits(k.Fill) != math.Float64bits(a.desc.Fill) {
		return b.damage(s, row, k, fmt.Errorf("%s filled with %v, the sample says %s filled with %v", k.DType, k.Fill, a.desc.DType, a.desc.Fill))
	}
	e, err := b.encoding(k.Encoding)
	if err != nil {
		return b.damage(s, row, k, err)
	}
	if r := b.index.runs; len(r) == 0 || r[len(r)-1].shard != s || r[len(r)-1].row+int64(n-r[len(r)-1].chunk) != row {
		b.index.runs = append(r, run{shard: s, chunk: n, row: row})
	}
	b.index.chunks = append(b.index.chunks, chunkRef{digest: k.Digest, encoding: e, empty: k.Digest == b.emptyDigest(b.box.Elements())})
	return nil
}

func (b *indexer) encoding(name string) (uint8, error) {
	for i, e := range b.index.encodings {
		if string(e) == name {
			return uint8(i), nil
		}
	}
	e, err := chunkcodec.Parse(name)
	if err != nil {
		return 0, err
	}
	b.index.encodings = append(b.index.encodings, e)
	return uint8(len(b.index.encodings) - 1), nil
}

// emptyDigest is the digest of a chunk of n fill values. It tells an empty chunk without a
// look at its page, which ends in the payload of a later chunk.
func (b *indexer) emptyDigest(n int) uint64 {
	if sum, ok := b.empty[n]; ok {
		return sum
	}
	part := bytes.Repeat(b.array.fill, min(n, 1<<16))
	h := xxhash.New()
	for left := n * len(b.array.fill); left > 0; left -= len(part) {
		_, _ = h.Write(part[:min(left, len(part))])
	}
	b.empty[n] = h.Sum64()
	return b.empty[n]
}

// done checks that no chunk of the grid is missing at the end.
func (b *indexer) done(last *shard) (*index, error) {
	a, n := b.array, len(b.index.chunks)
	if n == a.grid.rows {
		return b.index, nil
	}
	a.grid.box(n, b.box)
	d := &DamageError{Row: -1, Sample: a.sample, Array: a.desc.Name, Level: a.level, Origin: b.box.Origin,
		File: schemas.ChunksTable, Err: fmt.Errorf("the chunk has no row: %d of %d rows are there", n, a.grid.rows)}
	if n > 0 {
		last = b.index.runs[len(b.index.runs)-1].shard
	}
	if last != nil {
		d.File = last.Path
	}
	return nil, d
}

func (b *indexer) damage(s *shard, row int64, k *chunkKey, err error) error {
	a := b.array
	return &DamageError{File: s.Path, Row: row, Sample: a.sample, Array: a.desc.Name, Level: a.level,
		Origin: k.region(a.grid.axes).Origin, Digest: k.Digest, Err: err}
}

// along is origin and extent of the row along an axis.
func (k *chunkKey) along(axis byte) (origin, extent int32) {
	switch axis {
	case 'T':
		return k.T, k.SizeT
	case 'C':
		return k.C, k.SizeC
	case 'Z':
		return k.Z, k.SizeZ
	case 'Y':
		return k.Y, k.SizeY
	}
	return k.X, k.SizeX
}

// region is the row's box along the axes of its array.
func (k *chunkKey) region(axes string) nd.Region {
	r := nd.Region{Origin: make([]int, len(axes)), Shape: make([]int, len(axes))}
	for i := range axes {
		o, n := k.along(axes[i])
		r.Origin[i], r.Shape[i] = int(o), int(n)
	}
	return r
}

// at reports whether the row is that of a box; an axis the array lacks has origin 0 and
// extent 1.
func (k *chunkKey) at(axes string, box nd.Region) bool {
	for j := range axisLetters {
		o, n := k.along(axisLetters[j])
		i := strings.IndexByte(axes, axisLetters[j])
		if i < 0 {
			if o != 0 || n != 1 {
				return false
			}
			continue
		}
		if int(o) != box.Origin[i] || int(n) != box.Shape[i] {
			return false
		}
	}
	return true
}
