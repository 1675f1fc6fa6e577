package mask

import "fmt"

// turned is a set of spans seen across its lines: for each position, the lines at which
// inside and outside change, ascending, even in number.
type turned struct {
	offsets []int // of each position in lines; one more than there are positions
	lines   []int32
}

func (t *turned) at(position int) []int32 { return t.lines[t.offsets[position]:t.offsets[position+1]] }

// stretch is the positions a to b in which a line differs from the one before it.
type stretch struct{ line, a, b int32 }

// transpose turns spans, sorted by line and position and not touching, of lines of the given
// width. A line differs from the one before it only at the outline, so what is sorted
// into positions are outline elements, not all of them. It refuses to make more runs than
// limit.
func transpose(spans []span, width, limit int) (*turned, error) {
	changes := differences(spans)
	offsets := make([]int, width+1)
	for _, c := range changes {
		offsets[c.a]++
		offsets[c.b]--
	}
	// A running sum gives how many changes each position has, a second one where they begin.
	level, total := 0, 0
	for p, d := range offsets {
		level += d
		offsets[p] = total
		if total += level; total > 2*limit {
			return nil, &CountsError{-1, fmt.Sprintf("they hold more than %d runs", limit)}
		}
	}
	t := &turned{offsets: offsets, lines: make([]int32, total)}
	// offsets[p] moves on as position p fills; it ends where p+1 began, so that a shift by
	// one puts the beginnings back.
	for _, c := range changes {
		for p := c.a; p < c.b; p++ {
			t.lines[offsets[p]] = c.line
			offsets[p]++
		}
	}
	copy(offsets[1:], offsets[:width])
	offsets[0] = 0
	return t, nil
}

// differences lists, in order of lines, where each line differs from the one before.
func differences(spans []span) []stretch {
	changes := make([]stretch, 0, 2*len(spans)+1)
	var above, here []int32 // ends of the spans of a line: at, at+n, at, at+n ...
	line := int32(0)        // of above
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
	return appendXor(changes, line+1, above, nil)
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
