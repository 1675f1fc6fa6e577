// Package ordered runs work in parallel and hands out its results in order.
package ordered

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Each calls produce for 0 to n-1 on several goroutines and consume with the results in
// order, on one. At most window results are in the making or waiting at any time. It ends with
// the first error, or when ctx is cancelled, and leaves no goroutine behind.
func Each[T any](ctx context.Context, n, workers, window int, produce func(context.Context, int) (T, error), consume func(T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	type job struct {
		i   int
		out chan T
	}
	jobs := make(chan job)
	queue := make(chan chan T, max(window, 1)-1)
	g.Go(func() error {
		defer close(jobs)
		defer close(queue)
		for i := range n {
			j := job{i, make(chan T, 1)}
			// The queue first: it is what bounds the window.
			select {
			case queue <- j.out:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range max(workers, 1) {
		g.Go(func() error {
			for j := range jobs {
				v, err := produce(ctx, j.i)
				if err != nil {
					return err
				}
				j.out <- v
			}
			return nil
		})
	}
	g.Go(func() error {
		for out := range queue {
			select {
			case v := <-out:
				if err := consume(v); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return ctx.Err()
	})
	return g.Wait()
}
