package coco

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/micropq/micropq/annotate/exchange/coco"
	"github.com/micropq/micropq/internal/jsonscan"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// members are those of a record of annotations that are read.
type members uint8

const (
	hasID members = 1 << iota
	hasImage
	hasCategory
	hasArea
	hasBBox
	hasSegmentation
)

// required are the members that COCO wants of an annotation.
var required = []struct {
	bit  members
	name string
}{
	{hasID, "id"}, {hasImage, "image_id"}, {hasCategory, "category_id"}, {hasArea, "area"}, {hasBBox, "bbox"},
	{hasSegmentation, "segmentation"},
}

// record is a record of annotations.
type record struct {
	seen, wrong members // that are there, and those of them of the wrong type
	id          int64
	image       int64
	category    int64
	crowd       bool
	drawn       drawn
	rings       []mask.Ring
	mask        mask.Mask
	maskErr     error // why there is none; nil where the segmentation is missing too
	errs        []error
}

// drawn is what validate.Drawn points to.
type drawn struct {
	bbox [4]float64
	area float64
}

// maxRuns bounds the runs of one object: as many rows as an image may have.
const maxRuns = maxSide

// decoder decodes records. Its memory, and what records point to, is used again after reset.
type decoder struct {
	h, w   int // of the image, 0 where unknown
	rec    *record
	xy     []float64
	counts []int64
	points []mask.Vertex // of the rings of a layer
	rings  []mask.Ring
}

func (d *decoder) reset() { d.points, d.rings = d.points[:0], d.rings[:0] }

// decode reads a record. An error is one of syntax.
func (d *decoder) decode(c *jsonscan.Cursor, rec *record) error {
	*rec = record{id: noID, image: noID, category: noID}
	d.rec = rec
	if err := c.Object(func(name []byte) error { return d.member(c, name) }); err != nil {
		return err
	}
	return c.End()
}

func (d *decoder) member(c *jsonscan.Cursor, name []byte) (err error) {
	r, bit, ok := d.rec, members(0), false
	switch string(name) {
	case "id":
		bit = hasID
		r.id, ok, err = c.TryInt()
	case "image_id":
		bit = hasImage
		r.image, ok, err = c.TryInt()
	case "category_id":
		bit = hasCategory
		r.category, ok, err = c.TryInt()
	case "iscrowd":
		b := c.Peek()
		r.crowd = b == '1' || b == 't'
		return c.Skip()
	case "area":
		bit = hasArea
		r.drawn.area, ok, err = c.TryFloat()
	case "bbox":
		bit = hasBBox
		ok, err = d.bbox(c)
	case "segmentation":
		bit = hasSegmentation
		ok, err = d.segmentation(c)
	default:
		return c.Skip()
	}
	r.seen |= bit
	if ok {
		r.wrong &^= bit
	} else {
		r.wrong |= bit
	}
	return err
}

// good reports whether a member is there and of the right type.
func (r *record) good(m members) bool { return r.seen&^r.wrong&m != 0 }

// bbox reads [left, top, width, height].
func (d *decoder) bbox(c *jsonscan.Cursor) (ok bool, err error) {
	if c.Peek() != '[' {
		return false, c.Skip()
	}
	n := 0
	ok = true
	err = c.Array(func() error {
		v, number, err := c.TryFloat()
		if ok = ok && number && n < 4; ok {
			d.rec.drawn.bbox[n] = v
		}
		n++
		return err
	})
	return ok && n == 4, err
}

// segmentation reads polygons or run lengths.
func (d *decoder) segmentation(c *jsonscan.Cursor) (ok bool, err error) {
	d.rec.mask, d.rec.maskErr, d.rec.rings, d.rec.errs = nil, nil, nil, nil
	switch c.Peek() {
	case '[':
		return true, d.polygons(c)
	case '{':
		return true, d.runLengths(c)
	}
	return false, c.Skip()
}

// polygons reads [[x, y, x, y, ...], ...].
func (d *decoder) polygons(c *jsonscan.Cursor) error {
	first := len(d.rings)
	var wrong error
	err := c.Array(func() error {
		index := len(d.rings) - first
		if c.Peek() != '[' {
			wrong = &mask.PolygonError{Ring: index, Reason: "it is no list of numbers: want [[x, y, x, y, ...], ...], a list a polygon"}
			return c.Skip()
		}
		before := len(d.points)
		reason, err := d.ring(c)
		if reason != "" {
			wrong = &mask.PolygonError{Ring: index, Reason: reason}
		}
		d.rings = append(d.rings, mask.Ring(d.points[before:len(d.points):len(d.points)]))
		return err
	})
	if err != nil {
		return err
	}
	d.rec.rings = d.rings[first:len(d.rings):len(d.rings)]
	switch {
	case wrong != nil:
		d.rec.maskErr = wrong
	case d.h > 0:
		d.rec.mask, d.rec.maskErr = coco.Rasterize(d.rec.rings, d.h, d.w, maxRuns)
	}
	return nil
}

// ring reads the corners of a polygon and says what is wrong with them.
func (d *decoder) ring(c *jsonscan.Cursor) (reason string, err error) {
	d.xy = d.xy[:0]
	err = c.Array(func() error {
		for c.IsNumber() { // all of them, as a rule
			v, ok, err := c.TryFloat()
			if err != nil {
				return err
			}
			if !ok {
				reason = fmt.Sprintf("number %d of it is out of range", len(d.xy))
			}
			d.xy = append(d.xy, v)
			if !c.Comma() {
				return nil
			}
		}
		reason = fmt.Sprintf("element %d of it is no number: want x, y, x, y, ... in one list", len(d.xy))
		return c.Skip()
	})
	for i := 0; i+1 < len(d.xy); i += 2 {
		d.points = append(d.points, mask.Vertex{X: d.xy[i], Y: d.xy[i+1]})
	}
	switch n := len(d.xy); {
	case reason != "" || err != nil:
	case n == 4:
		reason = "it has 2 corners, want 3 or more (pycocotools takes four numbers for a box)"
	case n%2 != 0 || n < 6:
		reason = fmt.Sprintf("it has %d numbers, want x and y of 3 or more corners", n)
	}
	return reason, err
}

