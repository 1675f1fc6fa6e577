package store

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata/malformed")

// noise is n bytes that do not compress.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// objects is what every store of the conformance suite holds.
func objects() map[string][]byte {
	return map[string][]byte{
		".zgroup":                       []byte(`{"zarr_format":2}`),
		"volumes/raw/.zarray":           []byte(`{"shape":[3,50,50,50]}`),
		"volumes/raw/0.0.0":             noise(200_000, 1),
		"volumes/raw/0.0.1":             bytes.Repeat([]byte("compressible "), 20_000),
		"volumes/raw-2/0":               []byte("x"),
		"volumes/empty":                 {},
		"odd/a b%20c?d#e+f&g=h;i:j@k/ü": []byte("escaped"),
		"Case/key":                      []byte("upper"),
		"case/key":                      []byte("lower"),
	}
}

func sortedKeys(m map[string][]byte) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func writeTree(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for key, data := range files {
		name := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func zipOf(t testing.TB, method uint16, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	if _, err := w.Create("volumes/"); err != nil {
		t.Fatal(err)
	}
	for _, key := range sortedKeys(files) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: key, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(files[key]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func writeZip(t testing.TB, method uint16, files map[string][]byte) string {
	t.Helper()
	// Recognised by its content, whatever its name.
	name := filepath.Join(t.TempDir(), "archive.bin")
	if err := os.WriteFile(name, zipOf(t, method, files), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// serveBytes serves one object with ranges and an ETag.
func serveBytes(data []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// quick makes retries fast.
var quick = Options{Backoff: time.Millisecond}

func open(t testing.TB, location string, o Options) Store {
	t.Helper()
	s, err := Open(context.Background(), location, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing %s: %v", s, err)
		}
	})
	return s
}

// bytesSource is an archive in memory.
type bytesSource []byte

func (b bytesSource) size() int64  { return int64(len(b)) }
func (b bytesSource) Close() error { return nil }
func (b bytesSource) readAt(_ context.Context, p []byte, off int64) error {
	return readFull(bytes.NewReader(b), p, off)
}

// checkGoroutines fails the test when more goroutines run at its end than at its start.
func checkGoroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d at the start:\n%s", runtime.NumGoroutine(), before,
					stacks[:runtime.Stack(stacks, true)])
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}
