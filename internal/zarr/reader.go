package zarr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// ReaderOptions of NewReader.
type ReaderOptions struct {
	// Budget bounds the bytes of decoded chunks that are kept for later regions.
	Budget int64
	// Schedule lists the regions that will be read.
	Schedule []nd.Region
	// OnObject, which may be nil, is told of each encoded object the first time it is read.
	// It may be called from several goroutines.
	OnObject func(key string, off int64, encoded []byte)
}

// Reader reads the regions of a schedule. It decodes a chunk once for all regions that need
// it, as far as the budget allows: since the schedule is known, the chunk it gives up first
// is the one whose next use is furthest away (Belady, IBM Systems Journal 5(2), 1966).
// It is safe for concurrent use.
type Reader struct {
	a    *Array
	o    ReaderOptions
	mu   sync.Mutex
	held int64
	free [][]byte
	used map[int]*chunk // by linear grid index
	grid []int          // chunks along each axis
}

// chunk is a chunk that some region of the schedule needs.
type chunk struct {
	at    []int
	uses  []int // regions yet to be read, ascending
	data  []byte
	fill  bool          // known to be all fill
	seen  bool          // OnObject was told
	users int           // regions copying from data now
	busy  chan struct{} // closed when a decode in the making ends
}

// NewReader prepares to read the schedule.
func (a *Array) NewReader(o ReaderOptions) (*Reader, error) {
	if a.chunkBytes() > maxChunk {
		return nil, fmt.Errorf("chunks of %v %s take %d bytes each, at most %d can be read", a.chunks, a.dtype, a.chunkBytes(), maxChunk)
	}
	r := &Reader{a: a, o: o, used: map[int]*chunk{}, grid: make([]int, len(a.shape))}
	for i := range r.grid {
		r.grid[i] = (a.shape[i] + a.chunks[i] - 1) / a.chunks[i]
	}
	for i, region := range o.Schedule {
		if err := region.Within(a.shape); err != nil {
			return nil, err
		}
		r.each(region, func(at []int) {
			n := r.linear(at)
			c := r.used[n]
			if c == nil {
				c = &chunk{at: append([]int(nil), at...)}
				r.used[n] = c
			}
			c.uses = append(c.uses, i)
		})
	}
	return r, nil
}

func (r *Reader) linear(at []int) (n int) {
	for i, p := range at {
		n = n*r.grid[i] + p
	}
	return n
}

// each visits the grid position of every chunk that a region touches.
func (r *Reader) each(region nd.Region, visit func(at []int)) {
	if region.Elements() == 0 {
		return
	}
	n := len(region.Shape)
	lo, at := make([]int, n), make([]int, n)
	for i := range n {
		lo[i] = region.Origin[i] / r.a.chunks[i]
	}
	copy(at, lo)
	for {
		visit(at)
		i := n - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i]*r.a.chunks[i] < region.End(i) {
				break
			}
			at[i] = lo[i]
		}
		if i < 0 {
			return
		}
	}
}

