package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadRanges asks that a server that answers another question than it was asked is not
// believed.
func TestBadRanges(t *testing.T) {
	for _, contentRange := range []string{"", "bytes", "bytes 0-9/100", "bytes 10-30/100", "bytes 10-9/100", "bytes 10-19/15",
		"bytes x-19/100", "bytes 10-/100", "bytes 10-19", "bytes -10-19/100", "items 10-19/100", "bytes 10-18/100"} {
		s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(make([]byte, 10))
		}))+"/", quick)
		got, err := s.GetRange(context.Background(), "key", 10, 10, nil)
		if err == nil || len(got) != 0 || !strings.Contains(err.Error(), "Content-Range") {
			t.Errorf("Content-Range %q for bytes 10-19: %d bytes, %v", contentRange, len(got), err)
		}
	}
}

// TestUnknownTotal reads a range of an object whose size the server does not tell.
func TestUnknownTotal(t *testing.T) {
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", "bytes 10-19/*")
		w.WriteHeader(http.StatusPartialContent)
		w.Write([]byte("0123456789"))
	}))+"/", quick)
	if got, err := s.GetRange(context.Background(), "key", 10, 10, nil); err != nil || string(got) != "0123456789" {
		t.Errorf("%q, %v", got, err)
	}
	if _, _, err := ReaderAt(context.Background(), s, "key"); err == nil {
		t.Error("a reader without a size")
	}
}

// TestStatWithoutHead asks for sizes where HEAD is refused or tells no length.
func TestStatWithoutHead(t *testing.T) {
	for name, head := range map[string]func(w http.ResponseWriter){
		"405":       func(w http.ResponseWriter) { w.WriteHeader(405) },
		"501":       func(w http.ResponseWriter) { w.WriteHeader(501) },
		"no length": func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{0, 1, 1000} {
				s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodHead {
						head(w)
						return
					}
					serveBytes(make([]byte, size)).ServeHTTP(w, r)
				}))+"/", quick)
				if info, err := s.Stat(context.Background(), "key"); err != nil || info.Size != int64(size) {
					t.Errorf("%+v, %v; want %d bytes", info, err, size)
				}
			}
		})
	}
}

// TestReaderOfAnyStore reads through a store of another package.
func TestReaderOfAnyStore(t *testing.T) {
	dir := t.TempDir()
	data := noise(1000, 1)
	writeTree(t, dir, map[string][]byte{"key": data})
	s := struct{ Store }{open(t, dir, Options{})}
	r, size, err := ReaderAt(context.Background(), s, "key")
	if err != nil || size != 1000 {
		t.Fatal(size, err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(r, 0, 2000)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, _, err := ReaderAt(context.Background(), s, "absent"); !errors.Is(err, ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
}

// TestNoRegularFile asks that what is no file is refused, not waited for, and not listed.
func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Skip("no sockets here:", err)
	}
	defer l.Close()
	s := open(t, dir, Options{})
	if _, err := s.Get(context.Background(), "socket", nil, 10); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("%v", err)
	}
	if found, err := s.List(context.Background(), ""); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}
