package tiffio

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// giant is an image in one Deflate strip of 48 MiB, and its pixels.
func giant(t testing.TB) (file, pixels []byte) {
	t.Helper()
	const w, h = 6144, 8192
	pixels = make([]byte, w*h)
	rng := rand.New(rand.NewPCG(1, 2))
	for y := 0; y < h; y += 1 + rng.IntN(3) {
		for x := range 400 {
			pixels[y*w+(x*15+y)%w] = byte(rng.Uint32())
		}
	}
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, 1)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(pixels)
	z.Close()
	return one(false, b.Bytes(), func(at uint64) []field { return grey(w, h, at, uint64(b.Len()), longs(tagCompression, 8)) }), pixels
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// object is what OnObject is told.
type object struct {
	off  int64
	size int
}

func window(y, x, h, w int) nd.Region { return nd.Region{Origin: []int{y, x}, Shape: []int{h, w}} }

// A large strip is decoded once for all tiles of a schedule, and a later reader that begins
// far down goes on from where an earlier one came by; what OnObject is told does not depend
// on it.
func TestGiantStrip(t *testing.T) {
	file, pixels := giant(t)
	in := &counted{ReaderAt: bytes.NewReader(file)}
	f := must(Open(t.Context(), in, int64(len(file)), "giant.tif"))
	a := must(f.pages[0].Array())
	if p := f.pages[0].bands(limits{}); p.perSeg < 10 {
		t.Fatalf("%d bands", p.perSeg)
	}
	all := nd.Dense(pixels, a.Shape(), 1)
	read := func(r *Reader, i int, region nd.Region) {
		t.Helper()
		got := nd.Dense(make([]byte, region.Elements()), region.Shape, 1)
		want := nd.Dense(make([]byte, region.Elements()), region.Shape, 1)
		if err := r.Read(t.Context(), i, got); err != nil {
			t.Fatal(err)
		}
		if nd.Copy(want, all.Slice(region)); !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("region %v differs", region)
		}
	}
	var tiles []nd.Region
	for y := 0; y < 8192; y += 1024 {
		for x := 0; x < 6144; x += 1024 {
			tiles = append(tiles, window(y, x, 1024, 1024))
		}
	}
	var peak int64
	before := in.n.Load()
	r := must(a.NewReader(ReaderOptions{Schedule: tiles, Budget: 8 << 20}))
	for i, region := range tiles {
		read(r, i, region)
		peak = max(peak, r.held)
	}
	r.Close()
	if n := in.n.Load() - before; n > int64(len(file)) {
		t.Errorf("tiles in row order read %d bytes of a file of %d", n, len(file))
	}
	if peak > 8<<20 {
		t.Errorf("%d bytes were held", peak)
	}
	// Far down, and back again.
	var told [2][]object
	for k := range told {
		before = in.n.Load()
		o := ReaderOptions{Schedule: []nd.Region{window(8000, 0, 100, 6144), window(10, 10, 5, 5), window(4000, 7, 300, 5000)}}
		if k > 0 {
			o.OnObject = func(_ string, off int64, encoded []byte) { told[0] = append(told[0], object{off, len(encoded)}) }
		}
		r := must(a.NewReader(o))
		for i, region := range o.Schedule {
			read(r, i, region)
		}
		r.Close()
		if n := in.n.Load() - before; k == 0 && n > int64(len(file)) {
			t.Errorf("three windows read %d bytes of a file of %d", n, len(file))
		}
	}
	fresh := must(must(Open(t.Context(), in, int64(len(file)), "giant.tif")).pages[0].Array())
	r = must(fresh.NewReader(ReaderOptions{Schedule: []nd.Region{window(8000, 0, 100, 6144)},
		OnObject: func(_ string, off int64, encoded []byte) { told[1] = append(told[1], object{off, len(encoded)}) }}))
	read(r, 0, window(8000, 0, 100, 6144))
	if fmt.Sprint(told[0]) != fmt.Sprint(told[1]) {
		t.Errorf("told of %v from points, of %v from the beginning", told[0], told[1])
	}
}

// A strip that is damaged far down gives what comes before it, then says so; a cancelled
// context ends a read within a band.
func TestGiantStripFails(t *testing.T) {
	file, pixels := giant(t)
	f := must(Open(t.Context(), bytes.NewReader(file), int64(len(file)), "giant.tif"))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stop := errors.New("stop")
	rows := 0
	for b, err := range must(f.pages[0].Array()).Bands(ctx) {
		if err != nil {
			if !errors.Is(err, stop) {
				t.Errorf("cancelled: %v", err)
			}
			break
		}
		if rows += b.Region.Shape[0]; rows > 1000 {
			cancel(stop)
		}
	}
	if rows > 2000 {
		t.Errorf("%d rows were read after the context was cancelled at 1000", rows)
	}
	bad := bytes.Clone(file)
	clear(bad[len(bad)*2/3 : len(bad)*2/3+100])
	f = must(Open(t.Context(), bytes.NewReader(bad), int64(len(bad)), "giant.tif"))
	var failed error
	at := 0
	for b, err := range must(f.pages[0].Array()).Bands(t.Context()) {
		if err != nil {
			failed = err
			break
		}
		n := len(b.View.Data)
		if at < len(pixels)/2 && !bytes.Equal(b.View.Data, pixels[at:at+n]) {
			t.Fatal("what comes before the damage differs")
		}
		at += n
	}
	if !errors.Is(failed, ErrCorrupt) || at < len(pixels)/3 {
		t.Errorf("%d bytes, then %v", at, failed)
	}
}

// A file reads the same from a folder, from a zip archive, packed or not, and from behind a URL.
func TestOpenStore(t *testing.T) {
	file, pixels := giant(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "giant.tif"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for method, name := range map[uint16]string{zip.Store: "stored/giant.tif", zip.Deflate: "packed/giant.tif"} {
		e := must(w.CreateHeader(&zip.FileHeader{Name: name, Method: method}))
		must(e.Write(file))
	}
	w.Close()
	archive := filepath.Join(dir, "a.zip")
	if err := os.WriteFile(archive, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.zip", time.Unix(1e9, 0), bytes.NewReader(b.Bytes()))
	}))
	defer server.Close()
	for _, c := range [][2]string{{dir, "giant.tif"}, {archive, "stored/giant.tif"}, {archive, "packed/giant.tif"},
		{server.URL + "/a.zip", "stored/giant.tif"}, {server.URL + "/a.zip", "packed/giant.tif"}} {
		s := must(store.Open(t.Context(), c[0], store.Options{}))
		f, err := OpenStore(t.Context(), s, c[1])
		if err != nil {
			t.Fatal(err)
		}
		got, err := must(f.pages[0].Array()).ReadAll(t.Context(), 1<<30)
		if err != nil || !bytes.Equal(got, pixels) {
			t.Errorf("%s in %s: pixels differ, %v", c[1], c[0], err)
		}
		if err := errors.Join(f.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}
