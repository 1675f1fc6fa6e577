package coco

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
)

// Format implements exchange.Format.
type Format struct{}

// Name implements exchange.Format.
func (Format) Name() string { return "coco" }

// Matches implements exchange.Format.
func (Format) Matches(name string) bool { return strings.HasSuffix(name, ".json") }

// The members of the format that are written and read; others are left alone.
type document struct {
	Info        map[string]any `json:"info,omitempty"`
	Images      []picture      `json:"images"`
	Categories  []category     `json:"categories"`
	Annotations []annotation   `json:"annotations"`
}

type picture struct {
	ID     int64  `json:"id"`
	Name   string `json:"file_name"`
	Height int    `json:"height"`
	Width  int    `json:"width"`
}

type category struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type annotation struct {
	ID           int64           `json:"id"`
	Image        int64           `json:"image_id"`
	Category     int64           `json:"category_id"`
	IsCrowd      int             `json:"iscrowd"`
	Area         float64         `json:"area"`
	BBox         []float64       `json:"bbox"`
	Segmentation json.RawMessage `json:"segmentation"`
	Status       string          `json:"status,omitempty"` // ours: the review status
}

type rle struct {
	Size   [2]int          `json:"size"`
	Counts json.RawMessage `json:"counts"`
}

// noClass is the category of objects without a class: COCO wants one of every annotation.
const noClass = "object"

// Write implements exchange.Format.
func (f Format) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, _ exchange.Options) (r exchange.Report, err error) {
	if !c.Flat() {
		return r, &exchange.LossError{Format: f.Name(), Reason: "it holds images, not volumes: take tif, npy, zarr or qupath"}
	}
	categories, ids := categoriesOf(objects)
	head, err := json.Marshal(struct {
		Images     []picture  `json:"images"`
		Categories []category `json:"categories"`
	}{[]picture{{1, c.Sample, c.Y, c.X}}, categories})
	if err != nil {
		return r, err
	}
	// One annotation a line: files of thousands can be looked at and compared.
	return exchange.Report{Objects: len(objects)}, exchange.Create(path, func(w io.Writer) error {
		if _, err := fmt.Fprintf(w, "%s,\"annotations\":[", head[:len(head)-1]); err != nil {
			return err
		}
		separator := "\n"
		for i := range objects {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			line, err := json.Marshal(annotationOf(&objects[i], c, ids))
			if err == nil {
				_, err = fmt.Fprintf(w, "%s%s", separator, line)
			}
			if err != nil {
				return err
			}
			separator = ",\n"
		}
		_, err := io.WriteString(w, "\n]}\n")
		return err
	})
}

// categoriesOf numbers the classes from 1 in order of their names.
func categoriesOf(objects []exchange.Object) (list []category, ids map[string]int64) {
	ids = map[string]int64{}
	var names []string
	for i := range objects {
		name := cmp.Or(objects[i].Class, noClass)
		if _, ok := ids[name]; !ok {
			ids[name] = 0
			names = append(names, name)
		}
	}
	slices.Sort(names)
	list = []category{}
	for i, name := range names {
		ids[name] = int64(i) + 1
		list = append(list, category{int64(i) + 1, name})
	}
	return list, ids
}

func annotationOf(o *exchange.Object, c *exchange.Canvas, ids map[string]int64) *annotation {
	b := o.Mask.BBox()
	// Of a string and two integers: always marshals.
	counts, _ := json.Marshal(Encode(o.Mask, c.Y, c.X))
	segmentation, _ := json.Marshal(rle{[2]int{c.Y, c.X}, counts})
	return &annotation{
		ID: o.ID, Image: 1, Category: ids[cmp.Or(o.Class, noClass)], Area: float64(o.Mask.Area()),
		BBox:         []float64{float64(b.X0), float64(b.Y0), float64(b.X1 - b.X0), float64(b.Y1 - b.Y0)},
		Segmentation: segmentation, Status: o.Status,
	}
}

// Encode is the counts of a mask in an image of h rows and w columns, as they are written.
func Encode(m mask.Mask, h, w int) string { return mask.CompressCounts(m.COCO(h, w)) }

// Decode is the mask of counts that were written.
func Decode(code string, h, w int) (mask.Mask, error) {
	counts, err := mask.ExpandCounts(code)
	if err != nil {
		return nil, err
	}
	return mask.FromCOCO(counts, h, w)
}

