package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// volume is a sample from which boxes are drawn.
type volume struct {
	id    string
	shape []int // along the spatial axes, at the level drawn
}

// layout is what a tensor of an array looks like; it is the same for all samples.
type layout struct {
	name     string
	role     string
	axes     string        // of the array
	dtype    schemas.DType // int32 for labels, which are merged to instance ids
	stored   schemas.DType // of the array
	channels int           // 1 where there is no C axis
}

// catalogue is what a source holds for the options.
type catalogue struct {
	dataset *loaders.Dataset
	volumes []volume
	layouts []layout // one an array of the options
	// treatments are what the transform does to each array.
	treatments []treatment
	// spatial are the letters of the axes of a box, such as ZYX.
	spatial   string
	footprint footprint
}

// newCatalogue reads the samples table and checks that all samples fit together.
func newCatalogue(ctx context.Context, d *loaders.Dataset, o *Options) (*catalogue, error) {
	c := &catalogue{dataset: d}
	for s, err := range d.Samples(ctx, loaders.SampleQuery{Split: o.Split, Glob: o.Sample}) {
		if err != nil {
			return nil, err
		}
		if err := c.add(s, o); err != nil {
			return nil, fmt.Errorf("sample %s: %w", s.SampleID, err)
		}
	}
	if len(c.volumes) == 0 {
		return nil, fmt.Errorf("%s: no sample of split %q matches %q: %w", d.Manifest().Name, o.Split, o.Sample, loaders.ErrNotFound)
	}
	return c, nil
}

// add takes a sample.
func (c *catalogue) add(s *loaders.Sample, o *Options) error {
	v := volume{id: s.SampleID}
	for i, name := range o.Arrays {
		k := slices.IndexFunc(s.Arrays, func(a schemas.Array) bool { return a.Name == name })
		if k < 0 {
			return fmt.Errorf("it has no array %q: %w", name, loaders.ErrNotFound)
		}
		a := &s.Arrays[k]
		if o.Level < 0 || o.Level >= int(a.Levels) {
			return fmt.Errorf("array %s has %d levels, not level %d: %w", name, a.Levels, o.Level, loaders.ErrNotFound)
		}
		l, axes, shape, err := describe(a, o.Level)
		if err != nil {
			return err
		}
		switch {
		case i == 0:
			v.shape = shape
		case !slices.Equal(shape, v.shape):
			return fmt.Errorf("array %s has the extents %v along %s, %s has %v", name, shape, axes, o.Arrays[0], v.shape)
		}
		c.footprint.add(a, o.Size)
		if len(c.volumes) == 0 {
			c.layouts = append(c.layouts, l)
			c.spatial = axes
		} else if have := c.layouts[i]; have != l {
			return fmt.Errorf("array %s is %+v, of the samples before it is %+v: all samples drawn must agree", name, l, have)
		}
		if axes != c.spatial || len(axes) != len(o.Size) {
			return fmt.Errorf("array %s has the axes %s, a box of %v has %d", name, axes, o.Size, len(o.Size))
		}
	}
	c.volumes = append(c.volumes, v)
	return nil
}

// describe gives the layout of an array, its spatial axes and its extents along them.
func describe(a *schemas.Array, level int) (l layout, axes string, shape []int, err error) {
	l = layout{name: a.Name, role: a.Role, axes: a.Axes, dtype: schemas.DType(a.DType), stored: schemas.DType(a.DType), channels: 1}
	if strings.ContainsRune(a.Axes, 'T') {
		return l, "", nil, fmt.Errorf("array %s has a time axis: boxes are drawn of Z, Y and X alone", a.Name)
	}
	for i, axis := range a.Axes {
		if axis == 'C' {
			l.channels = int(a.Shape[i])
			continue
		}
		axes += string(axis)
		shape = append(shape, schemas.LevelExtent(int(a.Shape[i]), byte(axis), level))
	}
	if l.role == schemas.RoleLabels {
		// Channels are merged, and there may be another number of them in every sample.
		l.dtype, l.channels, l.axes = schemas.Int32, 1, axes
	}
	return l, axes, shape, nil
}
