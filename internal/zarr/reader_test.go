package zarr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

func region2(i, j, n, m int) nd.Region { return nd.Region{Origin: []int{i, j}, Shape: []int{n, m}} }

// tiles cuts an array into regions, in C order.
func tiles(shape, tile [2]int) (out []nd.Region) {
	for i := 0; i < shape[0]; i += tile[0] {
		for j := 0; j < shape[1]; j += tile[1] {
			out = append(out, region2(i, j, min(tile[0], shape[0]-i), min(tile[1], shape[1]-j)))
		}
	}
	return out
}

func openA(t testing.TB, m *memory) *Array {
	t.Helper()
	a, err := OpenArray(t.Context(), m, "a")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// readAll reads the whole schedule with some workers, and checks every number.
func readAll(t testing.TB, r *Reader, schedule []nd.Region, workers int, missing func(i, j int) bool) {
	t.Helper()
	var at atomic.Int32
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				i := int(at.Add(1)) - 1
				if i >= len(schedule) {
					return
				}
				dst := dense(schedule[i].Shape, 2)
				if err := r.Read(t.Context(), i, dst); err != nil {
					t.Errorf("region %d: %v", i, err)
					return
				}
				if err := checkNumbers(dst, schedule[i], missing); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func checkNumbers(got nd.View, region nd.Region, missing func(i, j int) bool) error {
	o := region.Origin
	for i := range region.Shape[0] {
		for j := range region.Shape[1] {
			at := 2 * (i*region.Shape[1] + j)
			v := int(got.Data[at]) | int(got.Data[at+1])<<8
			want := (1000*(o[0]+i) + o[1] + j) & 0xffff
			if missing != nil && missing(o[0]+i, o[1]+j) {
				want = 7
			}
			if v != want {
				return fmt.Errorf("region %v: element %d,%d is %d, want %d", region, i, j, v, want)
			}
		}
	}
	return nil
}

func noneMissing(int, int) bool { return false }

// Every chunk is fetched, decoded and reported once where the budget allows, whatever the
// order of the schedule and the number of workers.
func TestReaderReadsOnce(t *testing.T) {
	shape, chunks := [2]int{50, 60}, [2]int{7, 11}
	schedule := tiles(shape, [2]int{9, 8})
	for name, make := range map[string]func() *memory{
		"v2":    func() *memory { return v2Array(t, shape, chunks) },
		"start": func() *memory { return v3Shards(t, shape, [2]int{14, 33}, chunks, "start") },
		"end":   func() *memory { return v3Shards(t, shape, [2]int{14, 33}, chunks, "end") },
	} {
		absent := noneMissing
		if name != "v2" {
			absent = func(i, j int) bool { return i%14 < 7 && j%33 < 11 }
		}
		for _, workers := range []int{1, 4} {
			m := make()
			a := openA(t, m)
			var mu sync.Mutex
			told, reported := map[string]int{}, map[string]int64{}
			r, err := a.NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule, OnObject: func(key string, off int64, encoded []byte) {
				mu.Lock()
				defer mu.Unlock()
				told[fmt.Sprintf("%s@%d", key, off)]++
				reported[key] += int64(len(encoded))
				if want := m.objects[key][off:]; !slices.Equal(encoded, want[:len(encoded)]) {
					t.Errorf("%s@%d: other bytes than the object's", key, off)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, r, schedule, workers, absent)
			for part, n := range told {
				if n != 1 {
					t.Errorf("%s, %d workers: %s was reported %d times", name, workers, part, n)
				}
			}
			fetched, reads := m.fetched()
			if !maps.Equal(fetched, reported) {
				t.Errorf("%s, %d workers: read %v, reported %v", name, workers, fetched, reported)
			}
			if reads > len(told) || name == "v2" && reads != len(told) {
				t.Errorf("%s: %d reads of %d chunks", name, reads, len(told))
			}
			if len(r.live) != 0 || len(r.idle) != 0 || len(r.free) != r.buffers {
				t.Errorf("%s: %d chunks live, %d idle, %d of %d buffers free", name, len(r.live), len(r.idle), len(r.free), r.buffers)
			}
			r.Close()
		}
	}
}

// Under a small budget no more buffers are taken than it holds, what is read stays right,
// and a chunk that is read again is not reported again.
func TestReaderBudget(t *testing.T) {
	shape, chunks := [2]int{50, 60}, [2]int{7, 11}
	schedule := tiles(shape, [2]int{9, 8})
	for _, most := range []int{0, 1, 2, 5} {
		for _, workers := range []int{1, 3} {
			m := v2Array(t, shape, chunks)
			told := map[string]int{}
			var mu sync.Mutex
			r, err := openA(t, m).NewReader(ReaderOptions{Budget: int64(most*7*11*2 + 3), Schedule: schedule, OnObject: func(key string, _ int64, _ []byte) {
				mu.Lock()
				told[key]++
				mu.Unlock()
			}})
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, r, schedule, workers, nil)
			if r.buffers > max(1, most) {
				t.Errorf("%d buffers of %d", r.buffers, most)
			}
			for key, n := range told {
				if n != 1 {
					t.Errorf("%s reported %d times", key, n)
				}
			}
		}
	}
}

// The chunk given up first is the one whose next use is furthest away: with two buffers, three
// chunks used in the order 0 1 2 0 1 are decoded four times; the least recently used one
// would make it five.
func TestReaderEvictsFurthest(t *testing.T) {
	m := v2Array(t, [2]int{2, 6}, [2]int{2, 2})
	var schedule []nd.Region
	for _, chunk := range []int{0, 1, 2, 0, 1} {
		schedule = append(schedule, region2(0, 2*chunk, 2, 2))
	}
	r, err := openA(t, m).NewReader(ReaderOptions{Budget: 2 * 8, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, r, schedule, 1, nil)
	if _, n := m.fetched(); n != 4 {
		t.Errorf("%d reads, want 4", n)
	}
}

// What fails for the goroutine that loads a chunk fails for those that wait for it, once.
func TestReaderErrorReachesWaiters(t *testing.T) {
	m := v2Array(t, [2]int{8, 8}, [2]int{8, 8})
	cause := errors.New("the disk is gone")
	gate := make(chan struct{})
	m.before = func(_ context.Context, key string) error {
		if key != "a/0.0" {
			return nil
		}
		<-gate
		return cause
	}
	schedule := tiles([2]int{8, 8}, [2]int{2, 8})
	r, err := openA(t, m).NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(schedule))
	for i := range schedule {
		wg.Go(func() { errs[i] = r.Read(t.Context(), i, dense(schedule[i].Shape, 2)) })
	}
	waitUntil(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.live) == 1 })
	time.Sleep(10 * time.Millisecond)
	close(gate)
	wg.Wait()
	for i, err := range errs {
		var chunk *ChunkError
		if !errors.Is(err, cause) || !errors.As(err, &chunk) || chunk.Key != "a/0.0" {
			t.Errorf("region %d: %v", i, err)
		}
	}
	m.before = nil
	dst := dense(schedule[0].Shape, 2)
	if err := r.Read(t.Context(), 0, dst); err != nil {
		t.Errorf("after the failure: %v", err)
	} else if err := checkNumbers(dst, schedule[0], nil); err != nil {
		t.Error(err)
	}
}

