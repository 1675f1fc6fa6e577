package loaders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/schemas"
)

// Summary says what is in a data set.
type Summary struct {
	Name    string         `json:"name"`
	Version string         `json:"version"` // of the format
	Source  schemas.Source `json:"source"`
	// Revision is nil for a data set as it was converted.
	Revision *schemas.Revision `json:"revision,omitempty"`

	Bytes  int64          `json:"bytes"` // of all shards
	Shards int            `json:"shards"`
	Tables []TableSummary `json:"tables"`
	Arrays []ArraySummary `json:"arrays"`
	// Items is nil for a data set without questions.
	Items   *ItemSummary     `json:"items,omitempty"`
	Partial *schemas.Partial `json:"partial,omitempty"` // as in the manifest
	Repairs map[string]int64 `json:"repairs,omitempty"` // as in the manifest
}

// TableSummary is a table in one split.
type TableSummary struct {
	Table  string `json:"table"`
	Split  string `json:"split"`
	Rows   int64  `json:"rows"`
	Shards int    `json:"shards"`
	Bytes  int64  `json:"bytes"`
}

// ArraySummary is the arrays of one name in one split. Facts of elements are of level 0,
// sizes and chunks of all levels.
type ArraySummary struct {
	Array      string   `json:"array"`
	Split      string   `json:"split"`
	Role       string   `json:"role"`
	Axes       string   `json:"axes"`
	DType      string   `json:"dtype"`
	Levels     int32    `json:"levels"`
	Samples    int      `json:"samples"`
	MinShape   []int64  `json:"min_shape"` // smallest extent along each axis
	MaxShape   []int64  `json:"max_shape"`
	Chunk      []int64  `json:"chunk"`
	Chunks     int64    `json:"chunks"`
	Empty      int64    `json:"empty_chunks"`     // chunks that hold the fill value only
	Decoded    int64    `json:"decoded_bytes"`    // of all chunks, empty ones too
	Stored     int64    `json:"stored_bytes"`     // of the pages that hold them, 0 where pages are not indexed
	Elements   int64    `json:"elements"`         // of level 0
	Foreground int64    `json:"foreground"`       // of them, those that differ from the fill value
	Min        *float64 `json:"min,omitempty"`    // of level 0, as Max
	Max        *float64 `json:"max,omitempty"`    //
	Instances  int64    `json:"instances"`        // rows of the instances table
	MinID      *int64   `json:"min_id,omitempty"` // of their ids
	MaxID      *int64   `json:"max_id,omitempty"` //
}

// Ratio is decoded over stored bytes.
func (s *ArraySummary) Ratio() float64 { return ratio(s.Decoded, s.Stored) }

// arrayName is an array's name in a split.
type arrayName struct{ split, array string }

