package labelfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/schemas"
)

// read reads a label image of any kind that is told by how it begins.
func read(ctx context.Context, path string, c *exchange.Canvas) (_ []exchange.Object, err error) {
	im, err := labelimage.Open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	defer func() { err = errors.Join(err, im.Close()) }()
	if err := checkShape([]int{im.Depth, im.Height, im.Width}, c); err != nil {
		return nil, err
	}
	var s mask.Scanner
	if err := im.Scan(ctx, &s, nil); err != nil {
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
		return ScanRows(ctx, turned, l.DType, l.BigEndian, c, s)
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
			if l.BigEndian {
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
