package annotate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// Instance is one annotated object.
type Instance struct {
	ID   int64
	Mask mask.Mask
}

// Layer is the instances of a label image, or of a label array of a data set.
type Layer struct {
	Name                 string // of the file without its endings, or the sample id
	Array                string // of a data set, else empty
	Axes                 string // YX or ZYX
	Depth, Height, Width int    // Depth is 1 for YX
	PixelSizeUM          [3]float64
	Bytes                int64 // about what has to be read, 0 where that is not known

	instances func(ctx context.Context, progress func(bytes int64)) iter.Seq2[Instance, error]
}

// Instances reads the layer and hands out its instances: those of a label image by ascending
// id, those of a data set in its order. progress, which may be nil, is told of bytes done.
func (l *Layer) Instances(ctx context.Context, progress func(bytes int64)) iter.Seq2[Instance, error] {
	return l.instances(ctx, progress)
}

// Volume reports whether the layer has three dimensions.
func (l *Layer) Volume() bool { return strings.HasPrefix(l.Axes, "Z") }

// Box is all of the layer.
func (l *Layer) Box() schemas.BBox {
	return schemas.BBox{Z1: int32(l.Depth), Y1: int32(l.Height), X1: int32(l.Width)}
}

// String names the layer for people.
func (l *Layer) String() string {
	if l.Array == "" {
		return l.Name
	}
	return l.Name + " " + l.Array
}

// Select says which layers of a data set are meant; empty fields mean all. It has no effect
// on label images.
type Select struct{ Sample, Array string }

// Layers are the open layers of one location. Close them.
type Layers struct {
	List  []*Layer
	close func() error
}

// Close closes what the layers read from.
func (l *Layers) Close() error { return l.close() }

// Open opens a label image (TIFF, npy, PNG) or a data set (a folder, a zip archive of one, an
// HTTP(S) URL of either).
func Open(ctx context.Context, location string, s Select) (*Layers, error) {
	info, err := os.Stat(location)
	if err == nil && info.Mode().IsRegular() && !isZip(location) {
		im, err := labelimage.Open(ctx, location)
		if err != nil {
			return nil, err
		}
		return &Layers{[]*Layer{imageLayer(im)}, im.Close}, nil
	}
	d, err := loaders.Open(ctx, location, loaders.Options{})
	if err != nil {
		return nil, err
	}
	list, err := datasetLayers(ctx, d, s)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Layers{list, d.Close}, nil
}

func isZip(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var start [4]byte
	n, _ := f.Read(start[:])
	return n == 4 && string(start[:2]) == "PK"
}

// imageLayer is the layer of a label image. NCL-SM names a file by what stands before its
// first dot.
func imageLayer(im *labelimage.Image) *Layer {
	name, _, _ := strings.Cut(filepath.Base(im.Name), ".")
	return &Layer{
		Name: name, Axes: im.Axes, Depth: im.Depth, Height: im.Height, Width: im.Width,
		PixelSizeUM: im.PixelSizeUM, Bytes: im.Bytes(),
		instances: func(ctx context.Context, progress func(int64)) iter.Seq2[Instance, error] {
			return func(yield func(Instance, error) bool) {
				var s mask.Scanner
				if err := im.Scan(ctx, &s, progress); err != nil {
					yield(Instance{}, err)
					return
				}
				for id, m := range s.Instances() {
					if !yield(Instance{id, m}, nil) {
						return
					}
				}
			}
		},
	}
}

