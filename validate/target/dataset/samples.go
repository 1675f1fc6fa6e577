package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// samples are those of the data set.
type samples struct {
	ids keys // of all of them
	// rows says where each sample is, for questions about it; by the hash of its id.
	mu     sync.Mutex
	rows   map[uint64]rowRef
	volume map[string]*sample // those that have arrays
	sorted []*sample          // the same by id
}

// rowRef is a row of a shard.
type rowRef struct {
	shard int32 // in walk.shards
	row   int32
}

// sample is a sample that has arrays, while its chunks are looked at.
type sample struct {
	*validate.Sample
	arrays []*array

	mu      sync.Mutex
	pending int  // row groups that may hold chunks of it and were not read
	shown   bool // with all of its arrays and layers
}

// withoutPictures leaves the pictures of samples unread.
var withoutPictures = []parquet.ReaderOption{
	parquet.StructTag(`parquet:"-"`, "Preview"),
	parquet.StructTag(`parquet:"-"`, "Image"),
}

// imageColumn holds the pictures that are items.
const imageColumn = "image.bytes"

// readSamples reads the samples and looks at their pictures. Those without arrays are shown.
func (w *walk) readSamples(ctx context.Context) error {
	w.samples.volume = map[string]*sample{}
	if len(w.of(schemas.QuestionsTable)) > 0 && w.pass.Wants(validate.Questions) {
		w.samples.rows = map[uint64]rowRef{}
	}
	shards := w.all(schemas.SamplesTable)
	err := w.scanAll(ctx, shards, w.sampleGroup, nil)
	for _, id := range sortedKeys(w.samples.volume) {
		w.samples.sorted = append(w.samples.sorted, w.samples.volume[id])
	}
	return err
}

// all lists the shards of a table, also those whose rows cannot be read.
func (w *walk) all(table string) (shards []*shard) {
	for _, s := range w.shards {
		if s.table == table {
			shards = append(shards, s)
		}
	}
	return shards
}

// sampleGroup reads a row group of samples.
func (w *walk) sampleGroup(ctx context.Context, s *shard, group int, held piece) error {
	first, n := s.reader.FirstRow(group), s.reader.RowGroups()[group].NumRows()
	list, err := w.sampleRows(ctx, s, group, 0, n)
	if store.IsTransport(err) {
		return err
	}
	if err != nil {
		s.lose(rowError(first+int64(len(list)), n-int64(len(list)), err))
	}
	w.noteNulls(ctx, s, group, schemas.Samples)
	ts := tasks{ws: w.workers}
	for i, v := range list {
		row := first + int64(i)
		w.noteSample(s, v, row)
		ts.do(ctx, func(wk *worker) { w.lookAt(ctx, s, v, row, s.buffer(wk, held)) })
	}
	return ts.wait()
}

// sampleRows reads rows of samples without their pictures.
func (w *walk) sampleRows(ctx context.Context, s *shard, group int, from, n int64) ([]*validate.Sample, error) {
	var list []*validate.Sample
	first := s.reader.FirstRow(group) + from
	for v, err := range shardfile.Rows[schemas.Sample](ctx, s.reader, group, from, n, withoutPictures...) {
		if err != nil {
			return list, err
		}
		list = append(list, w.newSample(s, *v, first+int64(len(list))))
	}
	extras, err := extrasOf(ctx, s.reader, group, from, n, schemas.Samples)
	for i := range extras {
		list[i].Extra = extras[i]
	}
	return list, err
}

func (w *walk) newSample(s *shard, v schemas.Sample, row int64) *validate.Sample {
	out := &validate.Sample{Place: w.at(s.path, s.split, v.SampleID), Sample: v, Kind: validate.Question}
	out.Row = &row
	for _, a := range v.Arrays {
		if strings.Contains(a.Axes, "Z") {
			out.Kind = validate.Volume
		} else if out.Kind == validate.Question {
			out.Kind = validate.Tissue
		}
	}
	return out
}

