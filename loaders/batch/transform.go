package batch

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/schemas"
)

// Transform is what becomes of items on their way into a batch. The zero value leaves them as they
// are stored. What is random in it depends on the seed, the epoch and the position of an item alone.
//
// Of images, every element v of every channel becomes
//
//	(min(max(v, low), high) - offset) / scale
//
// computed in float64 and rounded to DType; at most one of Range, Percentiles, and Offset and Scale
// says what low, high, offset and scale are.
type Transform struct {
	// DType is the element type of images; "" for float32 where they are normalised, else the stored one.
	// Floats become integers by rounding halves to even; what an integer type cannot hold becomes
	// the nearest that it can, and NaN 0.
	DType schemas.DType `json:"dtype,omitzero"`
	// Range is low and high; offset is low and scale is high - low, so that images lie in [0, 1].
	Range []float64 `json:"range,omitempty"`
	// Percentiles, from 0 to 100, take a range for each channel and source from its elements: the smallest
	// value that is not exceeded by such a share of the elements of a sample of them. Statistics of that
	// kind are not stored: up to 64 chunks, drawn by the seed, are read when the loader is made. In a
	// channel where both percentiles are one value, scale is 1.
	Percentiles []float64 `json:"percentiles,omitempty"`
	// Offset and Scale hold one number, or one a channel; nil stands for 0 and 1. Low and high are without bounds.
	Offset []float64 `json:"offset,omitempty"`
	Scale  []float64 `json:"scale,omitempty"`

	// Flip are the axes, such as ZYX, along each of which an item is reversed with probability 1/2.
	Flip string `json:"flip,omitzero"`
	// Rotate turns an item by none to three quarter turns in the plane of Y and X, each as likely, from Y
	// towards X as numpy.rot90 does, before it is flipped. Y and X must have the same extent.
	Rotate bool `json:"rotate,omitzero"`

	// Instances draws label arrays as masks of 0 and 1, (N, M, Z, Y, X) uint8, of the M instances that
	// have the most elements in the item, the largest first, overlaps kept. The tensor NAME_ids, (N, M) int64, says
	// which they are; masks that are left over are empty and their id is 0. Of instances of one size the
	// lower id is first. 0 draws label arrays merged.
	Instances int `json:"instances,omitzero"`
	// Classes draws label arrays as the classes of their instances, uint8: the i-th class, from 0, is i + 1,
	// background 0. A last entry "*" stands for all other classes, and for instances without one; without it
	// they are an error. With Instances, masks are what they are and NAME_classes, (N, M) uint8, has the classes.
	Classes []string `json:"class,omitempty"`
}

// anyClass is the entry of Transform.Classes that stands for all others.
const anyClass = "*"

// isZero reports whether the transform changes nothing.
func (t *Transform) isZero() bool { return !t.images() && !t.turns() && !t.labels() }

func (t *Transform) normalises() bool {
	return len(t.Range) > 0 || len(t.Percentiles) > 0 || len(t.Offset) > 0 || len(t.Scale) > 0
}

// images, turns and labels report what the transform is about.
func (t *Transform) images() bool { return t.DType != "" || t.normalises() }
func (t *Transform) turns() bool  { return t.Flip != "" || t.Rotate }
func (t *Transform) labels() bool { return t.Instances > 0 || len(t.Classes) > 0 }

// dtype is the element type of an image that is stored as another.
func (t *Transform) dtype(stored schemas.DType) schemas.DType {
	switch {
	case t.DType != "":
		return t.DType
	case t.normalises():
		return schemas.Float32
	}
	return stored
}

// check reports every problem that the options alone show.
func (t *Transform) check(o *Options) error {
	var errs []error
	check := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if t.DType != "" {
		_, err := schemas.ParseDType(string(t.DType))
		check(err != nil || t.DType == schemas.Bool, "dtype %q: want a type of numbers, such as float32", t.DType)
	}
	t.checkNormalisation(check)
	t.checkTurns(o, check)
	labels := t.labels()
	check(t.Instances < 0, "%d instances: want a positive number", t.Instances)
	check(labels && o.Kind == WholeItems, "instances and classes are for label arrays: whole items have none")
	check(len(t.Classes) > math.MaxUint8, "%d classes: want %d at most", len(t.Classes), math.MaxUint8)
	seen := map[string]bool{}
	for i, c := range t.Classes {
		check(seen[c], "class %q is given twice", c)
		check(c == anyClass && i < len(t.Classes)-1, "class %q stands for all others and must be the last", c)
		seen[c] = true
	}
	check(len(t.Percentiles) > 0 && o.Kind == WholeItems, "percentiles are of arrays: give a range, or offset and scale, for images of whole items")
	check(t.images() && o.Kind == WholeItems && len(o.Items.Decode) == 0, "images are normalised and cast when they are decoded: give their height and width")
	return errors.Join(errs...)
}

func (t *Transform) checkNormalisation(check func(bad bool, format string, args ...any)) {
	ways := 0
	for _, given := range []bool{len(t.Range) > 0, len(t.Percentiles) > 0, len(t.Offset)+len(t.Scale) > 0} {
		if given {
			ways++
		}
	}
	check(ways > 1, "images are normalised by a range, by percentiles, or by offset and scale: give one of them")
	check(len(t.Range) > 0 && (len(t.Range) != 2 || !finite(t.Range...) || t.Range[0] >= t.Range[1]), "range %v: want two numbers, the smaller first", t.Range)
	check(len(t.Percentiles) > 0 && (len(t.Percentiles) != 2 || !finite(t.Percentiles...) || t.Percentiles[0] < 0 || t.Percentiles[0] >= t.Percentiles[1] || t.Percentiles[1] > 100),
		"percentiles %v: want two numbers from 0 to 100, the smaller first", t.Percentiles)
	check(!finite(t.Offset...), "offset %v: want numbers", t.Offset)
	check(!finite(t.Scale...), "scale %v: want numbers", t.Scale)
	for _, s := range t.Scale {
		check(s == 0, "scale %v: want numbers other than 0", t.Scale)
	}
}

func (t *Transform) checkTurns(o *Options, check func(bad bool, format string, args ...any)) {
	if !t.turns() {
		return
	}
	axes, size := o.turnable(), o.Size
	if o.Kind == WholeItems {
		size = o.Items.Decode
	}
	check(o.Shuffle.Seed == nil, "flips and rotations: %w", draw.ErrNoSeed)
	check(axes == "", "flips and rotations of encoded images: decode them")
	for i, a := range t.Flip {
		check(axes != "" && !strings.ContainsRune(axes, a) || strings.IndexRune(t.Flip, a) != i, "flip %q: want letters out of %s, each once", t.Flip, axes)
	}
	if n := len(size); t.Rotate && n > 1 {
		check(size[n-2] != size[n-1], "rotations need Y and X of the same extent, they have %d and %d", size[n-2], size[n-1])
	}
}

// turnable are the axes along which items can be turned, "" where they cannot.
func (o *Options) turnable() string {
	switch {
	case o.Kind == WholeItems && len(o.Items.Decode) > 0:
		return "YX"
	case o.Kind == WholeItems || len(o.Size) > 3:
		return ""
	}
	return "ZYX"[3-len(o.Size):]
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