// A goroutine whose context ends while it loads a chunk leaves the work to those that wait.
func TestReaderCancelledLoad(t *testing.T) {
	m := v2Array(t, [2]int{8, 8}, [2]int{8, 8})
	var calls atomic.Int32
	entered := make(chan struct{})
	m.before = func(ctx context.Context, key string) error {
		if key != "a/0.0" || calls.Add(1) > 1 {
			return nil
		}
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}
	schedule := tiles([2]int{8, 8}, [2]int{4, 8})
	r, err := openA(t, m).NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Read(ctx, 0, dense(schedule[0].Shape, 2)); !errors.Is(err, cause) {
			t.Errorf("cancelled: %v", err)
		}
	})
	<-entered
	wg.Go(func() {
		dst := dense(schedule[1].Shape, 2)
		if err := r.Read(t.Context(), 1, dst); err != nil {
			t.Errorf("waiter: %v", err)
		} else if err := checkNumbers(dst, schedule[1], nil); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(10 * time.Millisecond)
	cancel(cause)
	wg.Wait()
}

// A goroutine that waits, for a chunk or for a buffer, stops waiting when its context ends.
func TestReaderCancelledWait(t *testing.T) {
	m := v2Array(t, [2]int{8, 16}, [2]int{8, 8})
	gate := make(chan struct{})
	m.before = func(_ context.Context, key string) error {
		if key == "a/0.0" {
			<-gate
		}
		return nil
	}
	schedule := []nd.Region{region2(0, 0, 4, 8), region2(4, 0, 4, 8), region2(0, 8, 8, 8)}
	r, err := openA(t, m).NewReader(ReaderOptions{Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Read(t.Context(), 0, dense(schedule[0].Shape, 2)); err != nil {
			t.Error(err)
		}
	})
	waitUntil(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.live) == 1 })
	// The only buffer is taken, as a slow decoder would.
	if _, err := r.buffer(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{1, 2} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := r.Read(ctx, i, dense(schedule[i].Shape, 2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("region %d: %v", i, err)
		}
		cancel()
	}
	r.release(nil)
	close(gate)
	wg.Wait()
}

