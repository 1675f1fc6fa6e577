package zarr

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/micropq/micropq/internal/nd"
)

// batch is what one Read fetches together: chunks that it needs and that lie one behind
// another in a shard. It claims them, so that other Reads wait for it instead of fetching
// them too, and decodes them when their turn comes.
type batch struct {
	ahead  []int         // numbers of the chunks that the Read has yet to look at
	pieces map[int]piece // by number
	held   int64         // bytes of runs
	runs   [][]byte
}

// piece is the encoded bytes of a chunk that a batch has claimed.
type piece struct {
	chunk *chunk
	key   string
	off   int64 // in the object
	data  []byte
}

const (
	maxBatch = 8 << 20 // bytes that a batch holds, where the budget is eight times that
	maxAhead = 512     // chunks that are looked at for those that lie together
)

var errAbandoned = errors.New("the chunk was claimed and not read")

// neighbour is a chunk of a shard that could be fetched with another one.
type neighbour struct {
	number int
	off, n int64
}

// fetchRun reads the bytes of a chunk, n from off in its shard, and those of the chunks
// around it that the batch needs.
func (r *Reader) fetchRun(ctx context.Context, w *workspace, s *shardIndex, number int, b *batch, off, n int64) (err error) {
	run := r.neighbours(s, number, b, off, n)
	if len(run) == 1 {
		w.encoded, err = r.a.store.GetRange(ctx, s.key, off, n, w.encoded[:0])
		return err
	}
	begin, last := run[0].off, run[len(run)-1]
	data, err := r.a.store.GetRange(ctx, s.key, begin, last.off+last.n-begin, r.runBuffer())
	if err != nil {
		return err
	}
	b.runs = append(b.runs, data)
	b.held += int64(len(data))
	for _, c := range run {
		part := data[c.off-begin:][:c.n]
		if c.number == number {
			w.encoded = append(w.encoded[:0], part...)
		} else {
			p := b.pieces[c.number]
			p.off, p.data = c.off, part
			b.pieces[c.number] = p
		}
	}
	return nil
}

// neighbours claims the chunks ahead that lie right before or behind a chunk in its shard
// and that nobody reads yet. It returns them in order, the chunk among them.
func (r *Reader) neighbours(s *shardIndex, number int, b *batch, off, n int64) []neighbour {
	most := min(maxBatch, r.o.Budget/8) - b.held
	self := neighbour{number, off, n}
	if len(b.ahead) == 0 || n >= most {
		return []neighbour{self}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := append(r.unread(s, number, b.ahead[:min(maxAhead, len(b.ahead))]), self)
	slices.SortFunc(found, func(a, b neighbour) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.number, b.number)) })
	lo := slices.Index(found, self)
	hi := lo
	for size := n; ; {
		switch {
		case hi+1 < len(found) && found[hi+1].off == found[hi].off+found[hi].n && size+found[hi+1].n <= most:
			hi++
			size += found[hi].n
		case lo > 0 && found[lo-1].off+found[lo-1].n == found[lo].off && size+found[lo-1].n <= most:
			lo--
			size += found[lo].n
		default:
			run := found[lo : hi+1]
			r.claim(s.key, number, b, run)
			return run
		}
	}
}

// unread lists those of the chunks that lie in the same shard as chunk number and that
// nobody holds or reads; the caller holds the lock.
func (r *Reader) unread(s *shardIndex, number int, ahead []int) (out []neighbour) {
	var positions [3][nd.MaxDims]int
	axes := len(r.plan.grid)
	at, shard, other := positions[0][:axes], positions[1][:axes], positions[2][:axes]
	r.plan.position(at, r.plan.chunks[number])
	r.split(shard, at)
	for _, k := range ahead {
		if r.live[k] != nil {
			continue
		}
		r.plan.position(at, r.plan.chunks[k])
		i := r.split(other, at)
		if !slices.Equal(shard, other) {
			continue
		}
		off, n, ok, err := r.a.shards.entry(s.entries, i, s.size)
		chain := r.a.chunk.chain
		if ok && err == nil && n > 0 && checkSize(int(n), int(chain.limit), chain.open) == nil {
			out = append(out, neighbour{k, off, n})
		}
	}
	return out
}

// claim makes the chunks of a run, but for the one that is being read, the batch's; the
// caller holds the lock.
func (r *Reader) claim(key string, number int, b *batch, run []neighbour) {
	if r.closed {
		return
	}
	for _, c := range run {
		if c.number == number {
			continue
		}
		k := &chunk{number: c.number, place: -1, load: newFlight(), claim: b}
		r.live[c.number] = k
		if b.pieces == nil {
			b.pieces = map[int]piece{}
		}
		b.pieces[c.number] = piece{chunk: k, key: key}
	}
}

// take moves the bytes of a claimed chunk into the workspace.
func (b *batch) take(w *workspace, number int) (p piece, ok bool) {
	if p, ok = b.pieces[number]; ok && p.data != nil {
		w.encoded = append(w.encoded[:0], p.data...)
		delete(b.pieces, number)
		return p, true
	}
	return p, false
}

// end gives the batch's memory back, and what it claimed and did not read to those who wait.
func (r *Reader) end(b *batch) {
	if b.runs == nil && b.pieces == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range b.pieces {
		if p.chunk.load != nil {
			delete(r.live, p.chunk.number)
			p.chunk.load.abandon()
		}
	}
	r.runs = append(r.runs, b.runs...)
}

// runBuffer is memory for a run.
func (r *Reader) runBuffer() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.runs); n > 0 {
		b := r.runs[n-1]
		r.runs = r.runs[:n-1]
		return b[:0]
	}
	return nil
}
