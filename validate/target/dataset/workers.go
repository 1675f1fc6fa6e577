package dataset

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/shardfile"
)

// workers do what takes a processor, as many as there are jobs.
type workers struct {
	tasks chan func(*worker)
	all   sync.WaitGroup
}

// worker has the memory of one of them.
type worker struct {
	decoder *chunkcodec.Decoder
	buffer  shardfile.Buffer
	chunk   []byte            // a decoded chunk
	turned  []byte            // the same with its axes in order
	level   []byte            // a part of a lower level
	digests map[string]uint64 // of chunks of fill values
}

func newWorkers(n int) *workers {
	ws := &workers{tasks: make(chan func(*worker))}
	for range n {
		ws.all.Go(func() {
			wk := &worker{decoder: chunkcodec.NewDecoder()}
			for task := range ws.tasks {
				task(wk)
			}
		})
	}
	return ws
}

// stop waits for what the workers do and lets go of them.
func (ws *workers) stop() {
	close(ws.tasks)
	ws.all.Wait()
}

// do gives a task to the next worker that is free, and returns what waits for its end. A task that was not begun
// before ctx ended is not done.
func (ws *workers) do(ctx context.Context, task func(*worker)) (wait func() error) {
	done := make(chan struct{})
	var failed error
	run := func(wk *worker) {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				failed = fmt.Errorf("internal error: %v", p)
			}
		}()
		task(wk)
	}
	select {
	case ws.tasks <- run:
	case <-ctx.Done():
		return func() error { return context.Cause(ctx) }
	}
	return func() error { <-done; return failed }
}

// tasks are several to be waited for together.
type tasks struct {
	ws    *workers
	waits []func() error
}

func (ts *tasks) do(ctx context.Context, task func(*worker)) {
	ts.waits = append(ts.waits, ts.ws.do(ctx, task))
}

func (ts *tasks) wait() (err error) {
	for _, wait := range ts.waits {
		if e := wait(); err == nil {
			err = e
		}
	}
	ts.waits = ts.waits[:0]
	return err
}

// parallel calls do for 0 to n-1, in order and so many at a time, until one returns an error.
func parallel(ctx context.Context, at, n int, do func(ctx context.Context, i int) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(at)
	for i := range n {
		if inner.Err() != nil {
			break
		}
		group.Go(func() error { return do(inner, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
