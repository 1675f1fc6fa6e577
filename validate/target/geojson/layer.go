package geojson

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/micropq/micropq/annotate/exchange/qupath"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

const (
	// batchBytes of features are decoded at a time, in tasks of taskFeatures.
	batchBytes   = 4 << 20
	taskFeatures = 64
	// maxSide bounds the extents that vertices ask for where no image is given: a slide of one metre at 0.25 um per pixel.
	maxSide = 1 << 22
	// maxBroken bounds the errors that are listed.
	maxBroken = 20
)

// walk is one walk through a file.
type walk struct {
	target    *Target
	pass      *validate.Pass
	shape     [3]int // of the image, 0 where unknown
	volume    bool   // the image has Z, or a feature lies in a plane beyond the first
	pixelSize []float64

	texts   [][]byte // of features that are not decoded yet
	pending int      // their bytes
	row     int64    // of the next feature
	parts   []*part
	held    int64 // bytes of parts
	budget  int64
	cut     int // layers that were shown because of the budget
	keys    []*validate.KeyError
	broken  []error
	more    int
}

// part is a feature: an instance, or a plane of one.
type part struct {
	row  int64
	z    int
	in   validate.Instance
	box  schemas.BBox
	fail error // why it is no feature
}

func (w *walk) add(text []byte) {
	w.texts = append(w.texts, slices.Clone(text))
	w.pending += len(text)
}

