package itemfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// parquetInput is a Parquet file; its units are row groups.
type parquetInput struct {
	Object
	in    string
	cols  []schemas.Column
	nodes []*parquetNode
	parts []Unit
}

func (in *parquetInput) Name() string              { return in.Info.Key }
func (in *parquetInput) Split() string             { return in.in }
func (in *parquetInput) Columns() []schemas.Column { return in.cols }
func (in *parquetInput) Untyped() bool             { return false }
func (in *parquetInput) Units() []Unit             { return in.parts }

func (in *parquetInput) Learn([]schemas.Column, []int64) {}

func openParquet(ctx context.Context, o Object, split string) (in *parquetInput, err error) {
	in = &parquetInput{Object: o, in: split}
	f, r, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	leaf := 0
	for _, field := range f.Schema().Fields() {
		n, err := newParquetNode(field, &leaf, 0, 0)
		if err != nil {
			return nil, &Error{File: o.Info.Key, Where: field.Name(), Err: err}
		}
		in.nodes = append(in.nodes, n)
		in.cols = append(in.cols, n.column)
	}
	if text, ok := f.Lookup(schemas.HuggingFaceKey); ok {
		if err := applyFeatures(in.cols, []byte(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Info.Key, err)
		}
	}
	first := int64(0)
	for _, g := range f.Metadata().RowGroups {
		in.parts = append(in.parts, Unit{first, g.NumRows, g.TotalByteSize})
		first += g.NumRows
	}
	return in, nil
}

func (in *parquetInput) open(ctx context.Context) (*shardfile.Reader, store.Reader, error) {
	r, size, err := in.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	f, err := shardfile.Open(r, size, in.Info.Key)
	if err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	return f, r, nil
}

func (in *parquetInput) Read(ctx context.Context, u int, wanted []int, yield func(Record) error) (err error) {
	f, r, err := in.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if wanted == nil {
		for i := range in.nodes {
			wanted = append(wanted, i)
		}
	}
	chunks := f.RowGroups()[u].ColumnChunks()
	leaves := map[int]*leafReader{}
	defer func() {
		for _, l := range leaves {
			l.close()
		}
	}()
	for _, i := range wanted {
		n := in.nodes[i]
		for leaf := n.first; leaf < n.first+n.leaves; leaf++ {
			leaves[leaf] = &leafReader{pages: chunks[leaf].Pages()}
		}
	}
	part := in.parts[u]
	for row := range part.Rows {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rec := Record{File: in.Info.Key, Row: part.First + row, Number: part.First + row}
		// An error of decoding leaves the columns at different rows: nothing can follow.
		if err := guard(func() (err error) {
			rec.Values, err = in.row(leaves, wanted)
			return err
		}); err != nil {
			return &Error{File: in.Info.Key, Row: rec.Row, Err: err}
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	return nil
}

func (in *parquetInput) row(leaves map[int]*leafReader, wanted []int) ([]any, error) {
	values := make([]any, len(wanted))
	for k, i := range wanted {
		n := in.nodes[i]
		parts := make([][]parquet.Value, n.leaves)
		for j := range parts {
			var err error
			if parts[j], err = leaves[n.first+j].next(); err != nil {
				return nil, fmt.Errorf("column %s: %w", n.column.Name, err)
			}
		}
		values[k] = n.assemble(parts)
	}
	return values, nil
}

// guard makes an error of a panic of the Parquet library over bad bytes.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	return do()
}

// leafReader reads the values of a leaf column row by row.
type leafReader struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    [64]parquet.Value
	at, n  int
	row    []parquet.Value
}

// next gives the values of the next row, good until the next call.
func (l *leafReader) next() ([]parquet.Value, error) {
	l.row = l.row[:0]
	for {
		if l.at == l.n {
			err := l.fill()
			if errors.Is(err, io.EOF) && len(l.row) > 0 {
				return l.row, nil
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return nil, err
			}
		}
		v := l.buf[l.at]
		if v.RepetitionLevel() == 0 && len(l.row) > 0 {
			return l.row, nil
		}
		l.row = append(l.row, v.Clone())
		l.at++
	}
}

func (l *leafReader) fill() error {
	for {
		if l.values == nil {
			page, err := l.pages.ReadPage()
			if err != nil {
				return err
			}
			l.page, l.values = page, page.Values()
		}
		n, err := l.values.ReadValues(l.buf[:])
		l.at, l.n = 0, n
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > 0 {
			return nil
		}
		parquet.Release(l.page)
		l.page, l.values = nil, nil
	}
}

func (l *leafReader) close() {
	if l.page != nil {
		parquet.Release(l.page)
	}
	_ = l.pages.Close() // of a file that is only read
}

// parquetNode is a column, or what is below one, and the levels of the Dremel paper (Melnik
// et al., VLDB 2010) at which it is there.
type parquetNode struct {
	column        schemas.Column
	first, leaves int // leaf columns below it
	defined       int // definition level from which it is not null
	listed        int // of a list: definition level from which it is not empty
	repeated      int // of a list: repetition level of its elements
	children      []*parquetNode
}

