package mask

import (
	"fmt"
	"math"
	"slices"

	"github.com/micropq/micropq/schemas"
)

// Order is the order in which counts walk through a box.
type Order int

// The orders of the rle column (docs/FORMAT.md).
const (
	ColumnMajor Order = iota // down each column, then the next: COCO's, for two dimensions
	COrder                   // along X, then Y, then Z: for volumes
)

// OrderOf is the order of the rle column for an array of the axes, such as ZYX.
func OrderOf(axes string) Order {
	for _, a := range axes {
		if a == 'Z' {
			return COrder
		}
	}
	return ColumnMajor
}

// CountsError says what is wrong with counts.
type CountsError struct {
	Index  int // of the count, -1 for all of them
	Reason string
}

func (e *CountsError) Error() string {
	if e.Index < 0 {
		return "run lengths: " + e.Reason
	}
	return fmt.Sprintf("run length %d: %s", e.Index, e.Reason)
}

// Counts are the run lengths of the mask within box b, outside first; their sum is the
// volume of b. Only the first may be 0. What lies outside b is left out. ColumnMajor wants
// a box of one plane.
func (m Mask) Counts(b schemas.BBox, o Order) []int64 {
	m = m.Clip(b)
	volume, _ := Volume(b)
	var c counter
	h, w := int64(b.Y1-b.Y0), int64(b.X1-b.X0)
	if o == COrder {
		c.counts = make([]int64, 0, 2*len(m)+1)
		for _, r := range m {
			pos := (int64(r.Z-b.Z0)*h+int64(r.Y-b.Y0))*w + int64(r.X-b.X0)
			c.toggle(pos)
			c.toggle(pos + int64(r.N))
		}
		return c.finish(volume)
	}
	t := turners.Get().(*turner)
	defer t.release()
	box := m.BBox()
	for x0, end := box.X0-b.X0, box.X1-b.X0; x0 < end; {
		x1 := t.columns(m, b, x0, end)
		c.counts = slices.Grow(c.counts, len(t.lines)+1)
		for x := range x1 - x0 {
			from := int64(x0+x) * h
			for _, y := range t.at(int(x)) {
				c.toggle(from + int64(y))
			}
		}
		x0 = x1
	}
	return c.finish(volume)
}

// columns turns columns x0 to x1 of a mask within b, all up to end unless they have more
// changes than a turner can count.
func (t *turner) columns(m Mask, b schemas.BBox, x0, end int32) (x1 int32) {
	for x1 = end; ; x1 = x0 + max(1, (x1-x0)/2) {
		t.spans = t.spans[:0]
		for _, r := range m {
			if from, to := max(r.X-b.X0, x0), min(r.End()-b.X0, x1); from < to {
				t.spans = append(t.spans, span{r.Y - b.Y0, from - x0, to - from})
			}
		}
		if t.turn(int(x1-x0), maxChanges/2) == nil || x1-x0 == 1 {
			return x1
		}
	}
}

// counter turns the positions at which inside and outside change, ascending, into counts. A
// run that ends where the next begins is one run: two changes at one position cancel.
type counter struct {
	counts []int64
	last   int64 // position of the last change
}

func (c *counter) toggle(pos int64) {
	if n := len(c.counts); n > 0 && pos == c.last {
		c.last -= c.counts[n-1]
		c.counts = c.counts[:n-1]
		return
	}
	c.counts = append(c.counts, pos-c.last)
	c.last = pos
}

func (c *counter) finish(volume int64) []int64 {
	if c.last < volume {
		c.counts = append(c.counts, volume-c.last)
	}
	return c.counts
}

// FromCounts is the mask that counts describe within box b. It refuses a negative count,
// counts whose sum is not the volume of b, and more than [MaxRuns] runs, with a
// *[CountsError]. A count of 0 is taken anywhere.
func FromCounts(counts []int64, b schemas.BBox, o Order) (Mask, error) {
	return FromCountsWithin(counts, b, o, MaxRuns)
}

// FromCountsWithin is [FromCounts] with a limit of runs below [MaxRuns].
func FromCountsWithin(counts []int64, b schemas.BBox, o Order, maxRuns int) (Mask, error) {
	maxRuns = min(maxRuns, MaxRuns)
	h, w := int64(b.Y1)-int64(b.Y0), int64(b.X1)-int64(b.X0)
	if o == ColumnMajor {
		if int64(b.Z1)-int64(b.Z0) != 1 {
			return nil, &CountsError{-1, fmt.Sprintf("column-major counts want a box of one plane, have %v", b)}
		}
		h, w = w, h // lines are columns
	}
	if err := checkCounts(counts, b, w, maxRuns); err != nil {
		return nil, err
	}
	t := turners.Get().(*turner)
	defer t.release()
	t.spans = split(t.spans[:0], counts, w)
	if o == COrder {
		m := make(Mask, len(t.spans))
		for i, s := range t.spans {
			m[i] = Run{b.Z0 + s.line/int32(h), b.Y0 + s.line%int32(h), b.X0 + s.at, s.n}
		}
		return m, nil
	}
	first, end := t.narrow()
	if err := t.turn(int(end-first), maxRuns); err != nil {
		return nil, err
	}
	m := make(Mask, 0, len(t.lines)/2)
	for y := range end - first {
		at := t.at(int(y))
		for i := 0; i+1 < len(at); i += 2 {
			m = append(m, Run{b.Z0, b.Y0 + first + y, b.X0 + at[i], at[i+1] - at[i]})
		}
	}
	return m, nil
}

// checkCounts checks counts and how many spans split makes of them for lines of length w.
func checkCounts(counts []int64, b schemas.BBox, w int64, maxRuns int) error {
	volume, ok := Volume(b)
	if !ok || b.Z0 < 0 || b.Y0 < 0 || b.X0 < 0 {
		return &CountsError{-1, fmt.Sprintf("the box %v is none, or too large", b)}
	}
	var sum, spans, at int64 // at is sum mod w
	for i, n := range counts {
		if n < 0 || n > volume-sum {
			return &CountsError{i, fmt.Sprintf("%d after %d elements leaves the box of %d", n, sum, volume)}
		}
		sum += n
		lines := int64(0) // that the count reaches into beside its first
		if at += n; at >= w {
			lines = at / w
			if at %= w; at == 0 {
				lines-- // it ends with a line
			}
		}
		if i%2 == 1 && n > 0 {
			spans += lines + 1
		}
	}
	if sum != volume {
		return &CountsError{-1, fmt.Sprintf("they sum to %d, the box has %d elements", sum, volume)}
	}
	if spans > int64(maxRuns) || w > MaxRuns || w > 0 && volume/w > math.MaxInt32 {
		return &CountsError{-1, fmt.Sprintf("they hold %d runs in lines of %d elements, the limit is %d", spans, w, maxRuns)}
	}
	return nil
}

// span is n elements from at on in a line.
type span struct{ line, at, n int32 }

// split appends the spans of lines of length w that the inside counts cover, joining those
// that touch.
func split(spans []span, counts []int64, w int64) []span {
	line, at := int64(0), int64(0)
	for i, n := range counts {
		if i%2 == 0 {
			if at += n; at >= w {
				line, at = line+at/w, at%w
			}
			continue
		}
		for n > 0 {
			k := min(n, w-at)
			last := len(spans) - 1
			if last >= 0 && int64(spans[last].line) == line && int64(spans[last].at+spans[last].n) == at {
				spans[last].n += int32(k)
			} else {
				spans = append(spans, span{int32(line), int32(at), int32(k)})
			}
			n -= k
			if at += k; at == w {
				line, at = line+1, 0
			}
		}
	}
	return spans
}
