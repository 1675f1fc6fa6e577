package zarr

import (
	"container/list"
	"context"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// indexes keeps what is known of the shards that were read last.
type indexes struct {
	shards map[string]*shardIndex // by key
	recent list.List              // of *shardIndex, the one used last first
	held   int64                  // bytes
	most   int64
	told   map[string]bool // OnObject was told of the index
}

// shardIndex is what is known of a shard.
type shardIndex struct {
	key     string
	load    *flight // while it is in the making
	absent  bool    // there is no such object
	size    int64   // of the object
	entries []byte  // decoded
	// whole is the object where the store keeps it compressed: each range of it would cost
	// as much as all of it.
	whole []byte
	place *list.Element
}

func (x *indexes) init(budget int64) {
	x.shards, x.told, x.most = map[string]*shardIndex{}, map[string]bool{}, max(maxIndex, budget/4)
}

func (x *indexes) clear() {
	x.shards, x.told, x.held = nil, nil, 0
	x.recent.Init()
}

// keep adds a loaded index, and lets go of those that were not used for long.
func (x *indexes) keep(s *shardIndex) {
	s.place = x.recent.PushFront(s)
	x.held += s.bytes()
	for x.held > x.most && x.recent.Len() > 1 {
		old := x.recent.Remove(x.recent.Back()).(*shardIndex)
		x.held -= old.bytes()
		delete(x.shards, old.key)
	}
}

// bytes is about what the index takes.
func (s *shardIndex) bytes() int64 { return int64(cap(s.entries)+cap(s.whole)+len(s.key)) + 256 }

// split tells of the chunk at a grid position its shard's position and its index there.
func (r *Reader) split(shard, at []int) (index int) {
	for i, axis := range r.a.shards.order {
		n := r.a.shards.grid[i]
		shard[axis] = at[axis] / n
		index = index*n + at[axis]%n
	}
	return index
}

// fetchPart reads the encoded bytes of a chunk out of its shard.
func (r *Reader) fetchPart(ctx context.Context, w *workspace, at []int, number int, b *batch) (key string, off int64, ok bool, err error) {
	if p, ok := b.take(w, number); ok {
		return p.key, p.off, true, nil
	}
	var places [nd.MaxDims]int
	shard := places[:len(at)]
	i := r.split(shard, at)
	key = r.a.key(shard)
	s, err := r.shard(ctx, w, key)
	if err != nil || s.absent {
		return key, 0, false, err
	}
	off, n, ok, err := r.a.shards.entry(s.entries, i, s.size)
	if err != nil || !ok {
		return key, 0, false, err
	}
	chain := r.a.chunk.chain
	if err := checkSize(int(n), int(chain.limit), chain.open); err != nil {
		return key, 0, false, fmt.Errorf("%w: chunk %d of the shard: %w", ErrCorrupt, i, err)
	}
	if s.whole != nil {
		w.encoded = append(w.encoded[:0], s.whole[off:off+n]...)
		return key, off, true, nil
	}
	err = r.fetchRun(ctx, w, s, number, b, off, n)
	return key, off, err == nil, err
}

// shard is the index of the shard with a key, loaded once for all who ask at one time.
func (r *Reader) shard(ctx context.Context, w *workspace, key string) (*shardIndex, error) {
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil, ErrClosed
		}
		s := r.index.shards[key]
		if s != nil && s.load == nil {
			r.index.recent.MoveToFront(s.place)
			r.mu.Unlock()
			return s, nil
		}
		if s == nil {
			s = &shardIndex{key: key, load: newFlight()}
			r.index.shards[key] = s
			r.mu.Unlock()
			return s, r.flyIndex(ctx, w, s)
		}
		f := s.load
		r.mu.Unlock()
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// flyIndex loads an index that others may wait for.
func (r *Reader) flyIndex(ctx context.Context, w *workspace, s *shardIndex) error {
	f := s.load
	err := r.loadIndex(ctx, w, s)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.load = nil
	switch {
	case r.closed:
	case err != nil:
		delete(r.index.shards, s.key)
	default:
		r.index.keep(s)
	}
	f.land(ctx, err)
	return err
}

// loadIndex reads and decodes the index of a shard.
func (r *Reader) loadIndex(ctx context.Context, w *workspace, s *shardIndex) error {
	info, err := r.a.store.Stat(ctx, s.key)
	if errors.Is(err, store.ErrNotExist) {
		s.absent = true
		return nil
	}
	if err != nil {
		return err
	}
	s.size = info.Size
	off, n, err := r.a.shards.place(s.size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if info.Stored < info.Size {
		if s.whole, err = r.a.store.Get(ctx, s.key, nil, maxChunk); err != nil {
			return err
		}
		w.encoded = append(w.encoded[:0], s.whole[off:off+n]...)
	} else if w.encoded, err = r.a.store.GetRange(ctx, s.key, off, n, w.encoded[:0]); err != nil {
		return err
	}
	r.tellIndex(s.key, off, w.encoded)
	index, err := r.a.shards.index.decode(w, nil, w.encoded)
	if err != nil {
		return fmt.Errorf("%w: index: %w", ErrCorrupt, err)
	}
	s.entries = append([]byte(nil), index...)
	return nil
}

// tellIndex reports an index, once.
func (r *Reader) tellIndex(key string, off int64, encoded []byte) {
	if r.o.OnObject == nil {
		return
	}
	r.mu.Lock()
	told := r.index.told[key]
	if !r.closed {
		r.index.told[key] = true
	}
	r.mu.Unlock()
	if !told {
		r.o.OnObject(key, off, encoded)
	}
}
