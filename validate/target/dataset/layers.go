package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// show shows a sample all of whose chunks have been looked at, with its arrays and layers.
func (w *walk) show(ctx context.Context, v *sample, chunksLost bool) error {
	cur := &cursor{walk: w}
	defer cur.close()
	claims := map[string][]claim{}
	ranges := w.instances.take(v.SampleID)
	if !w.pass.Wants(validate.Layers | validate.Instances) {
		ranges = nil
	}
	for _, name := range sortedKeys(ranges) {
		list, err := cur.read(ctx, ranges[name])
		if err != nil {
			return err
		}
		claims[name] = list
	}
	return w.workers.do(ctx, func(*worker) { w.assemble(ctx, v, claims, chunksLost) })()
}

// assemble shows a sample, its arrays and its layers.
func (w *walk) assemble(ctx context.Context, v *sample, claims map[string][]claim, chunksLost bool) {
	for _, a := range v.arrays {
		a.finish(chunksLost)
		if a.Role == schemas.RoleImage && v.Pixels == 0 {
			v.Pixels = a.pixels()
		}
	}
	w.pass.Sample(ctx, v.Sample)
	for _, a := range v.arrays {
		w.pass.Array(ctx, a.Array)
	}
	if !w.pass.Wants(validate.Layers | validate.Instances) {
		return
	}
	masks := w.classMasks(v, claims)
	for _, a := range v.arrays {
		list, ok := claims[a.Name]
		if l := w.layer(v, a, list); l != nil {
			if ok && a.Name != secondArray {
				l.Masks = masks
				if w.layout != nil {
					l.Unclaimed = w.layout.rest
				}
				l.Second = w.second(v)
			}
			w.pass.Layer(ctx, l)
		}
		a.parts = nil
		delete(claims, a.Name)
	}
	for _, name := range sortedKeys(claims) {
		w.pass.Layer(ctx, w.drawn(v.Sample, name, claims[name]))
	}
}

// layer is the layer of a label array, nil for an array that has none.
func (w *walk) layer(v *sample, a *array, claims []claim) *validate.Layer {
	if a.Role != schemas.RoleLabels || len(claims) == 0 && (w.layout.isMask(a.Name) || len(w.instances.arrays) > 0 && !w.instances.arrays[a.Name]) {
		return nil // an image, or the mask of a class
	}
	l := w.newLayer(v.Sample, a.Name)
	l.DType, l.Errs = a.dtype, a.bad.Errs()
	l.Axes, l.Shape = spatial(&a.Array.Array)
	if c := strings.IndexByte(a.Axes, 'C'); c >= 0 && c < len(a.Shape) {
		l.Channels = int(min(a.Shape[c], 1<<20))
	}
	redrawn := w.manifest != nil && w.manifest.Redrawn(v.SampleID, a.Name)
	l.Exclusive = l.Channels == 0 && !redrawn
	j := &joiner{walk: w, layer: l, voxels: a.complete() && a.labels && !redrawn && !a.tooMany && a.levels[0].shape[axT] == 1, parts: a.parts}
	l.Disjoint = j.voxels && l.Channels == 0
	j.join(claims)
	return l
}

func (w *walk) newLayer(v *validate.Sample, array string) *validate.Layer {
	l := &validate.Layer{Place: v.Place, Kind: v.Kind, PixelSizeUM: v.PixelSizeUM}
	l.Place.Array, l.Place.Row, l.Place.File = array, nil, ""
	if w.layout != nil && array != secondArray {
		l.Classes = w.layout.known
	}
	return l
}

// drawn is a layer of instances that are in no array of labels.
func (w *walk) drawn(v *validate.Sample, array string, claims []claim) *validate.Layer {
	l := w.newLayer(v, array)
	l.Axes = "YX"
	if v.Axes != nil && len(*v.Axes) == len(v.Shape) {
		l.Axes, l.Shape = spatial(&schemas.Array{Axes: *v.Axes, Shape: v.Shape})
	}
	for _, a := range v.Arrays {
		if a.Role == schemas.RoleImage {
			l.Axes, l.Shape = spatial(&a)
		}
	}
	(&joiner{walk: w, layer: l}).join(claims)
	return l
}

