package zarr

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/micropq/micropq/internal/nd"
)

// maxChunk bounds a decoded chunk, in bytes.
const maxChunk = 2 << 30

// ReaderOptions of NewReader.
type ReaderOptions struct {
	// Budget bounds the bytes of decoded chunks: those kept for later regions and those in
	// the making. Where it is less than one chunk, one at a time is decoded all the same.
	// Beside it every Read under way holds an encoded chunk and what lies between its codecs,
	// and of shards up to an eighth of the budget, and 8 MiB, of chunks that lie together.
	Budget int64
	// Schedule lists the regions that will be read.
	Schedule []nd.Region
	// OnObject, which may be nil, is told of every object, or range of a shard, that is read,
	// once, with its encoded bytes, which it must not keep. It may be called from several
	// goroutines.
	OnObject func(key string, off int64, encoded []byte)
}

// Reader reads the regions of a schedule. It decodes a chunk once for all regions that need
// it, as far as the budget allows: since the schedule is known, the chunk it gives up first
// is the one whose next use is furthest away (Belady, IBM Systems Journal 5(2), 1966).
// It is safe for concurrent use.
type Reader struct {
	a     *Array
	o     ReaderOptions
	fill  atomic.Pointer[[]byte] // encoded bytes of a chunk that is all fill, once one was met
	mu    sync.Mutex             // guards what follows
	plan  *schedule
	live  map[int]*chunk // chunks held or in the making, by number
	told  []bool         // OnObject was told of the chunk, by number
	idle  idleChunks
	index indexes
	// Buffers are of one size: that of a decoded chunk.
	buffers, most int // how many there are, and may be
	free          [][]byte
	spaces        []*workspace
	runs          [][]byte      // free memory of batches
	spare         int           // bytes of it
	waiting       chan struct{} // closed when a buffer can be had; nil where nobody waits
	closed        bool
}

// chunk is a chunk that is held or in the making. It holds data, or is known to be all fill.
type chunk struct {
	number int
	data   []byte
	fill   bool
	users  int     // regions that copy from it now
	load   *flight // while it is in the making
	claim  *batch  // the Read that will make it, though it has not begun
	next   int32   // region that needs it next, while it is idle
	place  int     // among the idle ones
}

// flight is work of one goroutine that others wait for.
type flight struct {
	done chan struct{}
	// Set before done is closed: how it failed, and whether only since its own context ended.
	err       error
	cancelled bool
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// abandon ends a flight whose work others have to do.
func (f *flight) abandon() {
	f.err, f.cancelled = errAbandoned, true
	close(f.done)
}

// land ends a flight.
func (f *flight) land(ctx context.Context, err error) {
	f.err, f.cancelled = err, err != nil && ctx.Err() != nil
	close(f.done)
}

// wait waits for the end of a flight. Its failure is the waiter's too, unless it was only
// cancelled: then the waiter has to do the work.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if f.cancelled {
		return nil
	}
	return f.err
}

// NewReader prepares to read the schedule.
func (a *Array) NewReader(o ReaderOptions) (*Reader, error) {
	size := a.chunk.chain.size
	if size > maxChunk {
		return nil, &UnsupportedError{a.path, fmt.Sprintf("a chunk of %v %s, %d bytes and more than %d,", a.chunk.shape, a.dtype, size, maxChunk)}
	}
	plan, err := newSchedule(o.Schedule, a.shape, a.chunk.shape)
	if err != nil {
		return nil, err
	}
	r := &Reader{a: a, o: o, plan: plan, live: map[int]*chunk{}, most: int(max(1, o.Budget/int64(size)))}
	if o.OnObject != nil {
		r.told = make([]bool, len(plan.chunks))
	}
	r.index.init(o.Budget)
	return r, nil
}

