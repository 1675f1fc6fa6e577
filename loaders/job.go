package loaders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
)

// job is one region being read. Workers draw the next piece from it until none is left or one
// of them has failed.
type job struct {
	ctx    context.Context
	array  *Array
	region Region
	dst    View
	chunks []int   // that are still to be claimed
	todo   []touch // what the pieces are made of
	pieces []piece
	next   atomic.Int64

	mu    sync.Mutex
	stats Stats
	err   error
}

// touch is a chunk that the region touches.
type touch struct {
	chunk int
	kept  *keptChunk // nil where the chunk is read for this region alone
	owned bool       // kept is not unpacked yet, and this job is to do it
}

// read reports whether the chunk's page must be read.
func (t *touch) read(x *index) bool { return !x.chunks[t.chunk].empty && (t.kept == nil || t.owned) }

// piece is what a worker does at a time: one chunk, or chunks whose pages lie together and are
// read by one request.
type piece struct {
	first, end int             // of todo
	from, to   shardfile.Place // pages between which to read at once; to.Size is 0 for none
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// release forgets everything but the memory of slices.
func (j *job) release() {
	clear(j.todo[:cap(j.todo)])
	*j = job{chunks: j.chunks, todo: j.todo[:0], pieces: j.pieces[:0]}
	jobs.Put(j)
}

// run reads the chunks. Those that another job is unpacking are waited for when all others are
// done and this job owns none, so that no two jobs wait for each other.
func (j *job) run() (Stats, error) {
	for len(j.chunks) > 0 && j.err == nil {
		others := j.claim()
		if j.err = j.plan(); j.err == nil {
			j.work()
		}
		j.letGo()
		j.chunks = j.chunks[:0]
		for _, t := range others {
			if j.err != nil {
				break
			}
			j.chunks = append(j.chunks, t.chunk)
			select {
			case <-t.kept.done:
			case <-j.ctx.Done():
				j.err = context.Cause(j.ctx)
			}
		}
	}
	return j.stats, j.err
}

// claim fills todo with the chunks, without those that another job is unpacking.
func (j *job) claim() (others []touch) {
	a, m := j.array, j.array.memory
	j.todo = j.todo[:0]
	if m == nil {
		for _, i := range j.chunks {
			j.todo = append(j.todo, touch{chunk: i})
		}
		return nil
	}
	box := a.grid.newBox()
	for _, i := range j.chunks {
		t := touch{chunk: i}
		if !a.index.chunks[i].empty {
			a.grid.box(i, box)
			s, row := a.index.place(i)
			part, _ := box.Intersect(j.region)
			ready := false
			t.kept, t.owned, ready = m.claim(chunkPlace{s, row}, slices.Equal(part.Shape, box.Shape))
			if t.kept != nil && !t.owned && !ready {
				others = append(others, t)
				continue
			}
		}
		j.todo = append(j.todo, t)
	}
	return others
}

// letGo ends the use of kept chunks, and gives up those that were not unpacked.
func (j *job) letGo() {
	for i := range j.todo {
		switch t := &j.todo[i]; {
		case t.kept == nil:
		case t.owned:
			j.array.memory.giveUp(t.kept, nil)
		default:
			j.array.memory.release(t.kept)
		}
	}
}

// work does the pieces with several goroutines, the caller's among them.
func (j *job) work() {
	j.next.Store(0)
	n := j.array.dataset.Readers(j.array.dataset.options.Workers)
	if m := j.array.memory; m != nil {
		n = cap(m.readers)
	}
	var wg sync.WaitGroup
	for range min(n, len(j.pieces)) - 1 {
		wg.Go(j.worker)
	}
	j.worker()
	wg.Wait()
}

// worker does pieces until none is left.
func (j *job) worker() {
	w, err := j.array.worker(j.ctx)
	if w != nil {
		defer j.array.idle(w)
		w.stats = Stats{}
	}
	for err == nil {
		k := int(j.next.Add(1)) - 1
		if k >= len(j.pieces) {
			break
		}
		if err = context.Cause(j.ctx); err == nil {
			err = w.piece(j, &j.pieces[k])
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if w != nil {
		j.stats.Add(w.stats)
	}
	if err != nil {
		j.next.Store(int64(len(j.pieces))) // the others stop as well
		if j.err == nil || errors.Is(j.err, context.Canceled) {
			j.err = err
		}
	}
}

// worker is what a goroutine needs to read chunks.
type worker struct {
	dec     *chunkcodec.Decoder
	page    shardfile.Buffer
	whole   []byte // a whole chunk, where its digest is checked
	box     Region // of the chunk
	part    Region // what is wanted of it, relative to it
	stats   Stats
	counted int64 // of its buffers in the Memory it belongs to
}

func newWorker() *worker {
	const n = len(axisLetters)
	return &worker{
		dec:  chunkcodec.NewDecoder(),
		box:  Region{Origin: make([]int, n), Shape: make([]int, n)},
		part: Region{Origin: make([]int, n), Shape: make([]int, n)},
	}
}

// held is the memory of the worker's buffers.
func (w *worker) held() int64 { return int64(w.dec.Held() + w.page.Held() + cap(w.whole)) }

// workers are those of reads that share no Memory.
var workers = sync.Pool{New: func() any { return newWorker() }}

func (a *Array) worker(ctx context.Context) (*worker, error) {
	if a.memory != nil {
		return a.memory.reader(ctx)
	}
	return workers.Get().(*worker), nil
}

func (a *Array) idle(w *worker) {
	if a.memory != nil {
		a.memory.idle(w)
		return
	}
	workers.Put(w)
}

// piece does the chunks of a piece.
func (w *worker) piece(j *job, p *piece) (err error) {
	a := j.array
	w.page.Read = 0
	defer func() { w.stats.Read += w.page.Read }()
	if p.to.Size > 0 {
		i := j.todo[p.first].chunk
		s, row := a.index.place(i)
		if err := s.file.Load(j.ctx, p.from, p.to, &w.page); err != nil {
			return a.blame(j.ctx, s, row, i, err)
		}
	}
	for k := p.first; k < p.end && err == nil; k++ {
		if err = context.Cause(j.ctx); err == nil {
			err = w.chunk(j, &j.todo[k])
		}
	}
	return err
}

// chunk puts the wanted part of a chunk in its place.
func (w *worker) chunk(j *job, t *touch) error {
	a, i := j.array, t.chunk
	dst := w.locate(j, i)
	ref := a.index.chunks[i]
	w.stats.Chunks++
	if ref.empty {
		w.stats.EmptyChunks++
		nd.Fill(dst, a.fill)
		return nil
	}
	e := a.index.encodings[ref.encoding]
	if !t.read(a.index) {
		w.stats.KeptChunks++
		defer a.decoding()()
		return w.dec.Extract(dst, t.kept.plain, e, w.box.Shape, w.part)
	}
	s, row := a.index.place(i)
	payload, null, err := s.file.Payload(j.ctx, row, "data", &w.page)
	if err == nil && null {
		err = errors.New("the chunk has no data, and its digest is not that of fill values")
	}
	if err == nil {
		err = w.decode(a, t, payload, ref, dst)
	}
	if err != nil {
		return a.blame(j.ctx, s, row, i, err)
	}
	w.stats.Payload += int64(len(payload))
	w.stats.Decoded += int64(w.box.Elements() * dst.ItemSize)
	return nil
}

// decoding waits for leave to decode, and returns what ends it.
func (a *Array) decoding() (end func()) {
	if a.memory == nil {
		return func() {}
	}
	a.memory.decode <- struct{}{}
	return func() { <-a.memory.decode }
}

// locate sets box to chunk i and part to what is wanted of it, relative to the chunk, and
// returns the part's place in the destination.
func (w *worker) locate(j *job, i int) View {
	n := len(j.region.Shape)
	w.box = Region{Origin: w.box.Origin[:n], Shape: w.box.Shape[:n]}
	w.part = Region{Origin: w.part.Origin[:n], Shape: w.part.Shape[:n]}
	j.array.grid.box(i, w.box)
	off := 0
	for k := range n {
		lo := max(w.box.Origin[k], j.region.Origin[k])
		hi := min(w.box.End(k), j.region.End(k))
		off += (lo - j.region.Origin[k]) * j.dst.Strides[k]
		w.part.Origin[k], w.part.Shape[k] = lo-w.box.Origin[k], hi-lo
	}
	return View{Data: j.dst.Data[off:], Shape: w.part.Shape, Strides: j.dst.Strides, ItemSize: j.dst.ItemSize}
}

// decode puts the wanted part of a payload into dst, and the whole into the chunk's place in
// memory where it has one.
func (w *worker) decode(a *Array, t *touch, payload []byte, ref chunkRef, dst View) error {
	defer a.decoding()()
	e, verified := a.index.encodings[ref.encoding], a.dataset.options.VerifyDigest
	if verified {
		if err := w.verify(payload, e, ref.digest, dst.ItemSize); err != nil {
			return err
		}
	}
	var room []byte
	if t.owned {
		room = a.memory.room(w.box.Elements() * dst.ItemSize)
	}
	switch {
	case room == nil && verified:
		nd.Copy(dst, nd.Dense(w.whole, w.box.Shape, dst.ItemSize).Slice(w.part))
		return nil
	case room == nil:
		return w.dec.DecodeRegion(dst, payload, e, w.box.Shape, w.part)
	}
	if err := w.dec.Unpack(room, payload, e); err != nil {
		a.memory.giveUp(t.kept, room)
		*t = touch{chunk: t.chunk}
		return err
	}
	a.memory.publish(t.kept, room)
	t.owned = false
	return w.dec.Extract(dst, room, e, w.box.Shape, w.part)
}

// verify decodes the whole chunk and checks its digest.
func (w *worker) verify(payload []byte, e chunkcodec.Encoding, digest uint64, itemSize int) error {
	n := w.box.Elements() * itemSize
	w.whole = slices.Grow(w.whole[:0], n)[:n]
	if err := w.dec.Decode(w.whole, payload, e, itemSize); err != nil {
		return err
	}
	if sum := xxhash.Sum64(w.whole); sum != digest {
		return fmt.Errorf("the decoded chunk has digest %016x", sum)
	}
	return nil
}

// blame names the chunk in an error of reading it, unless it is no fault of its bytes.
func (a *Array) blame(ctx context.Context, s *shard, row int64, i int, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if store.IsTransport(err) {
		return fmt.Errorf("%s, row %d: %w", s.Path, row, err)
	}
	box := a.grid.newBox()
	a.grid.box(i, box)
	return &DamageError{File: s.Path, Row: row, Sample: a.sample, Array: a.desc.Name, Level: a.level,
		Origin: box.Origin, Digest: a.index.chunks[i].digest, Err: err}
}
