package mask

import (
	"fmt"
	"math"

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
	spans := make([]span, len(m))
	for i, r := range m {
		spans[i] = span{r.Y - b.Y0, r.X - b.X0, r.N}
	}
	t, _ := transpose(spans, int(w), math.MaxInt/2) // the limit is what it could fail by
	c.counts = make([]int64, 0, len(t.lines)+1)
	for x := range int(w) {
		for _, y := range t.at(x) {
			c.toggle(int64(x)*h + int64(y))
		}
	}
	return c.finish(volume)
}

// counter turns the positions at which inside and outside change into counts. A run that
// ends where the next begins is one run: two changes at one position cancel.
type counter struct {
	counts  []int64
	last    int64 // position of the last change that is in counts
	pending int64 // a change that is not yet, or -1
	started bool
}

func (c *counter) toggle(pos int64) {
	switch {
	case !c.started:
		c.started, c.pending = true, pos
	case c.pending == pos:
		c.pending = -1
	case c.pending < 0:
		c.pending = pos
	default:
		c.counts = append(c.counts, c.pending-c.last)
		c.last, c.pending = c.pending, pos
	}
}

func (c *counter) finish(volume int64) []int64 {
	if c.started && c.pending >= 0 {
		c.counts = append(c.counts, c.pending-c.last)
		c.last = c.pending
	}
	if c.last < volume {
		c.counts = append(c.counts, volume-c.last)
	}
	return c.counts
}

// FromCounts is the mask that counts describe within box b. It refuses a negative count,
// counts whose sum is not the volume of b, and more than [MaxRuns] runs, with a
// *[CountsError]. A count of 0 is taken anywhere.
func FromCounts(counts []int64, b schemas.BBox, o Order) (Mask, error) {
	h, w := int64(b.Y1)-int64(b.Y0), int64(b.X1)-int64(b.X0)
	if o == ColumnMajor {
		if int64(b.Z1)-int64(b.Z0) != 1 {
			return nil, &CountsError{-1, fmt.Sprintf("column-major counts want a box of one plane, have %v", b)}
		}
		h, w = w, h // lines are columns
	}
	if err := checkCounts(counts, b, w); err != nil {
		return nil, err
	}
	spans := split(counts, w)
	if o == COrder {
		m := make(Mask, len(spans))
		for i, s := range spans {
			m[i] = Run{b.Z0 + s.line/int32(h), b.Y0 + s.line%int32(h), b.X0 + s.at, s.n}
		}
		return m, nil
	}
	t, err := transpose(spans, int(w), MaxRuns)
	if err != nil {
		return nil, err
	}
	m := make(Mask, 0, len(t.lines)/2)
	for y := range int(w) {
		at := t.at(y)
		for i := 0; i+1 < len(at); i += 2 {
			m = append(m, Run{b.Z0, b.Y0 + int32(y), b.X0 + at[i], at[i+1] - at[i]})
		}
	}
	return m, nil
}

// checkCounts checks counts and how many spans split makes of them for lines of length w.
func checkCounts(counts []int64, b schemas.BBox, w int64) error {
	volume, ok := Volume(b)
	if !ok || b.Z0 < 0 || b.Y0 < 0 || b.X0 < 0 {
		return &CountsError{-1, fmt.Sprintf("the box %v is none, or too large", b)}
	}
	var sum, spans int64
	for i, n := range counts {
		if n < 0 || n > volume-sum {
			return &CountsError{i, fmt.Sprintf("%d after %d elements leaves the box of %d", n, sum, volume)}
		}
		if i%2 == 1 && n > 0 {
			spans += (sum+n-1)/w - sum/w + 1
		}
		sum += n
	}
	if sum != volume {
		return &CountsError{-1, fmt.Sprintf("they sum to %d, the box has %d elements", sum, volume)}
	}
	if spans > MaxRuns || w > MaxRuns || w > 0 && volume/w > math.MaxInt32 {
		return &CountsError{-1, fmt.Sprintf("they hold %d runs in lines of %d elements, the limit is %d", spans, w, MaxRuns)}
	}
	return nil
}

// span is n elements from at on in a line.
type span struct{ line, at, n int32 }

// split cuts the inside counts into spans of lines of length w, joining those that touch.
func split(counts []int64, w int64) []span {
	spans := make([]span, 0, len(counts)/2)
	pos := int64(0)
	for i, n := range counts {
		if i%2 == 0 {
			pos += n
			continue
		}
		for n > 0 {
			line, at := pos/w, pos%w
			k := min(n, w-at)
			last := len(spans) - 1
			if last >= 0 && int64(spans[last].line) == line && int64(spans[last].at+spans[last].n) == at {
				spans[last].n += int32(k)
			} else {
				spans = append(spans, span{int32(line), int32(at), int32(k)})
			}
			pos, n = pos+k, n-k
		}
	}
	return spans
}
