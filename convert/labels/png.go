package labels

import (
	"context"
	"errors"
	"sync"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// noPixelSize is why a PNG has none: its pHYs chunk is for print and screens.
const noPixelSize = "PNG holds no physical size of what was imaged"

// openPNG reads the header of a PNG file.
func openPNG(ctx context.Context, s store.Store, key string) (_ *header, err error) {
	r, size, err := store.ReaderAt(ctx, s, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f, err := picture.OpenPNG(r, size)
	if err != nil {
		return nil, err
	}
	p := &header{key: key, axes: "YX", shape: []int{f.Height, f.Width}, dtype: schemas.Uint8, whyNot: noPixelSize}
	if f.Samples > 1 {
		p.axes, p.shape = "CYX", []int{f.Samples, f.Height, f.Width}
	}
	if f.Depth == 16 {
		p.dtype = schemas.Uint16
	}
	p.reader = func(ctx context.Context, s store.Store) arrays.Source {
		return &pngSource{ctx: ctx, store: s, header: p}
	}
	return p, nil
}

// pngSource is a PNG file as the source of an array.
type pngSource struct {
	ctx    context.Context // of the session that reads
	store  store.Store
	header *header
}

func (s *pngSource) Shape() []int         { return s.header.shape }
func (s *pngSource) DType() schemas.DType { return s.header.dtype }

func (s *pngSource) Reader(schedule []nd.Region, budget int64, onObject func(key string, off int64, encoded []byte)) (arrays.Reader, error) {
	in, size, err := store.ReaderAt(s.ctx, s.store, s.header.key)
	if err != nil {
		return nil, err
	}
	f, err := picture.OpenPNG(in, size)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	r := &pngReader{in: in, file: f, schedule: schedule, budget: budget, bands: map[int]*pngBand{}}
	if onObject != nil {
		r.onObject = func(off int64, encoded []byte) { onObject(s.header.key, off, encoded) }
	}
	r.rowBytes = f.Width * f.Samples * f.Bytes()
	r.height = max(1, pngBandBytes/r.rowBytes)
	for i, region := range schedule {
		for b := range r.touched(region) {
			if r.bands[b] == nil {
				r.bands[b] = &pngBand{index: b}
			}
			r.bands[b].uses = append(r.bands[b].uses, i)
		}
	}
	return r, nil
}

// pngBandBytes is about what a band takes.
const pngBandBytes = 512 << 10

// pngReader reads the regions of a schedule from a stream that goes forward only. Rows are
// decoded in bands; of the bands passed on the way to one, those that regions wait for are
// kept, as far as the budget goes: the band given up first is the one whose next use is
// furthest away. A band that is behind the stream is reached from the beginning again.
type pngReader struct {
	in       store.Reader
	file     *picture.PNGFile
	schedule []nd.Region
	budget   int64
	onObject func(off int64, encoded []byte)
	rowBytes int
	height   int // rows of a band

	mu    sync.Mutex // one decodes at a time, and the others have nothing to do without it
	rows  *picture.PNGRows
	bands map[int]*pngBand // those that are yet to be used
	held  int64
}

type pngBand struct {
	index int
	uses  []int // indices into the schedule, ascending, of the regions yet to be read
	data  []byte
}

// touched hands out the bands of a region.
func (r *pngReader) touched(region nd.Region) func(yield func(int) bool) {
	y := len(region.Shape) - 2
	return func(yield func(int) bool) {
		for b := region.Origin[y] / r.height; b*r.height < region.End(y); b++ {
			if !yield(b) {
				return
			}
		}
	}
}

func (r *pngReader) Read(ctx context.Context, i int, dst nd.View) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for b := range r.touched(r.schedule[i]) {
		band := r.bands[b]
		if band.data == nil {
			if err := r.reach(ctx, b); err != nil {
				return err
			}
		}
		box := r.box(band)
		part, _ := box.Intersect(r.schedule[i])
		nd.Copy(dst.Slice(part.Sub(r.schedule[i].Origin)), r.view(band, box).Slice(part.Sub(box.Origin)))
		r.used(band, i)
	}
	return nil
}

// box is the part of the array that a band holds.
func (r *pngReader) box(b *pngBand) nd.Region {
	y := b.index * r.height
	box := nd.Region{Origin: []int{y, 0}, Shape: []int{min(r.height, r.file.Height-y), r.file.Width}}
	if r.file.Samples > 1 {
		box.Origin, box.Shape = append([]int{0}, box.Origin...), append([]int{r.file.Samples}, box.Shape...)
	}
	return box
}

// view sees the pixels of a band, whose samples lie together, as its box.
func (r *pngReader) view(b *pngBand, box nd.Region) nd.View {
	size := r.file.Bytes()
	strides := []int{r.rowBytes, size * r.file.Samples}
	if r.file.Samples > 1 {
		strides = append([]int{size}, strides...)
	}
	return nd.View{Data: b.data, Shape: box.Shape, Strides: strides, ItemSize: size}
}

// reach decodes up to the end of a band.
func (r *pngReader) reach(ctx context.Context, target int) (err error) {
	if r.rows == nil || r.rows.Y() > target*r.height {
		if r.rows, err = r.file.Rows(r.onObject); err != nil {
			return err
		}
	}
	passed := make([]byte, r.rowBytes) // of bands that nobody waits for
	for r.rows.Y() < min((target+1)*r.height, r.file.Height) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		index := r.rows.Y() / r.height
		band := r.bands[index]
		keep := band != nil && band.data == nil
		if keep {
			r.hold(band, index == target)
		}
		for k := range min(r.height, r.file.Height-index*r.height) {
			row := passed
			if keep && band.data != nil {
				row = band.data[k*r.rowBytes:][:r.rowBytes]
			}
			if err := r.rows.Next(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold gives a band memory. Past the budget another is given up for it, unless it is itself
// the one whose next use is furthest away and need not be kept.
func (r *pngReader) hold(b *pngBand, must bool) {
	n := int64(r.height * r.rowBytes)
	b.data = make([]byte, n)
	for r.held += n; r.held > r.budget; r.held -= n {
		victim := b
		if must {
			victim = nil
		}
		for _, other := range r.bands {
			if other.data != nil && other != b && (victim == nil || other.uses[0] > victim.uses[0]) {
				victim = other
			}
		}
		if victim == nil {
			return
		}
		victim.data = nil
		if victim == b {
			r.held -= n
			return
		}
	}
}

// used notes that a region is done with a band.
func (r *pngReader) used(b *pngBand, i int) {
	for k, u := range b.uses {
		if u == i {
			b.uses = append(b.uses[:k], b.uses[k+1:]...)
			break
		}
	}
	if len(b.uses) == 0 {
		r.held -= int64(len(b.data))
		delete(r.bands, b.index)
	}
}

func (r *pngReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bands, r.rows = nil, nil
	return r.in.Close()
}
