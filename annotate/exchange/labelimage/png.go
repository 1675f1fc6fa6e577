package labelimage

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// PNG is a grey image of 16 bits.
type PNG struct{}

// Name implements exchange.Format.
func (PNG) Name() string { return "png" }

// Matches implements exchange.Format.
func (PNG) Matches(name string) bool { return strings.HasSuffix(name, ".png") }

// Write implements exchange.Format.
func (f PNG) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (exchange.Report, error) {
	if !c.Flat() {
		return exchange.Report{}, &exchange.LossError{Format: f.Name(), Reason: "it holds images, not volumes: take tif, npy or zarr"}
	}
	d, err := NewDrawing(f.Name(), c, objects, o.Lossy, schemas.Uint16)
	if err != nil {
		return exchange.Report{}, err
	}
	img := &drawn{ctx: ctx, d: d, row: make([]byte, d.RowBytes()), y: -1}
	err = create(path, func(w io.Writer) error {
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		return errors.Join(e.Encode(w, img), ctx.Err())
	})
	return d.Report(), err
}

// drawn is a drawing as an image whose rows are asked for in order, as the encoder does: so
// no more than a row is held.
type drawn struct {
	ctx context.Context
	d   *Drawing
	row []byte
	y   int
}

func (i *drawn) ColorModel() color.Model { return color.Gray16Model }

func (i *drawn) Bounds() image.Rectangle { return image.Rect(0, 0, i.d.Canvas.X, i.d.Canvas.Y) }

func (i *drawn) At(x, y int) color.Color {
	if y != i.y && i.ctx.Err() == nil {
		i.d.Row(i.row, 0, y)
		i.y = y
	}
	return color.Gray16{Y: binary.LittleEndian.Uint16(i.row[2*x:])}
}

// Read implements exchange.Format. Grey images and the indices of those with a palette are
// labels; colours are not.
func (PNG) Read(ctx context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := png.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	// The size is that of the array before a pixel is allocated.
	if err := checkShape([]int{head.Height, head.Width}, c); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, err := png.Decode(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	var s mask.Scanner
	switch img := img.(type) {
	case *image.Gray:
		err = scanPixels(ctx, &s, img.Pix, img.Stride, schemas.Uint8, c)
	case *image.Paletted:
		err = scanPixels(ctx, &s, img.Pix, img.Stride, schemas.Uint8, c)
	case *image.Gray16:
		swap(img.Pix, 2)
		err = scanPixels(ctx, &s, img.Pix, img.Stride, schemas.Uint16, c)
	default:
		err = fmt.Errorf("%w: the image has colours: labels are grey values of 8 or 16 bits", exchange.ErrInput)
	}
	return Objects(&s), err
}

func scanPixels(ctx context.Context, s *mask.Scanner, pix []byte, stride int, d schemas.DType, c *exchange.Canvas) error {
	for y := range c.Y {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.Rows(pix[y*stride:][:c.X*d.Size()], d, c.X, 0, y); err != nil {
			return err
		}
	}
	return nil
}
