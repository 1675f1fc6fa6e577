package labels

import (
	"context"
	"errors"
	"fmt"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
)

// openTIFF reads the directories of a TIFF file.
func openTIFF(ctx context.Context, s store.Store, key string) (_ *picture, err error) {
	f, err := tiffio.OpenStore(ctx, s, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a, err := onlyArray(f)
	if err != nil {
		return nil, err
	}
	p := &picture{key: key, axes: a.Axes(), shape: a.Shape(), dtype: a.DType()}
	p.reader = func(ctx context.Context, s store.Store) arrays.Source {
		return &tiffSource{ctx: ctx, store: s, picture: p}
	}
	if size := a.Pages()[0].PixelSize; size.Known() {
		p.pixelUM = []float64{size.Y, size.X}
	} else {
		p.whyNot = size.Reason
	}
	return p, nil
}

// onlyArray is the array of a file that holds one picture. Smaller copies of it and
// transparency masks do not count.
func onlyArray(f *tiffio.File) (*tiffio.Array, error) {
	var whole []*tiffio.Page
	for _, p := range f.Pages() {
		if !p.Reduced && !p.IsMask {
			whole = append(whole, p)
		}
	}
	if len(whole) != 1 {
		return nil, fmt.Errorf("the file holds %d pictures: want one", len(whole))
	}
	return whole[0].Array()
}

// tiffSource is a TIFF file as the source of an array. A reader opens the file anew, so that
// a plan of a thousand files holds none of them open.
type tiffSource struct {
	ctx     context.Context // of the session that reads
	store   store.Store
	picture *picture
}

func (t *tiffSource) Shape() []int         { return t.picture.shape }
func (t *tiffSource) DType() schemas.DType { return t.picture.dtype }

func (t *tiffSource) Reader(schedule []nd.Region, budget int64, onObject func(key string, off int64, encoded []byte)) (arrays.Reader, error) {
	f, err := tiffio.OpenStore(t.ctx, t.store, t.picture.key)
	if err != nil {
		return nil, err
	}
	a, err := onlyArray(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r, err := a.NewReader(tiffio.ReaderOptions{Budget: budget, Schedule: schedule, OnObject: onObject})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &tiffReader{Reader: r, file: f}, nil
}

// tiffReader closes its file with it.
type tiffReader struct {
	*tiffio.Reader
	file *tiffio.File
}

func (t *tiffReader) Close() error { return errors.Join(t.Reader.Close(), t.file.Close()) }
