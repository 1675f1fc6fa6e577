package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faulty serves an object, but the first answers to GET go through faults.
type faulty struct {
	data   []byte
	faults []func(w http.ResponseWriter, r *http.Request, good http.Handler)
	mu     sync.Mutex
	ranges []string
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	n := len(f.ranges)
	f.ranges = append(f.ranges, r.Header.Get("Range"))
	f.mu.Unlock()
	if n < len(f.faults) {
		f.faults[n](w, r, serveBytes(f.data))
		return
	}
	serveBytes(f.data).ServeHTTP(w, r)
}

func (f *faulty) count() int { return len(f.asked()) }

// asked is the Range headers of the requests so far.
func (f *faulty) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ranges
}

// reset lets the faults come again.
func (f *faulty) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ranges = nil
}

// recorded is the answer that good would give.
func recorded(good http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	good.ServeHTTP(rec, r)
	return rec
}

// cut sends the whole head and a third of the body, then drops the connection.
func cut(w http.ResponseWriter, r *http.Request, good http.Handler) {
	rec := recorded(good, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes()[:rec.Body.Len()/3])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func drop(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func status(code int, header ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, good http.Handler) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// shorter sends a valid range that ends too early.
func shorter(w http.ResponseWriter, r *http.Request, good http.Handler) {
	first, _, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	from, err := strconv.Atoi(first)
	if !ok || err != nil {
		good.ServeHTTP(w, r)
		return
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+9))
	good.ServeHTTP(w, r)
}

// stall sends the head and four bytes, then nothing.
func stall(w http.ResponseWriter, r *http.Request, good http.Handler) {
	rec := recorded(good, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes()[:4])
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

type fault = func(http.ResponseWriter, *http.Request, http.Handler)

// TestFaultsPass asks that failures that pass are not seen, by whole reads and by ranges.
func TestFaultsPass(t *testing.T) {
	data := noise(300_000, 1)
	for name, faults := range map[string][]fault{
		"503 twice":              {status(503), status(503)},
		"429 with a wait":        {status(429, "Retry-After", "0")},
		"connection dropped":     {drop, drop},
		"body cut":               {cut, cut, cut},
		"range shorter":          {shorter, shorter},
		"stall":                  {stall},
		"one after the other":    {status(500), drop, cut, status(502), cut},
		"retry after a past day": {status(503, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT")},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Backoff: time.Millisecond, StallTimeout: 500 * time.Millisecond}
			f := &faulty{data: data, faults: faults}
			s := open(t, serve(t, f)+"/", o)
			got, err := s.Get(context.Background(), "key", []byte("x"), 1<<20)
			if err != nil || !bytes.Equal(got[1:], data) {
				t.Errorf("Get: %d bytes, %v", len(got), err)
			}
			if f.count() < len(faults) && name != "range shorter" {
				t.Errorf("only %d requests", f.count())
			}
			f.reset()
			got, err = s.GetRange(context.Background(), "key", 1000, 250_000, []byte("x"))
			if err != nil || !bytes.Equal(got[1:], data[1000:251_000]) {
				t.Errorf("GetRange: %d bytes, %v", len(got), err)
			}
			if f.count() != len(faults)+1 {
				t.Errorf("%d requests, want %d", f.count(), len(faults)+1)
			}
		})
	}
}

// TestResume asks that a range that breaks off goes on where it broke.
func TestResume(t *testing.T) {
	f := &faulty{data: noise(300_000, 1), faults: []fault{cut}}
	s := open(t, serve(t, f)+"/", quick)
	if _, err := s.GetRange(context.Background(), "key", 0, 300_000, nil); err != nil {
		t.Fatal(err)
	}
	if asked := f.asked(); len(asked) != 2 || asked[1] != "bytes=100000-299999" {
		t.Errorf("requests %q", asked)
	}
	if _, received, _ := Stats(s); received != 300_000 {
		t.Errorf("%d bytes received for 300000", received)
	}
}

// TestFaultsStay asks that failures that stay are reported as what they are, after as few
// requests as make sense.
func TestFaultsStay(t *testing.T) {
	for name, c := range map[string]struct {
		fault    fault
		requests int64
		says     string
		check    func(error) bool
	}{
		"404":           {status(404), 1, "404 Not Found", func(err error) bool { return errors.Is(err, ErrNotExist) }},
		"403":           {status(403), 1, "403 Forbidden", func(err error) bool { return errors.Is(err, fs.ErrPermission) }},
		"400":           {status(400), 1, "400 Bad Request", isA[*StatusError]},
		"503":           {status(503), 4, "given up after 4 attempts", isA[*StatusError]},
		"wait too long": {status(503, "Retry-After", "3600"), 1, "asks to wait 1h0m0s", isA[*StatusError]},
		"dropped":       {drop, 4, "EOF", func(err error) bool { return true }},
		"cut":           {cut, 4, "broke off", func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"stalled":       {stall, 4, "sent nothing", func(err error) bool { return errors.Is(err, errStalled) }},
		"gzip":          {status(200, "Content-Encoding", "gzip"), 1, `encoding "gzip"`, func(err error) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{data: noise(1000, 1)}
			for range 10 {
				f.faults = append(f.faults, c.fault)
			}
			s := open(t, serve(t, f)+"/base/", Options{MaxRetries: 3, Backoff: time.Millisecond, StallTimeout: 50 * time.Millisecond})
			got, err := s.Get(context.Background(), "a/key", nil, 1<<20)
			if err == nil || len(got) != 0 || !c.check(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d bytes, %v; want %q", len(got), err, c.says)
			}
			if err != nil && !strings.Contains(err.Error(), s.String()+"a/key: ") {
				t.Errorf("%v does not name the object", err)
			}
			if n, _, _ := Stats(s); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
}

// TestLimits asks that nothing over the limit is read, even where no length is announced.
func TestLimits(t *testing.T) {
	chunked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			w.Write(make([]byte, 10_000))
			http.NewResponseController(w).Flush()
		}
	})
	s := open(t, serve(t, chunked)+"/", quick)
	if got, err := s.Get(context.Background(), "key", nil, 1_000_000); err != nil || len(got) != 1_000_000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	before, start, _ := Stats(s)
	if _, err := s.Get(context.Background(), "key", nil, 99_999); !isA[*TooLargeError](err) {
		t.Errorf("%v, want a TooLargeError", err)
	}
	after, end, _ := Stats(s)
	if after-before != 1 || end-start > 200_000 {
		t.Errorf("%d requests, %d bytes for a limit of 99999", after-before, end-start)
	}
	huge := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.FormatInt(1<<62, 10))
	}))+"/", Options{MaxRetries: -1})
	if _, err := huge.Get(context.Background(), "key", nil, 1<<63-1); !isA[*TooLargeError](err) {
		t.Errorf("an announced length of 2^62: %v", err)
	}
}