func TestReaderClose(t *testing.T) {
	m := v2Array(t, [2]int{8, 8}, [2]int{8, 8})
	gate, entered := make(chan struct{}), make(chan struct{})
	m.before = func(_ context.Context, key string) error {
		if key == "a/0.0" {
			close(entered)
			<-gate
		}
		return nil
	}
	schedule := tiles([2]int{8, 8}, [2]int{2, 8})
	r, err := openA(t, m).NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			dst := dense(schedule[i].Shape, 2)
			err := r.Read(t.Context(), i, dst)
			if err == nil {
				err = checkNumbers(dst, schedule[i], nil)
			}
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Errorf("region %d: %v", i, err)
			}
		})
	}
	<-entered
	r.Close()
	close(gate)
	wg.Wait()
	if err := r.Read(t.Context(), 3, dense(schedule[3].Shape, 2)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Many goroutines over chunks that fail now and then, under a budget of three chunks: each
// region is right or fails with the cause, nothing hangs and no goroutine stays.
func TestReaderUnderFire(t *testing.T) {
	before := runtime.NumGoroutine()
	shape, chunks := [2]int{40, 40}, [2]int{8, 8}
	m := v3Shards(t, shape, [2]int{16, 16}, chunks, "end")
	cause := errors.New("passing")
	r := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	m.before = func(ctx context.Context, key string) error {
		mu.Lock()
		defer mu.Unlock()
		if key != "a/zarr.json" && r.IntN(5) == 0 {
			return cause
		}
		return ctx.Err()
	}
	var schedule []nd.Region
	for range 300 {
		schedule = append(schedule, randomRegion(r, shape[:]))
	}
	a, err := OpenArray(t.Context(), m, "a")
	for err != nil {
		a, err = OpenArray(t.Context(), m, "a")
	}
	rd, err := a.NewReader(ReaderOptions{Budget: 3 * 128, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var failed, right atomic.Int32
	for w := range 6 {
		wg.Go(func() {
			for i := w; i < len(schedule); i += 6 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if i%7 == 0 {
					cancel()
				}
				dst := dense(schedule[i].Shape, 2)
				switch err := rd.Read(ctx, i, dst); {
				case err == nil:
					right.Add(1)
					if err := checkNumbers(dst, schedule[i], func(i, j int) bool { return i%16 < 8 && j%16 < 8 }); err != nil {
						t.Error(err)
					}
				case errors.Is(err, cause), errors.Is(err, context.Canceled):
					failed.Add(1)
				default:
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	t.Logf("%d right, %d failed", right.Load(), failed.Load())
	if rd.buffers > 3 || right.Load() == 0 || failed.Load() == 0 {
		t.Errorf("%d buffers", rd.buffers)
	}
	rd.Close()
	waitUntil(t, func() bool { return runtime.NumGoroutine() <= before })
}

func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatal("timed out")
		}
		time.Sleep(time.Millisecond)
	}
}

// Of a shard only the index and the chunks that a region touches are read.
func TestShardParts(t *testing.T) {
	for _, location := range []string{"start", "end"} {
		m := v3Shards(t, [2]int{40, 40}, [2]int{20, 20}, [2]int{5, 5}, location)
		a := openA(t, m)
		if !slices.Equal(a.Chunks(), []int{5, 5}) || !slices.Equal(a.Shards(), []int{20, 20}) {
			t.Errorf("chunks %v in shards %v", a.Chunks(), a.Shards())
		}
		dst := dense([]int{4, 6}, 2)
		if err := a.Read(t.Context(), region2(6, 23, 4, 6), dst); err != nil {
			t.Fatal(err)
		}
		if err := checkNumbers(dst, region2(6, 23, 4, 6), nil); err != nil {
			t.Error(err)
		}
		n := int64(0)
		for _, r := range m.reads[len(m.reads)-3:] {
			if r.key != "a/c/0/1" || r.n < 0 {
				t.Errorf("read %+v", r)
			}
			n += r.n
		}
		if want := int64(16*entrySize + 4 + 2*50); n != want || len(m.reads) != 5 {
			t.Errorf("%d bytes in %d reads, want %d", n, len(m.reads), want)
		}
	}
	// A shard that is not there holds the fill value.
	m := v3Shards(t, [2]int{40, 40}, [2]int{20, 20}, [2]int{5, 5}, "end")
	delete(m.objects, "a/c/1/1")
	dst := dense([]int{40, 40}, 2)
	if err := openA(t, m).Read(t.Context(), region2(0, 0, 40, 40), dst); err != nil {
		t.Fatal(err)
	}
	if err := checkNumbers(dst, region2(0, 0, 40, 40), func(i, j int) bool { return i >= 20 && j >= 20 || i%20 < 5 && j%20 < 5 }); err != nil {
		t.Error(err)
	}
}

// Chunks of a region that lie one behind another in a shard are fetched together, by the first
// Read that needs one of them, also while another Read wants some of them.
func TestShardRuns(t *testing.T) {
	for _, workers := range []int{1, 3} {
		m := v3Shards(t, [2]int{40, 40}, [2]int{20, 20}, [2]int{5, 5}, "end")
		schedule := tiles([2]int{40, 40}, [2]int{20, 40})
		schedule = append(schedule, schedule...)
		r, err := openA(t, m).NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule})
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, r, schedule, workers, func(i, j int) bool { return i%20 < 5 && j%20 < 5 })
		fetched, reads := m.fetched()
		for key, n := range fetched {
			if want := int64(len(m.objects[key])); n != want {
				t.Errorf("%d workers: %d bytes of %s read, want %d", workers, n, key, want)
			}
		}
		if workers == 1 && reads != 8 || reads > 16 { // an index and a run a shard, if nobody interferes
			t.Errorf("%d workers: %d reads", workers, reads)
		}
		if len(r.runs) == 0 || len(r.live) != 0 {
			t.Errorf("%d workers: %d runs free, %d chunks live", workers, len(r.runs), len(r.live))
		}
	}
}

// What a Read has claimed and does not come to read is left to those who wait for it.
func TestShardRunAbandoned(t *testing.T) {
	m := v3Shards(t, [2]int{20, 20}, [2]int{20, 20}, [2]int{5, 5}, "end")
	schedule := []nd.Region{region2(0, 0, 20, 20), region2(10, 10, 10, 10)}
	r, err := openA(t, m).NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("a passing fault")
	entered, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.before = func(_ context.Context, key string) (err error) {
		if r.index.recent.Len() > 0 { // the first read behind the index: the run
			once.Do(func() { close(entered); <-gate; err = cause })
		}
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Read(t.Context(), 0, dense(schedule[0].Shape, 2)); !errors.Is(err, cause) {
			t.Errorf("the Read that claimed: %v", err)
		}
	})
	<-entered
	wg.Go(func() {
		dst := dense(schedule[1].Shape, 2)
		if err := r.Read(t.Context(), 1, dst); err != nil {
			t.Errorf("the Read that waited: %v", err)
		} else if err := checkNumbers(dst, schedule[1], nil); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(10 * time.Millisecond)
	close(gate)
	wg.Wait()
}

// The indexes of shards that were not used for long are let go of.
func TestShardIndexesAreBounded(t *testing.T) {
	m := v3Shards(t, [2]int{40, 40}, [2]int{10, 10}, [2]int{5, 5}, "end")
	schedule := tiles([2]int{40, 40}, [2]int{5, 5})
	r, err := openA(t, m).NewReader(ReaderOptions{Budget: 1 << 20, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	r.index.most = 1000
	readAll(t, r, schedule, 2, func(i, j int) bool { return i%10 < 5 && j%10 < 5 })
	if n := len(r.index.shards); n != r.index.recent.Len() || r.index.held > 1000 || n == 0 {
		t.Errorf("%d indexes, %d in order, %d bytes", n, r.index.recent.Len(), r.index.held)
	}
}

func TestSchedule(t *testing.T) {
	if _, err := newSchedule([]nd.Region{region2(0, 0, 3, 4)}, []int{2, 4}, []int{1, 1}); err == nil {
		t.Error("a region outside of the array")
	}
	shape := []int{1 << 20, 1 << 20}
	if _, err := newSchedule([]nd.Region{nd.Whole(shape)}, shape, []int{1, 1}); err == nil {
		t.Error("2^40 chunks")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		shape := []int{1 + r.IntN(20), 1 + r.IntN(20), 1 + r.IntN(20)}
		chunk := []int{1 + r.IntN(7), 1 + r.IntN(30), 1 + r.IntN(7)}
		var regions []nd.Region
		for range 8 {
			regions = append(regions, randomRegion(r, shape))
		}
		s, err := newSchedule(regions, shape, chunk)
		if err != nil {
			t.Fatal(err)
		}
		// Every chunk's list of regions is what intersection says, whatever order they end in.
		at := make([]int, 3)
		for n, place := range s.chunks {
			s.position(at, place)
			box := nd.Region{Origin: []int{at[0] * chunk[0], at[1] * chunk[1], at[2] * chunk[2]}, Shape: chunk}
			var want []int32
			for i, region := range regions {
				if _, ok := box.Intersect(region); ok {
					want = append(want, int32(i))
				}
			}
			for len(want) > 0 {
				if s.next(n) != want[0] {
					t.Fatalf("chunk %v is next used by %d, want %d", at, s.next(n), want[0])
				}
				k := r.IntN(len(want))
				s.use(n, want[k])
				s.use(n, want[k]) // a second time changes nothing
				want = slices.Delete(want, k, k+1)
			}
			if s.next(n) != never {
				t.Fatalf("chunk %v is used by %d", at, s.next(n))
			}
		}
	}
}

var _ store.Store = (*memory)(nil)
