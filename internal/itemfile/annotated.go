package itemfile

import (
	"fmt"
	"math"

	"github.com/micropq/micropq/schemas"
)

// Annotated is an object put together from the lists that are about it.
type Annotated struct {
	Class               *string
	Box, Polygon, Point []float64 // x0, y0, x1, y1; x, y of each vertex; x, y
	Extra               map[string]any
}

// join adds what another list says of the object.
func (a *Annotated) join(b Annotated) {
	if a.Class == nil {
		a.Class = b.Class
	}
	if a.Box == nil {
		a.Box = b.Box
	}
	if a.Polygon == nil {
		a.Polygon = b.Polygon
	}
	if a.Point == nil {
		a.Point = b.Point
	}
	for k, v := range b.Extra {
		if a.Extra == nil {
			a.Extra = map[string]any{}
		}
		a.Extra[k] = v
	}
}

// BBox is the smallest box of pixels that holds the object's box or else its polygon, nil where
// it has neither.
func (a *Annotated) BBox() *schemas.BBox {
	if a.Box != nil {
		return bboxOf(a.Box)
	}
	return bboxOf(a.Polygon)
}

// bboxOf is the smallest box of pixels that holds points, x and y in turn.
func bboxOf(points []float64) *schemas.BBox {
	if len(points) < 2 {
		return nil
	}
	lo, hi := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for i, v := range points {
		lo[i%2], hi[i%2] = math.Min(lo[i%2], v), math.Max(hi[i%2], v)
	}
	const far = 1<<31 - 1
	if !(math.Abs(lo[0]) < far && math.Abs(lo[1]) < far && math.Abs(hi[0]) < far && math.Abs(hi[1]) < far) {
		return nil
	}
	return &schemas.BBox{Z1: 1, Y0: int32(math.Floor(lo[1])), X0: int32(math.Floor(lo[0])),
		Y1: int32(math.Ceil(hi[1])), X1: int32(math.Ceil(hi[0]))}
}

// ObjectList is objects that are counted together.
type ObjectList struct {
	Array   string // the column, or joinedArray
	Objects []Annotated
}

// joinedArray is the array of objects whose lists agree.
const joinedArray = "objects"

// Objects reads an item's lists of objects. Lists of equal length are about the same objects; others count
// on their own. Of a list or an object that is none, bad is told; where that returns nil, it is left empty.
func Objects(columns []AnnotationMap, get func(column string) any, bad func(where string, err error) error) ([]ObjectList, error) {
	var lists []ObjectList
	equal := true
	for _, c := range columns {
		objects, err := objectsOf(c, get(c.Column), bad)
		if err != nil {
			return nil, err
		}
		if len(objects) == 0 {
			continue
		}
		lists = append(lists, ObjectList{c.Column, objects})
		equal = equal && len(objects) == len(lists[0].Objects)
	}
	if !equal || len(lists) == 0 {
		return lists, nil
	}
	joined := lists[0].Objects
	for _, l := range lists[1:] {
		for i := range joined {
			joined[i].join(l.Objects[i])
		}
	}
	return []ObjectList{{joinedArray, joined}}, nil
}

// objectsOf reads a list of objects. Objects in threes, polygon, point and box in turn, are
// one object each.
func objectsOf(o AnnotationMap, v any, bad func(where string, err error) error) ([]Annotated, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, bad(o.Column, fmt.Errorf("want a list of objects, have %s", Describe(Infer(v))))
	}
	out := make([]Annotated, 0, len(list))
	var shapes []string
	for i, e := range list {
		a, shape, err := objectOf(o, e)
		if err != nil {
			if err := bad(fmt.Sprintf("%s[%d]", o.Column, i), err); err != nil {
				return nil, err
			}
		}
		out, shapes = append(out, a), append(shapes, shape)
	}
	if o.Shape == ShapeMixed && inThrees(shapes) {
		for i := range len(out) / 3 {
			a := out[3*i]
			a.join(out[3*i+1])
			a.join(out[3*i+2])
			out[i] = a
		}
		out = out[:len(out)/3]
	}
	return out, nil
}

// inThrees reports objects that are told three times: polygon, point and box in turn.
func inThrees(shapes []string) bool {
	if len(shapes) == 0 || len(shapes)%3 != 0 {
		return false
	}
	for i, s := range shapes {
		if s != [...]string{ShapePolygon, ShapePoint, ShapeBox}[i%3] {
			return false
		}
	}
	return true
}

// objectOf reads one object: numbers, pairs of numbers, or a struct with its type, class and
// coordinates. What it does not understand it keeps as extra.
func objectOf(o AnnotationMap, v any) (a Annotated, shape string, err error) {
	shape = o.Shape
	m, isStruct := v.(map[string]any)
	coordinates := v
	if isStruct {
		if t, ok := m["type"].(string); ok && shape == ShapeMixed {
			shape = shapeNamed(t)
		}
		a.Class = Text(m["className"])
		if a.Class == nil {
			a.Class = Text(m["class"])
		}
		coordinates = nil
		for _, name := range []string{"points", "bbox", "polygon", "point"} {
			if m[name] != nil {
				coordinates = m[name]
			}
		}
		if coordinates == nil {
			coordinates = v
		}
		a.Extra = others(m)
	}
	points, ok := xyOf(coordinates)
	switch {
	case v == nil:
	case ok && shape == ShapeBox && len(points) == 4:
		if o.Box == BoxXYWH {
			points[2], points[3] = points[0]+points[2], points[1]+points[3]
		}
		a.Box = points
	case ok && shape == ShapePolygon && len(points)%2 == 0:
		a.Polygon = points
	case ok && shape == ShapePoint && len(points) == 2:
		a.Point = points
	default:
		return a, shape, fmt.Errorf("%s is no %s", ToJSON(v), shape)
	}
	return a, shape, nil
}

// shapeNamed is the shape that a source calls by a name.
func shapeNamed(name string) string {
	switch name {
	case "bbox", "box", "rectangle":
		return ShapeBox
	case "polygon":
		return ShapePolygon
	case "point":
		return ShapePoint
	}
	return name
}

// others are the members that are neither coordinates nor class.
func others(m map[string]any) map[string]any {
	known := map[string]bool{"type": true, "className": true, "class": true, "points": true, "bbox": true, "polygon": true,
		"point": true, "x": true, "y": true, "x0": true, "y0": true, "x1": true, "y1": true, "x2": true, "y2": true}
	out := map[string]any{}
	for k, v := range m {
		if !known[k] && v != nil {
			out[k] = v
		}
	}
	return out
}

// xyOf is coordinates as x, y, x, y: of a list of numbers, of pairs, or of a struct of
// corners.
func xyOf(v any) ([]float64, bool) {
	switch v := v.(type) {
	case []any:
		var out []float64
		for _, e := range v {
			if f, ok := Number(e); ok {
				out = append(out, f)
				continue
			}
			pair, ok := xyOf(e)
			if !ok || len(pair) != 2 {
				return nil, false
			}
			out = append(out, pair...)
		}
		return out, true
	case map[string]any:
		for _, names := range [][]string{{"x1", "y1", "x2", "y2"}, {"x0", "y0", "x1", "y1"}, {"x", "y"}} {
			var out []float64
			for _, n := range names {
				if f, ok := Number(v[n]); ok {
					out = append(out, f)
				}
			}
			if len(out) == len(names) {
				return out, true
			}
		}
	}
	return nil, false
}
