package store

import (
	"bytes"
	"context"
	"io"
	"os"
)

// Reader reads one object at any place until it is closed. It is safe for concurrent use.
type Reader interface {
	io.ReaderAt
	// ReadAtContext is ReadAt that ctx ends as well as the context of [ReaderAt] does.
	ReadAtContext(ctx context.Context, p []byte, off int64) (int, error)
	io.Closer
}

// opener is a store that has a better way to read an object many times than GetRange.
type opener interface {
	openReader(ctx context.Context, key string) (Reader, int64, error)
}

// ReaderAt opens an object for many reads, as Parquet readers need it, and gives its size
// in bytes. ctx bounds the reads too, until Close. An object of a directory is the open
// file itself (a read is one pread); of an HTTP URL range requests (the last 64 KiB are
// fetched at once). A deflated zip entry of up to 4 MiB is held in memory; a larger one is
// inflated as it is read, from the nearest of the points noted on the way, and its checksum is
// checked when its end is reached.
func ReaderAt(ctx context.Context, s Store, key string) (Reader, int64, error) {
	if f, ok := s.(*sub); ok {
		return ReaderAt(ctx, f.store, f.prefix+key)
	}
	if o, ok := s.(opener); ok {
		return o.openReader(ctx, key)
	}
	info, err := s.Stat(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return &rangeReader{ctx: ctx, store: s, key: key, size: info.Size}, info.Size, nil
}

// ForgetTail lets go of the end of a remote object, which was fetched when it was opened. It is
// for those who keep many objects open and have read their ends; no read may be under way.
func ForgetTail(r Reader) {
	if r, ok := r.(remoteReader); ok {
		r.tail = nil
	}
}

// Remote reports whether reading from a store takes requests to a server.
func Remote(s Store) bool {
	_, _, ok := Stats(s)
	return ok
}

// either is a context that ends with ctx or with other. stop lets go of both.
func either(ctx, other context.Context) (_ context.Context, stop func()) {
	if ctx == other || other.Done() == nil {
		return ctx, func() {}
	}
	both, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return both, func() {
		detach()
		cancel(nil)
	}
}

// Stats tells how many requests a store has sent and how many bytes of bodies it has
// received, retries included. ok is false for a store that is not remote.
func Stats(s Store) (requests, bytes int64, ok bool) {
	switch s := s.(type) {
	case *sub:
		return Stats(s.store)
	case *httpDir:
		return s.web.requests.Load(), s.web.bytes.Load(), true
	case *archive:
		if r, ok := s.src.(*remote); ok {
			return r.web.requests.Load(), r.web.bytes.Load(), true
		}
	}
	return 0, 0, false
}

// rangeReader reads by GetRange.
type rangeReader struct {
	ctx   context.Context
	store Store
	key   string
	size  int64
}

func (r *rangeReader) ReadAt(p []byte, off int64) (int, error) {
	return r.ReadAtContext(r.ctx, p, off)
}

func (r *rangeReader) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	ctx, stop := either(ctx, r.ctx)
	defer stop()
	return readWithin(p, off, r.key, r.size, func(p []byte) error {
		_, err := r.store.GetRange(ctx, r.key, off, int64(len(p)), p[:0:len(p)])
		return err
	})
}

func (r *rangeReader) Close() error { return nil }

// readWithin gives a reader that knows only ranges inside the object the manners of
// io.ReaderAt: what lies before the end is read, then io.EOF.
func readWithin(p []byte, off int64, key string, size int64, fill func([]byte) error) (int, error) {
	if off < 0 {
		return 0, &RangeError{Key: key, Off: off, N: int64(len(p)), Size: size}
	}
	have := max(min(int64(len(p)), size-off), 0)
	if have > 0 {
		if err := fill(p[:have]); err != nil {
			return 0, err
		}
	}
	if have < int64(len(p)) {
		return int(have), io.EOF
	}
	return int(have), nil
}

// memoryReader is an object held in memory.
type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }

func (r memoryReader) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return r.ReadAt(p, off)
}

// fileReader is an open file. A read of it does not wait for anyone.
type fileReader struct{ *os.File }

func (r fileReader) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return r.ReadAt(p, off)
}
