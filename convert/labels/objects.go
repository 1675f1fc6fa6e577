package labels

import (
	"cmp"
	"slices"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/mask"
)

// object is what becomes a row of instances.
type object struct {
	id    int64
	label int64 // its value in the array
	mask  mask.Mask
}

// labelled are the objects of an array each of whose values is one, by id.
func labelled(ps arrays.Parts) []object {
	out := make([]object, 0, len(ps))
	for _, k := range ps.Keys() {
		out = append(out, object{id: k.Label, label: k.Label, mask: ps[k].Mask()})
	}
	return out
}

// regions are the connected pieces of every value of an array, by 8 neighbours, numbered
// from 1 in the order of their first pixels.
func regions(ps arrays.Parts) (out []object) {
	for _, k := range ps.Keys() {
		for _, m := range ps[k].Mask().Pieces(mask.Corners) {
			out = append(out, object{label: k.Label, mask: m})
		}
	}
	slices.SortFunc(out, func(a, b object) int {
		return cmp.Or(cmp.Compare(a.mask[0].Y, b.mask[0].Y), cmp.Compare(a.mask[0].X, b.mask[0].X))
	})
	for i := range out {
		out[i].id = int64(i) + 1
	}
	return out
}

// stretch is a run of the object at an index.
type stretch struct {
	mask.Run
	of int
}

// touching lists, for each object, the ids of the others of which a pixel lies beside, above
// or below one of its own, ascending.
func touching(objects []object) [][]int64 {
	var all []stretch
	for i, o := range objects {
		for _, r := range o.mask {
			all = append(all, stretch{r, i})
		}
	}
	slices.SortFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.Z, b.Z), cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X))
	})
	out := make([][]int64, len(objects))
	for i := range out {
		out[i] = []int64{}
	}
	meet := func(a, b stretch) {
		if a.of != b.of {
			out[a.of] = append(out[a.of], objects[b.of].id)
			out[b.of] = append(out[b.of], objects[a.of].id)
		}
	}
	above, row := []stretch(nil), []stretch(nil)
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].Y == all[i].Y && all[n].Z == all[i].Z {
			n++
		}
		above, row = row, all[i:n]
		for k := 1; k < len(row); k++ {
			if row[k-1].End() == row[k].X {
				meet(row[k-1], row[k])
			}
		}
		if len(above) > 0 && above[0].Z == row[0].Z && above[0].Y == row[0].Y-1 {
			overlapping(above, row, meet)
		}
		i = n
	}
	for i := range out {
		slices.Sort(out[i])
		out[i] = slices.Compact(out[i])
	}
	return out
}

// overlapping hands out the pairs of stretches of two rows that share a column.
func overlapping(a, b []stretch, meet func(a, b stretch)) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if a[i].X < b[j].End() && b[j].X < a[i].End() {
			meet(a[i], b[j])
		}
		if a[i].End() < b[j].End() {
			i++
		} else {
			j++
		}
	}
}