// Read fills dst with region i of the schedule. Each region is read at most once. Reads that
// run at the same time share the decoding of the chunks they have in common; what fails for
// one fails for those that wait for it.
func (r *Reader) Read(ctx context.Context, i int, dst nd.View) error {
	region := r.o.Schedule[i]
	todo := make([]int, 0, 32)
	r.plan.each(region, func(place int) { todo = append(todo, r.plan.number(place)) })
	var b batch
	defer r.end(&b)
	for len(todo) > 0 {
		rest := todo[:0]
		var other *flight
		for k, n := range todo {
			b.ahead = todo[k+1:]
			c, busy, err := r.pin(ctx, n, &b)
			if err != nil {
				return err
			}
			if busy != nil {
				rest, other = append(rest, n), busy
				continue
			}
			r.copy(c, region, dst)
			r.unpin(c, i)
		}
		// Only what others are decoding is left.
		if todo = rest; len(todo) > 0 {
			if err := other.wait(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// pin holds a chunk ready to be copied from, decoding it if need be. While another goroutine
// decodes it, that flight is returned instead.
func (r *Reader) pin(ctx context.Context, number int, b *batch) (*chunk, *flight, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	c := r.live[number]
	if c == nil {
		c = &chunk{number: number, place: -1}
		r.live[number] = c
	}
	switch {
	case c.load != nil && c.claim != b:
		return nil, c.load, nil
	case c.data == nil && !c.fill:
		if err := r.fly(ctx, c, b); err != nil {
			return nil, nil, err
		}
	case c.place >= 0:
		heap.Remove(&r.idle, c.place)
	}
	c.users++
	return c, nil, nil
}

// fly loads a chunk with the lock let go.
func (r *Reader) fly(ctx context.Context, c *chunk, b *batch) (err error) {
	if c.load == nil {
		c.load = newFlight()
	}
	f := c.load
	c.claim = nil
	w := r.workspace()
	r.mu.Unlock()
	data, fill, err := r.load(ctx, w, c.number, b)
	r.mu.Lock()
	r.spaces = append(r.spaces, w)
	c.load, c.data, c.fill = nil, data, fill
	if err != nil {
		delete(r.live, c.number)
	}
	f.land(ctx, err)
	return err
}

func (r *Reader) workspace() *workspace {
	if n := len(r.spaces); n > 0 {
		w := r.spaces[n-1]
		r.spaces = r.spaces[:n-1]
		return w
	}
	return new(workspace)
}

// copy writes a chunk's part of a region.
func (r *Reader) copy(c *chunk, region nd.Region, dst nd.View) {
	var origins [nd.MaxDims]int
	box := nd.Region{Origin: origins[:len(r.plan.shape)], Shape: r.plan.shape}
	r.plan.position(box.Origin, r.plan.chunks[c.number])
	for k := range box.Origin {
		box.Origin[k] *= box.Shape[k]
	}
	part, ok := box.Intersect(region)
	if !ok {
		return // the plan names no such chunk
	}
	out := dst.Slice(part.Sub(region.Origin))
	if c.fill {
		nd.Fill(out, r.a.chunk.fill)
		return
	}
	nd.Copy(out, r.a.chunk.view(c.data).Slice(part.Sub(box.Origin)))
}

// unpin notes that region i is done with a chunk: it becomes idle, or is let go of.
func (r *Reader) unpin(c *chunk, i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.users--
	r.plan.use(c.number, int32(i))
	if c.users > 0 || r.closed {
		return
	}
	c.next = r.plan.next(c.number)
	switch {
	case c.next == never:
		delete(r.live, c.number)
		if c.data != nil {
			r.giveBack(c.data)
			c.data = nil
		}
	case c.data != nil:
		heap.Push(&r.idle, c)
		r.wake()
	}
}

// buffer is memory for a chunk, nil where there is none yet: a free one, a new one, that of
// the idle chunk whose next use is furthest away, or the first of these that comes to be.
func (r *Reader) buffer(ctx context.Context) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch n := len(r.free); {
		case r.closed:
			return nil, ErrClosed
		case n > 0:
			b := r.free[n-1]
			r.free = r.free[:n-1]
			return b, nil
		case r.buffers < r.most:
			r.buffers++
			return nil, nil
		case len(r.idle) > 0:
			c := heap.Pop(&r.idle).(*chunk)
			delete(r.live, c.number)
			return c.data, nil
		}
		if r.waiting == nil {
			r.waiting = make(chan struct{})
		}
		ch := r.waiting
		r.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
		}
		r.mu.Lock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// release takes a buffer back.
func (r *Reader) release(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveBack(b)
}

// giveBack is release for callers that hold the lock.
func (r *Reader) giveBack(b []byte) {
	if cap(b) < r.a.chunk.chain.size {
		r.buffers-- // it never came to be
	} else {
		r.free = append(r.free, b)
	}
	r.wake()
}

// wake lets those who wait for a buffer look again; the caller holds the lock.
func (r *Reader) wake() {
	if r.waiting != nil {
		close(r.waiting)
		r.waiting = nil
	}
}

// Close releases what is held. Reads that come later, or are under way, fail with ErrClosed
// or end well.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.live, r.free, r.idle, r.spaces, r.runs = nil, nil, nil, nil, nil
	r.index.clear()
	r.wake()
	return nil
}

// allFill reports that every element of data is fill.
func allFill(data, fill []byte) bool {
	n := len(fill)
	return len(data) >= n && bytes.Equal(data[:n], fill) && bytes.Equal(data[n:], data[:len(data)-n])
}

// idleChunks is a heap of chunks with data that nobody copies from, the one whose next use
// is furthest away first.
type idleChunks []*chunk

func (h idleChunks) Len() int           { return len(h) }
func (h idleChunks) Less(i, j int) bool { return h[i].next > h[j].next }
func (h idleChunks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *idleChunks) Push(x any) {
	c := x.(*chunk)
	c.place = len(*h)
	*h = append(*h, c)
}

func (h *idleChunks) Pop() any {
	n := len(*h) - 1
	c := (*h)[n]
	(*h)[n], *h = nil, (*h)[:n]
	c.place = -1
	return c
}
