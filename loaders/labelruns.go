package loaders

import (
	"context"
	"math"
)

// LabelRun is a run of voxels of an instance in a region.
type LabelRun struct {
	ID       int64 // of the instance
	First, N int   // in C order over the region without C
}

// ReadLabelRuns appends the runs of all instances of a region of a label array to dst. Where
// instances overlap each has a run of its own. The region is along the array's axes without C.
func ReadLabelRuns(ctx context.Context, a *Array, r Region, dst []LabelRun) ([]LabelRun, Stats, error) {
	ids, err := a.idsFor(ctx, r, r.Elements(), 1)
	if err != nil {
		return dst, Stats{}, err
	}
	stats, err := a.eachLabel(ctx, r, &resolver{array: a, ids: ids, limit: math.MaxInt64}, func(i int, id int64) {
		if n := len(dst); n > 0 && dst[n-1].ID == id && dst[n-1].First+dst[n-1].N == i {
			dst[n-1].N++
		} else {
			dst = append(dst, LabelRun{id, i, 1})
		}
	})
	return dst, stats, err
}
