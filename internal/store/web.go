package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxPause bounds the exponential backoff.
	maxPause = 30 * time.Second
	// maxRetryAfter is the longest wait that a server's Retry-After is granted.
	maxRetryAfter = 2 * time.Minute
	// drain is how much of an unwanted body is read so that the connection can be used again.
	drain = 64 << 10
)

var errStalled = errors.New("the server sent nothing for too long")

// web makes the requests of one store: bounded in number at a time, counted, and sent again
// when the failure may pass.
type web struct {
	client          *http.Client
	own             bool // the client is not the caller's
	o               Options
	slots           chan struct{}
	requests, bytes atomic.Int64
}

func newWeb(o Options) *web {
	o = o.withDefaults()
	w := &web{client: o.Client, o: o, slots: make(chan struct{}, o.MaxRequests)}
	if w.client == nil {
		w.client, w.own = &http.Client{Transport: newTransport(o.MaxRequests)}, true
	}
	return w
}

// newTransport is http.DefaultTransport with as many idle connections kept as are used at a
// time: with its default of two the others would be opened anew for each request.
func newTransport(requests int) http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := base.Clone()
	t.MaxIdleConnsPerHost = requests
	return t
}

func (w *web) close() {
	if w.own && w.client.Transport != http.DefaultTransport {
		w.client.CloseIdleConnections()
	}
}

// transient is a failure that may pass.
type transient struct {
	err   error
	after time.Duration // the server's Retry-After
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// retry calls try until it succeeds, fails for good, or has failed too often.
func (w *web) retry(ctx context.Context, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		var again *transient
		switch {
		case !errors.As(err, &again):
			return err
		case n >= w.o.MaxRetries:
			return fmt.Errorf("%w (given up after %d attempts)", again.err, n+1)
		case again.after > maxRetryAfter:
			return fmt.Errorf("%w (it asks to wait %v)", again.err, again.after)
		}
		if err := sleep(ctx, w.pause(n, again.after)); err != nil {
			return err
		}
	}
}

// pause is the wait before retry n: exponential with jitter, so that many clients do not
// come back together, and no shorter than the server asks.
func (w *web) pause(n int, after time.Duration) time.Duration {
	d := min(w.o.Backoff<<min(n, 20), maxPause)
	return max(d/2+rand.N(d/2+1), after)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send makes one attempt of a request and hands the answer to use, which must not keep it.
func (w *web) send(outer context.Context, method string, u *url.URL, ranges string, use func(*http.Response) error) error {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-outer.Done():
		return outer.Err()
	}
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	watch := time.AfterFunc(w.o.StallTimeout, func() { cancel(errStalled) })
	defer watch.Stop()

	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return plain(err)
	}
	req.Header.Set("User-Agent", w.o.UserAgent)
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges are those of the object
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	w.requests.Add(1)
	resp, err := w.client.Do(req)
	if err == nil {
		resp.Body = &watchedBody{ReadCloser: resp.Body, web: w, watch: watch}
		err = use(resp)
		resp.Body.Close()
	} else if err = plain(err); !final(err) {
		err = &transient{err: err}
	}
	switch {
	case err == nil:
		return nil
	case outer.Err() != nil:
		return outer.Err()
	case context.Cause(ctx) == errStalled:
		return &transient{err: fmt.Errorf("%w (%v)", errStalled, w.o.StallTimeout)}
	}
	return err
}

// plain takes an error out of *url.Error, which repeats the URL with its secrets.
func plain(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}

// final tells the failures to connect that waiting does not mend.
func final(err error) bool {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &cert)
}

// watchedBody counts what arrives, and puts off the stall each time.
type watchedBody struct {
	io.ReadCloser
	web   *web
	watch *time.Timer
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.web.bytes.Add(int64(n))
		b.watch.Reset(b.web.o.StallTimeout)
	}
	return n, err
}

// statusError is the error of an answer that is no success.
func statusError(resp *http.Response) error {
	io.CopyN(io.Discard, resp.Body, drain)
	err := &StatusError{Code: resp.StatusCode}
	switch {
	case resp.StatusCode == http.StatusNotImplemented:
		return err
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return &transient{err: err, after: retryAfter(resp.Header.Get("Retry-After"))}
	}
	return err
}

// retryAfter is the wait of a Retry-After header, in seconds or until a date (RFC 9110, 10.2.3).
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(time.Until(date), 0)
	}
	return 0
}

// withoutSecrets is a URL, or the part behind its scheme, for people to see: user,
// password and query are left out, since signed URLs carry their secret there.
func withoutSecrets(u string) string {
	u, _, _ = strings.Cut(u, "?")
	u, _, _ = strings.Cut(u, "#")
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		scheme, rest = "", u
	}
	host, path, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	if path != "" {
		host += "/" + path
	}
	if scheme == "" {
		return host
	}
	return scheme + "://" + host
}