// Read implements exchange.Format.
func (Format) Read(_ context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	data, err := exchange.ReadLimited(path)
	if err != nil {
		return nil, err
	}
	return Parse(data, c)
}

// Parse reads the annotations of the one image of the canvas's size, or, of several, the one
// that is named like its sample.
func Parse(data []byte, c *exchange.Canvas) (objects []exchange.Object, err error) {
	if !c.Flat() {
		return nil, fmt.Errorf("%w: COCO holds images, the array is a volume", exchange.ErrInput)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	if d.Annotations == nil || d.Images == nil {
		return nil, fmt.Errorf("%w: this is no COCO file: it has no images and annotations", exchange.ErrInput)
	}
	id, err := d.imageOf(c)
	if err != nil {
		return nil, err
	}
	names := map[int64]string{}
	for _, k := range d.Categories {
		names[k.ID] = k.Name
	}
	for i := range d.Annotations {
		a := &d.Annotations[i]
		if a.Image != id {
			continue
		}
		m, err := maskOf(a.Segmentation, c.Y, c.X)
		if err != nil {
			return nil, fmt.Errorf("%w: annotation %d (id %d): %w", exchange.ErrInput, i, a.ID, err)
		}
		o := exchange.Object{ID: a.ID, Mask: m, Status: a.Status}
		if name := names[a.Category]; name != noClass {
			o.Class = name
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func (d *document) imageOf(c *exchange.Canvas) (int64, error) {
	var fits []picture
	for _, p := range d.Images {
		if p.Height == c.Y && p.Width == c.X {
			fits = append(fits, p)
		}
	}
	if len(fits) > 1 {
		if i := slices.IndexFunc(fits, func(p picture) bool { return stem(p.Name) == stem(c.Sample) }); i >= 0 {
			fits = fits[i : i+1]
		}
	}
	switch len(fits) {
	case 1:
		return fits[0].ID, nil
	case 0:
		return 0, fmt.Errorf("%w: none of its %d images has %d rows and %d columns, as the array has", exchange.ErrInput, len(d.Images), c.Y, c.X)
	}
	return 0, fmt.Errorf("%w: %d of its images have the array's size and none is named %s", exchange.ErrInput, len(fits), c.Sample)
}

// stem is a file name without folder and extension.
func stem(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	return name
}

// RingOf is the ring, with an index for errors, of numbers x, y, x, y, ... .
func RingOf(index int, xy []float64) (mask.Ring, error) {
	if len(xy)%2 != 0 || len(xy) < 6 {
		return nil, &mask.PolygonError{Ring: index, Reason: fmt.Sprintf("%d numbers: want x and y of three or more corners", len(xy))}
	}
	ring := make(mask.Ring, len(xy)/2)
	for i := range ring {
		ring[i] = mask.Vertex{X: xy[2*i], Y: xy[2*i+1]}
	}
	return ring, nil
}

// maskOf reads a segmentation: run lengths, compressed or not, or polygons.
func maskOf(data json.RawMessage, h, w int) (mask.Mask, error) {
	switch {
	case len(data) == 0 || string(data) == "null":
		return nil, errors.New("segmentation is missing: boxes alone are no masks")
	case data[0] == '[':
		var polygons [][]float64
		if err := json.Unmarshal(data, &polygons); err != nil {
			return nil, fmt.Errorf("segmentation: %w", err)
		}
		rings := make([]mask.Ring, len(polygons))
		for i, xy := range polygons {
			var err error
			if rings[i], err = RingOf(i, xy); err != nil {
				return nil, err
			}
		}
		return Rasterize(rings, h, w, mask.MaxRuns)
	}
	var r rle
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("segmentation: %w", err)
	}
	if r.Size != [2]int{h, w} {
		return nil, fmt.Errorf("segmentation of size %v, the image has [%d %d]", r.Size, h, w)
	}
	if len(r.Counts) > 0 && r.Counts[0] == '"' {
		var text string
		if err := json.Unmarshal(r.Counts, &text); err != nil {
			return nil, err
		}
		return Decode(text, h, w)
	}
	var counts []int64
	if err := json.Unmarshal(r.Counts, &counts); err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	return mask.FromCOCO(counts, h, w)
}
