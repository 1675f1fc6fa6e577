package batch

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// What a run holds at most is within the memory of the options: batches, readers and scratch, with
// what is left for chunks.
func TestMemoryIsDivided(t *testing.T) {
	d := small(t)
	for _, kind := range []Kind{Crops, Tiles} {
		for _, memory := range []int64{4 << 20, 5 << 20, 16 << 20, 64 << 20, 1 << 30} {
			for _, workers := range []int{1, 2, 16} {
				o := options(kind)
				o.Memory, o.Workers = memory, workers
				l := loader(t, d, o)
				size, err := l.BatchBytes()
				if err != nil {
					t.Fatal(err)
				}
				f := l.contents[0].footprint
				if f.chunk != 3*16*16*16*2 || f.scratch != 8*12*10*(1+4) {
					t.Fatalf("%+v", f)
				}
				readers := l.memory.Options()
				most := int64(l.window+1)*size + int64(min(l.window, workers))*f.scratch + max(readers.Bytes, int64(readers.Readers)*d.ReaderBytes(f.chunk))
				if l.window < 1 || l.window > 2*workers || readers.Readers < 1 || readers.Readers > workers || most > memory {
					t.Errorf("%s, memory %d, %d workers: %d batches of %d, %+v: %d bytes", kind, memory, workers, l.window, size, readers, most)
				}
			}
		}
	}
	o := options(Crops)
	o.Memory = 1 << 20
	var short *MemoryError
	if _, err := New(t.Context(), []Source{{Dataset: d}}, o); !errors.As(err, &short) || short.Have != 1<<20 {
		t.Fatalf("memory of 1 MiB: %v", err)
	}
	o.Memory = short.Need
	if _, err := New(t.Context(), []Source{{Dataset: d}}, o); err != nil {
		t.Errorf("with the memory that was asked for: %v", err)
	}
}

// Batches that are released give their memory to later ones, which are not the worse for it.
func TestRelease(t *testing.T) {
	d := small(t)
	for _, size := range [][]int{{8, 12, 10}, {25, 30, 64}} {
		o := options(Crops)
		o.Size, o.Count, o.Memory = size, 60, 16<<20
		var want [][]byte
		for _, b := range all(t, loader(t, d, o)) {
			want = append(want, slices.Concat(b.Tensors[0].Data, b.Tensors[1].Data))
		}
		i, reused := 0, false
		seen := map[*byte]bool{}
		for b, err := range loader(t, d, o).Batches(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(slices.Concat(b.Tensors[0].Data, b.Tensors[1].Data), want[i]) {
				t.Fatalf("batch %d differs", i)
			}
			reused = reused || seen[&b.Tensors[0].Data[0]]
			seen[&b.Tensors[0].Data[0]] = true
			b.Release()
			i++
		}
		if i != len(want) || !reused {
			t.Errorf("%d batches of %d, memory was used again: %v", i, len(want), reused)
		}
	}
}

// A consumer that leaves, or is cancelled, while the server hangs is not kept, and nothing goes on
// behind it.
func TestLeaveWhileServerHangs(t *testing.T) {
	release, _ := released(t, fisbegen.Options{Samples: 2, Shape: []int{3, 40, 64, 64}, Neurons: 3, IDs: true, Seed: 4})
	var hangs atomic.Bool
	files := http.FileServer(http.Dir(filepath.Join(release, "..", "out")))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-r.Context().Done()
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	d, err := loaders.Open(t.Context(), server.URL+"/", loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	o := options(Tiles)
	o.Epochs, o.Memory, o.Shuffle = -1, 64<<20, draw.Shuffle{Mode: draw.ModeGlobal, Seed: seed(1)}
	before := runtime.NumGoroutine()
	for _, cancels := range []bool{false, true} {
		hangs.Store(false)
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		var last error
		var start time.Time
		for b, err := range loader(t, d, o).Batches(ctx) {
			if last = err; err != nil || b.Step < 1 {
				continue
			}
			hangs.Store(true)
			time.Sleep(20 * time.Millisecond)
			start = time.Now()
			if !cancels {
				break
			}
			cancel(enough)
		}
		if took := time.Since(start); took > 5*time.Second || cancels != errors.Is(last, enough) {
			t.Errorf("cancelled %v: it ended with %v after %v", cancels, last, took)
		}
		cancel(nil)
	}
	d.Close()
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
