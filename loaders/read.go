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
)

// Query says what to read: a region of an array of a sample at a pyramid level.
type Query struct {
	Sample string
	Array  string
	Level  int
	Region Region
}

// ReadRegion fills dst with a region in C order. The length of dst is that of the region
// and T is the array's element type: reading into another is a *[DTypeError], for no value
// is ever changed silently.
func ReadRegion[T Number](ctx context.Context, d *Dataset, q Query, dst []T) (Stats, error) {
	a, err := d.Array(ctx, q.Sample, q.Array, q.Level)
	if err != nil {
		return Stats{}, err
	}
	return ReadArray(ctx, a, q.Region, dst)
}

// ReadArray is [ReadRegion] of an array that is open already.
func ReadArray[T Number](ctx context.Context, a *Array, r Region, dst []T) (Stats, error) {
	if have := dtypeOf[T](); have != a.dtype {
		return Stats{}, &DTypeError{Sample: a.sample, Array: a.desc.Name, Want: a.dtype, Have: have}
	}
	if err := a.grid.check(r); err != nil {
		return Stats{}, a.refuse(err)
	}
	if len(dst) != r.Elements() {
		return Stats{}, a.refuse(fmt.Errorf("region %v has %d elements, there is room for %d", r, r.Elements(), len(dst)))
	}
	return a.Read(ctx, r, nd.Dense(asBytes(dst), r.Shape, a.dtype.Size()))
}

// refuse names the array in the error for a request that cannot be met.
func (a *Array) refuse(err error) error {
	return fmt.Errorf("array %s of sample %s: %w", a.desc.Name, a.sample, err)
}

// Read fills dst, a view of the region's shape, with the region's elements as they are
// stored, little-endian. Chunks are read and decoded in parallel; when it returns, also
// early because ctx was cancelled, nothing is still running. After an error the content of
// dst is undefined.
func (a *Array) Read(ctx context.Context, r Region, dst View) (Stats, error) {
	if err := a.grid.check(r); err != nil {
		return Stats{}, a.refuse(err)
	}
	if !slices.Equal(dst.Shape, r.Shape) || dst.ItemSize != a.dtype.Size() {
		return Stats{}, a.refuse(fmt.Errorf("region %v of %s into a view of shape %v and %d-byte elements", r, a.dtype, dst.Shape, dst.ItemSize))
	}
	j := jobs.Get().(*job)
	defer j.release()
	j.ctx, j.array, j.region, j.dst = ctx, a, r, dst
	j.chunks = a.grid.touched(j.chunks[:0], r)
	stats, err := j.run(min(a.dataset.options.Workers, len(j.chunks)))
	stats.Requested = int64(r.Elements() * a.dtype.Size())
	return stats, err
}

// job is one region being read. Workers draw the next chunk from it until none is left or
// one of them has failed.
type job struct {
	ctx    context.Context
	array  *Array
	region Region
	dst    View
	chunks []int
	next   atomic.Int64

	mu    sync.Mutex
	stats Stats
	err   error
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// release forgets everything but the memory for chunks.
func (j *job) release() {
	chunks := j.chunks
	*j = job{chunks: chunks}
	jobs.Put(j)
}

// run works with n goroutines, the caller's among them.
func (j *job) run(n int) (Stats, error) {
	var wg sync.WaitGroup
	for range n - 1 {
		wg.Go(j.work)
	}
	j.work()
	wg.Wait()
	return j.stats, j.err
}

func (j *job) work() {
	w := workers.Get().(*worker)
	defer workers.Put(w)
	w.stats = Stats{}
	var err error
	for err == nil {
		k := int(j.next.Add(1)) - 1
		if k >= len(j.chunks) {
			break
		}
		if err = context.Cause(j.ctx); err == nil {
			err = w.chunk(j, j.chunks[k])
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.Add(w.stats)
	if err != nil {
		j.next.Store(int64(len(j.chunks))) // the others stop as well
		if j.err == nil || errors.Is(j.err, context.Canceled) {
			j.err = err
		}
	}
}

// worker is what a goroutine needs to read chunks.
type worker struct {
	dec   *chunkcodec.Decoder
	page  shardfile.Buffer
	whole []byte // a whole chunk, where its digest is checked
	box   Region // of the chunk
	part  Region // what is wanted of it, relative to it
	stats Stats
}

var workers = sync.Pool{New: func() any {
	const n = len(axisLetters)
	return &worker{
		dec:  chunkcodec.NewDecoder(),
		box:  Region{Origin: make([]int, n), Shape: make([]int, n)},
		part: Region{Origin: make([]int, n), Shape: make([]int, n)},
	}
}}

// chunk puts the wanted part of chunk i in its place.
func (w *worker) chunk(j *job, i int) error {
	a, dst := j.array, w.locate(j, i)
	ref := a.index.chunks[i]
	w.stats.Chunks++
	if ref.empty {
		w.stats.EmptyChunks++
		nd.Fill(dst, a.fill)
		return nil
	}
	s, row := a.index.place(i)
	w.page.Read = 0
	payload, null, err := s.file.Payload(row, "data", &w.page)
	if err == nil && null {
		err = errors.New("the chunk has no data, and its digest is not that of fill values")
	}
	if err == nil {
		err = w.decode(a, payload, ref, dst)
	}
	if err != nil {
		return a.blame(j.ctx, s, row, i, err)
	}
	w.stats.Read += w.page.Read
	w.stats.Payload += int64(len(payload))
	w.stats.Decoded += int64(w.box.Elements() * dst.ItemSize)
	return nil
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

// decode puts the wanted part of a payload into dst.
func (w *worker) decode(a *Array, payload []byte, ref chunkRef, dst View) error {
	e := a.index.encodings[ref.encoding]
	if !a.dataset.options.VerifyDigest {
		return w.dec.DecodeRegion(dst, payload, e, w.box.Shape, w.part)
	}
	n := w.box.Elements() * dst.ItemSize
	w.whole = slices.Grow(w.whole[:0], n)[:n]
	if err := w.dec.Decode(w.whole, payload, e, dst.ItemSize); err != nil {
		return err
	}
	if sum := xxhash.Sum64(w.whole); sum != ref.digest {
		return fmt.Errorf("the decoded chunk has digest %016x", sum)
	}
	nd.Copy(dst, nd.Dense(w.whole, w.box.Shape, dst.ItemSize).Slice(w.part))
	return nil
}

// blame names the chunk in an error of reading it, unless it is no fault of its bytes.
func (a *Array) blame(ctx context.Context, s *shard, row int64, i int, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if isTransport(err) {
		return fmt.Errorf("%s, row %d: %w", s.Path, row, err)
	}
	box := a.grid.newBox()
	a.grid.box(i, box)
	return &DamageError{File: s.Path, Row: row, Sample: a.sample, Array: a.desc.Name, Level: a.level,
		Origin: box.Origin, Digest: a.index.chunks[i].digest, Err: err}
}
