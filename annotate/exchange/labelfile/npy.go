package labelfile

import (
	"context"
	"io"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/schemas"
)

// NPY is numpy's file of one array.
type NPY struct {
	DType schemas.DType // of the elements, "" for the smallest of uint16, uint32 and int64 that holds the ids
}

// Name implements exchange.Format.
func (NPY) Name() string { return "npy" }

// Matches implements exchange.Format.
func (NPY) Matches(name string) bool {
	return strings.HasSuffix(name, ".npy") && !strings.HasSuffix(name, "_seg.npy")
}

// Write implements exchange.Format.
func (f NPY) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (exchange.Report, error) {
	d, err := NewDrawing(f.Name(), c, objects, o.Lossy, typesOf(f.DType, schemas.Uint16, schemas.Uint32, schemas.Int64)...)
	if err != nil {
		return exchange.Report{}, err
	}
	header, err := npy.Header(d.DType, c.Shape())
	if err != nil {
		return exchange.Report{}, err
	}
	return d.Report(), exchange.Create(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		return eachRow(ctx, d, func(_, _ int, row []byte) error {
			_, err := w.Write(row)
			return err
		})
	})
}

// eachRow draws every row in order.
func eachRow(ctx context.Context, d *Drawing, do func(z, y int, row []byte) error) error {
	row := make([]byte, d.RowBytes())
	for z := range d.Canvas.Z {
		for y := range d.Canvas.Y {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			d.Row(row, z, y)
			if err := do(z, y, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read implements exchange.Format.
func (NPY) Read(ctx context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	return read(ctx, path, c)
}