// Read fills dst with region i of the schedule. Each region is read at most once. Reads that
// run at the same time share the decoding of the chunks they have in common.
func (r *Reader) Read(ctx context.Context, i int, dst nd.View) error {
	region := r.o.Schedule[i]
	var todo []*chunk
	r.each(region, func(at []int) { todo = append(todo, r.used[r.linear(at)]) })
	for len(todo) > 0 {
		rest := todo[:0]
		var wait chan struct{}
		for _, c := range todo {
			busy, err := r.serve(ctx, c, i, region, dst)
			if err != nil {
				return err
			}
			if busy != nil {
				rest, wait = append(rest, c), busy
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

// serve copies a chunk's part of the region, decoding the chunk if need be. While another
// goroutine decodes it, busy is returned to wait for.
func (r *Reader) serve(ctx context.Context, c *chunk, i int, region nd.Region, dst nd.View) (busy chan struct{}, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.mu.Lock()
	if c.busy != nil {
		defer r.mu.Unlock()
		return c.busy, nil
	}
	if c.data == nil && !c.fill {
		c.busy = make(chan struct{})
		r.mu.Unlock()
		err := r.load(ctx, c)
		r.mu.Lock()
		close(c.busy)
		c.busy = nil
		if err != nil {
			r.mu.Unlock()
			return nil, err
		}
	}
	c.users++
	r.mu.Unlock()
	r.copy(c, region, dst)
	r.mu.Lock()
	defer r.mu.Unlock()
	c.users--
	r.release(c, i)
	return nil, nil
}

// copy writes the chunk's part of the region.
func (r *Reader) copy(c *chunk, region nd.Region, dst nd.View) {
	a := r.a
	box := nd.Region{Origin: make([]int, len(c.at)), Shape: a.chunks}
	for k, p := range c.at {
		box.Origin[k] = p * a.chunks[k]
	}
	part, ok := box.Intersect(region)
	if !ok {
		part = region // an array without axes
	}
	out := dst.Slice(part.Sub(region.Origin))
	if c.fill {
		nd.Fill(out, a.fill)
		return
	}
	whole := nd.View{Data: c.data, Shape: a.chunks, Strides: a.strides, ItemSize: a.dtype.Size()}
	nd.Copy(out, whole.Slice(part.Sub(box.Origin)))
}

// release notes that region i is done with a chunk, and gives up what the budget does not hold.
func (r *Reader) release(c *chunk, i int) {
	for k, u := range c.uses {
		if u == i {
			c.uses = append(c.uses[:k], c.uses[k+1:]...)
			break
		}
	}
	if len(c.uses) == 0 {
		r.drop(c)
	}
	for r.held > r.o.Budget {
		var victim *chunk
		for _, o := range r.used {
			if o.data != nil && o.users == 0 && (victim == nil || o.uses[0] > victim.uses[0]) {
				victim = o
			}
		}
		if victim == nil {
			return
		}
		r.drop(victim)
	}
}

// drop lets go of a chunk's bytes; the caller holds the lock.
func (r *Reader) drop(c *chunk) {
	if c.data == nil || c.users > 0 {
		return
	}
	r.held -= int64(len(c.data))
	if len(r.free) < 4 {
		r.free = append(r.free, c.data)
	}
	c.data = nil
}

// load reads and decodes a chunk that is marked busy.
func (r *Reader) load(ctx context.Context, c *chunk) error {
	a := r.a
	key := a.key(c.at)
	encoded, err := a.store.Get(ctx, key, nil, a.encodedLimit())
	if errors.Is(err, store.ErrNotExist) {
		c.fill = true
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return &ChunkError{a.path, key, err}
	}
	if r.o.OnObject != nil && !c.seen {
		c.seen = true
		r.o.OnObject(key, 0, encoded)
	}
	data, err := a.decode(r.buffer(), encoded)
	if err != nil {
		return &ChunkError{a.path, key, fmt.Errorf("%w: %w", ErrCorrupt, err)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(a.fill); bytes.Equal(data[:n], a.fill) && bytes.Equal(data[n:], data[:len(data)-n]) {
		c.fill = true // common in label arrays, and nothing to keep
		r.free = append(r.free, data)
		return nil
	}
	c.data = data
	r.held += int64(len(data))
	return nil
}

// buffer is memory to decode into.
func (r *Reader) buffer() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.free); n > 0 {
		b := r.free[n-1]
		r.free = r.free[:n-1]
		return b
	}
	return nil
}

// Close releases what is held.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used, r.free, r.held = nil, nil, 0
	return nil
}

// Read fills dst, of the region's shape, with one region.
func (a *Array) Read(ctx context.Context, region nd.Region, dst nd.View) error {
	r, err := a.NewReader(ReaderOptions{Schedule: []nd.Region{region}})
	if err != nil {
		return err
	}
	return errors.Join(r.Read(ctx, 0, dst), r.Close())
}