// Summary reads the small columns of all tables and sums them up.
func (d *Dataset) Summary(ctx context.Context) (*Summary, error) {
	s := &Summary{
		Name: d.manifest.Name, Version: d.manifest.Version, Source: d.manifest.Source, Revision: d.manifest.Revision,
		Bytes: d.manifest.Bytes(), Shards: len(d.manifest.Shards), Tables: d.tables(),
		Partial: d.manifest.Partial, Repairs: d.manifest.Repairs,
	}
	var err error
	if s.Items, err = d.itemSummary(ctx); err != nil {
		return nil, err
	}
	arrays := map[arrayName]*ArraySummary{}
	for _, shard := range d.shards {
		for _, g := range shard.groups() {
			var err error
			switch shard.Table {
			case schemas.SamplesTable:
				err = shard.sumSamples(ctx, g, arrays)
			case schemas.ChunksTable:
				err = shard.sumChunks(ctx, g, arrays)
			case schemas.InstancesTable:
				err = shard.sumInstances(ctx, g, arrays)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	s.Arrays = make([]ArraySummary, 0, len(arrays))
	for _, a := range arrays {
		s.Arrays = append(s.Arrays, *a)
	}
	slices.SortFunc(s.Arrays, func(a, b ArraySummary) int {
		return cmp.Or(cmp.Compare(a.Array, b.Array), cmp.Compare(a.Split, b.Split))
	})
	return s, nil
}

// tables sums up the manifest.
func (d *Dataset) tables() (tables []TableSummary) {
	for _, t := range schemas.Tables() {
		for _, split := range d.manifest.Splits {
			sum := TableSummary{Table: t.Name, Split: split}
			for _, s := range d.manifest.ShardsOf(t.Name, split) {
				sum.Rows += s.Rows
				sum.Bytes += s.Bytes
				sum.Shards++
			}
			if sum.Shards > 0 {
				tables = append(tables, sum)
			}
		}
	}
	return tables
}

func summaryOf(arrays map[arrayName]*ArraySummary, split, array string) *ArraySummary {
	key := arrayName{split, array}
	if arrays[key] == nil {
		arrays[key] = &ArraySummary{Array: array, Split: split}
	}
	return arrays[key]
}

func (s *shard) sumSamples(ctx context.Context, g rowGroup, arrays map[arrayName]*ArraySummary) error {
	for r, err := range rows[sampleHead](ctx, s, g) {
		if err != nil {
			return err
		}
		for i := range r.value.Arrays {
			a := &r.value.Arrays[i]
			if _, err := newGrid(a, 0); err != nil {
				return &DamageError{File: s.Path, Row: r.number, Sample: r.value.SampleID, Err: fmt.Errorf("array %s: %w", a.Name, err)}
			}
			sum := summaryOf(arrays, s.Split, a.Name)
			sum.Samples++
			sum.Role, sum.Axes, sum.DType, sum.Chunk = a.Role, a.Axes, a.DType, a.Chunk
			sum.Levels = max(sum.Levels, a.Levels)
			sum.MinShape, sum.MaxShape = extend(sum.MinShape, a.Shape, false), extend(sum.MaxShape, a.Shape, true)
		}
	}
	return nil
}

// extend takes the smaller or the larger of extents, axis by axis.
func extend(have, shape []int64, larger bool) []int64 {
	if len(have) != len(shape) {
		return slices.Clone(shape)
	}
	for i := range have {
		if (shape[i] > have[i]) == larger {
			have[i] = shape[i]
		}
	}
	return have
}

// chunkFacts are the columns of chunks that are summed up.
type chunkFacts struct {
	Array      string   `parquet:"array,dict"`
	Level      int32    `parquet:"level"`
	SizeT      int32    `parquet:"size_t"`
	SizeC      int32    `parquet:"size_c"`
	SizeZ      int32    `parquet:"size_z"`
	SizeY      int32    `parquet:"size_y"`
	SizeX      int32    `parquet:"size_x"`
	DType      string   `parquet:"dtype,dict"`
	Foreground int64    `parquet:"foreground"`
	Min        *float64 `parquet:"min,optional"`
	Max        *float64 `parquet:"max,optional"`
}

func (s *shard) sumChunks(ctx context.Context, g rowGroup, arrays map[arrayName]*ArraySummary) error {
	stored, err := s.payloadSizes(g)
	if err != nil {
		return s.blame(ctx, err)
	}
	for r, err := range rows[chunkFacts](ctx, s, g) {
		if err != nil {
			return err
		}
		v := r.value
		sum := summaryOf(arrays, s.Split, v.Array)
		elements := int64(v.SizeT) * int64(v.SizeC) * int64(v.SizeZ) * int64(v.SizeY) * int64(v.SizeX)
		sum.Chunks++
		sum.Decoded += elements * int64(schemas.DType(v.DType).Size())
		sum.Stored += stored[r.number-g.first]
		if v.Foreground == 0 {
			sum.Empty++
		}
		if v.Level == 0 {
			sum.Elements += elements
			sum.Foreground += v.Foreground
			sum.Min, sum.Max = least(sum.Min, v.Min), greatest(sum.Max, v.Max)
		}
	}
	return nil
}

// payloadSizes are the bytes of the payload pages of a row group by row. A page ends in the
// payload it is there for.
func (s *shard) payloadSizes(g rowGroup) (map[int64]int64, error) {
	leaf, _ := g.Schema().Lookup("data")
	sizes := make(map[int64]int64)
	err := guard(func() error {
		index, err := g.ColumnChunks()[leaf.ColumnIndex].(*parquet.FileColumnChunk).OffsetIndex()
		if err != nil {
			return err
		}
		for i := range index.NumPages() {
			end := g.NumRows()
			if i+1 < index.NumPages() {
				end = index.FirstRowIndex(i + 1)
			}
			sizes[end-1] += index.CompressedPageSize(i)
		}
		return nil
	})
	if errors.Is(err, parquet.ErrMissingOffsetIndex) { // written by another program
		return nil, nil
	}
	return sizes, err
}

func (s *shard) sumInstances(ctx context.Context, g rowGroup, arrays map[arrayName]*ArraySummary) error {
	for r, err := range rows[instanceHead](ctx, s, g) {
		if err != nil {
			return err
		}
		sum := summaryOf(arrays, s.Split, r.value.Array)
		id := r.value.InstanceID
		sum.Instances++
		sum.MinID, sum.MaxID = least(sum.MinID, &id), greatest(sum.MaxID, &id)
	}
	return nil
}

// least is the smaller of two values, where nil is none; greatest the larger.
func least[T cmp.Ordered](a, b *T) *T {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

func greatest[T cmp.Ordered](a, b *T) *T {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}