// datasetLayers lists the label arrays of the samples selected.
func datasetLayers(ctx context.Context, d *loaders.Dataset, s Select) ([]*Layer, error) {
	var list []*Layer
	for sample, err := range d.Samples(ctx, loaders.SampleQuery{}) {
		if err != nil {
			return nil, err
		}
		if s.Sample != "" && s.Sample != sample.SampleID {
			continue
		}
		for _, a := range sample.Arrays {
			if a.Role != schemas.RoleLabels || s.Array != "" && s.Array != a.Name {
				continue
			}
			l, err := datasetLayer(d, sample, a)
			if err != nil {
				return nil, err
			}
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the data set has no label array of sample %q, array %q: %w", orAny(s.Sample), orAny(s.Array), loaders.ErrNotFound)
	}
	return list, nil
}

func orAny(name string) string {
	if name == "" {
		return "*"
	}
	return name
}

func datasetLayer(d *loaders.Dataset, s *loaders.Sample, a schemas.Array) (*Layer, error) {
	l := &Layer{Name: s.SampleID, Array: a.Name, Depth: 1}
	for i, axis := range a.Axes {
		switch n := int(a.Shape[i]); axis {
		case 'Z':
			l.Depth = n
		case 'Y':
			l.Height = n
		case 'X':
			l.Width = n
		case 'T':
			if n > 1 {
				return nil, fmt.Errorf("array %s of sample %s has %d times: only arrays of one time can be measured", a.Name, s.SampleID, n)
			}
			continue
		default:
			continue
		}
		l.Axes += string(axis)
	}
	// Pixel sizes stand for the last axes of the sample.
	for i := range min(len(s.PixelSizeUM), 3) {
		l.PixelSizeUM[2-i] = s.PixelSizeUM[len(s.PixelSizeUM)-1-i]
	}
	l.instances = func(ctx context.Context, _ func(int64)) iter.Seq2[Instance, error] {
		return tableInstances(ctx, d, l)
	}
	return l, nil
}

// tableInstances reads the masks of the instances table.
func tableInstances(ctx context.Context, d *loaders.Dataset, l *Layer) iter.Seq2[Instance, error] {
	return func(yield func(Instance, error) bool) {
		n := 0
		for row, err := range d.Instances(ctx, l.Name, l.Array) {
			if err != nil {
				yield(Instance{}, err)
				return
			}
			n++
			m, err := l.decode(row)
			if !yield(Instance{row.InstanceID, m}, err) || err != nil {
				return
			}
		}
		if n == 0 {
			scanArray(ctx, d, l, yield)
		}
	}
}

// decode is the mask of a row.
func (l *Layer) decode(row *loaders.Instance) (mask.Mask, error) {
	if row.BBox == nil || row.RLE == nil {
		return nil, fmt.Errorf("instance %d of %s has no mask: its row lacks bbox or rle", row.InstanceID, l)
	}
	m, err := mask.FromCounts(row.RLE, *row.BBox, mask.OrderOf(l.Axes))
	if err == nil && len(m.Clip(l.Box())) != len(m) {
		err = fmt.Errorf("bbox %v leaves the array", *row.BBox)
	}
	if err != nil {
		return nil, &loaders.DamageError{File: schemas.InstancesTable, Row: -1, Sample: l.Name, Array: l.Array,
			Err: fmt.Errorf("instance %d: %w", row.InstanceID, err)}
	}
	return m, nil
}

// scanArray finds the instances of an array that has no rows in the instances table: its
// labels are its ids.
func scanArray(ctx context.Context, d *loaders.Dataset, l *Layer, yield func(Instance, error) bool) {
	a, err := d.Array(ctx, l.Name, l.Array, 0)
	if err != nil {
		yield(Instance{}, err)
		return
	}
	var s mask.Scanner
	if err := scanBlocks(ctx, a, l, &s); err != nil {
		yield(Instance{}, err)
		return
	}
	for id, m := range s.Instances() {
		if !yield(Instance{id, m}, nil) {
			return
		}
	}
}

// scanBlocks reads blocks of whole rows, a chunk deep and high, so that each chunk is decoded
// once.
func scanBlocks(ctx context.Context, a *loaders.Array, l *Layer, s *mask.Scanner) error {
	shape, chunk, axes := a.LabelShape(), a.Chunk(), a.Axes()
	if c := strings.IndexByte(axes, 'C'); c >= 0 {
		chunk = append(chunk[:c:c], chunk[c+1:]...)
	}
	axes = a.LabelAxes()
	step := func(axis byte) (at, n, by int) {
		if at = strings.IndexByte(axes, axis); at < 0 {
			return at, 1, 1
		}
		return at, shape[at], chunk[at]
	}
	zAt, depth, zStep := step('Z')
	yAt, height, yStep := step('Y')
	var ids []int64
	for z := 0; z < depth; z += zStep {
		for y := 0; y < height; y += yStep {
			r := loaders.Region{Origin: make([]int, len(shape)), Shape: append([]int{}, shape...)}
			r.Origin[yAt], r.Shape[yAt] = y, min(yStep, height-y)
			planes := 1
			if zAt >= 0 {
				planes = min(zStep, depth-z)
				r.Origin[zAt], r.Shape[zAt] = z, planes
			}
			if n := r.Elements(); cap(ids) < n {
				ids = make([]int64, n)
			}
			ids = ids[:r.Elements()]
			if _, err := loaders.ReadLabels(ctx, a, r, ids); err != nil {
				return err
			}
			if err := scanPlanes(s, ids, planes, l.Width, z, y); err != nil {
				return err
			}
		}
	}
	return nil
}

func scanPlanes(s *mask.Scanner, ids []int64, planes, width, z, y int) error {
	n := len(ids) / planes
	for p := range planes {
		if err := s.Values(ids[p*n:(p+1)*n], width, z+p, y); err != nil {
			return err
		}
	}
	return nil
}
