package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// httpDir is a directory behind a URL: the object of a key is what a GET of URL/key brings.
// The query of the URL, as signed URLs have it, goes with each request.
type httpDir struct {
	web  *web
	base *url.URL
}

func openURL(ctx context.Context, location string, o Options) (Store, error) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		// The parser's error may quote a password.
		return nil, fmt.Errorf("%s: not a valid URL", withoutSecrets(location))
	}
	u.Fragment = ""
	w := newWeb(o)
	s, err := openWeb(ctx, w, u)
	if err != nil {
		w.close()
	}
	return s, err
}

// openWeb finds out whether an archive or a directory is behind the URL.
func openWeb(ctx context.Context, w *web, u *url.URL) (Store, error) {
	named := strings.EqualFold(path.Ext(u.Path), ".zip")
	if !named && (u.Path == "" || strings.HasSuffix(u.Path, "/")) {
		return &httpDir{web: w, base: u}, nil
	}
	r, err := openRemote(ctx, w, u)
	var status *StatusError
	switch {
	case err == nil && (named || findEnd(r.tail) >= 0):
		r.own = true
		return openArchive(ctx, r, publicURL(u), true)
	case named:
		return nil, err
	case err == nil, errors.Is(err, ErrNoRange), errors.As(err, &status) && status.Code < 500:
		return &httpDir{web: w, base: u}, nil
	}
	return nil, err
}

func (d *httpDir) String() string { return publicURL(d.base) }

func (d *httpDir) Close() error {
	d.web.close()
	return nil
}

// at is the URL of a key.
func (d *httpDir) at(key string) (*url.URL, error) {
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("%s: %w", d, err)
	}
	segments := strings.Split(key, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return d.base.JoinPath(segments...), nil
}

// Stat asks by HEAD, and where the server does not tell the length so, by a GET of one byte.
func (d *httpDir) Stat(ctx context.Context, key string) (Info, error) {
	u, err := d.at(key)
	if err != nil {
		return Info{}, err
	}
	size := int64(-1)
	err = d.web.retry(ctx, func() error {
		return d.web.send(ctx, http.MethodHead, u, "", func(resp *http.Response) error {
			if resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode == http.StatusNotImplemented {
				return nil
			}
			a, err := readAnswer(resp, whole)
			size = a.size
			return err
		})
	})
	if err == nil && size < 0 {
		_, err = d.web.fetch(ctx, request{url: u, key: key, ask: span{n: 1}, limit: 1, see: func(a answer) error {
			size = a.size
			return nil
		}}, nil)
	}
	if err == nil && size < 0 {
		err = errors.New("the server does not tell the size of the object")
	}
	if err != nil {
		return Info{}, d.wrap(u, err)
	}
	return Info{Key: key, Size: size, Stored: size}, nil
}

func (d *httpDir) wrap(u *url.URL, err error) error { return fmt.Errorf("%s: %w", publicURL(u), err) }

func (d *httpDir) Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error) {
	u, err := d.at(key)
	if err != nil {
		return dst, err
	}
	all, err := d.web.fetch(ctx, request{url: u, key: key, ask: whole, limit: limit,
		see: func(answer) error { return nil }}, dst)
	if err != nil {
		return dst, d.wrap(u, err)
	}
	return all, nil
}

func (d *httpDir) GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error) {
	u, err := d.at(key)
	if err != nil {
		return dst, err
	}
	if off < 0 || n <= 0 || off+n < 0 { // no range request can ask for it
		info, err := d.Stat(ctx, key)
		if err == nil {
			err = checkRange(key, off, n, info.Size)
		}
		return dst, err
	}
	all, err := d.web.fetch(ctx, request{url: u, key: key, ask: span{off: off, n: n}, limit: n,
		see: func(a answer) error {
			if a.size < 0 {
				return nil
			}
			return checkRange(key, off, n, a.size)
		}}, dst)
	if err != nil {
		return dst, d.wrap(u, err)
	}
	return all, nil
}

func (d *httpDir) List(context.Context, string) ([]Info, error) {
	return nil, fmt.Errorf("%s: %w; give a zip archive, or name the parts to read", d, ErrNoList)
}

func (d *httpDir) openReader(ctx context.Context, key string) (Reader, int64, error) {
	u, err := d.at(key)
	if err != nil {
		return nil, 0, err
	}
	r, err := openRemote(ctx, d.web, u)
	if err != nil {
		return nil, 0, err
	}
	return remoteReader{ctx: ctx, remote: r}, r.size(), nil
}
