package loaders

import (
	"context"
	"fmt"
	"iter"
	"path"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/schemas"
)

// Sample is a row of samples.
type Sample struct {
	schemas.Sample
	// Extra holds the source's own columns by name: nil for null, []any for a list,
	// map[string]any for a struct, int32 for a date (days since 1970-01-01).
	Extra map[string]any
}

// SampleQuery says which samples to list. Its zero value lists all, without their pictures.
type SampleQuery struct {
	Split    string // "" for all
	Glob     string // of sample ids, as path.Match has it; "" for all
	Pictures bool   // read preview and image too
}

// withoutPictures are the columns of samples that are read only when asked for.
var withoutPictures = []parquet.ReaderOption{
	parquet.StructTag(`parquet:"-"`, "Preview"),
	parquet.StructTag(`parquet:"-"`, "Image"),
}

// Samples lists samples in the order of the data set.
func (d *Dataset) Samples(ctx context.Context, q SampleQuery) iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		if _, err := path.Match(q.Glob, ""); err != nil {
			yield(nil, fmt.Errorf("pattern %q: %w", q.Glob, err))
			return
		}
		var options []parquet.ReaderOption
		if !q.Pictures {
			options = withoutPictures
		}
		for _, s := range d.shardsOf(schemas.SamplesTable, q.Split) {
			for _, g := range s.groups() {
				for v, err := range extended[schemas.Sample](ctx, s, g, options...) {
					if err != nil {
						yield(nil, err)
						return
					}
					if ok, _ := path.Match(q.Glob, v.row.SampleID); q.Glob != "" && !ok {
						continue
					}
					if !yield(&Sample{v.row, v.extra}, nil) {
						return
					}
				}
			}
		}
	}
}

// Sample finds the sample of an id, pictures included.
func (d *Dataset) Sample(ctx context.Context, id string) (*Sample, error) {
	for _, s := range d.shardsOf(schemas.SamplesTable, "") {
		for _, g := range s.groups(bound{"sample_id", id}) {
			for v, err := range extended[schemas.Sample](ctx, s, g) {
				if err != nil {
					return nil, err
				}
				if v.row.SampleID == id {
					return &Sample{v.row, v.extra}, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("sample %q: %w", id, ErrNotFound)
}

// sampleHead are the columns of samples by which arrays are found.
type sampleHead struct {
	SampleID string          `parquet:"sample_id"`
	Split    string          `parquet:"split"`
	Arrays   []schemas.Array `parquet:"arrays,optional,list"`
}

// sampleEntry is what the directory knows of a sample.
type sampleEntry struct {
	shard  *shard // of the samples table
	arrays []schemas.Array
}

// directory maps the ids of all samples to their arrays. It is read once.
func (d *Dataset) directory(ctx context.Context) (map[string]*sampleEntry, error) {
	if err := d.samples.turn.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer d.samples.turn.Release(1)
	if d.samples.byID != nil {
		return d.samples.byID, nil
	}
	byID := make(map[string]*sampleEntry)
	for _, s := range d.shardsOf(schemas.SamplesTable, "") {
		for _, g := range s.groups() {
			for r, err := range rows[sampleHead](ctx, s, g) {
				if err != nil {
					return nil, err
				}
				h := r.value
				switch {
				case byID[h.SampleID] != nil:
					err = fmt.Errorf("the id is taken by a sample in %s", byID[h.SampleID].shard.Path)
				case h.Split != s.Split:
					err = fmt.Errorf("the sample is said to be of split %q, the file is of %q", h.Split, s.Split)
				}
				if err != nil {
					return nil, &DamageError{File: s.Path, Row: r.number, Sample: h.SampleID, Err: err}
				}
				byID[h.SampleID] = &sampleEntry{shard: s, arrays: h.Arrays}
			}
		}
	}
	d.samples.byID = byID
	return byID, nil
}
