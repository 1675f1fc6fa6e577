package tiffio

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// Array is an N-D array that one page or several make up. Its axes are those of T, C, Z, Y
// and X, in this order, that it has; Y and X are always there. The samples of a pixel lie
// along C, behind each other for each page.
type Array struct {
	file    *File
	axes    string
	shape   []int
	pages   []*Page // of (t, c / samples, z), in C order
	samples int
	lead    [3]int // extents of t, c / samples and z in pages
}

// Array is the page as an array: YX, or CYX where a pixel has several samples.
func (p *Page) Array() (*Array, error) {
	axes := "YX"
	if p.Samples > 1 {
		axes = "CYX"
	}
	return newArray(axes, [3]int{1, 1, 1}, []*Page{p})
}

// newArray puts pages together. They must be of one kind.
func newArray(axes string, lead [3]int, pages []*Page) (*Array, error) {
	first := pages[0]
	a := &Array{file: first.file, axes: axes, pages: pages, samples: first.Samples, lead: lead}
	var errs []error
	for _, p := range pages {
		switch {
		case p.err != nil:
			errs = append(errs, p.err)
		case !p.like(first):
			errs = append(errs, &Error{File: a.file.name, Where: p.Name, Err: corrupt("it is %d x %d pixels of %d %s and belongs to an array of %d x %d of %d %s",
				p.Width, p.Height, p.Samples, p.DType, first.Width, first.Height, first.Samples, first.DType)})
		}
		if len(errs) > 9 {
			break
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	extent := map[byte]int{'T': lead[0], 'C': lead[1] * a.samples, 'Z': lead[2], 'Y': first.Height, 'X': first.Width}
	for i := range len(axes) {
		a.shape = append(a.shape, extent[axes[i]])
	}
	if _, ok := nd.CheckedElements(a.shape); !ok {
		return nil, &Error{File: a.file.name, Err: corrupt("an array of shape %v", a.shape)}
	}
	return a, nil
}

// like tells whether the pages have the same size and samples.
func (p *Page) like(o *Page) bool {
	return p.Width == o.Width && p.Height == o.Height && p.Samples == o.Samples && p.DType == o.DType
}

// Axes are the letters of the array's axes, slowest first: a part of "TCZYX" that ends in YX.
func (a *Array) Axes() string { return a.axes }

// Shape is the extent along each axis.
func (a *Array) Shape() []int { return a.shape }

// DType is the type of the elements.
func (a *Array) DType() schemas.DType { return a.pages[0].DType }

// Pages are the pages that the array is made of.
func (a *Array) Pages() []*Page { return a.pages }

// Stored is the bytes that the array's segments take in the file.
func (a *Array) Stored() (n int64) {
	for _, p := range a.pages {
		n += p.Stored
	}
	return n
}

// axis is the position of an axis in the shape, -1 where the array has none.
func (a *Array) axis(letter byte) int { return strings.IndexByte(a.axes, letter) }

// span is the extent of a region along an axis, which may be one that the array lacks.
func (a *Array) span(r nd.Region, letter byte) (lo, hi int) {
	if i := a.axis(letter); i >= 0 {
		return r.Origin[i], r.End(i)
	}
	return 0, 1
}

// Read fills dst, of the region's shape, with one region.
func (a *Array) Read(ctx context.Context, region nd.Region, dst nd.View) error {
	r, err := a.NewReader(ReaderOptions{Schedule: []nd.Region{region}})
	if err != nil {
		return err
	}
	return errors.Join(r.Read(ctx, 0, dst), r.Close())
}

// ReadAll reads the whole array, dense and little-endian. It fails before it takes memory
// where that is more than limit bytes.
func (a *Array) ReadAll(ctx context.Context, limit int64) ([]byte, error) {
	n, ok := nd.CheckedElements(a.shape)
	size := a.DType().Size()
	if !ok || int64(n)*int64(size) > limit {
		return nil, &Error{File: a.file.name, Err: fmt.Errorf("%w: %v %s takes more than %d bytes", ErrTooLarge, a.shape, a.DType(), limit)}
	}
	out := make([]byte, n*size)
	view := nd.Dense(out, a.shape, size)
	for b, err := range a.Bands(ctx) {
		if err != nil {
			return nil, err
		}
		nd.Copy(view.Slice(b.Region), b.View)
	}
	return out, nil
}
