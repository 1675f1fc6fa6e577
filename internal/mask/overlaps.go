package mask

import "slices"

// Overlap is what two masks of different sets have in common.
type Overlap struct {
	A, B int   // indices into the sets
	Area int64 // elements in both, more than 0
}

// Overlaps lists every pair of a mask of as and one of bs that have an element in common, by
// A, then B. Masks of one set may overlap too.
func Overlaps(as, bs []Mask) []Overlap {
	a, b := ownedRuns(as), ownedRuns(bs)
	areas := map[[2]int]int64{}
	lo := 0
	for i := 0; i < len(a); {
		end := rowEnd(a, i)
		for lo < len(b) && b[lo].compare(a[i].Run) < 0 && !b[lo].sameRow(a[i].Run) {
			lo++
		}
		if lo < len(b) && b[lo].sameRow(a[i].Run) {
			sweepRows(a[i:end], b[lo:rowEnd(b, lo)], 0, func(r, s owned) {
				areas[[2]int{r.owner, s.owner}] += int64(min(r.End(), s.End()) - max(r.X, s.X))
			})
		}
		i = end
	}
	out := make([]Overlap, 0, len(areas))
	for pair, area := range areas {
		out = append(out, Overlap{pair[0], pair[1], area})
	}
	slices.SortFunc(out, func(p, q Overlap) int {
		if p.A != q.A {
			return p.A - q.A
		}
		return p.B - q.B
	})
	return out
}

// ownedRuns are the runs of masks, sorted.
func ownedRuns(masks []Mask) []owned {
	n := 0
	for _, m := range masks {
		n += len(m)
	}
	runs := make([]owned, 0, n)
	for i, m := range masks {
		for _, r := range m {
			runs = append(runs, owned{r, i})
		}
	}
	slices.SortFunc(runs, func(a, b owned) int { return a.compare(b.Run) })
	return runs
}
