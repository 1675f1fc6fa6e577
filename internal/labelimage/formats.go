package labelimage

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
)

// bandBytes is about how many bytes of rows are read at a time.
const bandBytes = 1 << 20

// openTIFF takes the first series of the file. Several series, or several channels or times,
// are refused: which of them would hold the labels?
func (im *Image) openTIFF(ctx context.Context, f *os.File, size int64) error {
	file, err := tiffio.Open(ctx, f, size, im.Name)
	if err != nil {
		return err
	}
	series := file.Series()
	if len(series) != 1 {
		return fmt.Errorf("it holds %d images of different kinds: a label image is one", len(series))
	}
	a, err := series[0].Array()
	if err != nil {
		return err
	}
	im.Axes, im.DType = "", a.DType()
	for i, n := range a.Shape() {
		switch axis := a.Axes()[i]; {
		case axis == 'T' || axis == 'C':
			if n > 1 {
				return fmt.Errorf("it has %d elements along %c: a label image has axes YX or ZYX", n, axis)
			}
			continue
		case axis == 'Z' && n == 1: // one plane is an image
			continue
		case axis == 'Z':
			im.Depth = n
		case axis == 'Y':
			im.Height = n
		default:
			im.Width = n
		}
		im.Axes += a.Axes()[i : i+1]
	}
	p := series[0].PixelSize
	im.PixelSizeUM = [3]float64{p.Z, p.Y, p.X}
	z := strings.IndexByte(a.Axes(), 'Z')
	y := strings.IndexByte(a.Axes(), 'Y')
	im.rows = func(ctx context.Context, each Each) error {
		for band, err := range a.Bands(ctx) {
			if err != nil {
				return err
			}
			plane := 0
			if z >= 0 {
				plane = band.Region.Origin[z]
			}
			if err := each(plane, band.Region.Origin[y], band.View.Data); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

func (im *Image) openNPY(f *os.File, size int64) error {
	l, err := npy.ReadHeader(bufio.NewReader(io.NewSectionReader(f, 0, size)))
	if err != nil {
		return err
	}
	shape := l.Shape
	if len(shape) == 3 {
		im.Axes, im.Depth, shape = "ZYX", shape[0], shape[1:]
	}
	if len(shape) != 2 {
		return fmt.Errorf("it has %d axes: want YX or ZYX", len(l.Shape))
	}
	if l.Fortran {
		return fmt.Errorf("its elements are in Fortran order: save numpy.ascontiguousarray of it")
	}
	im.Height, im.Width, im.DType = shape[0], shape[1], l.DType
	if max(im.Depth, im.Height, im.Width) > math.MaxInt32 {
		return fmt.Errorf("shape %v: an axis has 2^31 elements or more", l.Shape)
	}
	if want := l.Size + im.Bytes(); size < want {
		return fmt.Errorf("it ends after %d bytes: shape %v of %s wants %d: %w", size, l.Shape, l.DType, want, io.ErrUnexpectedEOF)
	}
	im.rows = func(ctx context.Context, each Each) error {
		return im.plainRows(ctx, io.NewSectionReader(f, l.Size, im.Bytes()), l.BigEndian, each)
	}
	return nil
}

// plainRows reads rows that follow each other as they are.
func (im *Image) plainRows(ctx context.Context, r io.Reader, bigEndian bool, each Each) error {
	row := im.Width * im.DType.Size()
	if row == 0 || im.Height == 0 {
		return nil
	}
	buf := make([]byte, row*min(im.Height, max(1, bandBytes/row)))
	for z := range im.Depth {
		for y := 0; y < im.Height; {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			rows := buf[:row*min(im.Height-y, len(buf)/row)]
			if _, err := io.ReadFull(r, rows); err != nil {
				return err
			}
			if bigEndian {
				swap(rows, im.DType.Size())
			}
			if err := each(z, y, rows); err != nil {
				return err
			}
			y += len(rows) / row
		}
	}
	return nil
}

func swap(elements []byte, size int) {
	for i := 0; i < len(elements); i += size {
		slices.Reverse(elements[i : i+size])
	}
}

// maxPNG bounds the pixels of a PNG file, which the standard library decodes whole.
const maxPNG = 1 << 29

// openPNG takes the grey values, or the indices of a palette, as labels.
func (im *Image) openPNG(f *os.File) error {
	config, err := png.DecodeConfig(io.NewSectionReader(f, 0, math.MaxInt64))
	if err != nil {
		return err
	}
	if config.Width > maxPNG/config.Height {
		return fmt.Errorf("%dx%d pixels are too many for a PNG file, which has to be decoded whole: use TIFF", config.Width, config.Height)
	}
	im.Width, im.Height = config.Width, config.Height
	scale, err := im.pngType(f)
	if err != nil {
		return err
	}
	im.rows = func(ctx context.Context, each Each) error {
		picture, err := png.Decode(bufio.NewReader(io.NewSectionReader(f, 0, math.MaxInt64)))
		if err != nil {
			return err
		}
		pixels, stride := pixelsOf(picture)
		if pixels == nil {
			return fmt.Errorf("it has a transparent colour: a label image has grey values or a palette")
		}
		row := make([]byte, im.Width*im.DType.Size())
		for y := range im.Height {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			copy(row, pixels[y*stride:])
			if im.DType == schemas.Uint16 {
				swap(row, 2)
			}
			for i := range row {
				row[i] /= scale
			}
			if err := each(0, y, row); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// pngType finds the type of the elements in the header: a depth of 16 bits is uint16, less is
// uint8, which the standard library scales to the full range where the values are grey. Colour
// is refused: which of its channels would be the label?
func (im *Image) pngType(f *os.File) (scale byte, err error) {
	var header [26]byte // the signature, then IHDR: length, type, width, height, depth, colour
	if _, err := f.ReadAt(header[:], 0); err != nil {
		return 0, err
	}
	depth, colour := header[24], header[25]
	if colour != 0 && colour != 3 {
		return 0, fmt.Errorf("it is in colour or has an alpha channel: want grey values or a palette, whose indices are the labels")
	}
	im.DType = schemas.Uint8
	if depth == 16 {
		im.DType = schemas.Uint16
	}
	if colour == 0 && depth < 8 {
		return 255 / (1<<depth - 1), nil
	}
	return 1, nil
}

// pixelsOf are the bytes of a picture, 16 bits highest byte first, and those of a row.
func pixelsOf(p image.Image) (pixels []byte, stride int) {
	switch p := p.(type) {
	case *image.Gray:
		return p.Pix, p.Stride
	case *image.Paletted:
		return p.Pix, p.Stride
	case *image.Gray16:
		return p.Pix, p.Stride
	}
	return nil, 0
}
