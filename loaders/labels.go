package loaders

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// ReadLabels fills dst with the instance ids of a region of a label array, 0 where there is
// no object. The region is along the array's axes without C, all channels being merged:
// where instances overlap, the highest id wins. An id that T cannot hold is an error.
func ReadLabels[T ID](ctx context.Context, a *Array, r Region, dst []T) (Stats, error) {
	ids, err := a.idsFor(ctx, r, len(dst), 1)
	if err != nil {
		return Stats{}, err
	}
	clear(dst)
	return a.eachLabel(ctx, r, &resolver{array: a, ids: ids, limit: maxOf[T]()}, func(i int, id int64) {
		dst[i] = max(dst[i], T(id))
	})
}

// ReadMasks fills dst with one mask an instance id: dst has the shape (len(ids), region).
// The region is along the array's axes without C. An id that the array does not have is an
// error that wraps [ErrNotFound].
func ReadMasks(ctx context.Context, a *Array, r Region, ids []int64, dst []bool) (Stats, error) {
	known, err := a.idsFor(ctx, r, len(dst), len(ids))
	if err != nil {
		return Stats{}, err
	}
	if err := a.checkIDs(known, ids); err != nil {
		return Stats{}, err
	}
	n := len(dst) / max(1, len(ids))
	clear(dst)
	return a.eachLabel(ctx, r, &resolver{array: a, ids: known, limit: math.MaxInt64}, func(i int, id int64) {
		for m := range ids {
			if ids[m] == id {
				dst[m*n+i] = true
			}
		}
	})
}

// InstanceIDs lists the ids of the array's instances, ascending. It is empty for an array
// whose objects are not in the instances table; its labels are its ids.
func (a *Array) InstanceIDs(ctx context.Context) ([]int64, error) {
	known, err := a.instanceIDs(ctx)
	if err != nil {
		return nil, err
	}
	return sortedIDs(known), nil
}

func sortedIDs(known map[objectKey]int64) []int64 {
	return slices.Sorted(maps.Values(known))
}

// LabelShape is the array's shape without C, and LabelAxes its axes.
func (a *Array) LabelShape() []int {
	shape := a.Shape()
	if c := a.channelAxis(); c >= 0 {
		shape = slices.Delete(shape, c, c+1)
	}
	return shape
}

// LabelAxes are the array's axes without C.
func (a *Array) LabelAxes() string { return strings.ReplaceAll(a.desc.Axes, "C", "") }

func (a *Array) channelAxis() int { return strings.IndexByte(a.desc.Axes, 'C') }

// idsFor checks a request for labels and returns the array's ids. n is the room there is,
// for copies of the region.
func (a *Array) idsFor(ctx context.Context, r Region, n, copies int) (map[objectKey]int64, error) {
	if a.desc.Role != schemas.RoleLabels || !a.dtype.Label() {
		return nil, a.refuse(fmt.Errorf("it holds no labels but %s of type %s", a.desc.Role, a.dtype))
	}
	whole, err := a.withChannels(r)
	if err != nil {
		return nil, err
	}
	if err := a.grid.check(whole); err != nil {
		return nil, a.refuse(err)
	}
	if elements, ok := nd.CheckedElements(append([]int{copies}, r.Shape...)); !ok || elements != n {
		return nil, a.refuse(fmt.Errorf("region %v has %d elements, %d times, there is room for %d", r, r.Elements(), copies, n))
	}
	return a.instanceIDs(ctx)
}

// withChannels adds all channels to a region that has no C axis.
func (a *Array) withChannels(r Region) (Region, error) {
	if len(r.Origin) != len(a.LabelAxes()) || len(r.Shape) != len(r.Origin) {
		return r, a.refuse(fmt.Errorf("%w: %d axes, its labels have %d (%s)", ErrRegion, len(r.Shape), len(a.LabelAxes()), a.LabelAxes()))
	}
	c := a.channelAxis()
	if c < 0 {
		return r, nil
	}
	return Region{
		Origin: slices.Insert(slices.Clone(r.Origin), c, 0),
		Shape:  slices.Insert(slices.Clone(r.Shape), c, a.grid.shape[c]),
	}, nil
}

// resolver finds the instance ids of the objects met in voxels, which come in runs.
type resolver struct {
	array *Array
	ids   map[objectKey]int64
	limit uint64 // the largest id that fits

	last   objectKey
	lastID int64 // 0 before the first
}