// noteSample checks the keys of a sample and remembers it.
func (w *walk) noteSample(s *shard, v *validate.Sample, row int64) {
	hash := hashOf(v.SampleID)
	taken := w.samples.ids.add(hash)
	switch {
	case v.SampleID == "":
		s.badKey("sample_id", "", "is empty", row)
	case taken:
		s.badKey("sample_id", v.SampleID, "is taken twice", row)
	}
	if v.Sample.Split != s.split {
		s.badKey("split", v.Sample.Split, fmt.Sprintf("is not %s, that of the shard", s.split), row)
	}
	w.totals.sample(v)
	w.samples.mu.Lock()
	defer w.samples.mu.Unlock()
	if w.samples.rows != nil {
		i, _ := slices.BinarySearchFunc(w.shards, s.path, func(o *shard, path string) int { return cmp.Compare(o.path, path) })
		w.samples.rows[hash] = rowRef{int32(i), int32(row)}
	}
	if len(v.Arrays) > 0 && !taken {
		w.samples.volume[v.SampleID] = w.newArrays(v)
	}
}

// lookAt looks at the picture of a sample and, if it has no arrays, shows it.
func (w *walk) lookAt(ctx context.Context, s *shard, v *validate.Sample, row int64, buf *shardfile.Buffer) {
	data, null, err := s.reader.Payload(ctx, row, imageColumn, buf)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		v.Errs = append(v.Errs, err)
	case null && len(v.Arrays) == 0:
		v.Errs = append(v.Errs, &validate.MissingError{What: "it has neither a picture nor arrays"})
	case !null:
		w.decode(v, data)
	}
	if len(v.Arrays) == 0 {
		w.pass.Sample(ctx, v)
	}
}

// decode makes the digest and the hash of a picture, and compares them with those that the row has.
func (w *walk) decode(v *validate.Sample, data []byte) {
	p, err := picture.Decode(data)
	if err != nil {
		v.Errs = append(v.Errs, &validate.MissingError{What: fmt.Sprintf("its picture of %d bytes cannot be decoded: %v", len(data), err)})
		return
	}
	v.Pixels, v.Perceptual = p.Digest(), p.Hash()
	for _, c := range []struct {
		column string
		found  uint64
	}{{"pixel_digest", v.Pixels}, {"perceptual_hash", v.Perceptual}} {
		claim, ok := unsigned(v.Extra[c.column])
		if ok && claim != c.found {
			v.Errs = append(v.Errs, &validate.ClaimError{Column: c.column, Claim: fmt.Sprintf("%016x", claim), Found: fmt.Sprintf("%016x", c.found)})
		}
	}
}

func unsigned(v any) (uint64, bool) {
	switch v := v.(type) {
	case uint64:
		return v, true
	case int64:
		return uint64(v), true
	}
	return 0, false
}

// noteNulls finds nulls where the table has none, in columns that a file lets be null.
func (w *walk) noteNulls(ctx context.Context, s *shard, group int, table *schemas.Table) {
	for _, column := range requiredNulls(s.reader.Schema(), table) {
		row, n, err := s.reader.Nulls(ctx, group, column)
		if err != nil {
			s.fail(err)
		} else if n > 0 {
			s.fail(&validate.SchemaError{Column: column, Problem: fmt.Sprintf("is null in %d rows, the first of them %d", n, row)})
		}
	}
}

// extrasOf reads the columns of rows that a table does not have, class labels by their names; nil where there are none.
func extrasOf(ctx context.Context, r *shardfile.Reader, group int, first, n int64, table *schemas.Table) (extras []map[string]any, err error) {
	columns := parquet.Group{}
	for _, f := range r.Schema().Fields() {
		if !slices.ContainsFunc(table.Columns, func(c schemas.Column) bool { return c.Name == f.Name() }) {
			columns[f.Name()] = f
		}
	}
	if len(columns) == 0 {
		return nil, nil
	}
	names := classNames(r)
	for v, err := range shardfile.Rows[any](ctx, r, group, first, n, parquet.NewSchema("extra", columns)) {
		if err != nil {
			return nil, err
		}
		m, _ := (*v).(map[string]any)
		for column, classes := range names {
			if i, ok := m[column].(int64); ok && i >= 0 && i < int64(len(classes)) {
				m[column] = classes[i]
			}
		}
		extras = append(extras, m)
	}
	return extras, nil
}
