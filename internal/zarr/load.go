package zarr

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// load reads and decodes a chunk. fill reports that there is none, or nothing else in it.
func (r *Reader) load(ctx context.Context, w *workspace, number int, b *batch) (data []byte, fill bool, err error) {
	key, off, ok, err := r.fetch(ctx, w, number, b)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, false, context.Cause(ctx)
	case err != nil:
		return nil, false, &ChunkError{r.a.path, key, err}
	case !ok:
		return nil, true, nil
	}
	r.tell(number, key, off, w.encoded)
	if r.knownFill(w.encoded) {
		return nil, true, nil
	}
	sampled := r.sample(w)
	if data, err = r.decode(ctx, w); err != nil {
		if ctx.Err() == nil {
			err = &ChunkError{r.a.path, key, err}
		}
		return nil, false, err
	}
	if allFill(data, r.a.chunk.fill) {
		r.release(data) // common in label arrays, and nothing to keep
		if sampled {
			known := bytes.Clone(w.sample)
			r.fill.Store(&known)
		}
		return nil, true, nil
	}
	return data, false, nil
}

// maxSample bounds the encoded bytes that are remembered of a chunk of fill.
const maxSample = 64 << 10

// knownFill reports whether a chunk's encoded bytes are those of one that was all fill: most
// chunks of label arrays are, and equal bytes need not be decoded again.
func (r *Reader) knownFill(encoded []byte) bool {
	known := r.fill.Load()
	return known != nil && bytes.Equal(*known, encoded)
}

// sample copies encoded bytes within the workspace, since decoding may change them, as long
// as none of a chunk of fill are known.
func (r *Reader) sample(w *workspace) bool {
	if len(w.encoded) > maxSample || r.fill.Load() != nil {
		return false
	}
	w.sample = append(w.sample[:0], w.encoded...)
	return true
}

// decode decodes what the workspace holds, into a buffer of the reader.
func (r *Reader) decode(ctx context.Context, w *workspace) ([]byte, error) {
	buf, err := r.buffer(ctx)
	if err != nil {
		return nil, err
	}
	chain := r.a.chunk.chain
	data, err := chain.decode(w, buf, w.encoded)
	if err != nil {
		r.release(buf)
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if chain.last < 0 {
		w.encoded = buf // the object itself is the chunk now, and the buffer takes its place
	}
	return data, nil
}

// tell reports the bytes of a chunk, once.
func (r *Reader) tell(number int, key string, off int64, encoded []byte) {
	if r.told == nil {
		return
	}
	r.mu.Lock()
	told := r.told[number]
	r.told[number] = true
	r.mu.Unlock()
	if !told {
		r.o.OnObject(key, off, encoded)
	}
}

// fetch reads the encoded bytes of a chunk into the workspace. ok is false where there is no
// such chunk.
func (r *Reader) fetch(ctx context.Context, w *workspace, number int, b *batch) (key string, off int64, ok bool, err error) {
	var place [nd.MaxDims]int
	at := place[:len(r.plan.grid)]
	r.plan.position(at, r.plan.chunks[number])
	if r.a.shards != nil {
		return r.fetchPart(ctx, w, at, number, b)
	}
	key = r.a.key(at)
	w.encoded, err = r.a.store.Get(ctx, key, w.encoded[:0], r.a.chunk.chain.limit)
	var large *store.TooLargeError
	switch {
	case errors.Is(err, store.ErrNotExist):
		return key, 0, false, nil
	case errors.As(err, &large):
		err = fmt.Errorf("%w: %w", ErrTooLong, err)
	}
	return key, 0, err == nil, err
}
