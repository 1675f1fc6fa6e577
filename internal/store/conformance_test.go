package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// TestStores runs one suite over every kind of store.
func TestStores(t *testing.T) {
	tree := t.TempDir()
	writeTree(t, tree, objects())
	deeper := map[string][]byte{"neighbour": []byte("not in the folder"), "inner-2/x": []byte("nor this")}
	for key, data := range objects() {
		deeper["in/inner/"+key] = data
	}
	kinds := map[string]func(t *testing.T) Store{
		"directory":      func(t *testing.T) Store { return open(t, tree, quick) },
		"file URL":       func(t *testing.T) Store { return open(t, "file://"+filepath.ToSlash(tree), quick) },
		"zip stored":     func(t *testing.T) Store { return open(t, writeZip(t, zip.Store, objects()), quick) },
		"zip deflated":   func(t *testing.T) Store { return open(t, writeZip(t, zip.Deflate, objects()), quick) },
		"HTTP directory": func(t *testing.T) Store { return open(t, serve(t, http.FileServer(http.Dir(tree))), quick) },
		"HTTP zip stored": func(t *testing.T) Store {
			return open(t, serve(t, serveBytes(zipOf(t, zip.Store, objects())))+"/release.zip?token=1", quick)
		},
		"HTTP zip deflated": func(t *testing.T) Store {
			return open(t, serve(t, serveBytes(zipOf(t, zip.Deflate, objects())))+"/download", quick)
		},
		"Sub of a zip": func(t *testing.T) Store {
			return Sub(open(t, writeZip(t, zip.Deflate, deeper), quick), "in/inner")
		},
		"Sub of a Sub of a directory": func(t *testing.T) Store {
			dir := t.TempDir()
			writeTree(t, dir, deeper)
			return Sub(Sub(open(t, dir, quick), "in/"), "inner/")
		},
	}
	for name, factory := range kinds {
		t.Run(name, func(t *testing.T) { testStore(t, factory(t)) })
	}
	t.Run("zip64", func(t *testing.T) { testPythonZips(t) })
}

func testStore(t *testing.T, s Store) {
	t.Run("Get", func(t *testing.T) { testGet(t, s) })
	t.Run("GetRange", func(t *testing.T) { testGetRange(t, s) })
	t.Run("List", func(t *testing.T) { testList(t, s) })
	t.Run("ReaderAt", func(t *testing.T) { testReaderAt(t, s) })
	t.Run("absent", func(t *testing.T) { testAbsent(t, s) })
	t.Run("bad keys", func(t *testing.T) { testBadKeys(t, s) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, s) })
	t.Run("cancelled", func(t *testing.T) { testCancelled(t, s) })
}

func testGet(t *testing.T, s Store) {
	ctx := context.Background()
	for key, want := range objects() {
		info, err := s.Stat(ctx, key)
		if err != nil || info.Key != key || info.Size != int64(len(want)) {
			t.Fatalf("Stat(%q) = %+v, %v; want size %d", key, info, err, len(want))
		}
		for range 2 { // the second time a zip knows where the data begins
			got, err := s.Get(ctx, key, []byte("before"), int64(len(want)))
			if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Fatalf("Get(%q) = %d bytes, %v; want %d", key, len(got), err, len(want))
			}
		}
		if len(want) == 0 {
			continue
		}
		dst := make([]byte, 1, 8)
		got, err := s.Get(ctx, key, dst, int64(len(want))-1)
		var large *TooLargeError
		if !errors.As(err, &large) || large.Limit != int64(len(want))-1 || len(got) != 1 {
			t.Fatalf("Get(%q) over its limit = %d bytes, %v", key, len(got), err)
		}
		if large.Size != int64(len(want)) || !strings.HasSuffix(large.Key, key) {
			t.Errorf("the error %+v does not name %q", large, key)
		}
	}
}

func testGetRange(t *testing.T, s Store) {
	ctx := context.Background()
	for key, data := range objects() {
		size := int64(len(data))
		for _, r := range [][2]int64{{0, 0}, {0, size}, {size, 0}, {size / 3, size / 2}, {size / 2, size - size/2}} {
			got, err := s.GetRange(ctx, key, r[0], r[1], []byte("x"))
			if err != nil || !bytes.Equal(got, append([]byte("x"), data[r[0]:r[0]+r[1]]...)) {
				t.Fatalf("GetRange(%q, %v) = %d bytes, %v", key, r, len(got), err)
			}
		}
		const most = 1<<63 - 1
		for _, r := range [][2]int64{{0, size + 1}, {size, 1}, {size + 1, 0}, {size + 5, 9}, {-1, 1}, {0, -1}, {most, most}, {1, most}} {
			_, err := s.GetRange(ctx, key, r[0], r[1], nil)
			var bad *RangeError
			if !errors.As(err, &bad) || bad.Size != size || !strings.HasSuffix(bad.Key, key) || bad.Off != r[0] || bad.N != r[1] {
				t.Fatalf("GetRange(%q, %v) = %v (%+v), want a RangeError with the size %d", key, r, err, bad, size)
			}
		}
	}
}

