package tiffio

import (
	"context"
	"fmt"
	"sync"

	"github.com/micropq/micropq/internal/nd"
)

// ReaderOptions of NewReader.
type ReaderOptions struct {
	// Budget bounds the bytes of decoded bands that are kept for later regions.
	Budget int64
	// Schedule lists the regions that will be read.
	Schedule []nd.Region
	// OnObject, which may be nil, is told of encoded bytes the first time they are read: of
	// whole segments, and of pieces of large ones, with their place in the file. key is the
	// file's name. It may be called from several goroutines.
	OnObject func(key string, off int64, encoded []byte)

	limits limits
}

// Reader reads the regions of a schedule. It decodes a band once for all regions that need
// it, as far as the budget allows: the band it gives up first is the one whose next use is
// furthest away (Belady, IBM Systems Journal 5(2), 1966). A large segment is read from its
// beginning on; bands passed on the way that regions wait for are kept.
// It is safe for concurrent use.
type Reader struct {
	a       *Array
	o       ReaderOptions
	cuts    []bands // of each page
	mu      sync.Mutex
	held    int64
	bands   map[bandKey]*band
	loaded  map[*band]struct{} // those with data
	strands map[strandKey]*strand
	memory  memory
}

// bandKey is the place of a band: page of the array, plane, column of segments, band.
type bandKey struct{ page, plane, col, band int }

// band is a band that some region of the schedule needs.
type band struct {
	bandKey
	y, rows int
	uses    []int // regions yet to be read, ascending
	data    []byte
	told    bool          // OnObject was told of its bytes
	users   int           // regions copying from data now
	busy    chan struct{} // closed when a decode in the making ends
}

// NewReader prepares to read the schedule.
func (a *Array) NewReader(o ReaderOptions) (*Reader, error) {
	r := &Reader{a: a, o: o, bands: map[bandKey]*band{}, loaded: map[*band]struct{}{}, strands: map[strandKey]*strand{}}
	for _, p := range a.pages {
		r.cuts = append(r.cuts, p.bands(o.limits))
	}
	for i, region := range o.Schedule {
		if err := region.Within(a.shape); err != nil {
			return nil, err
		}
		r.each(region, func(k bandKey) {
			b := r.bands[k]
			if b == nil {
				b = &band{bandKey: k}
				b.y, b.rows = r.cuts[k.page].at(k.band)
				r.bands[k] = b
			}
			b.uses = append(b.uses, i)
		})
	}
	return r, nil
}

// each visits every band that a region touches.
func (r *Reader) each(region nd.Region, visit func(bandKey)) {
	if region.Elements() == 0 {
		return
	}
	a := r.a
	t0, t1 := a.span(region, 'T')
	c0, c1 := a.span(region, 'C')
	z0, z1 := a.span(region, 'Z')
	y0, y1 := a.span(region, 'Y')
	x0, x1 := a.span(region, 'X')
	if a.axis('C') < 0 {
		c1 = 1
	}
	for t := t0; t < t1; t++ {
		for c := c0 / a.samples; c <= (c1-1)/a.samples; c++ {
			for z := z0; z < z1; z++ {
				i := (t*a.lead[1]+c)*a.lead[2] + z
				p, cut := a.pages[i], r.cuts[i]
				s0, s1 := 0, 1
				if p.planes > 1 {
					s0, s1 = max(c0-c*a.samples, 0), min(c1-c*a.samples, a.samples)
				}
				for s := s0; s < s1; s++ {
					for b := cut.find(y0); b <= cut.find(y1-1); b++ {
						for col := x0 / p.segW; col <= (x1-1)/p.segW; col++ {
							visit(bandKey{i, s, col, b})
						}
					}
				}
			}
		}
	}
}

// box is the part of the array that a band covers, cut where it leaves the image.
func (r *Reader) box(b *band) nd.Region {
	a := r.a
	p := a.pages[b.page]
	z := b.page % a.lead[2]
	c := b.page / a.lead[2] % a.lead[1]
	t := b.page / a.lead[2] / a.lead[1]
	c0, cn := c*a.samples, a.samples
	if p.planes > 1 {
		c0, cn = c0+b.plane, 1
	}
	lo := map[byte][2]int{'T': {t, 1}, 'C': {c0, cn}, 'Z': {z, 1}, 'Y': {b.y, min(b.rows, p.Height-b.y)},
		'X': {b.col * p.segW, min(p.segW, p.Width-b.col*p.segW)}}
	box := nd.Region{Origin: make([]int, len(a.axes)), Shape: make([]int, len(a.axes))}
	for i := range len(a.axes) {
		box.Origin[i], box.Shape[i] = lo[a.axes[i]][0], lo[a.axes[i]][1]
	}
	return box
}

// view is a band's memory as a box of the array.
func (r *Reader) view(b *band, data []byte, box nd.Region) nd.View {
	p := r.a.pages[b.page]
	size := p.DType.Size()
	stride := map[byte]int{'C': size, 'Y': p.row(), 'X': p.spp * size}
	v := nd.View{Data: data, Shape: box.Shape, Strides: make([]int, len(box.Shape)), ItemSize: size}
	for i := range len(r.a.axes) {
		v.Strides[i] = stride[r.a.axes[i]]
	}
	return v
}

