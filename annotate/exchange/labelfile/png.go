package labelfile

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
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
	err = exchange.Create(path, func(w io.Writer) error {
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
	return read(ctx, path, c)
}
