package labelimage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/schemas"
)

// NPY is numpy's file of one array.
type NPY struct{}

// Name implements exchange.Format.
func (NPY) Name() string { return "npy" }

// Matches implements exchange.Format.
func (NPY) Matches(name string) bool {
	return strings.HasSuffix(name, ".npy") && !strings.HasSuffix(name, "_seg.npy")
}

// Write implements exchange.Format.
func (f NPY) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (exchange.Report, error) {
	d, err := NewDrawing(f.Name(), c, objects, o.Lossy, schemas.Uint16, schemas.Uint32, schemas.Int64)
	if err != nil {
		return exchange.Report{}, err
	}
	header, err := npy.Header(d.DType, c.Shape())
	if err != nil {
		return exchange.Report{}, err
	}
	return d.Report(), create(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		return eachRow(ctx, d, func(_, _ int, row []byte) error {
			_, err := w.Write(row)
			return err
		})
	})
}

// create writes a new file through a buffer.
func create(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	l, err := npy.ReadLayout(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	if l.Object {
		return nil, fmt.Errorf("%w: the file holds Python objects: a cellpose file is named *_seg.npy", exchange.ErrInput)
	}
	var s mask.Scanner
	if err := ScanLayout(ctx, r, l, c, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	return Objects(&s), nil
}

// maxTurned bounds an array that has to be turned around in memory: Fortran order.
const maxTurned = 4 << 30

// ScanLayout scans the elements behind a header as its layout describes them.
func ScanLayout(ctx context.Context, r io.Reader, l *npy.Layout, c *exchange.Canvas, s *mask.Scanner) error {
	if err := checkShape(l.Shape, c); err != nil {
		return err
	}
	size := l.DType.Size()
	if l.Fortran {
		n := c.Z * c.Y * c.X * size
		if n > maxTurned {
			return fmt.Errorf("%d bytes in Fortran order: save a C-order copy (numpy.ascontiguousarray)", n)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return noEOF(err)
		}
		shape := []int{c.Z, c.Y, c.X}
		turned := make([]byte, n)
		nd.Copy(nd.Dense(turned, shape, size), nd.View{Data: data, Shape: shape, Strides: nd.FStrides(shape, size), ItemSize: size})
		return ScanRows(ctx, turned, l.DType, l.Big, c, s)
	}
	row := make([]byte, c.X*size)
	for z := range c.Z {
		for y := range c.Y {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if _, err := io.ReadFull(r, row); err != nil {
				return noEOF(err)
			}
			if l.Big {
				swap(row, size)
			}
			if err := s.Rows(row, l.DType, c.X, z, y); err != nil {
				return err
			}
		}
	}
	return nil
}

// ScanRows scans the dense elements of a whole canvas, in C order.
func ScanRows(ctx context.Context, data []byte, d schemas.DType, big bool, c *exchange.Canvas, s *mask.Scanner) error {
	if big {
		swap(data, d.Size())
	}
	plane := c.Y * c.X * d.Size()
	for z := range c.Z {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.Rows(data[z*plane:(z+1)*plane], d, c.X, z, 0); err != nil {
			return err
		}
	}
	return nil
}

// swap turns big-endian elements into little-endian ones.
func swap(b []byte, size int) {
	for i := 0; size > 1 && i+size <= len(b); i += size {
		slices.Reverse(b[i : i+size])
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
