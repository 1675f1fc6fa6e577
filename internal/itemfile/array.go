package itemfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/micropq/micropq/schemas"
)

// arrayInput is one JSON array of objects. It is a single unit.
type arrayInput struct {
	Object
	in    string
	cols  []schemas.Column
	parts []Unit
}

// OpenArray opens a JSON file that is an array of items. Its rows are counted by who reads it.
func OpenArray(o Object, split string) Input {
	return &arrayInput{Object: o, in: split, parts: []Unit{{Bytes: o.Info.Size}}}
}

func (in *arrayInput) Name() string              { return in.Info.Key }
func (in *arrayInput) Split() string             { return in.in }
func (in *arrayInput) Columns() []schemas.Column { return in.cols }
func (in *arrayInput) Untyped() bool             { return true }
func (in *arrayInput) Units() []Unit             { return in.parts }

func (in *arrayInput) Learn(columns []schemas.Column, rows []int64) {
	in.cols, in.parts[0].Rows = columns, rows[0]
}

func (in *arrayInput) Read(ctx context.Context, _ int, wanted []int, yield func(Record) error) (err error) {
	r, size, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	bounded := &boundedReader{from: io.NewSectionReader(r, 0, size), left: MaxItem}
	d := json.NewDecoder(bounded)
	if t, err := d.Token(); err != nil {
		return &Error{File: in.Info.Key, Err: fmt.Errorf("want a JSON array: %w", err)}
	} else if t != json.Delim('[') {
		return &Error{File: in.Info.Key, Err: errors.New("want a JSON array")}
	}
	for row := int64(0); ; row++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !d.More() {
			break
		}
		bounded.left = MaxItem
		var text json.RawMessage
		if err := d.Decode(&text); err != nil {
			return &Error{File: in.Info.Key, Row: row, Err: err}
		}
		rec := Record{File: in.Info.Key, Row: row, Number: row}
		rec.Item, rec.Order, rec.Err = decodeObject(text)
		rec.Values = pick(in.cols, rec.Item, wanted)
		if err := yield(rec); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return &Error{File: in.Info.Key, Err: fmt.Errorf("the array does not end: %w", err)}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Error{File: in.Info.Key, Err: errors.New("something stands behind the array")}
	}
	return nil
}

// boundedReader bounds what is read for one item, which a decoder holds whole.
type boundedReader struct {
	from io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("an item of more than %d bytes", MaxItem)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
