package dataset

import (
	"fmt"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/pyramid"
	"github.com/micropq/micropq/validate"
)

// lower holds the levels of an array but level 0 as they should be, made from the chunks of level 0.
type lower struct {
	mu     sync.Mutex
	levels [][]byte // dense, from level 1 on
}

// newLower makes room for lower levels, where they take no more than memory and each chunk of level 0 covers whole
// elements of all of them. nil where they do not.
func newLower(a *array, memory int64) *lower {
	size := int64(a.dtype.Size())
	total := int64(0)
	for n, l := range a.levels[1:] {
		elements, ok := nd.CheckedElements(l.shape[:])
		if total += int64(elements) * size; !ok || total > memory {
			return nil
		}
		for _, ax := range []int{axZ, axY, axX} {
			if a.levels[0].count[ax] > 1 && a.levels[0].chunk[ax]%(1<<(n+1)) != 0 {
				return nil
			}
		}
		if l.digests = nil; l.seen == nil {
			return nil
		}
	}
	lo := &lower{}
	for _, l := range a.levels[1:] {
		l.digests = make([]uint64, l.grid.rows)
		lo.levels = append(lo.levels, make([]byte, int64(nd.Elements(l.shape[:]))*size))
	}
	return lo
}

// add puts what a chunk of level 0 becomes into the other levels. scratch is memory to be used.
func (lo *lower) add(a *array, b *box, data []byte, scratch []byte) []byte {
	in := dense(a.Axes, b.size)
	size := a.dtype.Size()
	for n, whole := range lo.levels {
		part := box{}
		for ax := range nAxes {
			f := 1
			if ax >= axZ {
				f = 1 << (n + 1)
			}
			part.origin[ax] = b.origin[ax] / f
			part.size[ax] = (b.size[ax] + f - 1) / f
		}
		bytes := part.elements() * size
		if cap(scratch) < bytes {
			scratch = make([]byte, bytes)
		}
		pyramid.Downsample(scratch[:bytes], data, a.dtype, a.Role == "labels", dense(a.Axes, part.size), in, n+1)
		r := a.region(&part)
		dst := nd.Dense(whole, a.region(&box{size: a.levels[n+1].shape}).Shape, size).Slice(r)
		nd.Copy(dst, nd.Dense(scratch[:bytes], r.Shape, size)) // of boxes that do not overlap
	}
	return scratch
}

// region is a box along the array's own axes.
func (a *array) region(b *box) nd.Region {
	r := nd.Region{Origin: make([]int, len(a.Axes)), Shape: make([]int, len(a.Axes))}
	for i := range a.Axes {
		ax := strings.IndexByte(axisLetters, a.Axes[i])
		r.Origin[i], r.Shape[i] = b.origin[ax], b.size[ax]
	}
	return r
}

// compare compares the chunks of lower levels, by their digests, with what they should be.
func (lo *lower) compare(a *array) (errs []error) {
	size := a.dtype.Size()
	for n, whole := range lo.levels {
		l := a.levels[n+1]
		view := nd.Dense(whole, a.region(&box{size: l.shape}).Shape, size)
		wrong, first := int64(0), box{}
		var chunk []byte
		for i := range l.grid.rows {
			if l.digests[i] == 0 {
				continue // it is missing, or does not decode
			}
			b := l.grid.box(i)
			bytes := b.elements() * size
			if cap(chunk) < bytes {
				chunk = make([]byte, bytes)
			}
			r := a.region(&b)
			nd.Copy(nd.Dense(chunk[:bytes], r.Shape, size), view.Slice(r))
			if xxhash.Sum64(chunk[:bytes]) != l.digests[i] {
				if wrong == 0 {
					first = b
				}
				wrong++
			}
		}
		if wrong > 0 {
			errs = append(errs, &validate.PyramidError{Level: n + 1, Problem: fmt.Sprintf("is not what level 0 makes: %d of its %d chunks differ, the first of them at %v", wrong, l.grid.rows, &first)})
		}
	}
	return errs
}
