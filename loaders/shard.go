package loaders

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// shard is an open shard: its footer is in memory, its rows are read when asked for.
type shard struct {
	schemas.Shard
	at   store.Reader
	file *shardfile.Reader
}

// openShard reads the footer of a shard and checks it against the manifest and the columns
// of its table.
func openShard(ctx context.Context, s store.Store, entry schemas.Shard) (_ *shard, err error) {
	damaged := func(err error) error { return &DamageError{File: entry.Path, Row: -1, Err: err} }
	at, size, err := store.ReaderAt(ctx, s, entry.Path)
	if errors.Is(err, store.ErrNotExist) {
		return nil, damaged(errors.New("the manifest lists this file and it is missing"))
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, at.Close())
		}
	}()
	if size != entry.Bytes {
		return nil, damaged(fmt.Errorf("%d bytes, the manifest says %d", size, entry.Bytes))
	}
	f, err := shardfile.Open(at, size, entry.Path)
	if err != nil {
		return nil, damaged(err)
	}
	if n := f.NumRows(); n != entry.Rows {
		return nil, damaged(fmt.Errorf("%d rows, the manifest says %d", n, entry.Rows))
	}
	table, err := schemas.TableNamed(entry.Table)
	if err != nil {
		return nil, damaged(err)
	}
	if err := checkColumns(f.Schema(), table); err != nil {
		return nil, damaged(err)
	}
	return &shard{Shard: entry, at: at, file: f}, nil
}

// checkColumns checks that a file has every released column of its table, in the type
// released. It may have more.
func checkColumns(file *parquet.Schema, table *schemas.Table) error {
	want := table.Parquet()
	for _, path := range want.Columns() {
		w, _ := want.Lookup(path...)
		have, ok := file.Lookup(path...)
		if !ok {
			return fmt.Errorf("column %v of table %s is missing", path, table.Name)
		}
		if len(path) == 1 && have.Node.Type().Kind() == w.Node.Type().Kind() && w.Node.Optional() && have.Node.Required() {
			continue // before format 1.1 samples.dataset could not be null
		}
		if have.Node.Type().Kind() != w.Node.Type().Kind() ||
			have.MaxDefinitionLevel != w.MaxDefinitionLevel || have.MaxRepetitionLevel != w.MaxRepetitionLevel {
			return fmt.Errorf("column %v is %v, table %s has %v", path, have.Node, table.Name, w.Node)
		}
	}
	return nil
}

// rowGroup is a run of rows of a shard.
type rowGroup struct {
	parquet.RowGroup
	index int
	first int64 // its first row in the shard
}

// bound is a value that a string column must have.
type bound struct{ column, value string }

// groups lists the row groups that may hold rows within all bounds, by their statistics.
func (s *shard) groups(bounds ...bound) (groups []rowGroup) {
	first := int64(0)
	for i, g := range s.file.RowGroups() {
		if !slices.ContainsFunc(bounds, func(b bound) bool { return !b.within(g) }) {
			groups = append(groups, rowGroup{g, i, first})
		}
		first += g.NumRows()
	}
	return groups
}

// within reports whether a row group may hold the value.
func (b bound) within(g parquet.RowGroup) bool {
	leaf, ok := g.Schema().Lookup(b.column)
	if !ok {
		return true
	}
	c, ok := g.ColumnChunks()[leaf.ColumnIndex].(*parquet.FileColumnChunk)
	if !ok {
		return true
	}
	lo, hi, ok := c.Bounds()
	return !ok || (string(lo.ByteArray()) <= b.value && b.value <= string(hi.ByteArray()))
}

// numbered is a row and its number in the shard.
type numbered[T any] struct {
	number int64
	value  *T // valid until the next one is drawn
}

// span is a run of rows of a row group.
type span struct{ first, rows int64 }

// whole is all rows of a row group.
func (g rowGroup) whole() span { return span{0, g.NumRows()} }

// rows reads the columns that T names, of a row group, row by row.
func rows[T any](ctx context.Context, s *shard, g rowGroup, options ...parquet.ReaderOption) iter.Seq2[numbered[T], error] {
	return spanRows[T](ctx, s, g, g.whole(), options...)
}

// spanRows reads only some of the rows, and of every column only the pages that hold them.
func spanRows[T any](ctx context.Context, s *shard, g rowGroup, part span, options ...parquet.ReaderOption) iter.Seq2[numbered[T], error] {
	return func(yield func(numbered[T], error) bool) {
		number := g.first + part.first
		for v, err := range shardfile.Rows[T](ctx, s.file, g.index, part.first, part.rows, options...) {
			if err != nil {
				yield(numbered[T]{}, s.blame(ctx, err))
				return
			}
			if !yield(numbered[T]{number, v}, nil) {
				return
			}
			number++
		}
	}
}

// withExtra is a row and the columns its type does not name.
type withExtra[T any] struct {
	row   T
	extra map[string]any
}

// extended reads all columns of a row group.
func extended[T any](ctx context.Context, s *shard, g rowGroup, options ...parquet.ReaderOption) iter.Seq2[withExtra[T], error] {
	return extendedSpan[T](ctx, s, g, g.whole(), options...)
}

// extendedSpan reads all columns of some rows.
func extendedSpan[T any](ctx context.Context, s *shard, g rowGroup, part span, options ...parquet.ReaderOption) iter.Seq2[withExtra[T], error] {
	return func(yield func(withExtra[T], error) bool) {
		// They are read beside the first rows.
		var extra []map[string]any
		var failed error
		done := make(chan struct{})
		go func() {
			defer close(done)
			extra, failed = s.extras(ctx, g, part)
		}()
		defer func() { <-done }()
		for r, err := range spanRows[T](ctx, s, g, part, options...) {
			if err != nil {
				yield(withExtra[T]{}, err)
				return
			}
			if <-done; failed != nil {
				yield(withExtra[T]{}, failed)
				return
			}
			v := withExtra[T]{row: *r.value}
			if extra != nil {
				v.extra = extra[r.number-g.first-part.first]
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// extras reads the columns that the shard's table does not name, of some rows.
func (s *shard) extras(ctx context.Context, g rowGroup, part span) (extras []map[string]any, err error) {
	table, err := schemas.TableNamed(s.Table)
	if err != nil {
		return nil, err
	}
	columns := parquet.Group{}
	for _, f := range s.file.Schema().Fields() {
		if !slices.ContainsFunc(table.Columns, func(c schemas.Column) bool { return c.Name == f.Name() }) {
			columns[f.Name()] = f
		}
	}
	if len(columns) == 0 {
		return nil, nil
	}
	for r, err := range spanRows[any](ctx, s, g, part, parquet.NewSchema("extra", columns)) {
		if err != nil {
			return nil, err
		}
		m, _ := (*r.value).(map[string]any)
		extras = append(extras, m)
	}
	return extras, nil
}

// blame names the shard in an error of reading it, unless it is no fault of its bytes.
func (s *shard) blame(ctx context.Context, err error) error {
	if ctx.Err() != nil || store.IsTransport(err) {
		return err
	}
	return &DamageError{File: s.Path, Row: -1, Err: err}
}

// guard turns a panic of the Parquet library over bad bytes into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot be decoded: %v", p)
		}
	}()
	return f()
}
