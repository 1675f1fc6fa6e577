package loaders

import (
	"container/list"
	"context"
	"sync"

	"github.com/micropq/micropq/internal/chunkcodec"
)

// Memory is what several reads share, within a number of bytes: the buffers of those who read
// and decode, and as many unpacked chunks as there is room for beside them, those used last.
// A chunk is kept where a read wanted a part of it only, and of several reads that want it at
// the same time one unpacks it. It is safe for concurrent use, by arrays of several data sets.
type Memory struct {
	readers chan *worker  // idle; nil for one not yet made
	decode  chan struct{} // held by who decodes
	options MemoryOptions

	mu     sync.Mutex
	used   int64 // by the buffers of readers and by kept chunks
	chunks map[chunkPlace]*keptChunk
	recent list.List // of *keptChunk, those that are unpacked, the one used last in front
}

// MemoryOptions divide a Memory.
type MemoryOptions struct {
	Bytes int64
	// Readers is how many chunks, or runs of chunks of a remote data set, are read at one time at
	// most, at least 1. The buffers of each, see [Dataset.ReaderBytes], are taken from Bytes
	// whether they fit or not.
	Readers int
	// KeepWhole keeps chunks that a read wanted whole, too. Without it they are decoded straight into
	// their place, which is best where reads that overlap are the exception.
	KeepWhole bool
	// Decoders is how many of them may decode at one time, at least 1.
	Decoders int
}

// ReaderBytes is the memory of one reader for chunks that have so many bytes decoded: a page, or
// of a remote data set pages that are read by one request, and the chunk without compression.
func (d *Dataset) ReaderBytes(chunk int64) int64 {
	const decoder = 1 << 20 // its tables and blocks, and what a page holds besides its payload
	n := decoder + 2*chunk
	if d.remote {
		n += maxSpan
	}
	if d.options.VerifyDigest {
		n += chunk
	}
	return n
}

// Readers is how many readers make use of so many processors: of a remote data set more, for
// they wait for the server.
func (d *Dataset) Readers(processors int) int {
	if d.remote {
		return max(processors, remoteReaders)
	}
	return processors
}

// chunkPlace is the shard and row of a chunk.
type chunkPlace struct {
	shard *shard
	row   int64
}

// keptChunk is a chunk without compression, as [chunkcodec.Decoder.Unpack] leaves it.
type keptChunk struct {
	place chunkPlace
	done  chan struct{} // closed when it is unpacked, or given up

	// The rest is guarded by Memory.mu, but that plain does not change while there are users.
	plain   []byte
	users   int
	element *list.Element // nil before it is unpacked
}

// NewMemory makes a Memory.
func NewMemory(o MemoryOptions) *Memory {
	m := &Memory{
		options: o,
		readers: make(chan *worker, max(1, o.Readers)),
		decode:  make(chan struct{}, max(1, o.Decoders)),
		chunks:  map[chunkPlace]*keptChunk{},
	}
	for range cap(m.readers) {
		m.readers <- nil
	}
	return m
}

// Options are those it was made with.
func (m *Memory) Options() MemoryOptions { return m.options }

// reader waits for an idle one.
func (m *Memory) reader(ctx context.Context) (*worker, error) {
	select {
	case w := <-m.readers:
		if w == nil {
			w = newWorker()
		}
		return w, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// idle takes a reader back. Its buffers stay with it, and chunks make room for them.
func (m *Memory) idle(w *worker) {
	m.mu.Lock()
	held := w.held()
	m.used += held - w.counted
	w.counted = held
	m.evict(0)
	m.mu.Unlock()
	m.readers <- w
}

// claim finds a chunk. One that nobody has the caller owns, and must publish it or give it up;
// one that is wanted whole may be left alone, and nil returned. One that is unpacked has the caller as a user,
// who releases it. Else another owns it, and done tells when to claim again.
func (m *Memory) claim(p chunkPlace, whole bool) (c *keptChunk, owned, ready bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.chunks[p]
	switch {
	case !ok && whole && !m.options.KeepWhole:
		return nil, false, false
	case !ok:
		c = &keptChunk{place: p, done: make(chan struct{})}
		m.chunks[p] = c
		return c, true, false
	case c.element == nil:
		return c, false, false
	}
	c.users++
	m.recent.MoveToFront(c.element)
	return c, false, true
}

// room is memory for a chunk of n bytes, taken from those used longest ago; nil where there is
// not so much. It is the caller's to publish or to give up.
func (m *Memory) room(n int) []byte {
	n += chunkcodec.Slack
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.evict(int64(n))
	if m.used+int64(n) > m.options.Bytes {
		return nil
	}
	if cap(b) < n || cap(b) > n+n/4 {
		b = make([]byte, n)
	}
	m.used += int64(cap(b))
	return b[:n-chunkcodec.Slack]
}

// evict drops chunks without users, those used longest ago, until there are n bytes left. It
// returns the memory of the last.
func (m *Memory) evict(n int64) (freed []byte) {
	for e := m.recent.Back(); e != nil && m.used+n > m.options.Bytes; {
		c, before := e.Value.(*keptChunk), e.Prev()
		if c.users == 0 {
			m.recent.Remove(e)
			delete(m.chunks, c.place)
			m.used -= int64(cap(c.plain))
			freed = c.plain[:cap(c.plain)]
		}
		e = before
	}
	return freed
}

// publish keeps an owned chunk, of which the caller becomes a user.
func (m *Memory) publish(c *keptChunk, plain []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.plain, c.users = plain, 1
	c.element = m.recent.PushFront(c)
	close(c.done)
}

// giveUp forgets an owned chunk and the memory it has room in, if any: whoever waits for it is
// to read it by itself.
func (m *Memory) giveUp(c *keptChunk, room []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= int64(cap(room))
	delete(m.chunks, c.place)
	close(c.done)
}

// release ends a use.
func (m *Memory) release(c *keptChunk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.users--
}
