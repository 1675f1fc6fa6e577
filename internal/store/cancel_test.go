package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCancelMidway asks that a cancelled read ends at once, wherever it waits, and leaves
// no goroutine behind.
func TestCancelMidway(t *testing.T) {
	for name, f := range map[string]fault{
		"body": stall,
		"head": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() },
		"wait": status(503, "Retry-After", "60"),
	} {
		t.Run(name, func(t *testing.T) {
			checkGoroutines(t)
			h := &faulty{data: noise(1000, 1), faults: []fault{f, f}}
			server := httptest.NewServer(h)
			defer server.Close()
			// One request at a time: the second read waits for the first one's slot.
			s, err := Open(context.Background(), server.URL+"/", Options{MaxRequests: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithCancel(context.Background())
			var reads sync.WaitGroup
			for range 2 {
				reads.Go(func() {
					if _, err := s.Get(ctx, "key", nil, 1<<20); !errors.Is(err, context.Canceled) {
						t.Errorf("%v, want context.Canceled", err)
					}
				})
			}
			time.Sleep(50 * time.Millisecond)
			start := time.Now()
			cancel()
			reads.Wait()
			if took := time.Since(start); took > time.Second {
				t.Errorf("the reads ended only after %v", took)
			}
		})
	}
}

// TestCancelQueued asks that a read that waits for its turn ends when it is cancelled,
// though the request before it goes on.
func TestCancelQueued(t *testing.T) {
	checkGoroutines(t)
	server := httptest.NewServer(&faulty{data: noise(1000, 1), faults: []fault{stall}})
	defer server.Close()
	s, err := Open(context.Background(), server.URL+"/", Options{MaxRequests: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first, cancelFirst := context.WithCancel(context.Background())
	var read sync.WaitGroup
	read.Go(func() { s.Get(first, "key", nil, 1<<20) })
	for n, _, _ := Stats(s); n == 0; n, _, _ = Stats(s) {
		time.Sleep(time.Millisecond)
	}
	second, cancelSecond := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancelSecond()
	start := time.Now()
	if _, err := s.Get(second, "key", nil, 1<<20); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Second {
		t.Errorf("%v after %v, want context.DeadlineExceeded at once", err, time.Since(start))
	}
	cancelFirst()
	read.Wait()
}

// TestSlots asks that no more requests than allowed are under way at one time.
func TestSlots(t *testing.T) {
	var now, most atomic.Int64
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
	}))+"/", Options{MaxRequests: 3})
	var reads sync.WaitGroup
	for range 20 {
		reads.Go(func() {
			if _, err := s.Get(context.Background(), "key", nil, 10); err != nil {
				t.Error(err)
			}
		})
	}
	reads.Wait()
	if most.Load() != 3 {
		t.Errorf("%d requests at one time, want 3", most.Load())
	}
}

// TestCancelOneRead asks that a read of a Reader ends with its own context wherever the server
// hangs, though the Reader's goes on, and that the next read is not the worse for it.
func TestCancelOneRead(t *testing.T) {
	object := noise(maxHeld+1<<20, 3)
	tree := t.TempDir()
	writeTree(t, tree, map[string][]byte{"a/b": object})
	for name, served := range map[string]http.Handler{
		"directory": http.StripPrefix("/dir", http.FileServer(http.Dir(tree))),
		"stored":    serveBytes(zipOf(t, zip.Store, map[string][]byte{"a/b": object})),
		"deflated":  serveBytes(zipOf(t, zip.Deflate, map[string][]byte{"a/b": object})),
	} {
		t.Run(name, func(t *testing.T) {
			checkGoroutines(t)
			var hangs atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if hangs.Load() {
					<-r.Context().Done()
					return
				}
				served.ServeHTTP(w, r)
			}))
			defer server.Close()
			s, err := Open(context.Background(), server.URL+"/dir/"+map[bool]string{true: "", false: "x.zip"}[name == "directory"], Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r, _, err := ReaderAt(context.Background(), s, "a/b")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			hangs.Store(true)
			var reads sync.WaitGroup
			for range 2 { // of a deflated entry the second waits for the first
				reads.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
					defer cancel()
					start := time.Now()
					if _, err := r.ReadAtContext(ctx, make([]byte, 100), 1000); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
						t.Errorf("%v after %v, want context.DeadlineExceeded at once", err, time.Since(start))
					}
				})
			}
			reads.Wait()
			hangs.Store(false)
			got := make([]byte, 100)
			if _, err := r.ReadAtContext(context.Background(), got, 1000); err != nil || !bytes.Equal(got, object[1000:1100]) {
				t.Errorf("the read after: %v", err)
			}
		})
	}
}
