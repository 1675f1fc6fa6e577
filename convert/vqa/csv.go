package vqa

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
	object
	in    string
	cols  []schemas.Column
	parts []unit
	at    []int64
}

func (in *csvInput) name() string              { return in.info.Key }
func (in *csvInput) split() string             { return in.in }
func (in *csvInput) columns() []schemas.Column { return in.cols }
func (in *csvInput) untyped() bool             { return true }
func (in *csvInput) units() []unit             { return in.parts }

func (in *csvInput) learn(columns []schemas.Column, _ []int64) { in.cols = columns }

// openCSV finds where every so many rows begin: a line break in quotes ends no row, so that
// there is no telling without reading.
func openCSV(ctx context.Context, o object, split string) (in *csvInput, err error) {
	in = &csvInput{object: o, in: split}
	r, size, err := o.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	c := newCSV(io.NewSectionReader(r, 0, size))
	header, err := c.Read()
	if err != nil {
		return nil, &itemError{file: o.info.Key, err: err}
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
			in.parts = append(in.parts, unit{first: row})
		}
		last := &in.parts[len(in.parts)-1]
		last.rows++
		last.bytes = c.InputOffset() - in.at[len(in.at)-1]
		at = c.InputOffset()
	}
}

func newCSV(r io.Reader) *csv.Reader {
	c := csv.NewReader(bufio.NewReaderSize(r, 1<<20))
	c.ReuseRecord = true
	c.FieldsPerRecord = -1 // counted here, to go on with the next row
	return c
}

func (in *csvInput) read(ctx context.Context, u int, wanted []int, yield func(record) error) (err error) {
	r, _, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	part := in.parts[u]
	c := newCSV(io.NewSectionReader(r, in.at[u], part.bytes))
	for row := part.first; ; row++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		rec := record{file: in.info.Key, row: row, number: row, err: err}
		switch {
		case err != nil:
		case len(fields) != len(in.cols):
			rec.err = csv.ErrFieldCount
		default:
			item := make(map[string]any, len(fields))
			for i, f := range fields {
				if f != "" {
					item[in.cols[i].Name] = f
				}
			}
			rec.item, rec.values = item, pick(in.cols, item, wanted)
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
}
