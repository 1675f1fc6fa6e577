package store

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// bodyStep is how much of a body is allocated ahead: a server may announce any length.
const bodyStep = 64 << 20

// span is the part of an object that a request asks for, in bytes.
type span struct {
	off int64 // negative: the last -off bytes
	n   int64 // negative: the whole object
}

var whole = span{n: -1}

func lastBytes(n int64) span { return span{off: -n, n: n} }

// header is the Range header of a span; "" for none.
func (s span) header() string {
	switch {
	case s.n < 0:
		return ""
	case s.off < 0:
		return fmt.Sprintf("bytes=%d", s.off)
	}
	return fmt.Sprintf("bytes=%d-%d", s.off, s.off+s.n-1)
}

// answer is what the head of an answer says about its body and the object; -1 is unknown.
type answer struct {
	off, n         int64
	size           int64
	etag, modified string
}

// readAnswer checks that an answer is one to the question. A range that the object does not
// have is an answer of no bytes with the object's size.
func readAnswer(resp *http.Response, ask span) (answer, error) {
	a := answer{n: resp.ContentLength, size: resp.ContentLength}
	// A weak validator is good enough to notice another version of the object.
	a.etag = strings.TrimPrefix(resp.Header.Get("ETag"), "W/")
	a.modified = resp.Header.Get("Last-Modified")
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return a, fmt.Errorf("the server sends the object in the encoding %q, which was not asked for", enc)
	}
	switch {
	case resp.StatusCode == http.StatusOK && (ask.n < 0 || resp.ContentLength == 0):
		return a, nil
	case resp.StatusCode == http.StatusOK:
		return a, ErrNoRange
	case resp.StatusCode == http.StatusPartialContent && resp.ContentLength == 0 &&
		strings.HasSuffix(resp.Header.Get("Content-Range"), "/0"):
		return a, nil // an empty object has no range to name; Go's file server writes "0--1/0"
	case resp.StatusCode == http.StatusPartialContent && ask.n >= 0:
		return a, a.parseRange(resp.Header.Get("Content-Range"), ask)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		size, err := strconv.ParseInt(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes */"), 10, 64)
		if err != nil || size < 0 {
			return a, statusError(resp)
		}
		io.CopyN(io.Discard, resp.Body, drain)
		a.n, a.size = 0, size
		return a, nil
	}
	return a, statusError(resp)
}

// parseRange reads a Content-Range (RFC 9110, 14.4), which must lie in what was asked for.
func (a *answer) parseRange(header string, ask span) error {
	bad := fmt.Errorf("the server answers %q with Content-Range %q", ask.header(), header)
	places, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, last, ok2 := strings.Cut(places, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if !ok || !ok2 || err1 != nil || err2 != nil || from < 0 || to < from || to-from >= ask.n {
		return bad
	}
	announced := a.n
	a.off, a.n, a.size = from, to-from+1, -1
	if total != "*" {
		size, err := strconv.ParseInt(total, 10, 64)
		if err != nil || to >= size {
			return bad
		}
		a.size = size
	}
	switch {
	case ask.off >= 0 && from != ask.off,
		ask.off < 0 && a.size >= 0 && to != a.size-1,
		announced >= 0 && announced != a.n:
		return bad
	}
	return nil
}

// same reports a *ChangedError when b describes another version of the object than a does.
func (a answer) same(where string, b answer) error {
	changed := func(what, want, got string) error {
		return &ChangedError{URL: where, What: what, Want: want, Got: got}
	}
	switch {
	case a.size >= 0 && b.size >= 0 && a.size != b.size:
		return changed("size", strconv.FormatInt(a.size, 10), strconv.FormatInt(b.size, 10))
	case a.etag != "" && b.etag != "":
		if a.etag != b.etag {
			return changed("ETag", a.etag, b.etag)
		}
	case a.modified != "" && b.modified != "" && a.modified != b.modified:
		return changed("Last-Modified", a.modified, b.modified)
	}
	return nil
}

// request is what fetch reads.
type request struct {
	url   *url.URL
	key   string // for errors
	ask   span
	limit int64 // of the body, in bytes
	// see judges each answer before its body is allocated.
	see func(answer) error
}

// fetch appends the body to dst. A range that breaks off goes on where it broke, provided
// that the object is still the same.
func (w *web) fetch(ctx context.Context, r request, dst []byte) ([]byte, error) {
	start := len(dst)
	var first *answer
	err := w.retry(ctx, func() error {
		rest := r.ask
		if rest.off >= 0 && rest.n >= 0 {
			have := int64(len(dst) - start)
			rest = span{off: rest.off + have, n: rest.n - have}
		} else {
			dst, first = dst[:start], nil
		}
		return w.send(ctx, http.MethodGet, r.url, rest.header(), func(resp *http.Response) error {
			a, err := readAnswer(resp, rest)
			if err != nil {
				return err
			}
			if first == nil {
				first = &a
			}
			if err := first.same(publicURL(r.url), a); err != nil {
				return err
			}
			if err := r.see(a); err != nil {
				return err
			}
			if err := checkLimit(r.key, a.n, r.limit); err != nil {
				return err
			}
			dst, err = appendBody(dst, resp.Body, a.n, r.limit-int64(len(dst)-start), r.key)
			if err == nil && rest.off >= 0 && a.n < rest.n && a.off+a.n != a.size {
				return &transient{err: fmt.Errorf("%d of %d bytes from %d: %w", a.n, rest.n, rest.off, io.ErrUnexpectedEOF)}
			}
			return err
		})
	})
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// appendBody appends a body of n bytes, or of any number up to the limit where n is negative.
func appendBody(dst []byte, body io.Reader, n, limit int64, key string) ([]byte, error) {
	if n < 0 {
		return appendUnknown(dst, body, limit, key)
	}
	for have := int64(0); have < n; {
		all, added := extend(dst, min(n-have, bodyStep))
		got, err := io.ReadFull(body, added)
		dst = all[:len(dst)+got]
		have += int64(got)
		if err != nil {
			return dst, brokeOff(have, err)
		}
	}
	return dst, nil
}

func appendUnknown(dst []byte, body io.Reader, limit int64, key string) ([]byte, error) {
	start := len(dst)
	for {
		dst = slices.Grow(dst, 512)
		got, err := body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+got]
		have := int64(len(dst) - start)
		switch {
		case have > limit:
			return dst, &TooLargeError{Key: key, Size: -1, Limit: limit}
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, brokeOff(have, err)
		}
	}
}

func brokeOff(have int64, err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &transient{err: fmt.Errorf("the answer broke off after %d bytes: %w", have, err)}
}

// publicURL is the URL for people to see.
func publicURL(u *url.URL) string { return withoutSecrets(u.String()) }