// runLengths reads {"size": [h, w], "counts": ...}.
func (d *decoder) runLengths(c *jsonscan.Cursor) error {
	var size []int64
	var wrong error
	seen := false
	d.counts = d.counts[:0]
	err := c.Object(func(name []byte) (err error) {
		switch string(name) {
		case "size":
			if size, err = d.list(c, nil); err != nil {
				return err
			}
		case "counts":
			seen = true
			wrong, err = d.readCounts(c)
			return err
		default:
			return c.Skip()
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case wrong != nil:
	case !seen:
		wrong = &mask.CountsError{Index: -1, Reason: "there are no counts"}
	default:
		wrong = d.checkSize(size)
	}
	if wrong != nil || d.h == 0 {
		d.rec.maskErr = wrong
		return nil
	}
	d.rec.mask, d.rec.maskErr = mask.FromCountsWithin(d.counts, d.image(), mask.ColumnMajor, maxRuns)
	for i, n := range d.counts {
		if n == 0 && i > 0 {
			d.rec.errs = append(d.rec.errs, &mask.CountsError{Index: i, Reason: "it is 0, which only the first may be"})
			break
		}
	}
	return nil
}

func (d *decoder) image() schemas.BBox {
	return schemas.BBox{Z1: 1, Y1: int32(d.h), X1: int32(d.w)}
}

// list reads integers into dst; nil where the value is no list of them.
func (d *decoder) list(c *jsonscan.Cursor, dst []int64) ([]int64, error) {
	if c.Peek() != '[' {
		return nil, c.Skip()
	}
	good := true
	err := c.Array(func() error {
		for c.IsNumber() {
			v, ok, err := c.TryInt()
			good = good && ok
			if err != nil {
				return err
			}
			dst = append(dst, v)
			if !c.Comma() {
				return nil
			}
		}
		good = false
		return c.Skip()
	})
	if !good {
		return nil, err
	}
	return dst, err
}

// readCounts reads counts of either dialect.
func (d *decoder) readCounts(c *jsonscan.Cursor) (wrong, err error) {
	switch c.Peek() {
	case '"':
		text, err := c.Text()
		if err != nil {
			return nil, err
		}
		counts, wrong := mask.AppendCounts(d.counts[:0], text)
		if wrong != nil {
			return dialect(text, wrong), nil
		}
		d.counts = counts
		return nil, nil
	case '[':
		counts, err := d.list(c, d.counts[:0])
		if counts == nil {
			wrong = &mask.CountsError{Index: -1, Reason: "they are no list of integers"}
		} else {
			d.counts = counts
		}
		return wrong, err
	}
	return &mask.CountsError{Index: -1, Reason: "they are neither a list of integers nor their compressed code"}, c.Skip()
}

// dialect says of which other dialect a text is, where that is plain.
func dialect(text []byte, err error) error {
	switch {
	case len(bytes.Trim(text, "0123456789 ,[]")) == 0:
		return &mask.CountsError{Index: -1, Reason: "they are numbers in a text: want a list, or COCO's compressed code"}
	case len(text) > 3 && text[0] == 'b' && (text[1] == '\'' || text[1] == '"'):
		return &mask.CountsError{Index: -1, Reason: "they are Python's way to print bytes, b'...': write what is between the quotes"}
	}
	return err
}

// checkSize compares the size of run lengths with the image's.
func (d *decoder) checkSize(size []int64) error {
	switch {
	case len(size) != 2:
		return &mask.CountsError{Index: -1, Reason: "there is no size of two integers"}
	case d.h == 0 || size[0] == int64(d.h) && size[1] == int64(d.w):
		return nil
	case size[0] == int64(d.w) && size[1] == int64(d.h):
		return &mask.CountsError{Index: -1, Reason: fmt.Sprintf("size is %v, width first: the image has %d rows and %d columns", size, d.h, d.w)}
	}
	return &mask.CountsError{Index: -1, Reason: fmt.Sprintf("size is %v: the image has %d rows and %d columns", size, d.h, d.w)}
}

// keyErrors adds what is wrong with the keys of a record, and is the first that keeps it from having a mask.
func (w *walk) keyErrors(r *record, p *picture, row int64) (fatal error) {
	for _, m := range required {
		problem := "is missing"
		if r.seen&m.bit != 0 {
			if r.wrong&m.bit == 0 {
				continue
			}
			problem = "is of the wrong type"
		}
		w.keys.add(key{"annotations", m.name, "", problem}, row)
		if m.bit == hasImage || m.bit == hasSegmentation {
			fatal = &validate.KeyError{Table: "annotations", Key: m.name, Problem: problem, Row: row, Rows: 1}
		}
	}
	if !r.good(hasImage) {
		return fatal
	}
	switch {
	case !p.listed && w.complete:
		value := strconv.FormatInt(r.image, 10)
		w.keys.add(key{"annotations", "image_id", value, "is no image of the file"}, row)
		fatal = &validate.KeyError{Table: "annotations", Key: "image_id", Value: value, Problem: "is no image of the file", Row: row, Rows: 1}
	case !p.listed || p.noSize:
		fatal = fmt.Errorf("image %d has no extents", r.image)
	}
	return fatal
}
