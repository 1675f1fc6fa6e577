package store

import (
	"archive/zip"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.zip")
	if err := os.WriteFile(text, []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	missing := serve(t, http.NotFoundHandler())
	for _, c := range []struct {
		location, says string
		is             error
	}{
		{"", "location is empty", nil},
		{filepath.Join(dir, "absent"), "no directory and no zip archive at " + filepath.Join(dir, "absent"), fs.ErrNotExist},
		{"absent/relative.zip", string(filepath.Separator) + filepath.Join("store", "absent", "relative.zip"), fs.ErrNotExist},
		{"file:///absent/file", "/absent/file", fs.ErrNotExist},
		{"file://host/x", "file:///path", nil},
		{"s3://bucket/x", `scheme "s3" is not supported`, nil},
		{text, "truncated, or not a zip", nil},
		{os.DevNull, "neither a directory nor a zip", nil},
		{missing + "/x.zip", "404 Not Found", fs.ErrNotExist},
		{"http:///x", "not a valid URL", nil},
	} {
		_, err := Open(context.Background(), c.location, quick)
		if err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("Open(%q) = %v, want %q", c.location, err, c.says)
		}
	}
}

// TestSecrets asks that what a URL keeps secret shows up nowhere.
func TestSecrets(t *testing.T) {
	var sawUser, sawToken atomic.Bool
	data := zipOf(t, zip.Store, objects())
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		sawUser.Store(password == "SECRET")
		sawToken.Store(r.URL.Query().Get("sig") == "SECRET")
		if strings.HasSuffix(r.URL.Path, ".zip") {
			serveBytes(data).ServeHTTP(w, r)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	secret := strings.Replace(url, "://", "://user:SECRET@", 1)
	o := Options{MaxRetries: 1, Backoff: time.Millisecond}
	var said []string
	for _, location := range []string{secret + "/folder/?sig=SECRET", secret + "/x.zip?sig=SECRET"} {
		s := open(t, location, o)
		said = append(said, s.String(), Sub(s, "x").String())
		_, err := s.Stat(context.Background(), "absent")
		said = append(said, err.Error())
		_, err = s.Get(context.Background(), "absent", nil, 10)
		said = append(said, err.Error())
		_, _, err = ReaderAt(context.Background(), s, "absent")
		said = append(said, err.Error())
		_, err = s.List(context.Background(), "wrong")
		said = append(said, err.Error())
	}
	if !sawUser.Load() || !sawToken.Load() {
		t.Errorf("the server saw the password: %v, the signature: %v", sawUser.Load(), sawToken.Load())
	}
	for _, location := range []string{secret + ":bad/x", "http://user:SECRET@host:port/", "http://user:SECRET@%zz/x?sig=SECRET",
		"s3://user:SECRET@bucket/x?sig=SECRET", "http://user:SECRET@127.0.0.1:1/x.zip?sig=SECRET"} {
		_, err := Open(context.Background(), location, o)
		if err == nil {
			t.Fatalf("%q opens", location)
		}
		said = append(said, err.Error())
	}
	for _, s := range said {
		if strings.Contains(s, "SECRET") || strings.Contains(s, "user") {
			t.Errorf("secret in %q", s)
		}
	}
}

// TestDirectoryStays asks that no key and no link leads out of the directory, and that
// links inside of it work.
func TestDirectoryStays(t *testing.T) {
	top := t.TempDir()
	writeTree(t, top, map[string][]byte{"in/sub/data": []byte("data"), "out/secret": []byte("secret")})
	in := filepath.Join(top, "in")
	for link, target := range map[string]string{
		"link": filepath.Join("sub", "data"), "folder": "sub",
		"escape": filepath.Join("..", "out", "secret"), "escape-folder": filepath.Join("..", "out"),
		"dangling": "nothing",
	} {
		if err := os.Symlink(target, filepath.Join(in, link)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	s := open(t, in, Options{})
	ctx := context.Background()
	for _, key := range []string{"link", "folder/data", "sub/data"} {
		if got, err := s.Get(ctx, key, nil, 10); err != nil || string(got) != "data" {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	for _, key := range []string{"escape", "escape-folder/secret"} {
		if got, err := s.Get(ctx, key, nil, 10); err == nil || len(got) != 0 || errors.Is(err, ErrNotExist) {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if _, err := s.Get(ctx, "dangling", nil, 10); err == nil || errors.Is(err, ErrNotExist) {
		t.Errorf("a link to nothing is no absent object: %v", err)
	}
	if _, err := s.List(ctx, ""); err == nil || !strings.Contains(err.Error(), "in/") {
		t.Errorf("listing a link that leads out: %v", err)
	}
	for _, link := range []string{"escape", "escape-folder", "dangling"} {
		os.Remove(filepath.Join(in, link))
	}
	found, err := s.List(ctx, "")
	if err != nil || len(found) != 3 || found[0].Key != "folder/data" || found[1].Key != "link" || found[1].Size != 4 {
		t.Errorf("%+v, %v", found, err)
	}
	if err := os.Symlink(".", filepath.Join(in, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(ctx, ""); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("a loop of links: %v", err)
	}
}

// TestDirectoryReader asks that an object of a directory is the open file.
func TestDirectoryReader(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string][]byte{"a/b": []byte("x")})
	r, _, err := ReaderAt(context.Background(), Sub(open(t, dir, Options{}), "a"), "b")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(fileReader); !ok {
		t.Errorf("%T, want the file", r)
	}
}
