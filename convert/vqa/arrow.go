package vqa

import (
	"context"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/arrowfile"
	"github.com/micropq/micropq/schemas"
)

// arrowInput is an Arrow IPC file, stream or file format; its units are record batches.
type arrowInput struct {
	object
	in    string // split
	file  *arrowfile.File
	cols  []schemas.Column
	parts []unit
}

// openArrow reads the metadata of the messages. damage says that the file is cut off, or
// damaged behind the units that are returned.
func openArrow(ctx context.Context, o object, split string) (in *arrowInput, damage, err error) {
	r, size, err := o.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f, err := arrowfile.Open(r, size, o.info.Key)
	if f == nil {
		return nil, err, nil
	}
	in = &arrowInput{object: o, in: split, file: f}
	damage = err
	if in.cols, err = arrowfile.Columns(f.Schema()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.info.Key, err)
	}
	if text, ok := f.Schema().Metadata().GetValue(schemas.HuggingFaceKey); ok {
		if err := applyFeatures(in.cols, []byte(text)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.info.Key, err)
		}
	}
	for _, b := range f.Batches() {
		in.parts = append(in.parts, unit{b.First, b.Rows, b.Bytes})
	}
	return in, damage, nil
}

func (in *arrowInput) name() string              { return in.info.Key }
func (in *arrowInput) split() string             { return in.in }
func (in *arrowInput) columns() []schemas.Column { return in.cols }
func (in *arrowInput) untyped() bool             { return false }
func (in *arrowInput) units() []unit             { return in.parts }

func (in *arrowInput) learn([]schemas.Column, []int64) {}

func (in *arrowInput) read(ctx context.Context, u int, wanted []int, yield func(record) error) (err error) {
	r, _, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	o := arrowfile.Options{Columns: wanted, Slice: slice, Limit: maxItem}
	return in.file.From(r).ReadBatch(u, o, func(row arrowfile.Row) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return yield(record{file: in.info.Key, row: row.Number, number: row.Number, values: row.Values, err: row.Err})
	})
}
