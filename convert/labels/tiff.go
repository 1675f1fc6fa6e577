package labels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
)

// openTIFF reads the directories of a TIFF file and what it says of itself.
func openTIFF(ctx context.Context, s store.Store, key string) (_ *header, err error) {
	f, err := tiffio.OpenStore(ctx, s, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	series, err := only(f)
	if err != nil {
		return nil, err
	}
	a, err := series.Array()
	if err != nil {
		return nil, err
	}
	p := &header{key: key, axes: a.Axes(), shape: a.Shape(), dtype: a.DType(), channels: channelNames(series, a)}
	p.reader = func(ctx context.Context, s store.Store) arrays.Source {
		return &tiffSource{ctx: ctx, store: s, header: p}
	}
	if size := series.PixelSize; size.Known() {
		p.pixelUM = []float64{size.Y, size.X}
	} else {
		p.whyNot = size.Reason
	}
	return p, nil
}

// only is the series of a file that holds one picture. Transparency masks do not count, nor
// smaller copies of it.
func only(f *tiffio.File) (*tiffio.Series, error) {
	all := f.Series()
	for _, s := range all[1:] {
		if p := s.Pages()[0]; !p.IsMask && !p.Reduced {
			return nil, fmt.Errorf("the file holds %d pictures: want one", len(all))
		}
	}
	return all[0], nil
}

// channelNames are the names of the channels along C, nil where the file names none.
func channelNames(s *tiffio.Series, a *tiffio.Array) []string {
	c := strings.IndexByte(a.Axes(), 'C')
	if c < 0 || len(s.Channels) != a.Shape()[c] {
		return nil
	}
	names, named := make([]string, len(s.Channels)), false
	for i, ch := range s.Channels {
		names[i] = cmp.Or(ch.Name, fmt.Sprintf("channel_%d", i))
		named = named || ch.Name != ""
	}
	if !named {
		return nil
	}
	return names
}

// tiffSource is a TIFF file as the source of an array. A reader opens the file anew, so that
// a plan of a thousand files holds none of them open.
type tiffSource struct {
	ctx    context.Context // of the session that reads
	store  store.Store
	header *header
}

func (t *tiffSource) Shape() []int         { return t.header.shape }
func (t *tiffSource) DType() schemas.DType { return t.header.dtype }

func (t *tiffSource) Reader(schedule []nd.Region, budget int64, onObject func(key string, off int64, encoded []byte)) (arrays.Reader, error) {
	f, err := tiffio.OpenStore(t.ctx, t.store, t.header.key)
	if err != nil {
		return nil, err
	}
	series, err := only(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a, err := series.Array()
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
