// Package labelfile is the target of a label image: a file, or a zarr array, in which each value other than
// 0 names an instance, with or without the image that was annotated and a second annotation of that.
//
// Every file is read once, by rows. What is held are the runs of the instances, of both annotations where
// there are two.
package labelfile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/micropq/micropq/annotate"
	"github.com/micropq/micropq/internal/align"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// Options name what belongs to a label image. The zero value is for one alone.
type Options struct {
	Image  string // file of the image that was annotated
	Second string // file of a second annotation of it
	// Coverage says where the second annotator looked: all, second (about what it drew), a region
	// such as 0:512,100:300 (with a z first in a volume), or "" where nobody says.
	Coverage string
}

// Target is a label image.
type Target struct {
	path    string
	options Options
}

// New is the target of the label image in a file or folder.
func New(path string, o Options) (*Target, error) {
	if o.Coverage != "" && o.Second == "" {
		return nil, fmt.Errorf("a coverage of %q is that of a second annotation, and there is none", o.Coverage)
	}
	return &Target{path: path, options: o}, nil
}

// Name implements validate.Target.
func (t *Target) Name() string { return t.path }

// Serial implements validate.Serial.
func (t *Target) Serial() {}

// Walk implements validate.Target. What is wrong with one of the files does not keep the others from being
// looked at.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) error {
	var errs []error
	image := &file{}
	if t.options.Image != "" {
		var err error
		if image, err = open(ctx, p, t.options.Image, schemas.RoleImage); err != nil {
			errs = append(errs, err)
		}
		defer image.close()
		if image.array != nil {
			p.Array(ctx, image.array)
		}
	}
	first, err := readLabels(ctx, p, t.path, image.array)
	errs = append(errs, err)
	var second *labels
	if t.options.Second != "" && ctx.Err() == nil {
		second, err = readLabels(ctx, p, t.options.Second, beside(image.array, first))
		errs = append(errs, err)
	}
	if first != nil {
		errs = append(errs, t.compare(ctx, p, first, second, image))
		p.Layer(ctx, first.layer)
	}
	if second != nil {
		p.Layer(ctx, second.layer)
	}
	return errors.Join(errs...)
}

// beside is what a second annotation must have the shape of: the image, or else the first annotation.
func beside(image *validate.Array, first *labels) *validate.Array {
	if image == nil && first != nil {
		return first.file.array
	}
	return image
}

// compare compares the first annotation with the image and with the second one.
func (t *Target) compare(ctx context.Context, p *validate.Pass, first, second *labels, image *file) error {
	var errs []error
	if image.Image != nil && p.WantsRule("LB012") && sameExtent(first.file, image) {
		shift, err := first.shift(ctx, p, image)
		errs = append(errs, err)
		first.layer.Shift = shift
	}
	if second != nil {
		compared, err := t.agree(ctx, first, second)
		errs = append(errs, err)
		first.layer.Second = compared
	}
	return errors.Join(errs...)
}

func sameExtent(a, b *file) bool {
	return a.Depth == b.Depth && a.Height == b.Height && a.Width == b.Width
}

// shift measures how the image lies beside the labels.
func (l *labels) shift(ctx context.Context, p *validate.Pass, image *file) (*align.Shift, error) {
	masks := make([]mask.Mask, len(l.layer.Instances))
	for i, in := range l.layer.Instances {
		masks[i] = in.Mask
	}
	e := align.New(masks, image.Channels, image.Height, image.Width)
	err := image.Rows(ctx, func(c, z, y int, rows []byte) error {
		p.Progress(int64(len(rows)))
		e.Rows(c, z, y, rows, image.DType)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s, ok := e.Shift()
	if !ok {
		return nil, nil
	}
	return &s, nil
}

// agree compares the annotations inside of the coverage. Those of different sizes are not compared: their
// arrays say so.
func (t *Target) agree(ctx context.Context, first, second *labels) (*validate.Second, error) {
	out := &validate.Second{Place: second.file.array.Place, Coverage: t.options.Coverage}
	if out.Coverage == "" || !sameExtent(first.file, second.file) {
		return out, nil
	}
	o := annotate.AgreeOptions{Coverage: out.Coverage}
	if o.Coverage != annotate.CoverAll && o.Coverage != annotate.CoverSecond {
		box, err := first.file.region(out.Coverage)
		if err != nil {
			return nil, fmt.Errorf("coverage: want all, second or a region: %w", err)
		}
		o.Coverage, o.Region = annotate.CoverRegion, box
	}
	var err error
	out.Agreement, err = annotate.Agree(ctx, first.held(), second.held(), o)
	return out, err
}

// region reads a region of the image.
func (f *file) region(text string) (b schemas.BBox, err error) {
	shape := []int{f.Depth, f.Height, f.Width}
	r, err := nd.ParseRegion(text, f.Axes, shape[3-len(f.Axes):])
	if err != nil {
		return b, err
	}
	n := len(r.Shape)
	b = schemas.BBox{Z1: int32(f.Depth), Y0: int32(r.Origin[n-2]), Y1: int32(r.End(n - 2)), X0: int32(r.Origin[n-1]), X1: int32(r.End(n - 1))}
	if n == 3 {
		b.Z0, b.Z1 = int32(r.Origin[0]), int32(r.End(0))
	}
	return b, nil
}

// held is the annotation for a comparison.
func (l *labels) held() *annotate.Layer {
	instances := make([]annotate.Instance, len(l.layer.Instances))
	for i, in := range l.layer.Instances {
		instances[i] = annotate.Instance{ID: in.ID, Mask: in.Mask}
	}
	f := l.file
	return annotate.Held(annotate.Layer{Name: f.Name, Axes: f.Axes, Depth: f.Depth, Height: f.Height, Width: f.Width}, instances)
}

// place is where findings about a file are.
func place(path string) validate.Place {
	return validate.Place{Target: filepath.ToSlash(filepath.Clean(path))}
}
