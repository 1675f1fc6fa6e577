// Package labelimage reads label images: files in which each value other than 0 names an
// instance. TIFF, npy and PNG are told apart by how they begin, not by their names; a folder
// or a zip archive is one zarr array.
//
// A label image has axes YX or ZYX; the pages of a TIFF file are its planes. It is read once,
// by rows from the top, in bounded memory: an interlaced PNG file alone is decoded whole.
// The image that labels belong to is read the same way, with its channels.
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
var ErrFormat = errors.New("not a label image: want TIFF, npy, PNG or a zarr array")

// NotLabelsError is an image that can be read and whose elements cannot be labels.
type NotLabelsError struct{ Reason string }

func (e *NotLabelsError) Error() string { return e.Reason }

// notLabels is a *NotLabelsError.
func notLabels(format string, args ...any) error {
	return &NotLabelsError{fmt.Sprintf(format, args...)}
}

// Image is an open image. Close it.
type Image struct {
	Name                 string
	Format               string // TIFF, npy, PNG or zarr
	Axes                 string // YX or ZYX
	Channels             int    // 1 for a label image
	Depth, Height, Width int    // Depth is 1 for YX
	DType                schemas.DType
	PixelSizeUM          [3]float64 // along Z, Y, X, in micrometres; 0 where the file does not say
	PixelSizeReason      string     // why there is none along Y and X, "" where there is
	Problems             []string   // what the file's descriptions say that cannot be so
	Description          string     // of the first page of a TIFF, beside its
	Software             string
	// Rewritable says that nothing of the file is lost when its elements, description, software
	// and pixel size are written again.
	Rewritable bool
	Segment    int64 // bytes of the largest part that is decoded as one: strip, tile, chunk; 0 where none is compressed

	rows  func(ctx context.Context, each Each) error
	close func() error
}

// Each is given dense rows of little-endian elements of channel c, the first of them row y of
// plane z. The bytes hold until it returns.
type Each func(c, z, y int, rows []byte) error

// Open opens a label image. One whose elements cannot be labels is a *NotLabelsError.
func Open(ctx context.Context, path string) (*Image, error) {
	im, err := OpenAny(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := im.CheckLabels(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), im.Close())
	}
	return im, nil
}

// CheckLabels returns a *NotLabelsError where the elements cannot be labels by their type or
// the number of channels.
func (im *Image) CheckLabels() error {
	switch {
	case im.Format == PNG && im.Channels > 1:
		return notLabels("it is in colour or has an alpha channel: want grey values or a palette, whose indices are the labels")
	case im.Channels > 1:
		return notLabels("it has %d channels: a label image has axes YX or ZYX", im.Channels)
	case !im.DType.Label():
		return notLabels("elements of type %s cannot be labels: want integers", im.DType)
	}
	return nil
}

// OpenAny opens an image of any type of elements and any number of channels. An image that
// is none of one kind is a *NotLabelsError.
func OpenAny(ctx context.Context, path string) (_ *Image, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	im := &Image{Name: path, Depth: 1, Axes: "YX", Channels: 1}
	if info.IsDir() || isZip(path) {
		im.Format = Zarr
		if err := im.openZarr(ctx, path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return im, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	im.close = f.Close
	switch im.Format = format(f); im.Format {
	case TIFF:
		err = im.openTIFF(ctx, f, info.Size())
	case NPY:
		err = im.openNPY(f, info.Size())
	case PNG:
		err = im.openPNG(f, info.Size())
	default:
		err = ErrFormat
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return im, nil
}

// Formats of files.
const (
	TIFF = "TIFF"
	NPY  = "npy"
	PNG  = "PNG"
	Zarr = "zarr"
)

var beginnings = []struct{ format, bytes string }{
	{TIFF, "II*\x00"}, {TIFF, "MM\x00*"}, {TIFF, "II+\x00"}, {TIFF, "MM\x00+"},
	{NPY, npy.Magic}, {PNG, "\x89PNG\r\n\x1a\n"},
}

func isZip(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var start [4]byte
	n, _ := f.Read(start[:])
	return string(start[:n]) == "PK\x03\x04"
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

// Rows reads the image once. Rows come from the first of the first plane on, those of a zarr
// array chunk by chunk.
func (im *Image) Rows(ctx context.Context, each Each) error {
	if err := im.rows(ctx, each); err != nil {
		return fmt.Errorf("%s: %w", im.Name, err)
	}
	return nil
}

// Scan reads the image and finds its instances. progress, which may be nil, is told the
// bytes of rows that are done.
func (im *Image) Scan(ctx context.Context, s *mask.Scanner, progress func(bytes int64)) error {
	return im.Rows(ctx, func(_, z, y int, rows []byte) error {
		if progress != nil {
			progress(int64(len(rows)))
		}
		return s.Rows(rows, im.DType, im.Width, z, y)
	})
}

// Bytes is the size of all elements.
func (im *Image) Bytes() int64 {
	return int64(im.Channels) * int64(im.Depth) * int64(im.Height) * int64(im.Width) * int64(im.DType.Size())
}

// Close closes the file.
func (im *Image) Close() error { return im.close() }
