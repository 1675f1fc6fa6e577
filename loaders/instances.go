package loaders

import (
	"context"
	"fmt"
	"iter"

	"github.com/micropq/micropq/schemas"
)

// Instance is a row of instances.
type Instance struct {
	schemas.Instance
	Extra map[string]any // the source's own columns, as in Sample
}

// Instances lists the annotated objects of a sample's array in the order of the data set.
func (d *Dataset) Instances(ctx context.Context, sample, array string) iter.Seq2[*Instance, error] {
	return func(yield func(*Instance, error) bool) {
		for _, s := range d.shardsOf(schemas.InstancesTable, "") {
			for _, g := range s.groups(bound{"sample_id", sample}, bound{"array", array}) {
				for v, err := range extended[schemas.Instance](ctx, s, g) {
					if err != nil {
						yield(nil, err)
						return
					}
					if v.row.SampleID != sample || v.row.Array != array {
						continue
					}
					if !yield(&Instance{v.row, v.extra}, nil) {
						return
					}
				}
			}
		}
	}
}

// instanceHead are the columns of instances that join voxels to ids.
type instanceHead struct {
	SampleID   string `parquet:"sample_id,dict"`
	Array      string `parquet:"array,dict"`
	InstanceID int64  `parquet:"instance_id"`
	Channel    *int32 `parquet:"channel,optional"`
	Label      *int64 `parquet:"label,optional"`
}

// objectKey is how the voxels of an object are known: their channel, 0 where the array has
// no C axis, and their value.
type objectKey struct {
	channel int
	label   int64
}

// instanceIDs maps the objects of a label array to their instance ids. It is read once. An
// array none of whose objects is in the instances table has no map: its labels are its ids.
func (a *Array) instanceIDs(ctx context.Context) (map[objectKey]int64, error) {
	if err := a.labels.turn.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer a.labels.turn.Release(1)
	if a.labels.ids != nil {
		return a.labels.ids, nil
	}
	ids := make(map[objectKey]int64)
	for _, s := range a.dataset.shardsOf(schemas.InstancesTable, a.split) {
		for _, g := range s.groups(bound{"sample_id", a.sample}, bound{"array", a.desc.Name}) {
			for r, err := range rows[instanceHead](ctx, s, g) {
				if err != nil {
					return nil, err
				}
				h := r.value
				if h.SampleID != a.sample || h.Array != a.desc.Name {
					continue
				}
				key := objectKey{label: h.InstanceID}
				if a.Redrawn() {
					ids[key] = h.InstanceID // whatever the chunks call it
					continue
				}
				if h.Channel != nil {
					key.channel = int(*h.Channel)
				}
				if h.Label != nil {
					key.label = *h.Label
				}
				if other, taken := ids[key]; taken {
					return nil, &DamageError{File: s.Path, Row: r.number, Sample: a.sample,
						Err: fmt.Errorf("instances %d and %d have the same channel %d and label %d", other, h.InstanceID, key.channel, key.label)}
				}
				ids[key] = h.InstanceID
			}
		}
	}
	a.labels.ids = ids
	return ids, nil
}

// InstanceKey names an instance and says what sampling wants to know of it.
type InstanceKey struct {
	SampleID   string  `parquet:"sample_id,dict"`
	Array      string  `parquet:"array,dict"`
	InstanceID int64   `parquet:"instance_id"`
	Class      *string `parquet:"class,optional"`
	Area       *int64  `parquet:"area,optional"` // pixels or voxels
}

// InstanceKeys lists the instances of an array in all samples of a split, "" for all, in the
// order of the data set. Neither masks nor measurements are read.
func (d *Dataset) InstanceKeys(ctx context.Context, split, array string) iter.Seq2[InstanceKey, error] {
	return func(yield func(InstanceKey, error) bool) {
		for _, s := range d.shardsOf(schemas.InstancesTable, split) {
			for _, g := range s.groups(bound{"array", array}) {
				for r, err := range rows[InstanceKey](ctx, s, g) {
					if err != nil {
						yield(InstanceKey{}, err)
						return
					}
					if r.value.Array == array && !yield(*r.value, nil) {
						return
					}
				}
			}
		}
	}
}
