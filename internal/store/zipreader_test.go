package store

import (
	"archive/zip"
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A large deflated entry is read at any place, here and behind a URL, without being held.
func TestDeflatedReader(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 12<<20)
	for i := range data {
		data[i] = byte(i/1000) + byte(r.IntN(4))
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.zip", time.Unix(1e9, 0), bytes.NewReader(b.Bytes()))
	}))
	defer server.Close()
	for _, location := range []string{path, server.URL + "/a.zip"} {
		s, err := Open(t.Context(), location, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		in, size, err := ReaderAt(t.Context(), s, "large")
		if err != nil || size != int64(len(data)) {
			t.Fatal(size, err)
		}
		if _, ok := in.(*deflated); !ok {
			t.Errorf("%s: the reader is a %T", location, in)
		}
		for range 40 {
			off := r.IntN(len(data))
			p := make([]byte, min(r.IntN(300_000), len(data)-off))
			if n, err := in.ReadAt(p, int64(off)); n < len(p) || !bytes.Equal(p, data[off:off+n]) {
				t.Fatalf("%s: %d bytes of %d at %d: %v", location, n, len(p), off, err)
			}
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDeflatedReaderDamaged(t *testing.T) {
	data := make([]byte, 5<<20)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("large")
	if err != nil {
		t.Fatal(err)
	}
	f.Write(data)
	w.Close()
	bad := bytes.Clone(b.Bytes())
	at := bytes.Index(bad, []byte("PK\x01\x02"))
	bad[at+16] ^= 1 // the CRC-32 of the directory
	path := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(path, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, size, err := ReaderAt(t.Context(), s, "large")
	if err != nil {
		t.Fatal(err)
	}
	var a *ArchiveError
	if _, err := in.ReadAt(make([]byte, size), 0); !errors.As(err, &a) {
		t.Errorf("a wrong checksum: %v, want an *ArchiveError", err)
	}
}
