package batch

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// treatment is what the transform does to one array of a source. The zero value is nothing.
type treatment struct {
	mapping *mapping // of images
	classes classes  // of labels
}

// treat prepares what the transform does to the arrays of a source.
func (c *catalogue) treat(ctx context.Context, source int, o *Options) error {
	t := &o.Transform
	c.treatments = make([]treatment, len(c.layouts))
	for i := range c.layouts {
		l, of := &c.layouts[i], &c.treatments[i]
		var err error
		switch {
		case l.role == schemas.RoleLabels && len(t.Classes) > 0:
			of.classes, err = newClasses(ctx, c, o, l.name)
		case l.role != schemas.RoleLabels && (t.normalises() || t.dtype(l.dtype) != l.dtype):
			of.mapping, err = c.mapping(ctx, source, o, l)
			l.dtype = t.dtype(l.dtype)
		}
		if err != nil {
			return fmt.Errorf("array %s: %w", l.name, err)
		}
	}
	return nil
}

func (c *catalogue) mapping(ctx context.Context, source int, o *Options, l *layout) (m *mapping, err error) {
	var ranges [][2]float64
	if len(o.Transform.Percentiles) > 0 {
		if ranges, err = c.ranges(ctx, o, l); err != nil {
			return nil, err
		}
	}
	if m, err = newMapping(&o.Transform, l.stored, l.channels, ranges); err == nil {
		m.Source, m.Array = source, l.name
	}
	return m, err
}

// Normalisations say what becomes of the elements of images, source by source. There is none for an
// array whose elements come as they are stored.
func (l *Loader) Normalisations() (all []Normalisation) {
	for _, c := range l.contents {
		for _, t := range c.treatments {
			if t.mapping != nil {
				all = append(all, t.mapping.Normalisation)
			}
		}
	}
	if l.image != nil {
		all = append(all, l.image.Normalisation)
	}
	return all
}

// labelTensors are the tensors that an array's labels come as when they are transformed: behind those of
// all arrays stand their ids and their classes.
func (l *Loader) labelTensors(t Tensor, n int) (masks Tensor, behind []Tensor) {
	o := &l.options.Transform
	if o.Instances == 0 {
		if len(o.Classes) > 0 {
			t.DType = schemas.Uint8
		}
		return t, nil
	}
	t.Axes, t.Shape, t.DType = "NM"+t.Axes[1:], slices.Insert(t.Shape, 1, o.Instances), schemas.Uint8
	behind = append(behind, Tensor{Name: t.Name + "_ids", Axes: "NM", Shape: []int{n, o.Instances}, DType: schemas.Int64})
	if len(o.Classes) > 0 {
		behind = append(behind, Tensor{Name: t.Name + "_classes", Axes: "NM", Shape: []int{n, o.Instances}, DType: schemas.Uint8})
	}
	return t, behind
}

// place is the memory of item i in a tensor.
func (t *Tensor) place(i int) []byte {
	n := len(t.Data) / t.Shape[0]
	return t.Data[i*n : (i+1)*n]
}

// transformBytes is the memory that an item takes beside the batch while it is transformed: as it was read,
// and turned.
func (l *Loader) transformBytes() (n int64) {
	if l.options.Transform.isZero() {
		return 0
	}
	for i, t := range l.Tensors(1) {
		size := t.DType.Size()
		if i < len(l.options.Arrays) {
			size = max(size, l.contents[0].layouts[i].stored.Size(), schemas.Int32.Size())
		}
		n = max(n, 2*int64(nd.Elements(t.Shape)*size))
	}
	return n
}

// memory that items are read into before they are transformed.
var memory = sync.Pool{New: func() any { return new([]byte) }}

// borrow gives n bytes of any content.
func borrow(n int) *[]byte {
	b := memory.Get().(*[]byte)
	*b = slices.Grow((*b)[:0], n)[:n]
	return b
}

// treated puts array k of an item, transformed, into place i of a batch.
func (l *Loader) treated(ctx context.Context, b *Batch, i, k int, item *Item, a *loaders.Array) (loaders.Stats, error) {
	c := l.contents[item.Source]
	y, t := &c.layouts[k], &b.Tensors[k]
	if y.role == schemas.RoleLabels && l.options.Transform.Instances > 0 {
		return l.masked(ctx, b, i, k, item, a)
	}
	shape, size := t.Shape[1:], y.stored.Size()
	if y.role == schemas.RoleLabels {
		size = schemas.Int32.Size()
	}
	raw := borrow(nd.Elements(shape) * size)
	defer memory.Put(raw)
	view := nd.Dense(*raw, shape, size)
	stats, err := readBox(ctx, a, y, item.Origin, l.options.Size, view)
	if err != nil {
		return stats, err
	}
	if of := c.treatments[k].classes; of != nil {
		// In place: a class takes the first of the bytes of the ids that were read before it.
		view = nd.Dense((*raw)[:nd.Elements(shape)], shape, 1)
		if err := of.mapIDs(view.Data, *raw, item.Sample); err != nil {
			return stats, err
		}
	}
	finish(t.place(i), view, len(l.options.Size), item, c.treatments[k].mapping)
	return stats, nil
}

// masked puts the masks of a label array of an item into place i of a batch, and what they are masks of.
func (l *Loader) masked(ctx context.Context, b *Batch, i, k int, item *Item, a *loaders.Array) (loaders.Stats, error) {
	c := l.contents[item.Source]
	t := &b.Tensors[k]
	of := func(suffix string) []byte {
		for j := len(c.layouts); j < len(b.Tensors); j++ {
			if b.Tensors[j].Name == t.Name+suffix {
				return b.Tensors[j].place(i)
			}
		}
		return nil
	}
	raw := borrow(len(t.place(i)))
	defer memory.Put(raw)
	m := masks{data: *raw, ids: of("_ids"), classes: of("_classes")}
	clear(m.data)
	clear(m.ids)
	clear(m.classes)
	stats, err := readMasks(ctx, a, item.Origin, l.options.Size, m, c.treatments[k].classes)
	if err != nil {
		return stats, err
	}
	finish(t.place(i), nd.Dense(m.data, t.Shape[1:], 1), len(l.options.Size), item, nil)
	return stats, nil
}

// finish turns what was read of an item, whose last axes are the spatial ones, and maps its elements.
func finish(dst []byte, src nd.View, spatial int, item *Item, m *mapping) {
	if item.Turns != 0 || item.Flips != "" {
		if m == nil {
			turned(nd.View{Data: dst, Shape: src.Shape, ItemSize: src.ItemSize}, src, spatial, item)
			return
		}
		b := borrow(len(src.Data))
		defer memory.Put(b)
		turned(nd.View{Data: *b, Shape: src.Shape, ItemSize: src.ItemSize}, src, spatial, item)
		src.Data = *b
	}
	if m == nil {
		copy(dst, src.Data)
		return
	}
	m.apply(dst, src.Data)
}
