package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/schemas"
)

const (
	// centresPerInstance bounds the centres of one instance; they are spread evenly over its elements.
	centresPerInstance = 256
	// centreBytes is what a centre takes in memory; those kept take a thirty-second of it.
	centreBytes, centresShare = 12, 32
)

// centres draws elements of instances.
type centres struct {
	catalogue *catalogue
	array     string
	level     int
	classes   [][]instance // one entry, unless classes are drawn first

	turn  *semaphore.Weighted       // of who reads them
	kept  map[int]map[int64][]point // by volume and instance id
	size  int                       // points in kept
	limit int                       // of them, unless those of one volume are more
}

// instance is one that crops may be centred on.
type instance struct {
	volume int // in the catalogue
	id     int64
}

// point is a position along Z, Y and X, in elements of level 0.
type point [3]int32

// centre is where a crop is to be.
type centre struct {
	volume   int
	instance int64
	at       []int // along the spatial axes, at the level drawn
}

// newCentres lists the instances of the samples drawn.
func newCentres(ctx context.Context, c *catalogue, o *Options) (*centres, error) {
	x := &centres{catalogue: c, array: o.Labels, level: o.Level, limit: int(o.Memory / centresShare / centreBytes), turn: semaphore.NewWeighted(1), kept: map[int]map[int64][]point{}}
	if x.array == "" {
		i := slices.IndexFunc(c.layouts, func(l layout) bool { return l.role == schemas.RoleLabels })
		if i < 0 {
			return nil, errors.New("foreground crops need instances: name their label array")
		}
		x.array = c.layouts[i].name
	}
	volumes := map[string]int{}
	for i, v := range c.volumes {
		volumes[v.id] = i
	}
	byClass := map[string][]instance{}
	for k, err := range c.dataset.InstanceKeys(ctx, o.Split, x.array) {
		if err != nil {
			return nil, err
		}
		v, ok := volumes[k.SampleID]
		if !ok || k.Area == nil || *k.Area == 0 {
			continue
		}
		class := ""
		if o.ByClass && k.Class != nil {
			class = *k.Class
		}
		byClass[class] = append(byClass[class], instance{v, k.InstanceID})
	}
	if len(byClass) == 0 {
		return nil, fmt.Errorf("array %s has no instance in the samples drawn: %w", x.array, loaders.ErrNotFound)
	}
	names := make([]string, 0, len(byClass))
	for name := range byClass {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x.classes = append(x.classes, byClass[name])
	}
	return x, nil
}

// draw picks a class, an instance of it and one of its centres.
func (x *centres) draw(ctx context.Context, r *draw.Random) (centre, error) {
	class := x.classes[r.Below(int64(len(x.classes)))]
	in := class[r.Below(int64(len(class)))]
	points, err := x.points(ctx, in)
	if err != nil {
		return centre{}, err
	}
	p := points[r.Below(int64(len(points)))]
	c := centre{volume: in.volume, instance: in.id}
	for i := 3 - len(x.catalogue.spatial); i < 3; i++ {
		c.at = append(c.at, int(p[i])>>x.level)
	}
	return c, nil
}

// points are the centres of an instance. Those of all instances of a sample are read
// together, since their masks lie together.
func (x *centres) points(ctx context.Context, in instance) ([]point, error) {
	if err := x.turn.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer x.turn.Release(1)
	all, ok := x.kept[in.volume]
	if !ok {
		sample := x.catalogue.volumes[in.volume].id
		all = map[int64][]point{}
		n := 0
		for row, err := range x.catalogue.dataset.Instances(ctx, sample, x.array) {
			if err != nil {
				return nil, err
			}
			points, err := spread(&row.Instance, len(x.catalogue.spatial) == 2)
			if err != nil {
				return nil, fmt.Errorf("%w: sample %s, array %s, instance %d: %w", loaders.ErrDamaged, sample, x.array, row.InstanceID, err)
			}
			all[row.InstanceID] = points
			n += len(points)
		}
		// What is drawn does not depend on what is kept, so any sample may go.
		for v, old := range x.kept {
			if x.size+n <= x.limit {
				break
			}
			for _, p := range old {
				x.size -= len(p)
			}
			delete(x.kept, v)
		}
		x.kept[in.volume] = all
		x.size += n
	}
	if len(all[in.id]) == 0 {
		return nil, fmt.Errorf("%w: sample %s, array %s, instance %d has an area and no mask", loaders.ErrDamaged, x.catalogue.volumes[in.volume].id, x.array, in.id)
	}
	return all[in.id], nil
}

// spread takes elements of an instance's mask at even distances in the order of its runs.
func spread(in *schemas.Instance, flat bool) ([]point, error) {
	if in.BBox == nil || in.Area == nil {
		return nil, nil
	}
	b, total := in.BBox, int64(0)
	h, w := int64(b.Y1-b.Y0), int64(b.X1-b.X0)
	for i, n := range in.RLE {
		if n < 0 {
			return nil, fmt.Errorf("run %d of its mask has length %d", i, n)
		}
		if i%2 == 1 {
			total += n
		}
	}
	if total != *in.Area {
		return nil, fmt.Errorf("its runs hold %d elements, its area is %d", total, *in.Area)
	}
	n := min(total, centresPerInstance)
	points := make([]point, 0, n)
	at, seen := int64(0), int64(0)
	for i, run := range in.RLE {
		if i%2 == 1 {
			for k := int64(len(points)); k < n; k++ {
				rank := (2*k + 1) * total / (2 * n) // the middle of the k-th of n equal parts
				if rank >= seen+run {
					break
				}
				e := at + rank - seen
				if flat {
					points = append(points, point{0, b.Y0 + int32(e%h), b.X0 + int32(e/h)})
				} else {
					points = append(points, point{b.Z0 + int32(e/(h*w)), b.Y0 + int32(e/w%h), b.X0 + int32(e%w)})
				}
			}
			seen += run
		}
		at += run
	}
	if box := int64(b.Z1-b.Z0) * h * w; at != box {
		return nil, fmt.Errorf("its runs cover %d elements, its box has %d", at, box)
	}
	return points, nil
}
