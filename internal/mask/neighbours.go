package mask

import "slices"

// owned is a run of one of several masks.
type owned struct {
	Run
	owner int
}

// Neighbours lists, for each mask, the indices of the others that have an element which is a
// neighbour of one of its own, or is its own too; ascending.
func Neighbours(masks []Mask, c Connectivity) [][]int {
	runs := ownedRuns(masks)
	found := make([][]int, len(masks))
	seen := map[[2]int]bool{}
	pair := func(a, b owned) {
		key := [2]int{min(a.owner, b.owner), max(a.owner, b.owner)}
		if a.owner != b.owner && !seen[key] {
			seen[key] = true
			found[a.owner] = append(found[a.owner], b.owner)
			found[b.owner] = append(found[b.owner], a.owner)
		}
	}
	reach := c.reach()
	sweep(runs, 0, 0, 1, pair) // in its own row a run touches the next, not past a corner
	sweep(runs, 0, 1, reach, pair)
	if len(runs) > 0 && runs[0].Z != runs[len(runs)-1].Z {
		for dy := -reach; dy <= reach; dy++ {
			sweep(runs, 1, dy, reach, pair)
		}
	}
	for _, f := range found {
		slices.Sort(f)
	}
	return found
}

// sweep hands out the pairs of runs in rows (z, y) and (z+dz, y+dy) that overlap along X,
// with reach 1 also those that meet at their ends.
func sweep(runs []owned, dz, dy, reach int32, pair func(a, b owned)) {
	lo := 0
	for i := 0; i < len(runs); {
		end := rowEnd(runs, i)
		want := Run{Z: runs[i].Z + dz, Y: runs[i].Y + dy}
		for lo < len(runs) && (Run{Z: runs[lo].Z, Y: runs[lo].Y}).compare(want) < 0 {
			lo++
		}
		if lo < len(runs) && runs[lo].sameRow(want) {
			sweepRows(runs[i:end], runs[lo:rowEnd(runs, lo)], reach, pair)
		}
		i = end
	}
}

func rowEnd(runs []owned, i int) int {
	end := i + 1
	for end < len(runs) && runs[end].sameRow(runs[i].Run) {
		end++
	}
	return end
}

// sweepRows compares the runs of two rows, which may overlap within a row: runs of b that
// end before a run of a begins are passed only once every run before them has ended as well.
func sweepRows(a, b []owned, reach int32, pair func(a, b owned)) {
	first := 0
	for _, r := range a {
		for first < len(b) && b[first].End()+reach <= r.X {
			first++
		}
		for _, s := range b[first:] {
			if s.X >= r.End()+reach {
				break
			}
			if s.End()+reach > r.X {
				pair(r, s)
			}
		}
	}
}
