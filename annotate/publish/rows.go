package publish

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// columns maps the leaves of the released instances table to those of a file, which may have
// more, and in another order.
type columns struct {
	file     *parquet.Schema
	released *parquet.Schema // of schemas.Instance
	inFile   []int           // the file's leaf of each released leaf
	own      []int           // the released leaf of each of the file's, -1 for a source's own
	zero     []parquet.Value // of the file's leaves, for an instance that the source never had
}

func mapColumns(file *parquet.Schema) (*columns, error) {
	c := &columns{file: file, released: parquet.SchemaOf(schemas.Instance{})}
	c.own = slices.Repeat([]int{-1}, len(file.Columns()))
	for i, path := range c.released.Columns() {
		leaf, ok := file.Lookup(path...)
		if !ok {
			return nil, fmt.Errorf("column %s is missing", strings.Join(path, "."))
		}
		c.inFile = append(c.inFile, leaf.ColumnIndex)
		c.own[leaf.ColumnIndex] = i
	}
	for _, path := range file.Columns() {
		leaf, _ := file.Lookup(path...)
		v := parquet.NullValue()
		if leaf.MaxDefinitionLevel == 0 {
			v = zeroOf(leaf.Node.Type())
		}
		c.zero = append(c.zero, v.Level(0, 0, leaf.ColumnIndex))
	}
	return c, nil
}

// zeroOf is the value of a required column of which nothing is known.
func zeroOf(t parquet.Type) parquet.Value {
	switch t.Kind() {
	case parquet.ByteArray:
		return parquet.ByteArrayValue(nil)
	case parquet.FixedLenByteArray:
		return parquet.FixedLenByteArrayValue(make([]byte, t.Length()))
	}
	return parquet.ZeroValue(t.Kind())
}

// instance is the released columns of a row of the file.
func (c *columns) instance(row parquet.Row) (in schemas.Instance, err error) {
	own := make(parquet.Row, 0, len(row))
	for i := range c.inFile {
		for _, v := range row {
			if v.Column() == c.inFile[i] {
				own = append(own, v.Level(v.RepetitionLevel(), v.DefinitionLevel(), i))
			}
		}
	}
	return in, c.released.Reconstruct(&in, own)
}

// row is an instance as a row of the file. The source's own columns are those given by
// override, else those of the row it had, which is nil for one that the source never had.
func (c *columns) row(in *schemas.Instance, before parquet.Row, override map[int][]parquet.Value) parquet.Row {
	var out parquet.Row
	for _, v := range c.released.Deconstruct(nil, in) {
		out = append(out, v.Level(v.RepetitionLevel(), v.DefinitionLevel(), c.inFile[v.Column()]))
	}
	if before == nil {
		before = c.zero
	}
	for _, v := range before {
		if c.own[v.Column()] < 0 && override[v.Column()] == nil {
			out = append(out, v)
		}
	}
	for leaf, values := range override {
		if c.own[leaf] < 0 {
			out = append(out, values...)
		}
	}
	slices.SortStableFunc(out, func(a, b parquet.Value) int { return a.Column() - b.Column() })
	return out
}

// eachRow hands out the rows of a file, each valid until the next.
func eachRow(f *parquet.File, do func(parquet.Row) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: cannot be decoded: %v", loaders.ErrDamaged, p)
		}
	}()
	buf := make([]parquet.Row, 64)
	for _, g := range f.RowGroups() {
		if err := groupRows(g, buf, do); err != nil {
			return err
		}
	}
	return nil
}

func groupRows(g parquet.RowGroup, buf []parquet.Row, do func(parquet.Row) error) (err error) {
	rows := g.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		n, err := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			if err := do(row); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("%w: %w", loaders.ErrDamaged, err)
		}
	}
}
