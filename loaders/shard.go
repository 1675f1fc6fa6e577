package loaders

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	first int64 // its first row in the shard
}

// groups lists the row groups that may hold rows of a sample; an empty sample stands for any.
func (s *shard) groups(sample string) (groups []rowGroup) {
	first := int64(0)
	for _, g := range s.file.RowGroups() {
		if sample == "" || mayHold(g, "sample_id", sample) {
			groups = append(groups, rowGroup{g, first})
		}
		first += g.NumRows()
	}
	return groups
}

// mayHold looks at the statistics of a string column.
func mayHold(g parquet.RowGroup, column, value string) bool {
	leaf, ok := g.Schema().Lookup(column)
	if !ok {
		return true
	}
	c, ok := g.ColumnChunks()[leaf.ColumnIndex].(*parquet.FileColumnChunk)
	if !ok {
		return true
	}
	lo, hi, ok := c.Bounds()
	return !ok || (string(lo.ByteArray()) <= value && value <= string(hi.ByteArray()))
}

// eachRow reads the columns that T names of a row group and calls f for every row, in order,
// until it returns false. The row is only valid during the call.
func eachRow[T any](ctx context.Context, s *shard, g rowGroup, f func(row int64, v *T) (bool, error)) error {
	err := guard(func() error {
		r := parquet.NewGenericRowGroupReader[T](g)
		return eachOf(ctx, r, g, f)
	})
	return s.blame(ctx, err)
}

func eachOf[T any](ctx context.Context, r *parquet.GenericReader[T], g rowGroup, f func(row int64, v *T) (bool, error)) (err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	rows := make([]T, min(256, g.NumRows()))
	for row := g.first; row < g.first+g.NumRows(); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		clear(rows)
		n, err := r.Read(rows)
		for i := range n {
			if more, err := f(row, &rows[i]); err != nil || !more {
				return err
			}
			row++
		}
		if errors.Is(err, io.EOF) && row == g.first+g.NumRows() {
			return nil
		}
		if err != nil || n == 0 {
			return fmt.Errorf("rows from %d: %w", row, errors.Join(err, io.ErrUnexpectedEOF))
		}
	}
	return nil
}

// blame names the shard in an error of reading it, unless it is no fault of its bytes.
func (s *shard) blame(ctx context.Context, err error) error {
	var damage *DamageError
	if err == nil || ctx.Err() != nil || errors.As(err, &damage) || isTransport(err) {
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

// extraColumns are the top-level columns of a file that its table does not name.
func extraColumns(file *parquet.Schema, table *schemas.Table) (extra []parquet.Field) {
	for _, f := range file.Fields() {
		if !slices.ContainsFunc(table.Columns, func(c schemas.Column) bool { return c.Name == f.Name() }) {
			extra = append(extra, f)
		}
	}
	return extra
}
