package batch

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
)

// classes are the class indexes of the instances of a label array, by sample and instance id.
type classes map[string]map[int64]uint8

// newClasses reads the classes of an array's instances in the samples drawn.
func newClasses(ctx context.Context, c *catalogue, o *Options, array string) (classes, error) {
	index := map[string]uint8{}
	for i, name := range o.Transform.Classes {
		index[name] = uint8(i + 1)
	}
	rest, all := index[anyClass]
	delete(index, anyClass)
	out := classes{}
	for _, v := range c.volumes {
		out[v.id] = map[int64]uint8{}
	}
	others := map[string]int{}
	n := 0
	for k, err := range c.dataset.InstanceKeys(ctx, o.Split, array) {
		if err != nil {
			return nil, err
		}
		of, ok := out[k.SampleID]
		if !ok {
			continue
		}
		n++
		name := "none"
		i, listed := uint8(0), false
		if k.Class != nil {
			name = *k.Class
			i, listed = index[name]
		}
		if !listed {
			others[name]++
			i = rest
		}
		of[k.InstanceID] = i
	}
	if n == 0 {
		return nil, fmt.Errorf("array %s has no instance in the samples drawn, and so no classes: %w", array, loaders.ErrNotFound)
	}
	if len(others) > 0 && !all {
		var names []string
		for name, n := range others {
			names = append(names, fmt.Sprintf("%s (%d)", name, n))
		}
		slices.Sort(names)
		return nil, fmt.Errorf("array %s has instances of other classes than %v: %s; list them too, or end the list with %q, which stands for all others",
			array, o.Transform.Classes, strings.Join(names, ", "), anyClass)
	}
	return out, nil
}

// errNoClass is an instance that the instances table does not list.
var errNoClass = errors.New("the instance is not in the instances table and has no class")

// of is the class of an instance.
func (c classes) of(sample string, id int64) (uint8, error) {
	i, ok := c[sample][id]
	if !ok {
		return 0, fmt.Errorf("sample %s, instance %d: %w", sample, id, errNoClass)
	}
	return i, nil
}

// mapIDs fills dst with the classes of instance ids, int32 and little-endian; 0 stays 0.
func (c classes) mapIDs(dst, ids []byte, sample string) error {
	last, class := uint32(0), uint8(0)
	for i := range dst {
		id := binary.LittleEndian.Uint32(ids[4*i:])
		if id != last {
			last, class = id, 0
			if id != 0 {
				var err error
				if class, err = c.of(sample, int64(id)); err != nil {
					return err
				}
			}
		}
		dst[i] = class
	}
	return nil
}

// masks are what Transform.Instances makes of a label array of an item.
type masks struct {
	data    []byte // (M, Z, Y, X)
	ids     []byte // (M) int64, little-endian
	classes []byte // (M), nil where classes are not asked for
}

// readMasks fills masks, which are zero, with the instances of a box that have the most elements in it.
// It begins at origin and may reach beyond the array.
func readMasks(ctx context.Context, a *loaders.Array, origin, size []int, m masks, c classes) (loaders.Stats, error) {
	region := nd.Region{Origin: origin, Shape: make([]int, len(size))}
	for i, n := range a.LabelShape() {
		region.Shape[i] = max(0, min(size[i], n-origin[i]))
	}
	runs, stats, err := loaders.ReadLabelRuns(ctx, a, region, nil)
	if err != nil {
		return stats, err
	}
	slots := map[int64]int{}
	for slot, id := range largest(runs, len(m.ids)/8) {
		slots[id] = slot
		binary.LittleEndian.PutUint64(m.ids[8*slot:], uint64(id))
		if m.classes != nil {
			if m.classes[slot], err = c.of(a.Sample(), id); err != nil {
				return stats, err
			}
		}
	}
	box := nd.Elements(size)
	for _, r := range runs {
		if slot, ok := slots[r.ID]; ok {
			setRun(m.data[slot*box:][:box], size, region.Shape, r)
		}
	}
	return stats, nil
}

// setRun sets the elements of a run of a region in a box that begins where the region does and is not
// smaller.
func setRun(mask []byte, size, region []int, r loaders.LabelRun) {
	n := len(size)
	h, w := region[n-2], region[n-1]
	for i := r.First; i < r.First+r.N; {
		row, x := i/w, i%w
		k := min(r.First+r.N-i, w-x)
		at := (row/h*size[n-2]+row%h)*size[n-1] + x
		for j := range k {
			mask[at+j] = 1
		}
		i += k
	}
}

// largest are the ids of at most m instances that have the most elements, the largest first, of equal
// ones the lower id.
func largest(runs []loaders.LabelRun, m int) []int64 {
	area := map[int64]int{}
	for _, r := range runs {
		area[r.ID] += r.N
	}
	ids := make([]int64, 0, len(area))
	for id := range area {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Or(cmp.Compare(area[b], area[a]), cmp.Compare(a, b)) })
	return ids[:min(m, len(ids))]
}
