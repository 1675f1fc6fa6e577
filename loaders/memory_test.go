package loaders

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/nd"
)

// checkMemory asks that nothing uses memory any more but idle readers and kept chunks, and that
// they are within the limit where the readers alone are.
func checkMemory(t *testing.T, m *Memory) {
	t.Helper()
	readers := int64(0)
	for range cap(m.readers) {
		if w := <-m.readers; w != nil {
			readers += w.held()
		}
	}
	for range cap(m.readers) {
		m.readers <- nil
	}
	used := readers
	for place, c := range m.chunks {
		used += int64(cap(c.plain))
		if c.users != 0 || c.element == nil {
			t.Errorf("the chunk in row %d of %s has %d users, unpacked %v", place.row, place.shard.Path, c.users, c.element != nil)
		}
	}
	if m.used != used || len(m.chunks) != m.recent.Len() {
		t.Errorf("%d bytes are said to be used by %d chunks, there are %d in %d", m.used, m.recent.Len(), used, len(m.chunks))
	}
	if used > max(m.options.Bytes, readers) {
		t.Errorf("%d bytes used of %d", used, m.options.Bytes)
	}
}

// readRandomly reads random regions of all arrays with several goroutines.
func readRandomly(t *testing.T, f *fixture, d *Dataset, m *Memory, n int) (stats Stats) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for k := range 4 {
		r := rand.New(rand.NewPCG(uint64(k), 9))
		wg.Go(func() {
			for range n {
				volumes := f.volumes["b"]
				v := volumes[r.IntN(len(volumes))]
				level := r.IntN(int(v.Levels))
				a, err := d.Array(t.Context(), "b", v.Name, level)
				if err != nil {
					t.Error(err)
					return
				}
				region := randomRegion(r, a.Shape())
				got := bytes.Repeat([]byte{0xaa}, region.Elements()*a.DType().Size())
				s, err := a.Within(m).Read(t.Context(), region, nd.Dense(got, region.Shape, a.DType().Size()))
				if err != nil {
					t.Errorf("%s level %d %v: %v", v.Name, level, region, err)
				} else if !bytes.Equal(got, v.want(level, region)) {
					t.Errorf("%s level %d %v: elements differ from the source", v.Name, level, region)
				}
				mu.Lock()
				stats.Add(s)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return stats
}

// However much memory reads share, they get what the source holds, from files and over HTTP.
func TestReadsShareMemory(t *testing.T) {
	f := newFixture(t)
	_, url := serve(t, f.dir)
	for _, location := range []string{f.dir, url} {
		for _, o := range []MemoryOptions{
			{},
			{Bytes: 1, Readers: 1, Decoders: 1},
			{Bytes: 5 << 20, Readers: 3, Decoders: 2},
			{Bytes: 1 << 30, Readers: 3, Decoders: 1, KeepWhole: true},
		} {
			for _, verify := range []bool{false, true} {
				d, err := Open(t.Context(), location, Options{VerifyDigest: verify})
				if err != nil {
					t.Fatal(err)
				}
				m := NewMemory(o)
				stats := readRandomly(t, f, d, m, 60)
				checkMemory(t, m)
				if kept := o.Bytes >= 1<<30; kept != (stats.KeptChunks > 0) && (kept || o.Bytes <= 1) {
					t.Errorf("%+v: %+v", o, stats)
				}
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Of reads that want parts of a chunk at the same time one unpacks it.
func TestOneUnpacks(t *testing.T) {
	f := newFixture(t)
	_, url := serve(t, f.dir)
	for _, location := range []string{f.dir, url} {
		d, err := Open(t.Context(), location, Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, err := d.Array(t.Context(), "a", "raw", 0)
		if err != nil {
			t.Fatal(err)
		}
		m := NewMemory(MemoryOptions{Bytes: 1 << 30, Readers: 8, Decoders: 8})
		region := Region{Origin: []int{0, 1, 1, 1}, Shape: []int{3, 18, 30, 15}}
		var total Stats
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := ReadArray(t.Context(), a.Within(m), region, make([]uint16, region.Elements()))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				total.Add(s)
				mu.Unlock()
			})
		}
		wg.Wait()
		partial := 0 // those wanted whole are decoded by each
		box := a.grid.newBox()
		for _, i := range a.grid.touched(nil, region) {
			a.grid.box(i, box)
			if part, _ := box.Intersect(region); part.Elements() < box.Elements() {
				partial++
			}
		}
		if want := 7 * partial; total.KeptChunks != want {
			t.Errorf("%s: %d of %d chunks were in memory, want %d", location, total.KeptChunks, total.Chunks, want)
		}
		checkMemory(t, m)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A damaged chunk is named by every read that wants it, kept or not.
func TestDamageInMemory(t *testing.T) {
	f := newFixture(t)
	damagePayload(t, f)
	d := f.open(t, Options{})
	a, err := d.Array(t.Context(), "b", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMemory(MemoryOptions{Bytes: 1 << 30, Readers: 4, Decoders: 4})
	region := Region{Origin: []int{0, 1, 1, 1}, Shape: []int{3, 18, 30, 15}}
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = ReadArray(t.Context(), a.Within(m), region, make([]uint16, region.Elements()))
		})
	}
	wg.Wait()
	for _, err := range errs {
		checkDamage(t, err, "checksum mismatch")
	}
	checkMemory(t, m)
}

// A read ends with its own context though the data set's goes on and the server hangs, also one
// that waits for a chunk that another read is to unpack; the other reads are not the worse for it.
func TestCancelOneOfSeveral(t *testing.T) {
	f := newFixtureOf(t, farRaw)
	server, url := serve(t, f.dir)
	d, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	region := nd.Whole(a.Shape())
	region.Shape[1]--
	before := runtime.NumGoroutine()
	for _, m := range []*Memory{nil, NewMemory(MemoryOptions{Bytes: 1 << 30, Readers: 8, Decoders: 2}), NewMemory(MemoryOptions{Bytes: 1, Readers: 1, Decoders: 1})} {
		server.stalled.Store(true)
		enough := errors.New("enough")
		var first, second sync.WaitGroup
		var patient atomic.Int32
		impatient, cancel := context.WithCancelCause(t.Context())
		for k := range 6 {
			ctx, done := t.Context(), &second
			if k%2 == 0 {
				ctx, done = impatient, &first
			}
			done.Go(func() {
				got := make([]uint16, region.Elements())
				_, err := ReadArray(ctx, a.Within(m), region, got)
				if ctx == impatient {
					if !errors.Is(err, enough) {
						t.Errorf("error %v, want the cause", err)
					}
					return
				}
				patient.Add(1)
				if err != nil {
					t.Error(err)
				} else if want := f.volume("a", "raw").want(0, region); !bytes.Equal(asBytes(got), want) {
					t.Error("elements differ from the source")
				}
			})
			time.Sleep(5 * time.Millisecond) // so that each comes while others read
		}
		start := time.Now()
		cancel(enough)
		first.Wait()
		if took := time.Since(start); took > 5*time.Second || patient.Load() > 0 {
			t.Errorf("cancelled reads took %v, and %d others ended", took, patient.Load())
		}
		server.stalled.Store(false)
		server.close() // connections that hang break, and are tried again
		second.Wait()
		if m != nil {
			checkMemory(t, m)
		}
	}
	d.Close()
	waitGoroutines(t, before)
}