// Read fills dst with region i of the schedule. Each region is read at most once. Reads that
// run at the same time share the decoding of the bands they have in common.
func (r *Reader) Read(ctx context.Context, i int, dst nd.View) error {
	region := r.o.Schedule[i]
	var todo []*band
	r.each(region, func(k bandKey) { todo = append(todo, r.bands[k]) })
	for len(todo) > 0 {
		rest := todo[:0]
		var wait chan struct{}
		for _, b := range todo {
			busy, err := r.serve(ctx, b, i, region, dst)
			if err != nil {
				return err
			}
			if busy != nil {
				rest, wait = append(rest, b), busy
			}
		}
		// Only what others are decoding is left.
		if todo = rest; len(todo) > 0 {
			select {
			case <-wait:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// serve copies a band's part of the region, decoding the band if need be. While another
// goroutine decodes it, busy is returned to wait for.
func (r *Reader) serve(ctx context.Context, b *band, i int, region nd.Region, dst nd.View) (busy chan struct{}, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	box := r.box(b)
	part, ok := box.Intersect(region)
	if !ok {
		return nil, fmt.Errorf("tiffio: band %v is no part of region %v", b.bandKey, region)
	}
	out := dst.Slice(part.Sub(region.Origin))
	r.mu.Lock()
	if b.busy != nil {
		defer r.mu.Unlock()
		return b.busy, nil
	}
	if b.data == nil {
		b.busy = make(chan struct{})
		direct := r.direct(b, box, part, out)
		r.mu.Unlock()
		data, err := r.load(ctx, b, direct)
		r.mu.Lock()
		close(b.busy)
		b.busy = nil
		switch {
		case err != nil:
			r.mu.Unlock()
			return nil, r.where(b, err)
		case direct != nil && data == nil: // it lies where it belongs
			defer r.mu.Unlock()
			r.release(b, i)
			return nil, nil
		case b.data == nil:
			r.keep(b, data)
		}
	}
	b.users++
	data := b.data
	r.mu.Unlock()
	nd.Copy(out, r.view(b, data, box).Slice(part.Sub(box.Origin)))
	r.mu.Lock()
	defer r.mu.Unlock()
	b.users--
	r.release(b, i)
	return nil, nil
}

// direct is the memory of out where the band can be decoded right into it: out is all of the
// band, laid out like it, and no other region needs the band.
func (r *Reader) direct(b *band, box, part nd.Region, out nd.View) []byte {
	if len(b.uses) != 1 {
		return nil
	}
	p := r.a.pages[b.page]
	n := b.rows * p.row()
	y, x := len(box.Shape)-2, len(box.Shape)-1
	if box.Elements() != part.Elements() || box.Elements()*out.ItemSize != n || p.spp > 1 ||
		out.Strides[x] != out.ItemSize || out.Strides[y] != p.row() {
		return nil
	}
	return out.Data[:n]
}

// keep gives a band its bytes; the caller holds the lock.
func (r *Reader) keep(b *band, data []byte) {
	b.data = data
	r.held += int64(len(data))
	r.loaded[b] = struct{}{}
}

// release notes that region i is done with a band, and gives up what the budget does not hold.
func (r *Reader) release(b *band, i int) {
	for k, u := range b.uses {
		if u == i {
			b.uses = append(b.uses[:k], b.uses[k+1:]...)
			break
		}
	}
	if len(b.uses) == 0 {
		r.drop(b)
	}
	for r.held > r.o.Budget {
		victim := r.furthest()
		if victim == nil {
			return
		}
		r.drop(victim)
	}
}

// furthest is the band in memory whose next use is last, of those that nobody reads now.
func (r *Reader) furthest() (victim *band) {
	for b := range r.loaded {
		if b.users == 0 && b.busy == nil && (victim == nil || b.uses[0] > victim.uses[0]) {
			victim = b
		}
	}
	return victim
}

// drop lets go of a band's bytes; the caller holds the lock.
func (r *Reader) drop(b *band) {
	if b.data == nil || b.users > 0 {
		return
	}
	r.held -= int64(len(b.data))
	r.memory.put(b.data)
	b.data = nil
	delete(r.loaded, b)
}

// where says which part of the file an error is about.
func (r *Reader) where(b *band, err error) error {
	if e, ok := err.(*Error); ok {
		e.File = r.a.file.name
		e.Where = r.a.pages[b.page].Name + ": " + e.Where
		return e
	}
	return err
}

// Close releases what is held.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bands, r.loaded, r.held, r.strands = nil, nil, 0, nil
	r.memory.drop()
	return nil
}

// memory keeps a few buffers for the next use.
type memory struct {
	mu    sync.Mutex
	free  [][]byte
	bytes int
}

// maxFree bounds the bytes of buffers that are kept.
const maxFree = 8 << 20

func (m *memory) put(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bytes+cap(b) <= maxFree {
		m.free = append(m.free, b)
		m.bytes += cap(b)
	}
}

// get is a buffer of n bytes of any value.
func (m *memory) get(n int) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := len(m.free) - 1; k >= 0 {
		b := m.free[k]
		m.free = m.free[:k]
		m.bytes -= cap(b)
		return resize(b, n)
	}
	return make([]byte, n)
}

func (m *memory) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free, m.bytes = nil, 0
}
