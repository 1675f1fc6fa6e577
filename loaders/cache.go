package loaders

import (
	"container/list"
	"context"
	"sync"
)

// arrayKey names an array of a sample at a level.
type arrayKey struct {
	sample, array string
	level         int
}

// arrayCache keeps the arrays used last, as far as a budget in bytes allows. An array that
// several callers ask for is opened once.
type arrayCache struct {
	mu      sync.Mutex
	budget  int64
	used    int64
	entries map[arrayKey]*list.Element
	order   list.List // of *arrayEntry, the one used last in front
}

type arrayEntry struct {
	key   arrayKey
	turn  chan struct{} // held by the one who opens
	array *Array        // nil until opened
	size  int64
}

func newArrayCache(budget int64) *arrayCache {
	return &arrayCache{budget: budget, entries: map[arrayKey]*list.Element{}}
}

// get returns the array of a key, opened by open unless it is there.
func (c *arrayCache) get(ctx context.Context, key arrayKey, open func() (*Array, error)) (*Array, error) {
	e, a := c.entry(key)
	if a != nil {
		return a, nil
	}
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-e.turn }()
	// Whoever had the turn before may have opened it, or failed for a reason of its own.
	if a := c.opened(e); a != nil {
		return a, nil
	}
	a, err := open()
	if err != nil {
		c.drop(e)
		return nil, err
	}
	c.put(e, a)
	return a, nil
}

// entry finds or makes the entry of a key and marks it as used last.
func (c *arrayCache) entry(key arrayKey) (*arrayEntry, *Array) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if ok {
		c.order.MoveToFront(el)
	} else {
		el = c.order.PushFront(&arrayEntry{key: key, turn: make(chan struct{}, 1)})
		c.entries[key] = el
	}
	e := el.Value.(*arrayEntry)
	return e, e.array
}

// opened is the array of an entry, nil until it is there. It stays there when the entry is
// dropped meanwhile.
func (c *arrayCache) opened(e *arrayEntry) *Array {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.array
}

// put stores an opened array and drops those used longest ago, never the array itself. An
// entry that was dropped meanwhile keeps its array for those who wait for it, and is not
// counted.
func (c *arrayCache) put(e *arrayEntry, a *Array) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.array, e.size = a, a.size()
	if el, ok := c.entries[e.key]; !ok || el.Value != e {
		return
	}
	c.used += e.size
	for el := c.order.Back(); el != nil && c.used > c.budget; {
		old, before := el.Value.(*arrayEntry), el.Prev()
		if old != e && old.array != nil {
			c.used -= old.size
			c.remove(el)
		}
		el = before
	}
}

// drop forgets an entry that could not be opened, so that failures do not pile up.
func (c *arrayCache) drop(e *arrayEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[e.key]; ok && el.Value == e {
		c.remove(el)
	}
}

func (c *arrayCache) remove(el *list.Element) {
	c.order.Remove(el)
	delete(c.entries, el.Value.(*arrayEntry).key)
}