// TestNoRanges asks for a plain word where the server ignores ranges.
func TestNoRanges(t *testing.T) {
	data := zipOf(t, zip.Store, objects())
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(data) }))
	if _, err := Open(context.Background(), url+"/x.zip", quick); !errors.Is(err, ErrNoRange) {
		t.Errorf("%v, want ErrNoRange", err)
	}
	s := open(t, url+"/folder", quick)
	if _, err := s.GetRange(context.Background(), "key", 5, 10, nil); !errors.Is(err, ErrNoRange) {
		t.Errorf("%v, want ErrNoRange", err)
	}
	if got, err := s.Get(context.Background(), "key", nil, 1<<30); err != nil || !bytes.Equal(got, data) {
		t.Errorf("a whole object: %d bytes, %v", len(got), err)
	}
}

// TestNoSuffixRanges reads an archive from a server that knows only ranges with a beginning.
func TestNoSuffixRanges(t *testing.T) {
	data := zipOf(t, zip.Store, objects())
	for name, refuse := range map[string]http.HandlerFunc{
		"ignored": func(w http.ResponseWriter, r *http.Request) { w.Write(data) },
		"refused": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(data)))
			w.WriteHeader(416)
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.Header.Get("Range"), "bytes=-") {
					refuse(w, r)
					return
				}
				serveBytes(data).ServeHTTP(w, r)
			}))
			s := open(t, url+"/x.zip", quick)
			want := objects()["volumes/raw/0.0.0"]
			if got, err := s.Get(context.Background(), "volumes/raw/0.0.0", nil, 1<<20); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// TestRemoteChanges asks that another version of the archive is noticed, whichever
// validator the server has.
func TestRemoteChanges(t *testing.T) {
	first, second := zipOf(t, zip.Store, objects()), zipOf(t, zip.Store, objects())
	longer := zipOf(t, zip.Store, map[string][]byte{"other": noise(500_000, 2)})
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		etag   [2]string
		date   [2]time.Time
		second []byte
		what   string // "" for no change
	}{
		"ETag":             {etag: [2]string{`"1"`, `"2"`}, second: second, what: "ETag"},
		"weak ETag":        {etag: [2]string{`W/"1"`, `W/"2"`}, second: second, what: "ETag"},
		"Last-Modified":    {date: [2]time.Time{day, day.Add(time.Hour)}, second: second, what: "Last-Modified"},
		"size":             {second: longer, what: "size"},
		"smaller":          {second: first[:1000], what: "size"},
		"same ETag, moved": {etag: [2]string{`"1"`, `W/"1"`}, date: [2]time.Time{day, day.Add(time.Hour)}, second: second},
	} {
		t.Run(name, func(t *testing.T) {
			var changed atomic.Bool
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, i := first, 0
				if changed.Load() {
					data, i = c.second, 1
				}
				if c.etag[i] != "" {
					w.Header().Set("ETag", c.etag[i])
				}
				http.ServeContent(w, r, "", c.date[i], bytes.NewReader(data))
			}))
			s := open(t, url+"/x.zip", quick)
			changed.Store(true)
			_, err := s.Get(context.Background(), "volumes/raw/0.0.0", nil, 1<<20)
			var change *ChangedError
			if c.what == "" {
				if err != nil {
					t.Error(err)
				}
			} else if !errors.As(err, &change) || change.What != c.what {
				t.Errorf("%v, want a changed %s", err, c.what)
			}
		})
	}
}

// TestChangeMidway asks that the parts of a range that broke off are of one version.
func TestChangeMidway(t *testing.T) {
	other := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("ETag", `"2"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(noise(300_000, 2)))
	}
	f := &faulty{data: noise(300_000, 1), faults: []fault{cut, other}}
	s := open(t, serve(t, f)+"/", quick)
	if _, err := s.GetRange(context.Background(), "key", 0, 300_000, nil); !isA[*ChangedError](err) {
		t.Errorf("GetRange: %v, want a ChangedError", err)
	}
	f.reset()
	got, err := s.Get(context.Background(), "key", nil, 1<<20)
	if err != nil || !bytes.Equal(got, noise(300_000, 2)) {
		t.Errorf("Get, which begins anew: %d bytes, %v", len(got), err)
	}
}
