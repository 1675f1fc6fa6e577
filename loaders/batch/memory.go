package batch

import (
	"fmt"
	"slices"
	"sync"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// MemoryError is a memory that cannot hold what a run needs at least.
type MemoryError struct {
	Batch      int64 // bytes of a batch
	Need, Have int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("two batches of %d bytes and the buffers to read them take %d bytes, and there is memory for %d: give more, or make batches smaller",
		e.Batch, e.Need, e.Have)
}

// footprint is what reading the boxes of a source takes.
type footprint struct {
	chunk   int64 // of the largest chunk, decoded
	scratch int64 // of the box of the label array that is largest as it is stored, before it is merged
}

// add takes in an array of a sample.
func (f *footprint) add(a *schemas.Array, size []int) {
	chunk, channels := int64(schemas.DType(a.DType).Size()), int64(1)
	for i, n := range a.Chunk {
		n = min(n, a.Shape[i])
		chunk *= n
		if a.Axes[i] == 'C' {
			channels = n
		}
	}
	f.chunk = max(f.chunk, chunk)
	if a.Role == schemas.RoleLabels {
		perElement := channels*int64(schemas.DType(a.DType).Size()) + 4
		if n, ok := nd.CheckedElements(append([]int{int(perElement)}, size...)); ok { // BatchBytes refuses others
			f.scratch = max(f.scratch, int64(n))
		}
	}
}

// divide shares the memory of the options out. Readers come first, of which one suffices, then
// batches that are under way, read ahead, or with the consumer, of which there are two at least;
// what they leave keeps chunks.
func (l *Loader) divide() error {
	o := &l.options
	batch, err := l.BatchBytes()
	if err != nil {
		return err
	}
	readers, each, scratch := o.Workers, int64(0), int64(0)
	for _, c := range l.contents {
		readers = max(readers, c.dataset.Readers(o.Workers))
		each = max(each, c.dataset.ReaderBytes(c.footprint.chunk))
		scratch = max(scratch, c.footprint.scratch)
	}
	scratch += l.transformBytes() + l.encodedBytes()
	if least := each + 2*batch + scratch; least > o.Memory {
		return &MemoryError{Batch: batch, Need: least, Have: o.Memory}
	}
	// A quarter for readers, and of the rest three quarters for batches.
	readers = int(max(1, min(int64(readers), o.Memory/4/max(1, each))))
	left := o.Memory - int64(readers)*each
	l.window = int(max(1, min(left/4*3/max(1, batch+scratch)-1, int64(2*o.Workers))))
	left -= int64(l.window+1)*batch + int64(min(l.window, o.Workers))*scratch
	l.spares = &spares{batches: l.window + 1, limit: (l.window + 1) * len(l.Tensors(1))}
	l.memory = loaders.NewMemory(loaders.MemoryOptions{
		Bytes: left + int64(readers)*each, Readers: readers, Decoders: o.Workers,
		KeepWhole: len(o.Overlap) > 0 && slices.Max(o.Overlap) > 0,
	})
	return nil
}

// spares are the memory of tensors and images that the caller has released.
type spares struct {
	mu      sync.Mutex
	batches int      // whose images are kept
	limit   int      // tensors that are kept
	free    [][]byte // of tensors
	images  [][]byte
	buffers []*loaders.ImageBuffer
}

// buffer is memory for images to be read into, to be put back.
func (s *spares) buffer() *loaders.ImageBuffer {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.buffers)
	if n == 0 {
		return new(loaders.ImageBuffer)
	}
	b := s.buffers[n-1]
	s.buffers = s.buffers[:n-1]
	return b
}

func (s *spares) putBuffer(b *loaders.ImageBuffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffers = append(s.buffers, b)
}

// get is memory of n bytes, all zero.
func (s *spares) get(n int) []byte {
	s.mu.Lock()
	i := slices.IndexFunc(s.free, func(b []byte) bool { return cap(b) == n })
	if i < 0 {
		s.mu.Unlock()
		return make([]byte, n)
	}
	b := s.free[i][:n]
	s.free = slices.Delete(s.free, i, i+1)
	s.mu.Unlock()
	clear(b)
	return b
}

// room is memory for n bytes, of any content and length 0.
func (s *spares) room(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.images, func(b []byte) bool { return cap(b) >= n }); i >= 0 {
		b := s.images[i]
		s.images = slices.Delete(s.images, i, i+1)
		return b
	}
	return make([]byte, 0, n+n/4)
}

// Release gives the memory of the tensors and images back, for a later batch of the same run. The caller
// must not use their Data any more. A batch that is not released is garbage like any other.
func (b *Batch) Release() {
	b.spares.mu.Lock()
	defer b.spares.mu.Unlock()
	if b.Images.Data != nil && len(b.spares.images) < b.spares.batches {
		b.spares.images = append(b.spares.images, b.Images.Data[:0])
	}
	b.Images.Data = nil
	for i := range b.Tensors {
		if t := &b.Tensors[i]; len(b.spares.free) < b.spares.limit {
			b.spares.free = append(b.spares.free, t.Data[:0:cap(t.Data)])
		}
		b.Tensors[i].Data = nil
	}
}
