package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// remoteTail is how much of a remote object is fetched when it is opened: the end records
// of a zip archive, and of most the whole directory; of a Parquet file the footer.
const remoteTail = 64<<10 + loc64Len + end64Len

// remote is one object behind a URL, read by range requests. Each answer must be of the
// version that was opened.
type remote struct {
	web    *web
	url    *url.URL
	opened answer
	tail   []byte // the last bytes of the object
	own    bool   // closing the object closes web
}

// openRemote fetches the tail of the object, and with it the object's size.
func openRemote(ctx context.Context, w *web, u *url.URL) (*remote, error) {
	r := &remote{web: w, url: u}
	err := r.fetchTail(ctx, lastBytes(remoteTail))
	if errors.Is(err, ErrNoRange) || err == nil && len(r.tail) == 0 && r.size() > 0 {
		// Some servers know only ranges that begin at a place, for which the size is needed.
		if err = r.fetchTail(ctx, span{n: 1}); err == nil && r.size() > 1 {
			n := min(remoteTail, r.size())
			err = r.fetchTail(ctx, span{off: r.size() - n, n: n})
		}
	}
	if err == nil && r.size() < 0 {
		err = errors.New("the server does not tell the size of the object")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", publicURL(u), err)
	}
	return r, nil
}

func (r *remote) fetchTail(ctx context.Context, ask span) error {
	var err error
	r.tail, err = r.web.fetch(ctx, request{
		url: r.url, key: publicURL(r.url), ask: ask, limit: ask.n,
		see: func(a answer) error { r.opened = a; return nil },
	}, nil)
	return err
}

func (r *remote) size() int64 { return r.opened.size }

func (r *remote) Close() error {
	if r.own {
		r.web.close()
	}
	return nil
}

func (r *remote) readAt(ctx context.Context, p []byte, off int64) error {
	if len(p) == 0 {
		return ctx.Err()
	}
	where := publicURL(r.url)
	if err := checkRange(where, off, int64(len(p)), r.size()); err != nil {
		return err
	}
	if at := off - (r.size() - int64(len(r.tail))); at >= 0 {
		copy(p, r.tail[at:])
		return ctx.Err()
	}
	_, err := r.web.fetch(ctx, request{
		url: r.url, key: where, ask: span{off: off, n: int64(len(p))}, limit: int64(len(p)),
		see: func(a answer) error { return r.opened.same(where, a) },
	}, p[:0:len(p)])
	if err != nil {
		return fmt.Errorf("%s: %d bytes from %d: %w", where, len(p), off, err)
	}
	return nil
}

// remoteReader is a remote object as a Reader.
type remoteReader struct {
	ctx context.Context
	*remote
}

func (r remoteReader) ReadAt(p []byte, off int64) (int, error) {
	return r.ReadAtContext(r.ctx, p, off)
}

func (r remoteReader) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	ctx, stop := either(ctx, r.ctx)
	defer stop()
	return readWithin(p, off, publicURL(r.url), r.size(), func(p []byte) error {
		return r.readAt(ctx, p, off)
	})
}
