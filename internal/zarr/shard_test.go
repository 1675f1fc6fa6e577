package zarr

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/nd"
)

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
		for _, r := range m.reads[len(m.reads)-2:] {
			if r.key != "a/c/0/1" || r.n < 0 {
				t.Errorf("read %+v", r)
			}
			n += r.n
		}
		if want := int64(16*entrySize + 4 + 2*50); n != want || len(m.reads) != 4 { // two of metadata, the index, two chunks at once
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