func testList(t *testing.T, s Store) {
	ctx := context.Background()
	for _, prefix := range []string{"", "volumes/", "volumes/raw/", "Case/", "absent/", ".zgroup/"} {
		got, err := s.List(ctx, prefix)
		if errors.Is(err, ErrNoList) {
			if _, _, remote := Stats(s); !remote {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, key := range sortedKeys(objects()) {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		var keys []string
		for _, info := range got {
			keys = append(keys, info.Key)
			if info.Size != int64(len(objects()[info.Key])) || info.Stored > info.Size+100 {
				t.Errorf("List says %+v of an object of %d bytes", info, len(objects()[info.Key]))
			}
		}
		if !slices.Equal(keys, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, keys, want)
		}
	}
	for _, prefix := range []string{"volumes", "/", "../", "volumes/../", "a//"} {
		if got, err := s.List(ctx, prefix); !errors.Is(err, ErrInvalidKey) && !errors.Is(err, ErrNoList) {
			t.Errorf("List(%q) = %v, %v, want ErrInvalidKey", prefix, got, err)
		}
	}
}

func testReaderAt(t *testing.T, s Store) {
	for key, data := range objects() {
		r, size, err := ReaderAt(context.Background(), s, key)
		if err != nil || size != int64(len(data)) {
			t.Fatalf("ReaderAt(%q): size %d, %v", key, size, err)
		}
		got, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q: read %d bytes, %v", key, len(got), err)
		}
		if n, err := r.ReadAt(make([]byte, 10), size-min(size, 4)); err != io.EOF || int64(n) != min(size, 4) {
			t.Errorf("%q: reading over the end gives %d, %v", key, n, err)
		}
		if n, err := r.ReadAt(make([]byte, 10), size+10); err != io.EOF || n != 0 {
			t.Errorf("%q: reading behind the end gives %d, %v", key, n, err)
		}
		if n, err := r.ReadAt(make([]byte, 1), -1); err == nil || n != 0 {
			t.Errorf("%q: reading before the beginning gives %d, %v", key, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testAbsent(t *testing.T, s Store) {
	ctx := context.Background()
	for _, key := range []string{"nothing", "volumes/raw/9.9.9", ".zgroup/below/a/file", "VOLUMES/empty", "volumes/raw"} {
		if key == "volumes/raw" && strings.HasPrefix(s.String(), "http") && !strings.Contains(s.String(), "/release") {
			continue // a web server has a page for a folder
		}
		_, statErr := s.Stat(ctx, key)
		_, getErr := s.Get(ctx, key, nil, 1<<20)
		_, rangeErr := s.GetRange(ctx, key, 0, 1, nil)
		_, _, openErr := ReaderAt(ctx, s, key)
		for i, err := range []error{statErr, getErr, rangeErr, openErr} {
			if !errors.Is(err, ErrNotExist) {
				t.Errorf("%q, reader %d: %v, want ErrNotExist", key, i, err)
			} else if !strings.Contains(err.Error(), key) {
				t.Errorf("%q, reader %d: %v does not name the key", key, i, err)
			}
		}
	}
}

func testBadKeys(t *testing.T, s Store) {
	ctx := context.Background()
	for _, key := range []string{"", ".", "..", "/", "/volumes/empty", "volumes/", "volumes//empty", "./volumes/empty", "../x",
		"volumes/../volumes/empty", "volumes/./empty", "a\x00b"} {
		_, statErr := s.Stat(ctx, key)
		_, getErr := s.Get(ctx, key, nil, 1<<20)
		_, rangeErr := s.GetRange(ctx, key, 0, 0, nil)
		_, _, openErr := ReaderAt(ctx, s, key)
		for i, err := range []error{statErr, getErr, rangeErr, openErr} {
			if !errors.Is(err, ErrInvalidKey) {
				t.Errorf("%q, reader %d: %v, want ErrInvalidKey", key, i, err)
			}
		}
	}
}

func testConcurrent(t *testing.T, s Store) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var buf []byte
			for key, want := range objects() {
				var err error
				if buf, err = s.Get(context.Background(), key, buf[:0], 1<<20); err != nil || !bytes.Equal(buf, want) {
					t.Errorf("Get(%q): %d bytes, %v", key, len(buf), err)
				}
			}
		})
	}
	all.Wait()
}

func testCancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	const key = "volumes/raw/0.0.0"
	_, statErr := s.Stat(ctx, key)
	_, getErr := s.Get(ctx, key, nil, 1<<20)
	_, rangeErr := s.GetRange(ctx, key, 0, 1, nil)
	for i, err := range []error{statErr, getErr, rangeErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("reader %d: %v, want context.Canceled", i, err)
		}
	}
	if _, err := s.List(ctx, ""); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrNoList) {
		t.Errorf("List: %v, want context.Canceled", err)
	}
}

// testPythonZips reads archives that Python's zipfile wrote, locally and remotely.
func testPythonZips(t *testing.T) {
	python := oracle.Python(t)
	dir := t.TempDir()
	var archives map[string]map[string][2]int64
	decodeJSON(t, oracle.Run(t, python, "testdata/zips.py", dir), &archives)
	if len(archives) < 8 {
		t.Fatalf("only %d archives", len(archives))
	}
	url := serve(t, http.FileServer(http.Dir(dir)))
	for name, entries := range archives {
		t.Run(name, func(t *testing.T) {
			compareZip(t, open(t, filepath.Join(dir, name), quick), entries, len(entries))
			compareZip(t, open(t, url+"/"+name, quick), entries, 50)
		})
	}
}