// spatial are the axes and extents of an array along Z, Y and X.
func spatial(a *schemas.Array) (axes string, shape []int) {
	for i, n := range a.Shape {
		if i < len(a.Axes) && strings.IndexByte("ZYX", a.Axes[i]) >= 0 {
			axes, shape = axes+a.Axes[i:i+1], append(shape, int(n))
		}
	}
	return axes, shape
}

// joiner brings the rows of a layer together with its elements.
type joiner struct {
	walk   *walk
	layer  *validate.Layer
	voxels bool // the elements are what counts, and they are known
	parts  map[object]mask.Mask
	taken  map[object]int64
}

func (j *joiner) join(claims []claim) {
	l := j.layer
	j.taken = map[object]int64{}
	for i := range claims {
		l.Instances = append(l.Instances, j.instance(&claims[i]))
	}
	if j.voxels {
		j.rest(len(claims) > 0 || j.walk.instances.arrays[l.Place.Array])
	}
	slices.SortStableFunc(l.Instances, func(a, b *validate.Instance) int { return cmp.Compare(a.ID, b.ID) })
}

// blank is an instance without anything of its own.
func (j *joiner) blank(p validate.Place, id int64) *validate.Instance {
	l := j.layer
	in := &validate.Instance{Place: p, Kind: l.Kind, ID: id, Axes: l.Axes, Classes: l.Classes}
	in.Place.Instance = &in.ID
	for i := range l.Axes {
		in.Shape[strings.IndexByte("ZYX", l.Axes[i])] = shapeAt(l.Shape, i)
	}
	if len(l.Shape) == 2 {
		in.Shape[0] = 1
	}
	return in
}

func shapeAt(shape []int, i int) int {
	if i < len(shape) {
		return shape[i]
	}
	return 0
}

// instance is the instance of a row: its elements are those of the array or, where there is none, of its run lengths.
func (j *joiner) instance(c *claim) *validate.Instance {
	in := j.blank(c.place, c.InstanceID)
	in.Channel, in.Class, in.Claim = c.Channel, c.Class, c.Instance
	o := object{label: c.InstanceID}
	if c.Label != nil {
		o.label = *c.Label
	}
	if c.Channel != nil {
		o.channel = *c.Channel
	}
	in.Label = o.label
	drawn, err := j.decode(c)
	truth, ok := j.parts[o]
	switch {
	case !j.voxels:
		in.Mask, in.MaskErr = drawn, err
	case ok:
		truth = mask.Of(truth)
		j.parts[o] = truth
		in.Mask = truth
		if err != nil {
			in.Errs = append(in.Errs, err)
		} else if drawn != nil && !slices.Equal(drawn, truth) {
			both := mask.IntersectionArea(drawn, truth)
			in.Errs = append(in.Errs, &validate.DrawnError{Lacks: truth.Area() - both, Extra: drawn.Area() - both})
		}
	default:
		in.Mask, in.MaskErr = drawn, err
		if c.Label != nil {
			in.Errs = append(in.Errs, j.keyError(c, o, "is no element of the array"))
		}
	}
	if other, taken := j.taken[o]; taken && j.voxels {
		in.Errs = append(in.Errs, j.keyError(c, o, fmt.Sprintf("is that of instance %d too", other)))
	}
	j.taken[o] = c.InstanceID
	if len(in.Mask) > 0 {
		b := in.Mask.BBox()
		in.Place.BBox = &b
	} else {
		in.Place.BBox = c.BBox
	}
	return in
}

func (j *joiner) keyError(c *claim, o object, problem string) error {
	return &validate.KeyError{Table: schemas.InstancesTable, Key: "label", Value: j.name(o), Problem: problem, Row: *c.place.Row, Rows: 1}
}

