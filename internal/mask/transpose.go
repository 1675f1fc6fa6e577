package mask

import (
	"fmt"
	"slices"
	"sync"
)

// turner sees a set of spans across its lines: for each position, the lines at which inside
// and outside change, ascending, even in number. Its memory is used again.
type turner struct {
	spans   []span
	changes []stretch
	ends    [2][]int32
	offsets []int32 // of each position in lines; one more than there are positions
	lines   []int32
}

// turners keeps memory of the size of usual objects.
var turners = sync.Pool{New: func() any { return new(turner) }}

// keptTurner bounds what is kept, in elements of a slice.
const keptTurner = 1 << 16

func (t *turner) release() {
	if max(cap(t.spans), cap(t.changes), cap(t.offsets), cap(t.lines)) <= keptTurner {
		turners.Put(t)
	}
}

func (t *turner) at(position int) []int32 { return t.lines[t.offsets[position]:t.offsets[position+1]] }

// narrow moves the spans so that their first position is 0, and says where they were: from first to end.
func (t *turner) narrow() (first, end int32) {
	if len(t.spans) == 0 {
		return 0, 0
	}
	first = t.spans[0].at
	for _, s := range t.spans {
		first, end = min(first, s.at), max(end, s.at+s.n)
	}
	for i := range t.spans {
		t.spans[i].at -= first
	}
	return first, end
}

// stretch is the positions a to b in which a line differs from the one before it.
type stretch struct{ line, a, b int32 }

// maxChanges is what 32-bit offsets reach.
const maxChanges = 1<<31 - 1

// turn turns t.spans, sorted by line and position and not touching, of lines of the given
// width. A line differs from the one before it only at the outline, so what is sorted into
// positions are outline elements, not all of them. It refuses to make more runs than limit.
func (t *turner) turn(width, limit int) error {
	t.differences()
	t.offsets = slices.Grow(t.offsets[:0], width+1)[:width+1]
	clear(t.offsets)
	for _, c := range t.changes {
		t.offsets[c.a]++
		t.offsets[c.b]--
	}
	// A running sum gives how many changes each position has, a second one where they begin.
	level, total := int32(0), 0
	for p, d := range t.offsets {
		level += d
		t.offsets[p] = int32(total)
		if total += int(level); total > 2*limit {
			return &CountsError{-1, fmt.Sprintf("they hold more than %d runs", limit)}
		}
	}
	t.lines = slices.Grow(t.lines[:0], total)[:total]
	// offsets[p] moves on as position p fills; it ends where p+1 began, so that a shift by
	// one puts the beginnings back.
	for _, c := range t.changes {
		for p, o := range t.offsets[c.a:c.b] {
			t.lines[o] = c.line
			t.offsets[int(c.a)+p] = o + 1
		}
	}
	copy(t.offsets[1:], t.offsets[:width])
	t.offsets[0] = 0
	return nil
}

// differences lists, in order of lines, where each line differs from the one before.
func (t *turner) differences() {
	changes, spans := slices.Grow(t.changes[:0], 2*len(t.spans)+1), t.spans
	above, here := t.ends[0][:0], t.ends[1] // ends of the spans of a line: at, at+n, at, at+n ...
	line := int32(0)                        // of above
	for i := 0; i < len(spans); {
		next := spans[i].line
		here = here[:0]
		for ; i < len(spans) && spans[i].line == next; i++ {
			here = append(here, spans[i].at, spans[i].at+spans[i].n)
		}
		if next != line+1 {
			changes = appendXor(changes, line+1, above, nil)
			above = above[:0]
		}
		changes = appendXor(changes, next, above, here)
		above, here, line = here, above, next
	}
	t.changes = appendXor(changes, line+1, above, nil)
	t.ends = [2][]int32{above, here}
}

// appendXor appends the stretches in which exactly one of two lines has elements. The ends
// of spans ascend in each, and an end in both changes nothing.
func appendXor(changes []stretch, line int32, above, here []int32) []stretch {
	if len(above) == 2 && len(here) == 2 && above[0] < here[1] && here[0] < above[1] {
		// Mostly, one span follows another that it overlaps: they differ at either end.
		if a, b := above[0], here[0]; a != b {
			changes = append(changes, stretch{line, min(a, b), max(a, b)})
		}
		if a, b := above[1], here[1]; a != b {
			changes = append(changes, stretch{line, min(a, b), max(a, b)})
		}
		return changes
	}
	open, from := false, int32(0)
	for i, j := 0, 0; i < len(above) || j < len(here); {
		var end int32
		switch {
		case i < len(above) && j < len(here) && above[i] == here[j]:
			i, j = i+1, j+1
			continue
		case j == len(here) || i < len(above) && above[i] < here[j]:
			end = above[i]
			i++
		default:
			end = here[j]
			j++
		}
		if open {
			changes = append(changes, stretch{line, from, end})
		}
		open, from = !open, end
	}
	return changes
}
