// Package labelimage reads label images: files in which each value other than 0 names an
// instance. TIFF, npy and PNG are told apart by how they begin, not by their names.
//
// A label image has axes YX or ZYX; the pages of a TIFF file are its planes. It is read once,
// by rows from the top, in bounded memory: a PNG file alone is decoded whole.
package labelimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/schemas"
)

// ErrFormat is a file that is no label image as far as its first bytes tell.
var ErrFormat = errors.New("not a label image: want TIFF, npy or PNG")

// Image is an open label image. Close it.
type Image struct {
	Name                 string
	Axes                 string // YX or ZYX
	Depth, Height, Width int    // Depth is 1 for YX
	DType                schemas.DType
	PixelSizeUM          [3]float64 // along Z, Y, X, in micrometres; 0 where the file does not say

	rows  func(ctx context.Context, each Each) error
	close func() error
}

// Each is given dense rows of little-endian elements, the first of them row y of plane z. The
// bytes hold until it returns.
type Each func(z, y int, rows []byte) error

// Open opens the label image in a file.
func Open(ctx context.Context, path string) (_ *Image, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	im := &Image{Name: path, Depth: 1, Axes: "YX", close: f.Close}
	switch format(f) {
	case tiffFormat:
		err = im.openTIFF(ctx, f, info.Size())
	case npyFormat:
		err = im.openNPY(f, info.Size())
	case pngFormat:
		err = im.openPNG(f)
	default:
		err = ErrFormat
	}
	if err == nil && !im.DType.Label() {
		err = fmt.Errorf("elements of type %s cannot be labels: want integers", im.DType)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return im, nil
}

// Is reports whether a file begins as a label image that Open reads.
func Is(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return format(f) != ""
}

const (
	tiffFormat = "TIFF"
	npyFormat  = "npy"
	pngFormat  = "PNG"
)

var beginnings = []struct{ format, bytes string }{
	{tiffFormat, "II*\x00"}, {tiffFormat, "MM\x00*"}, {tiffFormat, "II+\x00"}, {tiffFormat, "MM\x00+"},
	{npyFormat, npy.Magic}, {pngFormat, "\x89PNG\r\n\x1a\n"},
}

func format(f io.ReaderAt) string {
	var start [8]byte
	n, _ := f.ReadAt(start[:], 0)
	for _, b := range beginnings {
		if bytes.HasPrefix(start[:n], []byte(b.bytes)) {
			return b.format
		}
	}
	return ""
}

// Rows reads the image, once, from the first row of the first plane on.
func (im *Image) Rows(ctx context.Context, each Each) error {
	if err := im.rows(ctx, each); err != nil {
		return fmt.Errorf("%s: %w", im.Name, err)
	}
	return nil
}

// Scan reads the image and finds its instances. progress, which may be nil, is told the
// bytes of rows that are done.
func (im *Image) Scan(ctx context.Context, s *mask.Scanner, progress func(bytes int64)) error {
	return im.Rows(ctx, func(z, y int, rows []byte) error {
		if progress != nil {
			progress(int64(len(rows)))
		}
		return s.Rows(rows, im.DType, im.Width, z, y)
	})
}

// Bytes is the size of all elements.
func (im *Image) Bytes() int64 {
	return int64(im.Depth) * int64(im.Height) * int64(im.Width) * int64(im.DType.Size())
}

// Close closes the file.
func (im *Image) Close() error { return im.close() }