// name is what messages call an object.
func (j *joiner) name(o object) string {
	if j.layer.Channels == 0 {
		return fmt.Sprint(o.label)
	}
	return fmt.Sprintf("%d of channel %d", o.label, o.channel)
}

// decode is the mask that a row draws; nil where it draws none.
func (j *joiner) decode(c *claim) (mask.Mask, error) {
	switch {
	case c.RLE == nil:
		return nil, nil
	case c.BBox == nil:
		return nil, &mask.CountsError{Index: -1, Reason: "there is no box that they are in"}
	}
	return mask.FromCounts(c.RLE, *c.BBox, mask.OrderOf(j.layer.Axes))
}

// rest adds the objects that no row is about. It is an error that there is none where the array has rows.
func (j *joiner) rest(rows bool) {
	objects := make([]object, 0, len(j.parts))
	for o := range j.parts {
		if _, ok := j.taken[o]; !ok {
			objects = append(objects, o)
		}
	}
	slices.SortFunc(objects, object.compare)
	lost := j.walk.lost(schemas.InstancesTable, j.layer.Place.Split)
	for _, o := range objects {
		in := j.blank(j.layer.Place, o.label)
		in.Label, in.Mask = o.label, mask.Of(j.parts[o])
		if j.layer.Channels > 0 {
			in.Channel = &o.channel
		}
		b := in.Mask.BBox()
		in.Place.BBox = &b
		if rows && !lost {
			in.Errs = append(in.Errs, &validate.KeyError{Table: schemas.InstancesTable, Key: "label",
				Value: j.name(o), Problem: fmt.Sprintf("has %d elements in the array and no row", in.Mask.Area()), Row: -1, Rows: 1})
		}
		j.layer.Instances = append(j.layer.Instances, in)
	}
}

// classMasks are the masks of classes that a sample has.
func (w *walk) classMasks(v *sample, claims map[string][]claim) (masks []validate.ClassMask) {
	if w.layout == nil {
		return nil
	}
	for _, a := range v.arrays {
		if !w.layout.isMask(a.Name) || len(claims[a.Name]) > 0 || a.tooMany {
			continue
		}
		m := validate.ClassMask{Array: a.Name, Class: w.layout.classes[a.Name], Claim: w.layout.claim}
		var all []mask.Run
		values, isValues := w.layout.values[a.Name]
		if isValues {
			m.Names, m.Value = values, map[int64]mask.Mask{}
		}
		for o, part := range a.parts {
			all = append(all, part...)
			if isValues {
				m.Value[o.label] = mask.Of(slices.Clone(part))
			}
		}
		m.All = mask.Of(all)
		masks = append(masks, m)
	}
	return masks
}

// second says that a sample has a second annotation. Where its annotator looked no data set says yet.
func (w *walk) second(v *sample) *validate.Second {
	i := slices.IndexFunc(v.arrays, func(a *array) bool { return a.Name == secondArray })
	if i < 0 {
		return nil
	}
	return &validate.Second{Place: v.arrays[i].Place}
}

// showRest shows the samples that no chunk was of, and the instances of samples that have no arrays.
func (w *walk) showRest(ctx context.Context) error {
	for _, v := range w.samples.sorted {
		if v.shown {
			continue
		}
		v.shown = true
		if err := w.show(ctx, v, w.chunksLost(v)); err != nil {
			return err
		}
	}
	if !w.pass.Wants(validate.Layers | validate.Instances) {
		return nil
	}
	cur := &cursor{walk: w}
	defer cur.close()
	var ts tasks
	ts.ws = w.workers
	for _, r := range w.instances.others {
		list, err := cur.read(ctx, []rowRange{r})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			continue
		}
		v := &validate.Sample{Place: w.at("", r.shard.split, list[0].SampleID), Kind: validate.Question}
		ts.do(ctx, func(*worker) { w.pass.Layer(ctx, w.drawn(v, list[0].Array, list)) })
		if len(ts.waits) >= 4*w.pass.Jobs() {
			if err := ts.wait(); err != nil {
				return err
			}
		}
	}
	return ts.wait()
}
