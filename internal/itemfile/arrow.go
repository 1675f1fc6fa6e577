package itemfile

import (
	"context"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/arrowfile"
	"github.com/micropq/micropq/schemas"
)

// arrowInput is an Arrow IPC file, stream or file format; its units are record batches.
type arrowInput struct {
	Object
	in    string // split
	file  *arrowfile.File
	cols  []schemas.Column
	parts []Unit
}

// openArrow reads the metadata of the messages. damage says that the file is cut off, or
// damaged behind the units that are returned.
func openArrow(ctx context.Context, o Object, split string) (in *arrowInput, damage, err error) {
	r, size, err := o.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f, err := arrowfile.Open(r, size, o.Info.Key)
	if f == nil {
		return nil, err, nil
	}
	in = &arrowInput{Object: o, in: split, file: f}
	damage = err
	if in.cols, err = arrowfile.Columns(f.Schema()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.Info.Key, err)
	}
	if text, ok := f.Schema().Metadata().GetValue(schemas.HuggingFaceKey); ok {
		if err := applyFeatures(in.cols, []byte(text)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.Info.Key, err)
		}
	}
	for _, b := range f.Batches() {
		in.parts = append(in.parts, Unit{b.First, b.Rows, b.Bytes})
	}
	return in, damage, nil
}

func (in *arrowInput) Name() string              { return in.Info.Key }
func (in *arrowInput) Split() string             { return in.in }
func (in *arrowInput) Columns() []schemas.Column { return in.cols }
func (in *arrowInput) Untyped() bool             { return false }
func (in *arrowInput) Units() []Unit             { return in.parts }

func (in *arrowInput) Learn([]schemas.Column, []int64) {}

func (in *arrowInput) Read(ctx context.Context, u int, wanted []int, yield func(Record) error) (err error) {
	r, _, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	o := arrowfile.Options{Columns: wanted, Slice: slice, Limit: MaxItem}
	return in.file.From(r).ReadBatch(u, o, func(row arrowfile.Row) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return yield(Record{File: in.Info.Key, Row: row.Number, Number: row.Number, Values: row.Values, Err: row.Err})
	})
}
