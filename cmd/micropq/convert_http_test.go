package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// bytesServed counts the bytes of bodies.
type bytesServed struct {
	http.Handler
	n atomic.Int64
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countingWriter) Write(p []byte) (int, error) {
	w.n.Add(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

func (s *bytesServed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Handler.ServeHTTP(countingWriter{w, &s.n}, r)
}

func serveFolder(t *testing.T, dir string) (*bytesServed, string) {
	t.Helper()
	s := &bytesServed{Handler: http.FileServer(http.Dir(dir))}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// One sample of a remote archive takes its own bytes and the archive's directory.
func TestConvertFetchesOneSample(t *testing.T) {
	dir := release(t, fisbegen.Options{Samples: 2, Shape: []int{3, 48, 120, 120}, Neurons: 3, Zip: true, Compressor: "none", Seed: 6})
	archives, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives %v, %v", archives, err)
	}
	info, err := os.Stat(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(dir, "completely", "*", "*.zarr"))
	if err != nil || len(samples) != 2 {
		t.Fatalf("samples %v, %v", samples, err)
	}
	server, url := serveFolder(t, dir)
	name := strings.TrimSuffix(filepath.Base(samples[0]), ".zarr")
	out := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", url+"/"+filepath.Base(archives[0]), out, "--sample", name)
	own := bytesBelow(t, samples[0])
	t.Logf("fetched %d bytes of an archive of %d for a sample of %d", server.n.Load(), info.Size(), own)
	if n := server.n.Load(); n < own*9/10 || n > own+own/10+128<<10 {
		t.Errorf("fetched %d bytes for a sample of %d", n, own)
	}
	if info.Size() < own*19/10 {
		t.Errorf("an archive of %d bytes is too small to tell", info.Size())
	}
	server.n.Store(0)
	must(t, "convert", "fisbe", url+"/"+filepath.Base(archives[0]), filepath.Join(t.TempDir(), "dry"), "--dry-run")
	if n := server.n.Load(); n > 256<<10 {
		t.Errorf("a dry run fetched %d bytes", n)
	}
}

func bytesBelow(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The real crop over HTTP gives what its file gives.
func TestConvertRealCropOverHTTP(t *testing.T) {
	src := oracle.Sample(t, crop)
	_, url := serveFolder(t, filepath.Dir(src))
	sameTree(t, convertedRows(t, url+"/"+filepath.Base(src)), convertedRows(t, src))
}

// A data set is read over HTTP as from its folder.
func TestReadOverHTTP(t *testing.T) {
	dst := converted(t)
	server, url := serveFolder(t, dst)
	line := []string{"--sample", smallestSample, "--format", "raw", "-o", "-"}
	if got, want := must(t, append([]string{"read", url}, line...)...), must(t, append([]string{"read", dst}, line...)...); got != want {
		t.Error("other elements")
	}
	if got, want := must(t, "inspect", url), must(t, "inspect", dst); got != want {
		t.Errorf("inspect says\n%s\nof the folder\n%s", got, want)
	}
	if server.n.Load() == 0 {
		t.Error("nothing was fetched")
	}
}

// Every line of a JSON report is an event, from start to done, and bytes never go back.
func TestProgressJSON(t *testing.T) {
	code, _, stderr := call(t, "convert", "fisbe", smallest, filepath.Join(t.TempDir(), "out"), "--progress", "json", "--json")
	if code != codeDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var events []progress.Event
	for lines := bufio.NewScanner(strings.NewReader(stderr)); lines.Scan(); {
		var e progress.Event
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		events = append(events, e)
	}
	if len(events) < 2 || events[0].Event != progress.EventStart || events[len(events)-1].Event != progress.EventDone {
		t.Fatalf("events %+v", events)
	}
	last := int64(0)
	for _, e := range events {
		if e.Run == nil {
			continue
		}
		if e.Bytes < last || e.Total == nil || e.Bytes > *e.Total {
			t.Errorf("%+v after %d bytes", e.Run, last)
		}
		last = e.Bytes
	}
	if last == 0 || last != *events[0].Total {
		t.Errorf("%d bytes at the end of %d", last, *events[0].Total)
	}
}
