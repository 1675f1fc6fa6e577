package loaders

import (
	"context"
	"fmt"
	"strings"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// object is an instance and its mask.
type object struct {
	id   int64
	mask mask.Mask
}

// Redrawn reports whether the array's masks were edited since its chunks were written, as in
// a revision of a data set: its labels are then those of the instances table, and Read gives
// what the chunks still hold.
func (a *Array) Redrawn() bool { return a.dataset.manifest.Redrawn(a.sample, a.desc.Name) }

// redrawn are the masks of a redrawn array. They are read once.
func (a *Array) redrawn(ctx context.Context) ([]object, error) {
	if err := a.labels.turn.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer a.labels.turn.Release(1)
	if a.labels.masks != nil {
		return a.labels.masks, nil
	}
	if axes := a.LabelAxes(); a.level > 0 || strings.Trim(axes, "ZYX") != "" {
		return nil, a.refuse(fmt.Errorf("level %d, axes %s: its masks were edited and are drawn at level 0 along Z, Y and X only", a.level, axes))
	}
	masks := []object{}
	for in, err := range a.dataset.Instances(ctx, a.sample, a.desc.Name) {
		if err != nil {
			return nil, err
		}
		if in.BBox == nil || in.RLE == nil {
			continue // a box or a point
		}
		m, err := mask.FromCounts(in.RLE, *in.BBox, mask.OrderOf(a.LabelAxes()))
		if err != nil {
			return nil, &DamageError{File: schemas.InstancesTable, Row: -1, Sample: a.sample, Array: a.desc.Name,
				Err: fmt.Errorf("mask of instance %d: %w", in.InstanceID, err)}
		}
		masks = append(masks, object{in.InstanceID, m})
	}
	a.labels.masks = masks
	return masks, nil
}

// eachDrawn is eachLabel for a redrawn array.
func (a *Array) eachDrawn(ctx context.Context, r Region, ids *resolver, f func(i int, id int64)) (Stats, error) {
	objects, err := a.redrawn(ctx)
	if err != nil {
		return Stats{}, err
	}
	n := len(r.Shape)
	box := schemas.BBox{Z1: 1, Y0: int32(r.Origin[n-2]), Y1: int32(r.End(n - 2)), X0: int32(r.Origin[n-1]), X1: int32(r.End(n - 1))}
	if n == 3 {
		box.Z0, box.Z1 = int32(r.Origin[0]), int32(r.End(0))
	}
	h, w := r.Shape[n-2], r.Shape[n-1]
	for _, o := range objects {
		if ctx.Err() != nil {
			return Stats{}, context.Cause(ctx)
		}
		part := o.mask.Clip(box)
		if len(part) == 0 {
			continue
		}
		id, err := ids.id(objectKey{label: o.id})
		if err != nil {
			return Stats{}, err
		}
		for _, run := range part {
			first := (int(run.Z-box.Z0)*h+int(run.Y-box.Y0))*w + int(run.X-box.X0)
			for i := first; i < first+int(run.N); i++ {
				f(i, id)
			}
		}
	}
	return Stats{Requested: int64(r.Elements() * a.dtype.Size())}, nil
}
