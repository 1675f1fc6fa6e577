package store

import (
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
