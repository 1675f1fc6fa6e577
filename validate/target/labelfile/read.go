package labelfile

import (
	"context"
	"errors"

	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// file is a file and what is shown of it. It may have evidence and yet be no image that can be read.
type file struct {
	*labelimage.Image
	array *validate.Array
}

func (f *file) close() {
	if f.Image != nil {
		f.Close() // it was read only
	}
}

// open opens a file and shows it. An image that cannot be labels is evidence and no error.
func open(ctx context.Context, p *validate.Pass, path, role string) (*file, error) {
	im, err := labelimage.OpenAny(ctx, path)
	at := place(path)
	var not *labelimage.NotLabelsError
	if errors.As(err, &not) && role == schemas.RoleLabels {
		p.File(ctx, &validate.File{Place: at, Err: err})
		return &file{array: &validate.Array{Place: at, Array: schemas.Array{Role: role}, Errs: []error{err}}}, nil
	}
	if err != nil {
		return &file{}, err
	}
	p.File(ctx, &validate.File{Place: at, Format: im.Format, Problems: im.Problems})
	a := describe(im)
	a.Place, a.Role = at, role
	if role == schemas.RoleLabels {
		if err := im.CheckLabels(); err != nil {
			a.Errs = append(a.Errs, err)
		}
	}
	return &file{im, a}, nil
}

// describe is the evidence of an image, without its role.
func describe(im *labelimage.Image) *validate.Array {
	a := &validate.Array{Kind: validate.Tissue, Segment: im.Segment, PixelSizeReason: im.PixelSizeReason}
	a.Axes, a.DType = im.Axes, string(im.DType)
	a.Shape = []int64{int64(im.Height), int64(im.Width)}
	size := im.PixelSizeUM[1:]
	if im.Axes == "ZYX" {
		a.Kind = validate.Volume
		a.Shape = append([]int64{int64(im.Depth)}, a.Shape...)
		size = im.PixelSizeUM[:]
	}
	if im.Channels > 1 {
		a.Axes, a.Shape = "C"+a.Axes, append([]int64{int64(im.Channels)}, a.Shape...)
	}
	if im.PixelSizeUM[1] != 0 || im.PixelSizeUM[2] != 0 {
		a.PixelSizeUM = size
	}
	return a
}

// labels is an annotation that was read.
type labels struct {
	file  *file
	layer *validate.Layer
}

// bytesOfRun is what a run takes while a scanner collects it: its own 16, and what a slice that grows keeps free.
const bytesOfRun = 32

// readLabels reads an annotation and shows its array. It returns nil where the file has no labels to look at.
// image is what it must have the shape of, nil for nothing.
func readLabels(ctx context.Context, p *validate.Pass, path string, image *validate.Array) (*labels, error) {
	f, err := open(ctx, p, path, schemas.RoleLabels)
	if err != nil {
		return nil, err
	}
	defer f.close()
	f.array.Image = image
	if f.Image == nil || f.Channels > 1 {
		p.Array(ctx, f.array)
		return nil, nil
	}
	var bad mask.BadLabels
	s := mask.Scanner{Limit: int(min(mask.MaxRuns, p.Memory()/bytesOfRun)), Bad: bad.Add}
	err = f.Scan(ctx, &s, p.Progress)
	if errors.Is(err, tiffio.ErrTooLong) {
		f.array.Errs = append(f.array.Errs, err)
	}
	if ctx.Err() != nil {
		return nil, err
	}
	p.Array(ctx, f.array)
	if err != nil {
		return nil, err
	}
	return &labels{f, f.layer(&s, bad.Errs())}, nil
}

// layer is the evidence of all instances.
func (f *file) layer(s *mask.Scanner, errs []error) *validate.Layer {
	a := f.array
	l := &validate.Layer{Place: a.Place, Kind: a.Kind, Axes: f.Axes, DType: f.DType, PixelSizeUM: a.PixelSizeUM, Exclusive: true, Disjoint: true, Renumber: len(errs) == 0 && writer(f.Image) != nil, Errs: errs}
	for _, n := range a.Shape {
		l.Shape = append(l.Shape, int(n))
	}
	for id, m := range s.Instances() {
		in := &validate.Instance{Place: a.Place, Kind: a.Kind, ID: id, Label: id, Mask: m, Shape: [3]int{f.Depth, f.Height, f.Width}, Axes: f.Axes}
		box := m.BBox()
		in.Place.Instance, in.Place.BBox = &in.ID, &box
		l.Instances = append(l.Instances, in)
	}
	return l
}
