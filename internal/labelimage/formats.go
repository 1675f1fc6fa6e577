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

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
)

// bandBytes is about how many bytes of rows are read at a time.
const bandBytes = 1 << 20

// openTIFF takes the first series of the file. Several series, or several times, are
// refused: which of them would hold the labels?
func (im *Image) openTIFF(ctx context.Context, f *os.File, size int64) error {
	file, err := tiffio.Open(ctx, f, size, im.Name)
	if err != nil {
		return err
	}
	series := file.Series()
	im.Problems = series[0].Problems
	if len(series) != 1 {
		return notLabels("it holds %d images of different kinds (%s): a label image is one", len(series), kinds(series))
	}
	a, err := series[0].Array()
	if err != nil {
		return err
	}
	im.Axes, im.DType = "", a.DType()
	for i, n := range a.Shape() {
		switch axis := a.Axes()[i]; {
		case axis == 'C':
			im.Channels = n
			continue
		case axis == 'T' && n > 1:
			return notLabels("it has %d elements along T: a label image has axes YX or ZYX", n)
		case axis == 'T':
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
	im.PixelSizeUM, im.PixelSizeReason = [3]float64{p.Z, p.Y, p.X}, p.Reason
	for _, page := range a.Pages() {
		im.Segment = max(im.Segment, page.SegmentBytes())
	}
	first := a.Pages()[0]
	im.Description, im.Software = first.Description, first.Software
	im.Rewritable = series[0].Levels() == 1 && !im.DType.Signed() && !slices.ContainsFunc(a.Pages(), func(p *tiffio.Page) bool { return !plain(p, first) })
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
			n := len(band.View.Data) / im.Channels
			for c := range im.Channels {
				if err := each(c, plane, band.Region.Origin[y], band.View.Data[c*n:(c+1)*n]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return nil
}

// plainTags are the tags that say how elements are kept, and those that a label image is written with: sizes
// and types, strips and tiles, resolution, description and software (TIFF 6.0).
var plainTags = []uint16{254, 256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 282, 283, 284, 296, 305, 317, 322, 323, 324, 325, 339}

// plain reports whether a page says nothing that another with its elements would not say, beside what the
// first page of the file says.
func plain(p, first *tiffio.Page) bool {
	unknown := func(tag uint16) bool { return !slices.Contains(plainTags, tag) }
	return p.Photometric == tiffio.BlackIsZero && p.Orientation == 1 && !p.Reduced && !p.IsMask && p.Bits == 8*p.DType.Size() &&
		!slices.ContainsFunc(p.Tags, unknown) && (p == first || p.Description == "" && (p.Software == "" || p.Software == first.Software))
}

// kinds says what the first images of a file are.
func kinds(series []*tiffio.Series) string {
	var parts []string
	for _, s := range series[:min(3, len(series))] {
		p := s.Pages()[0]
		parts = append(parts, fmt.Sprintf("%dx%d %s", p.Height, p.Width, p.DType))
	}
	return strings.Join(parts, ", ")
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
	im.PixelSizeReason, im.Rewritable = ".npy holds no pixel size", true
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
			if err := each(0, z, y, rows); err != nil {
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

// openPNG takes the grey values, or the indices of a palette.
func (im *Image) openPNG(f *os.File, size int64) error {
	p, err := picture.OpenPNG(f, size)
	if err != nil {
		return err
	}
	im.Width, im.Height, im.Channels, im.DType = p.Width, p.Height, p.Samples, schemas.Uint8
	im.PixelSizeReason = "PNG holds no physical size of what was imaged"
	if p.Depth == 16 {
		im.DType = schemas.Uint16
	}
	if p.Interlaced {
		return im.openInterlaced(f, p)
	}
	im.rows = func(ctx context.Context, each Each) error { return im.pngRows(ctx, p, each) }
	return nil
}

// pngRows reads rows and takes the samples of the channels apart.
func (im *Image) pngRows(ctx context.Context, p *picture.PNGFile, each Each) error {
	rows, err := p.Rows(nil)
	if err != nil {
		return err
	}
	size := p.Bytes()
	line := make([]byte, p.Width*p.Samples*size)
	channel := nd.Dense(make([]byte, p.Width*size), []int{p.Width}, size)
	for y := range p.Height {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := rows.Next(line); err != nil {
			return err
		}
		for c := range p.Samples {
			nd.Copy(channel, nd.View{Data: line[c*size:], Shape: channel.Shape, Strides: []int{p.Samples * size}, ItemSize: size})
			if err := each(c, 0, y, channel.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxPNG bounds the pixels of an interlaced PNG file, which the standard library decodes whole.
const maxPNG = 1 << 29

// openInterlaced prepares to read a file whose rows do not follow each other. The standard
// library scales grey values of less than 8 bits to the full range.
func (im *Image) openInterlaced(f *os.File, p *picture.PNGFile) error {
	switch {
	case p.Width > maxPNG/p.Height:
		return fmt.Errorf("%dx%d pixels are too many for an interlaced PNG file, which has to be decoded whole: write it without interlacing", p.Width, p.Height)
	case p.Samples > 1:
		return notLabels("it is in colour or has an alpha channel, and interlaced: write it without interlacing")
	}
	scale := byte(1)
	if !p.Palette && p.Depth < 8 {
		scale = 255 / (1<<p.Depth - 1)
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
			if err := each(0, 0, y, row); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
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
