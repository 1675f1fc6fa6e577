package loaders

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/nd"
)

func TestReadEqualsSource(t *testing.T) {
	f := newFixture(t)
	for _, o := range []Options{{}, {Workers: 1}, {Workers: 5, VerifyDigest: true}, {IndexMemory: 1}} {
		d := f.open(t, o)
		r := rand.New(rand.NewPCG(1, 2))
		for sample, volumes := range f.volumes {
			for _, v := range volumes {
				for level := range int(v.Levels) {
					checkRegions(t, d, r, sample, v, level)
				}
			}
		}
	}
}

func checkRegions(t *testing.T, d *Dataset, r *rand.Rand, sample string, v *volume, level int) {
	t.Helper()
	a, err := d.Array(t.Context(), sample, v.Name, level)
	if err != nil {
		t.Fatal(err)
	}
	size := a.DType().Size()
	for range 20 {
		region := randomRegion(r, a.Shape())
		got := bytes.Repeat([]byte{0xaa}, region.Elements()*size)
		stats, err := a.Read(t.Context(), region, nd.Dense(got, region.Shape, size))
		if err != nil {
			t.Fatalf("%s %s level %d %v: %v", sample, v.Name, level, region, err)
		}
		if !bytes.Equal(got, v.want(level, region)) {
			t.Fatalf("%s %s level %d %v: elements differ from the source", sample, v.Name, level, region)
		}
		if stats.Requested != int64(len(got)) || stats.EmptyChunks > stats.Chunks || stats.Read < stats.Payload {
			t.Errorf("%s %s level %d %v: %+v", sample, v.Name, level, region, stats)
		}
	}
}

// A view need not be dense: the elements between must stay.
func TestReadIntoStrides(t *testing.T) {
	f := newFixture(t)
	a, err := f.open(t, Options{}).Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	r := Region{Origin: []int{0, 3, 5, 7}, Shape: []int{3, 10, 12, 9}}
	outer := []int{3, 14, 15, 13}
	got := bytes.Repeat([]byte{0xaa}, nd.Elements(outer)*2)
	want := bytes.Clone(got)
	at := Region{Origin: []int{0, 2, 1, 3}, Shape: r.Shape}
	nd.Copy(nd.Dense(want, outer, 2).Slice(at), f.volume("a", "raw").view(0).Slice(r))
	if _, err := a.Read(t.Context(), r, nd.Dense(got, outer, 2).Slice(at)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("elements differ")
	}
}

func TestReadRegionTypes(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	q := Query{Sample: "a", Array: "raw", Region: Region{Origin: []int{1, 2, 3, 4}, Shape: []int{2, 3, 4, 5}}}
	dst := make([]uint16, 120)
	if _, err := ReadRegion(t.Context(), d, q, dst); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(asBytes(dst), f.volume("a", "raw").want(0, q.Region)) {
		t.Error("elements differ")
	}
	var dtype *DTypeError
	if _, err := ReadRegion(t.Context(), d, q, make([]float32, 120)); !errors.As(err, &dtype) ||
		!strings.Contains(err.Error(), "uint16") || !strings.Contains(err.Error(), "float32") {
		t.Errorf("float32: %v", err)
	}
	if _, err := ReadRegion(t.Context(), d, q, make([]uint16, 119)); err == nil || !strings.Contains(err.Error(), "room for 119") {
		t.Errorf("short destination: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	tests := []struct {
		q    Query
		is   error
		says string
	}{
		{Query{Sample: "x", Array: "raw"}, ErrNotFound, `sample "x"`},
		{Query{Sample: "a", Array: "x"}, ErrNotFound, "[flat gt half raw time]"},
		{Query{Sample: "a", Array: "raw", Level: 3}, ErrNotFound, "it has 3"},
		{Query{Sample: "a", Array: "raw", Level: -1}, ErrNotFound, "level -1"},
		{Query{Sample: "a", Array: "raw", Region: Region{Origin: []int{0, 0, 30, 0}, Shape: []int{1, 1, 4, 1}}}, ErrRegion, "30:34 on axis Y, whose extent is 33"},
		{Query{Sample: "a", Array: "raw", Region: Region{Origin: []int{-1, 0, 0, 0}, Shape: []int{1, 1, 1, 1}}}, ErrRegion, "axis C"},
		{Query{Sample: "a", Array: "raw", Region: Region{Origin: []int{0}, Shape: []int{1}}}, ErrRegion, "1 axes, the array has 4 (CZYX)"},
	}
	for _, tt := range tests {
		_, err := ReadRegion(t.Context(), d, tt.q, make([]uint16, 4))
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", tt.q, err)
		}
	}
}

// Sparse channels cost nothing: only chunks with a voxel are read.
func TestEmptyChunksAreNotRead(t *testing.T) {
	f := newFixture(t)
	a, err := f.open(t, Options{}).Array(t.Context(), "a", "gt", 0)
	if err != nil {
		t.Fatal(err)
	}
	v, filled := f.volume("a", "gt"), 0
	for i := range a.grid.rows {
		if v.chunkRow(t, "a", 0, i).Data != nil {
			filled++
		}
	}
	r := nd.Whole(a.Shape())
	stats, err := a.Read(t.Context(), r, nd.Dense(make([]byte, r.Elements()), r.Shape, 1))
	if err != nil {
		t.Fatal(err)
	}
	if stats.Chunks != a.grid.rows || stats.Chunks-stats.EmptyChunks != filled || filled == 0 || filled == stats.Chunks {
		t.Errorf("%+v, want %d chunks, %d of them filled", stats, a.grid.rows, filled)
	}
}

func TestConcurrentReads(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{IndexMemory: 3000})
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(k), 0))
			for range 40 {
				sample := string(rune('a' + r.IntN(3)))
				v := f.volumes[sample][r.IntN(len(f.volumes[sample]))]
				level := r.IntN(int(v.Levels))
				region := randomRegion(r, v.shape(level))
				a, err := d.Array(t.Context(), sample, v.Name, level)
				if err != nil {
					t.Error(err)
					return
				}
				size := a.DType().Size()
				got := make([]byte, region.Elements()*size)
				if _, err := a.Read(t.Context(), region, nd.Dense(got, region.Shape, size)); err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(got, v.want(level, region)) {
					t.Errorf("%s %s %v differs", sample, v.Name, region)
				}
			}
		})
	}
	wg.Wait()
}

func TestCancel(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{Workers: 4})
	a, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	r := nd.Whole(a.Shape())
	dst := nd.Dense(make([]byte, r.Elements()*2), r.Shape, 2)
	before := runtime.NumGoroutine()
	if _, err := a.Read(ctx, r, dst); !errors.Is(err, cause) {
		t.Errorf("read: %v", err)
	}
	if _, err := d.Array(ctx, "b", "raw", 0); !errors.Is(err, cause) {
		t.Errorf("array: %v", err)
	}
	if _, err := Open(ctx, f.dir, Options{}); err == nil {
		t.Error("open goes on")
	}
	// Those who come after a cancelled caller are not harmed.
	if _, err := d.Array(t.Context(), "b", "raw", 0); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestOverHTTP(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(http.FileServer(http.Dir(f.dir)))
	defer server.Close()
	d, err := Open(t.Context(), server.URL+"/", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	r := rand.New(rand.NewPCG(5, 6))
	for _, v := range f.volumes["c"] {
		checkRegions(t, d, r, "c", v, 0)
	}
}