func newParquetNode(f parquet.Field, leaf *int, def, rep int) (*parquetNode, error) {
	if f.Repeated() {
		return nil, errors.New("a repeated field outside of a LIST")
	}
	n := &parquetNode{column: schemas.Column{Name: f.Name(), Nullable: true}, first: *leaf}
	if f.Optional() {
		def++
	}
	n.defined = def
	defer func() { n.leaves = *leaf - n.first }()
	if f.Leaf() {
		*leaf++
		var err error
		n.column.Type, err = parquetType(f)
		return n, err
	}
	fields := f.Fields()
	if _, list := logicalType(f).(*format.ListType); list || len(fields) == 1 && fields[0].Repeated() {
		return n, n.list(fields, leaf, def, rep)
	}
	n.column.Type = schemas.TypeStruct
	for _, sub := range fields {
		c, err := newParquetNode(sub, leaf, def, rep)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", sub.Name(), err)
		}
		n.children = append(n.children, c)
		n.column.Fields = append(n.column.Fields, c.column)
	}
	return n, nil
}

// list reads the three levels of a LIST: the list, its repetition, its element.
func (n *parquetNode) list(fields []parquet.Field, leaf *int, def, rep int) error {
	if len(fields) != 1 || !fields[0].Repeated() || fields[0].Leaf() || len(fields[0].Fields()) != 1 {
		return errors.New("a list that is not laid out in three levels: write it anew")
	}
	n.listed, n.repeated = def+1, rep+1
	e, err := newParquetNode(fields[0].Fields()[0], leaf, def+1, rep+1)
	if err != nil {
		return fmt.Errorf("element: %w", err)
	}
	e.column.Name = ""
	n.children = []*parquetNode{e}
	n.column.Type, n.column.Elem = schemas.TypeList, &e.column
	return nil
}

// logicalType is what the bytes of a column stand for, nil where it does not say.
func logicalType(f parquet.Field) format.LogicalTypeValue {
	if t := f.Type().LogicalType(); t != nil {
		return t.Value
	}
	return nil
}

func parquetType(f parquet.Field) (schemas.Type, error) {
	logical := logicalType(f)
	integer, isInteger := logical.(*format.IntType)
	kind := f.Type().Kind()
	switch logical.(type) {
	case *format.NullType:
		return TypeNull, nil
	case *format.DateType:
		return schemas.TypeDate, nil
	case *format.StringType, *format.EnumType, *format.JsonType:
		return schemas.TypeString, nil
	case nil, *format.IntType:
	default:
		return "", fmt.Errorf("Parquet type %v is not read: write the column with a plain type", f.Type())
	}
	switch {
	case kind == parquet.Boolean:
		return schemas.TypeBool, nil
	case kind == parquet.Float:
		return schemas.TypeFloat32, nil
	case kind == parquet.Double:
		return schemas.TypeFloat64, nil
	case kind == parquet.Int32 && isInteger && !integer.IsSigned && integer.BitWidth == 32:
		return schemas.TypeInt64, nil
	case kind == parquet.Int32:
		return schemas.TypeInt32, nil
	case kind == parquet.Int64 && isInteger && !integer.IsSigned:
		return schemas.TypeUint64, nil
	case kind == parquet.Int64:
		return schemas.TypeInt64, nil
	case kind == parquet.ByteArray:
		return schemas.TypeBinary, nil
	}
	return "", fmt.Errorf("Parquet type %v is not read: write the column with a plain type", f.Type())
}

// assemble makes a value of what the leaves below have of it, one slice a leaf.
func (n *parquetNode) assemble(leaves [][]parquet.Value) any {
	first := leaves[0][0]
	if first.DefinitionLevel() < n.defined {
		return nil
	}
	switch n.column.Type {
	case schemas.TypeStruct:
		m := make(map[string]any, len(n.children))
		for _, c := range n.children {
			m[c.column.Name] = c.assemble(leaves[c.first-n.first:][:c.leaves])
		}
		return m
	case schemas.TypeList:
		return n.assembleList(leaves)
	}
	return n.scalar(first)
}

func (n *parquetNode) assembleList(leaves [][]parquet.Value) any {
	list := []any{}
	if leaves[0][0].DefinitionLevel() < n.listed {
		return list
	}
	rest := make([][]parquet.Value, len(leaves))
	copy(rest, leaves)
	part := make([][]parquet.Value, len(leaves))
	for len(rest[0]) > 0 {
		for i, values := range rest {
			end := 1
			for end < len(values) && values[end].RepetitionLevel() > n.repeated {
				end++
			}
			part[i], rest[i] = values[:end], values[end:]
		}
		list = append(list, n.children[0].assemble(part))
	}
	return list
}

func (n *parquetNode) scalar(v parquet.Value) any {
	switch n.column.Type {
	case schemas.TypeBool:
		return v.Boolean()
	case schemas.TypeInt32, schemas.TypeDate:
		return v.Int32()
	case schemas.TypeInt64:
		if v.Kind() == parquet.Int32 { // unsigned
			return int64(v.Uint32())
		}
		return v.Int64()
	case schemas.TypeUint64:
		return v.Uint64()
	case schemas.TypeFloat32:
		return v.Float()
	case schemas.TypeFloat64:
		return v.Double()
	case schemas.TypeString:
		return string(v.ByteArray())
	case schemas.TypeBinary:
		return bytes.Clone(v.ByteArray())
	}
	return nil
}
