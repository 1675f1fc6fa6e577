package store

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
)

// TestOneSample draws one sample out of a remote archive: it costs one request an object
// and little more than the sample's bytes.
func TestOneSample(t *testing.T) {
	files := map[string][]byte{}
	all := noise(10_000_000, 1)
	for sample := range 100 {
		for chunk := range 10 {
			files[fmt.Sprintf("train/s%03d.zarr/%d", sample, chunk)] = all[(sample*10+chunk)*10_000:][:10_000]
		}
	}
	for name, method := range map[string]uint16{"stored": zip.Store, "deflated": zip.Deflate} {
		t.Run(name, func(t *testing.T) {
			data := zipOf(t, method, files)
			s := open(t, serve(t, serveBytes(data))+"/release.zip", quick)
			opening, openBytes, ok := Stats(s)
			if !ok || opening > 2 || openBytes > 2*remoteTail+1000*80 {
				t.Errorf("opening: %d requests, %d bytes", opening, openBytes)
			}
			sample := Sub(s, "train/s042.zarr")
			found, err := sample.List(context.Background(), "")
			if err != nil || len(found) != 10 {
				t.Fatalf("%d objects, %v", len(found), err)
			}
			for _, info := range found {
				got, err := sample.Get(context.Background(), info.Key, nil, 1<<20)
				if err != nil || !bytes.Equal(got, files["train/s042.zarr/"+info.Key]) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			}
			requests, received, _ := Stats(sample)
			if requests-opening != 10 || received-openBytes > 10*(10_000+200) {
				t.Errorf("10 objects of 10000 bytes: %d requests, %d bytes", requests-opening, received-openBytes)
			}
		})
	}
}

// TestLongLocalExtra reads a remote entry whose local header is longer than was guessed.
func TestLongLocalExtra(t *testing.T) {
	want := noise(100_000, 3)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	// CreateHeader writes Extra to both headers; it is then cut out of the directory's.
	h := &zip.FileHeader{Name: "entry", Method: zip.Store, Extra: append([]byte{0xfe, 0xca, 0xe8, 0x03}, make([]byte, 1000)...)}
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(want)
	h.Extra = nil
	f, err = w.CreateHeader(&zip.FileHeader{Name: "padding", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	f.Write(noise(200_000, 4))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, serve(t, serveBytes(buf.Bytes()))+"/x.zip", quick)
	before, _, _ := Stats(s)
	got, err := s.Get(context.Background(), "entry", nil, 1<<20)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if after, _, _ := Stats(s); after-before != 2 {
		t.Errorf("%d requests, want 2: one and the rest", after-before)
	}
}

// TestReaderAtTail asks that opening a remote object brings its last bytes, where a Parquet
// footer lies.
func TestReaderAtTail(t *testing.T) {
	data := noise(1_000_000, 1)
	s := open(t, serve(t, serveBytes(data))+"/", quick)
	r, size, err := ReaderAt(context.Background(), s, "x.parquet")
	if err != nil || size != 1_000_000 {
		t.Fatal(size, err)
	}
	p := make([]byte, 1000)
	if n, err := r.ReadAt(p, size-1000); n != 1000 || err != nil || !bytes.Equal(p, data[size-1000:]) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if requests, _, _ := Stats(s); requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
	if n, err := r.ReadAt(p, 5000); n != 1000 || err != nil || !bytes.Equal(p, data[5000:6000]) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestLargeArchive reads entries beyond 4 GiB, whose sizes and places stand in zip64 fields.
func TestLargeArchive(t *testing.T) {
	const big = 5<<30 + 7
	src := &holes{}
	w := zip.NewWriter(src)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "big", Method: zip.Store, CompressedSize64: big, UncompressedSize64: big})
	if err != nil {
		t.Fatal(err)
	}
	for left := int64(big - 3); left > 0; left -= int64(len(nothing)) {
		f.Write(nothing[:min(left, int64(len(nothing)))])
	}
	f.Write([]byte("end"))
	if f, err = w.CreateHeader(&zip.FileHeader{Name: "behind", Method: zip.Deflate}); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("behind it"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := openArchive(context.Background(), src, "x.zip", false)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := z.Get(context.Background(), "behind", nil, 100); err != nil || string(got) != "behind it" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := z.GetRange(context.Background(), "big", big-4, 4, nil); err != nil || string(got) != "\x00end" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := z.Stat(context.Background(), "big"); err != nil || info.Size != big {
		t.Errorf("%+v, %v", info, err)
	}
}

var nothing = make([]byte, 8<<20)

// holes is an archive in memory that keeps no runs of zeros.
type holes struct {
	length int64
	parts  []part
}

type part struct {
	off  int64
	data []byte
}

func (h *holes) Write(p []byte) (int, error) {
	if len(p) > len(nothing) || !bytes.Equal(p, nothing[:len(p)]) {
		h.parts = append(h.parts, part{h.length, bytes.Clone(p)})
	}
	h.length += int64(len(p))
	return len(p), nil
}

func (h *holes) size() int64  { return h.length }
func (h *holes) Close() error { return nil }
func (h *holes) readAt(_ context.Context, p []byte, off int64) error {
	if off+int64(len(p)) > h.length {
		return io.ErrUnexpectedEOF
	}
	clear(p)
	for _, part := range h.parts {
		from, to := max(off, part.off), min(off+int64(len(p)), part.off+int64(len(part.data)))
		if from < to {
			copy(p[from-off:], part.data[from-part.off:to-part.off])
		}
	}
	return nil
}

// TestKeepsConnections asks that absent chunks, of which a sparse array has many, do not
// cost a connection each.
func TestKeepsConnections(t *testing.T) {
	var mu sync.Mutex
	remotes := map[string]bool{}
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		remotes[r.RemoteAddr] = true
		mu.Unlock()
		http.NotFound(w, r)
	}))+"/", quick)
	for range 10 {
		s.Get(context.Background(), "chunk", nil, 10)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(remotes) != 1 {
		t.Errorf("%d connections for 10 requests", len(remotes))
	}
}
