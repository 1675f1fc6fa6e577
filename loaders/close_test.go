package loaders

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// A read after Close fails, and does not call the data set damaged.
func TestReadAfterClose(t *testing.T) {
	f := newFixture(t)
	d, err := Open(t.Context(), f.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, readErr := ReadArray(t.Context(), a, nd.Whole(a.Shape()), make([]uint16, nd.Elements(a.Shape())))
	_, arrayErr := d.Array(t.Context(), "b", "raw", 0)
	_, sampleErr := d.Sample(t.Context(), "b")
	for what, err := range map[string]error{"read": readErr, "array": arrayErr, "sample": sampleErr} {
		if !errors.Is(err, fs.ErrClosed) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want that the data set is closed", what, err)
		}
	}
}

// flaky serves a folder and fails every request while it is broken.
type flaky struct {
	http.Handler
	broken  atomic.Bool
	stalled atomic.Bool
	close   func() // breaks the connections
}

func (s *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.broken.Load():
		http.Error(w, "broken", http.StatusInternalServerError)
	case s.stalled.Load():
		<-r.Context().Done()
	default:
		s.Handler.ServeHTTP(w, r)
	}
}

func serve(t *testing.T, dir string) (*flaky, string) {
	t.Helper()
	s := &flaky{Handler: http.FileServer(http.Dir(dir))}
	server := httptest.NewServer(s)
	s.close = server.CloseClientConnections
	t.Cleanup(server.Close)
	return s, server.URL + "/"
}

// A server that fails says nothing about the data set, which reads again once it is back.
func TestServerFails(t *testing.T) {
	f := newFixtureOf(t, farRaw)
	server, url := serve(t, f.dir)
	d, err := Open(t.Context(), url, Options{Store: store.Options{MaxRetries: 1, Backoff: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	region := nd.Whole(a.Shape())
	dst := make([]uint16, region.Elements())
	server.broken.Store(true)
	var status *store.StatusError
	if _, err := ReadArray(t.Context(), a, region, dst); !errors.As(err, &status) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "chunks/train-0000") {
		t.Errorf("error %v, want the server's status and the file", err)
	}
	server.broken.Store(false)
	if _, err := ReadArray(t.Context(), a, region, dst); err != nil {
		t.Error(err)
	}
}

// farRaw makes shards of chunks larger than what is fetched when they are opened.
func farRaw() []*volume {
	return []*volume{{
		Array: schemas.Array{Name: "raw", Role: schemas.RoleImage, Axes: "CZYX", Shape: []int64{3, 16, 64, 64},
			Chunk: []int64{3, 8, 16, 16}, DType: "uint16", Levels: 1},
		encoding: chunkcodec.Raw,
	}}
}

// Over HTTP a shard is opened by one request, the keys of a row group are one more, and so are
// the page index of a row group and the pages of a shard that lie together.
func TestRequests(t *testing.T) {
	f := newFixtureOf(t, farRaw)
	var requests atomic.Int64
	server, url := serve(t, f.dir)
	files := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		files.ServeHTTP(w, r)
	})
	count := func() int { return int(requests.Swap(0)) }
	d, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n, want := count(), 1+len(d.shards); n != want {
		t.Errorf("Open took %d requests, want %d", n, want)
	}
	groups := 0
	for _, s := range d.shardsOf("chunks", "train") {
		groups += len(s.groups(bound{"sample_id", "a"}))
	}
	a, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(); n > groups {
		t.Errorf("the array took %d requests for %d row groups", n, groups)
	}
	region := nd.Whole(a.Shape())
	if _, err := ReadArray(t.Context(), a, region, make([]uint16, region.Elements())); err != nil {
		t.Fatal(err)
	}
	// The indexes lie in what was fetched with the footers.
	shards := map[*shard]bool{}
	for _, r := range a.index.runs {
		shards[r.shard] = true
	}
	if n := count(); n != len(shards) {
		t.Errorf("the region took %d requests for %d pages in %d shards", n, len(a.index.chunks), len(shards))
	}
}

// A server that brings nothing does not outlast the context that the data set was opened with.
func TestCancelWhileServerStalls(t *testing.T) {
	f := newFixtureOf(t, farRaw)
	server, url := serve(t, f.dir)
	ctx, cancel := context.WithCancelCause(t.Context())
	d, err := Open(ctx, url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a, err := d.Array(ctx, "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	server.stalled.Store(true)
	cause := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
	done := make(chan error, 1)
	go func() {
		region := nd.Whole(a.Shape())
		_, err := ReadArray(ctx, a, region, make([]uint16, region.Elements()))
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, cause) {
			t.Errorf("error %v, want the cause", err)
		}
	case <-time.After(20 * time.Second): // the stall timeout is a minute
		t.Error("the read goes on")
	}
}

// Whatever happens, neither goroutines nor files are left.
func TestNoLeaks(t *testing.T) {
	f := newFixture(t)
	damaged := newFixture(t)
	remove(t, damaged.path(aShard))
	_, url := serve(t, f.dir)
	goroutines, files := runtime.NumGoroutine(), openFileCount(t)
	for range 3 {
		for _, location := range []string{f.dir, url, damaged.dir, filepath.Join(f.dir, "nothing"), filepath.Join(f.dir, "samples")} {
			useAndClose(t, location)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	waitGoroutines(t, goroutines)
	for deadline := time.Now().Add(20 * time.Second); openFileCount(t) > files; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d files are open, %d were before", openFileCount(t), files)
		}
	}
}

// waitGoroutines waits until there are no more goroutines than before.
func waitGoroutines(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// useAndClose opens a data set, where there is one, and leaves reading it early.
func useAndClose(t *testing.T, location string) {
	t.Helper()
	d, err := Open(t.Context(), location, Options{Workers: 4})
	if err != nil {
		return
	}
	for range d.Samples(t.Context(), SampleQuery{}) {
		break
	}
	a, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Microsecond, cancel)
	region := nd.Whole(a.Shape())
	_, _ = ReadArray(ctx, a, region, make([]uint16, region.Elements()))
	for range d.Instances(t.Context(), "a", "gt") {
		break
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// openFileCount counts the files this process has open, 0 where the system does not tell.
func openFileCount(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