// decode decodes the features that are waiting.
func (w *walk) decode(ctx context.Context) error {
	parts := make([]*part, len(w.texts))
	tasks := (len(parts) + taskFeatures - 1) / taskFeatures
	err := w.pass.Parallel(ctx, tasks, func(_ context.Context, task int) error {
		for i := task * taskFeatures; i < min(len(parts), (task+1)*taskFeatures); i++ {
			parts[i] = w.part(w.row+int64(i), w.texts[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.pass.Progress(int64(w.pending))
	w.row += int64(len(parts))
	w.texts, w.pending = w.texts[:0], 0
	for _, p := range parts {
		if p.fail != nil {
			w.breakage(fmt.Errorf("feature %d: %w", p.row, p.fail))
			continue
		}
		w.volume = w.volume || p.z > 0
		w.parts = append(w.parts, p)
		if w.held += p.bytes(); w.held > w.budget {
			w.cut++
			w.show(ctx)
		}
	}
	return nil
}

func (w *walk) breakage(err error) {
	if w.more++; w.more <= maxBroken {
		w.broken = append(w.broken, err)
	}
}

func (p *part) bytes() int64 {
	n := int64(unsafe.Sizeof(part{})) + int64(len(p.in.Mask))*int64(unsafe.Sizeof(mask.Run{}))
	for _, r := range p.in.Rings {
		n += int64(len(r)) * int64(unsafe.Sizeof(mask.Vertex{}))
	}
	return n
}

// part decodes a feature.
func (w *walk) part(row int64, text []byte) *part {
	p := &part{row: row}
	d, err := qupath.ParseFeature(text)
	var bad *mask.PolygonError
	if err != nil && !errors.As(err, &bad) {
		p.fail = err
		return p
	}
	p.z = d.Z
	p.in = validate.Instance{Place: w.place(), Kind: validate.Tissue, ID: d.ID, MaskErr: err}
	p.in.Row = &p.row
	if d.ID > 0 {
		p.in.Instance = &p.in.ID
	} else {
		p.in.ID = row + 1
	}
	if d.Class != "" {
		p.in.Class = &d.Class
	}
	if d.Status != "" {
		p.in.Claim.Status = &d.Status
	}
	p.in.Claim.InstanceID, p.in.Claim.Class = p.in.ID, p.in.Class
	for _, rings := range d.Polygons {
		p.in.Rings = append(p.in.Rings, rings...)
	}
	if p.in.MaskErr == nil {
		p.in.Mask, p.in.MaskErr = w.rasterize(d)
	}
	return p
}

// rasterize makes the mask of a feature.
func (w *walk) rasterize(d *qupath.Drawing) (mask.Mask, error) {
	if z := w.shape[0]; d.Z < 0 || z > 0 && d.Z >= z {
		return nil, &mask.PolygonError{Ring: -1, Reason: fmt.Sprintf("it lies in plane %d, the image has %d", d.Z, z)}
	}
	h, wide := w.shape[1], w.shape[2]
	if h == 0 {
		right, bottom := 0.0, 0.0
		for _, rings := range d.Polygons {
			for _, ring := range rings {
				for _, v := range ring {
					right, bottom = max(right, v.X), max(bottom, v.Y)
				}
			}
		}
		if right > maxSide || bottom > maxSide {
			return nil, &mask.PolygonError{Ring: -1, Reason: fmt.Sprintf("it reaches to (%v, %v): no image has more than %d pixels a side", right, bottom, maxSide)}
		}
		h, wide = int(math.Ceil(bottom)), int(math.Ceil(right))
	}
	return qupath.Decode(d.Polygons, h, wide)
}

// show shows what was decoded as a layer.
func (w *walk) show(ctx context.Context) {
	axes, kind := "YX", validate.Tissue
	if w.volume {
		axes, kind = "ZYX", validate.Volume
	}
	instances := w.instances()
	for _, in := range instances {
		in.Axes, in.Kind, in.Shape = axes, kind, w.shape
	}
	slices.SortStableFunc(instances, func(a, b *validate.Instance) int { return cmp.Compare(a.ID, b.ID) })
	if len(instances) > 0 {
		w.pass.Layer(ctx, &validate.Layer{
			Place: w.place(), Kind: kind, Axes: axes, Shape: w.extents(instances), PixelSizeUM: w.pixelSize, Instances: instances,
		})
	}
	if w.cut > 0 && w.cut != -1 {
		w.breakage(fmt.Errorf("the features do not fit into memory together: they are looked at in parts, and objects of different parts are not compared: raise --memory"))
		w.cut = -1
	}
	w.parts, w.held = nil, 0
}

// extents is the shape of the layer: the image's, or, where that is unknown, as far as masks reach.
func (w *walk) extents(instances []*validate.Instance) []int {
	shape := w.shape
	if shape[1] == 0 {
		for _, in := range instances {
			b := in.Mask.BBox()
			shape = [3]int{max(shape[0], int(b.Z1)), max(shape[1], int(b.Y1)), max(shape[2], int(b.X1))}
		}
	}
	if w.volume {
		return shape[:]
	}
	return shape[1:]
}

// instances joins the planes of each instance of a volume. In an image an id that comes twice is reported.
func (w *walk) instances() (list []*validate.Instance) {
	byID := map[int64]*part{}
	for _, p := range w.parts {
		in := &p.in
		if w.volume {
			in.Mask = in.Mask.Shift(int32(p.z), 0, 0)
		}
		if in.Instance != nil {
			if first, ok := byID[in.ID]; ok && w.volume && first.z != p.z {
				first.in.Mask = mask.Union(first.in.Mask, in.Mask)
				first.in.Rings = append(first.in.Rings, in.Rings...)
				first.in.MaskErr = cmp.Or(first.in.MaskErr, in.MaskErr)
				continue
			} else if ok {
				w.keys = append(w.keys, &validate.KeyError{
					Table: "features", Key: "instance_id", Value: fmt.Sprint(in.ID), Problem: "is taken twice", Row: p.row, Rows: 1,
				})
			} else {
				byID[in.ID] = p
			}
		}
		list = append(list, in)
	}
	for _, p := range w.parts {
		if in := &p.in; len(in.Mask) > 0 {
			p.box = in.Mask.BBox()
			in.Place.BBox = &p.box
		}
	}
	return list
}
