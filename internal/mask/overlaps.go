package mask

import (
	"cmp"
	"slices"
)

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
	return sortedOverlaps(areas)
}

// SelfOverlaps lists every pair of masks of one set that have an element in common, A < B, by
// A, then B. Where none overlap the cost is that of sorting their runs.
func SelfOverlaps(masks []Mask) []Overlap {
	runs := ownedRuns(masks)
	areas := map[[2]int]int64{}
	for i, r := range runs {
		for _, s := range runs[i+1:] {
			if !s.sameRow(r.Run) || s.X >= r.End() {
				break
			}
			areas[[2]int{min(r.owner, s.owner), max(r.owner, s.owner)}] += int64(min(r.End(), s.End()) - s.X)
		}
	}
	return sortedOverlaps(areas)
}

func sortedOverlaps(areas map[[2]int]int64) []Overlap {
	out := make([]Overlap, 0, len(areas))
	for pair, area := range areas {
		out = append(out, Overlap{pair[0], pair[1], area})
	}
	slices.SortFunc(out, func(p, q Overlap) int { return cmp.Or(cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B)) })
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
	return sortOwned(runs)
}

// sortOwned sorts runs: into rows by counting, where there are not many more rows than runs, and within each.
func sortOwned(runs []owned) []owned {
	if len(runs) == 0 {
		return nil
	}
	z, y0, y1 := runs[0].Z, runs[0].Y, runs[0].Y
	flat := true
	for _, r := range runs {
		flat, y0, y1 = flat && r.Z == z, min(y0, r.Y), max(y1, r.Y)
	}
	rows := int(y1) - int(y0) + 1
	if !flat || rows > 4*len(runs)+64 {
		slices.SortFunc(runs, func(a, b owned) int { return a.compare(b.Run) })
		return runs
	}
	next := make([]int32, rows+1)
	for _, r := range runs {
		next[r.Y-y0+1]++
	}
	for i := range rows {
		next[i+1] += next[i]
	}
	sorted := make([]owned, len(runs))
	for _, r := range runs {
		at := &next[r.Y-y0]
		sorted[*at] = r
		*at++
	}
	for i := 0; i < len(sorted); {
		end := rowEnd(sorted, i)
		slices.SortFunc(sorted[i:end], func(a, b owned) int { return cmp.Compare(a.X, b.X) })
		i = end
	}
	return sorted
}
