package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
)

// window is a file of which a run of bytes is in memory.
type window struct {
	file store.Reader

	mu    sync.RWMutex
	bytes []byte
	at    int64
}

// ReadAt reads from memory what is there.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	return w.ReadAtContext(context.Background(), p, off)
}

// ReadAtContext implements store.Reader.
func (w *window) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	w.mu.RLock()
	if off >= w.at && off-w.at <= int64(len(w.bytes)-len(p)) {
		defer w.mu.RUnlock()
		return copy(p, w.bytes[off-w.at:]), nil
	}
	w.mu.RUnlock()
	return w.file.ReadAtContext(ctx, p, off)
}

func (w *window) Close() error { return w.file.Close() }

func (w *window) hold(bytes []byte, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes, w.at = bytes, at
}

// piece is a run of bytes of a file that is read at once: a row group with what lies before it, or a part of
// what is no row group.
type piece struct {
	at, n int64
	group int // -1 for none
}

// pieceSize is how much is read at once of what is no row group.
const pieceSize = 4 << 20

// pieces cuts a shard so that its pieces follow each other and each row group is one. Row groups that lie
// otherwise than one behind the other, or are larger than limit, have pieces of no bytes: their pages
// are read one by one.
func (s *shard) pieces(limit int64) (all []piece) {
	at := int64(0)
	skip := func(to int64) {
		for ; at < to; at += pieceSize {
			all = append(all, piece{at, min(pieceSize, to-at), -1})
		}
		at = to
	}
	if s.reader != nil && s.usable {
		for g := range s.reader.RowGroups() {
			from, n, ok := s.reader.Extent(g)
			if !ok || from < at || from+n-at > limit || n == 0 {
				all = append(all, piece{at, 0, g})
				continue
			}
			all = append(all, piece{at, from + n - at, g})
			at = from + n
		}
	}
	skip(s.found.Bytes)
	return all
}

// scan reads a shard once, hashes it and calls visit for each of its row groups while that is in memory.
func (w *walk) scan(ctx context.Context, s *shard, limit int64, visit func(ctx context.Context, group int, held piece) error) error {
	if s.file == nil {
		return nil
	}
	pieces := s.pieces(limit)
	sum := sha256.New()
	most := int64(0)
	for _, p := range pieces {
		most = max(most, p.n)
	}
	free, other := memory(most), memory(most)
	defer func() {
		spare.Put(&free)
		spare.Put(&other)
	}()
	next := w.fetch(ctx, s, pieces, 0, other)
	for i, p := range pieces {
		read := <-next
		if read.err != nil {
			return w.unread(s, pieces[i:], read.err)
		}
		next = w.fetch(ctx, s, pieces, i+1, free)
		hashed := w.workers.do(ctx, func(*worker) { sum.Write(read.bytes) })
		var err error
		if p.group >= 0 {
			s.file.hold(read.bytes, p.at)
			err = visit(ctx, p.group, p)
			s.file.hold(nil, 0)
		}
		if err = errors.Join(err, hashed()); err != nil {
			<-next
			return err
		}
		w.pass.Progress(p.n)
		other, free = free, read.bytes[:0]
	}
	s.found.SHA256 = hexSum(sum)
	return nil
}

// spare is memory of row groups of shards before.
var spare sync.Pool

// memory is room for n bytes.
func memory(n int64) []byte {
	if b, ok := spare.Get().(*[]byte); ok && int64(cap(*b)) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n)
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// unread notes that a shard cannot be read from some piece on.
func (w *walk) unread(s *shard, rest []piece, err error) error {
	if store.IsTransport(err) {
		return err
	}
	s.lose(err)
	return nil
}

// fetched is a piece that was read.
type fetched struct {
	bytes []byte
	err   error
}

// fetch reads piece i while the one before it is looked at, into the memory of b, which suffices for any.
func (w *walk) fetch(ctx context.Context, s *shard, pieces []piece, i int, b []byte) <-chan fetched {
	out := make(chan fetched, 1)
	if i >= len(pieces) {
		out <- fetched{}
		return out
	}
	go func() {
		p := pieces[i]
		b = b[:p.n]
		n, err := s.file.file.ReadAtContext(ctx, b, p.at)
		if int64(n) == p.n {
			err = nil
		} else if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		out <- fetched{b, err}
	}()
	return out
}

// scanAll scans shards, some at a time, so that the row groups in memory take a part of what there is.
func (w *walk) scanAll(ctx context.Context, shards []*shard, visit func(ctx context.Context, s *shard, group int, held piece) error, done func(*shard) error) error {
	// Of each shard in flight two row groups are in memory.
	share := w.pass.Memory() / 2
	most := int64(1)
	for _, s := range shards {
		if s.file != nil {
			for _, p := range s.pieces(share / 2) {
				most = max(most, p.n)
			}
		}
	}
	at := int(min(int64(w.pass.Jobs()), max(1, share/(2*most))))
	return parallel(ctx, at, len(shards), func(ctx context.Context, i int) error {
		s := shards[i]
		err := w.scan(ctx, s, share/2, func(ctx context.Context, group int, held piece) error {
			return visit(ctx, s, group, held)
		})
		if err != nil || done == nil {
			return err
		}
		return done(s)
	})
}

// payload gives a worker's buffer the row group that is in memory.
func (s *shard) buffer(wk *worker, held piece) *shardfile.Buffer {
	s.file.mu.RLock()
	defer s.file.mu.RUnlock()
	if held.n > 0 {
		s.reader.Hold(s.file.bytes, s.file.at, &wk.buffer)
	} else {
		wk.buffer = shardfile.Buffer{}
	}
	return &wk.buffer
}
