package itemfile

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"

	"github.com/micropq/micropq/schemas"
)

// rowsPerUnit is how many rows of a CSV file make a unit.
const rowsPerUnit = 4096

// csvInput is a CSV file with a line of column names (RFC 4180). An empty field is null.
type csvInput struct {
	Object
	in    string
	cols  []schemas.Column
	parts []Unit
	at    []int64
}

func (in *csvInput) Name() string              { return in.Info.Key }
func (in *csvInput) Split() string             { return in.in }
func (in *csvInput) Columns() []schemas.Column { return in.cols }
func (in *csvInput) Untyped() bool             { return true }
func (in *csvInput) Units() []Unit             { return in.parts }

func (in *csvInput) Learn(columns []schemas.Column, _ []int64) { in.cols = columns }

// openCSV finds where every so many rows begin: a line break in quotes ends no row, so that
// there is no telling without reading.
func openCSV(ctx context.Context, o Object, split string) (in *csvInput, err error) {
	in = &csvInput{Object: o, in: split}
	r, size, err := o.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	c := newCSV(io.NewSectionReader(r, 0, size))
	header, err := c.Read()
	if err != nil {
		return nil, &Error{File: o.Info.Key, Err: err}
	}
	for _, name := range header {
		in.cols = append(in.cols, schemas.Column{Name: name, Type: schemas.TypeString, Nullable: true})
	}
	at := c.InputOffset()
	for row := int64(0); ; row++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		_, err := c.Read()
		if errors.Is(err, io.EOF) {
			return in, nil
		}
		var parse *csv.ParseError
		if err != nil && !errors.As(err, &parse) {
			return nil, err
		}
		if row%rowsPerUnit == 0 {
			in.at = append(in.at, at)
			in.parts = append(in.parts, Unit{First: row})
		}
		last := &in.parts[len(in.parts)-1]
		last.Rows++
		last.Bytes = c.InputOffset() - in.at[len(in.at)-1]
		at = c.InputOffset()
	}
}

func newCSV(r io.Reader) *csv.Reader {
	c := csv.NewReader(bufio.NewReaderSize(r, 1<<20))
	c.ReuseRecord = true
	c.FieldsPerRecord = -1 // counted here, to go on with the next row
	return c
}

func (in *csvInput) Read(ctx context.Context, u int, wanted []int, yield func(Record) error) (err error) {
	r, _, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	part := in.parts[u]
	c := newCSV(io.NewSectionReader(r, in.at[u], part.Bytes))
	for row := part.First; ; row++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		rec := Record{File: in.Info.Key, Row: row, Number: row, Err: err}
		switch {
		case err != nil:
		case len(fields) != len(in.cols):
			rec.Err = csv.ErrFieldCount
		default:
			item := make(map[string]any, len(fields))
			for i, f := range fields {
				if f != "" {
					item[in.cols[i].Name] = f
				}
			}
			rec.Item, rec.Values = item, pick(in.cols, item, wanted)
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
}
