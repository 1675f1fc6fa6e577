package loaders

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

func cached(chunks int) *Array {
	return &Array{stored: &stored{index: &index{chunks: make([]chunkRef, chunks)}}}
}

// However small the budget, an array is opened once for all who wait for it, what was used
// last stays, and nobody waits forever.
func TestArrayCache(t *testing.T) {
	one := cached(1).size()
	for _, budget := range []int64{0, one, 3 * one} {
		c := newArrayCache(budget)
		var opening [5]atomic.Int32
		var wg sync.WaitGroup
		for k := range 8 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(k), 1))
				for range 2000 {
					level := r.IntN(len(opening))
					a, err := c.get(t.Context(), arrayKey{"s", "a", level}, func() (*Array, error) {
						defer opening[level].Add(-1)
						opening[level].Add(1)
						if r.IntN(10) == 0 {
							return nil, errors.New("no luck")
						}
						a := cached(1)
						a.level = level
						return a, nil
					})
					if err == nil && a.level != level {
						t.Errorf("asked for level %d, got %d", level, a.level)
					}
				}
			})
		}
		wg.Wait()
		if c.used > max(budget, one) || c.used != one*int64(opened(c)) || len(c.entries) != c.order.Len() {
			t.Errorf("budget %d: %d used by %d arrays, %d entries, %d in order", budget, c.used, opened(c), len(c.entries), c.order.Len())
		}
	}
}

func opened(c *arrayCache) (n int) {
	for _, el := range c.entries {
		if el.Value.(*arrayEntry).array != nil {
			n++
		}
	}
	return n
}

func TestArrayCacheKeepsLastUsed(t *testing.T) {
	c := newArrayCache(2 * cached(1).size())
	opens := map[string]int{}
	get := func(name string) {
		t.Helper()
		_, err := c.get(t.Context(), arrayKey{name, "a", 0}, func() (*Array, error) {
			opens[name]++
			return cached(1), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"1", "2", "1", "3", "1", "2"} {
		get(name)
	}
	if opens["1"] != 1 || opens["2"] != 2 || opens["3"] != 1 {
		t.Errorf("opened %v times", opens)
	}
}

// Who waits for another to open an array gives up when told so; failures do not pile up.
func TestArrayCacheGivesUp(t *testing.T) {
	c := newArrayCache(1 << 20)
	key := arrayKey{"s", "a", 0}
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.get(t.Context(), key, func() (*Array, error) {
			close(started)
			<-release
			return nil, errors.New("no luck")
		})
		if err == nil {
			t.Error("no error")
		}
	})
	<-started
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := c.get(ctx, key, func() (*Array, error) { panic("opened twice at once") }); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
	close(release)
	wg.Wait()
	for i := range 100 {
		_, _ = c.get(t.Context(), arrayKey{strconv.Itoa(i), "a", 0}, func() (*Array, error) { return nil, errors.New("no luck") })
	}
	if len(c.entries) != 0 || c.order.Len() != 0 || c.used != 0 {
		t.Errorf("%d entries, %d in order, %d bytes after failures", len(c.entries), c.order.Len(), c.used)
	}
}