func (r *resolver) id(k objectKey) (int64, error) {
	if k == r.last && r.lastID != 0 {
		return r.lastID, nil
	}
	a, id := r.array, k.label
	if len(r.ids) > 0 {
		var ok bool
		if id, ok = r.ids[k]; !ok {
			return 0, &DamageError{File: schemas.InstancesTable, Row: -1, Sample: a.sample, Array: a.desc.Name, Level: a.level,
				Err: fmt.Errorf("label %d of channel %d is in the voxels and has no row", k.label, k.channel)}
		}
	}
	if id < 1 || uint64(id) > r.limit {
		return 0, a.refuse(fmt.Errorf("instance id %d does not fit: want 1 to %d", id, r.limit))
	}
	r.last, r.lastID = k, id
	return id, nil
}

// checkIDs reports an id that no object has.
func (a *Array) checkIDs(known map[objectKey]int64, ids []int64) error {
	if len(known) == 0 {
		return nil
	}
	have := sortedIDs(known)
	for _, id := range ids {
		if _, ok := slices.BinarySearch(have, id); !ok {
			return a.refuse(fmt.Errorf("instance %d: %w: it has %s", id, ErrNotFound, someOf(have)))
		}
	}
	return nil
}

// scratch holds the labels of a few channels of a region.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// eachLabel calls f for every voxel of a region that is not background: with its position
// in the region without C, and its instance id. Channels are read a chunk's worth at a time, and
// those without a voxel in the region not at all.
func (a *Array) eachLabel(ctx context.Context, r Region, ids *resolver, f func(i int, id int64)) (Stats, error) {
	if a.Redrawn() {
		return a.eachDrawn(ctx, r, ids, f)
	}
	whole, err := a.withChannels(r)
	if err != nil {
		return Stats{}, err
	}
	c := a.channelAxis()
	step, channels := 1, 1
	if c >= 0 {
		step, channels = a.grid.chunk[c], a.grid.shape[c]
	}
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	var stats Stats
	for first := 0; first < channels; first += step {
		if c >= 0 {
			whole.Origin[c], whole.Shape[c] = first, min(step, channels-first)
		}
		if a.backgroundOnly(whole, &stats) {
			continue
		}
		n := whole.Elements() * a.dtype.Size()
		*buf = slices.Grow((*buf)[:0], n)[:n]
		s, err := a.Read(ctx, whole, nd.Dense(*buf, whole.Shape, a.dtype.Size()))
		stats.Add(s)
		if err != nil {
			return stats, err
		}
		if err := a.scan(*buf, whole, first, ids, f); err != nil {
			return stats, err
		}
	}
	return stats, context.Cause(ctx)
}

// backgroundOnly reports whether a region holds nothing but 0 without a look at its voxels.
func (a *Array) backgroundOnly(r Region, stats *Stats) bool {
	if a.desc.Fill != 0 {
		return false
	}
	touched := a.grid.touched(nil, r)
	for _, i := range touched {
		if !a.index.chunks[i].empty {
			return false
		}
	}
	stats.Chunks += len(touched)
	stats.EmptyChunks += len(touched)
	stats.Requested += int64(r.Elements() * a.dtype.Size())
	return true
}

// scan finds the voxels that are not background in the dense elements of a region.
func (a *Array) scan(data []byte, r Region, first int, ids *resolver, f func(i int, id int64)) error {
	// Elements are in groups of inner, one group a channel, channels within one of outer.
	inner, channels := r.Elements(), 1
	if c := a.channelAxis(); c >= 0 {
		channels, inner = r.Shape[c], nd.Elements(r.Shape[c+1:])
	}
	for i := range r.Elements() {
		v := label(data, a.dtype, i)
		if v == 0 {
			continue
		}
		group := i / inner
		id, err := ids.id(objectKey{channel: first + group%channels, label: v})
		if err != nil {
			return err
		}
		f(group/channels*inner+i%inner, id)
	}
	return nil
}

// maxOf is the largest value of T.
func maxOf[T ID]() uint64 {
	var zero T
	width := 8 * unsafe.Sizeof(zero)
	if ^zero < zero {
		width-- // signed
	}
	return math.MaxUint64 >> (64 - width)
}
