package vqa

import (
	"fmt"
	"math"

	"github.com/micropq/micropq/schemas"
)

// annotated is an object put together from the lists that are about it.
type annotated struct {
	class               *string
	box, polygon, point []float64
	extra               map[string]any
}

// instances makes the rows of the item's objects. Lists of equal length are about the same
// objects; others count on their own.
func (it *item) instances() ([]*Instance, error) {
	type list struct {
		name    string
		objects []annotated
	}
	var lists []list
	equal := true
	for _, o := range it.l.m.Objects {
		objects, err := it.objects(o)
		if err != nil {
			return nil, err
		}
		if len(objects) == 0 {
			continue
		}
		lists = append(lists, list{o.Column, objects})
		equal = equal && len(objects) == len(lists[0].objects)
	}
	var rows []*Instance
	if !equal {
		for _, l := range lists {
			rows = append(rows, it.instanceRows(l.name, l.objects)...)
		}
		return rows, nil
	}
	var joined []annotated
	for k, l := range lists {
		if k == 0 {
			joined = l.objects
			continue
		}
		for i := range joined {
			joined[i].join(l.objects[i])
		}
	}
	return it.instanceRows(joinedArray, joined), nil
}

// joinedArray is the array of objects whose lists agree.
const joinedArray = "objects"

// join adds what another list says of the object.
func (a *annotated) join(b annotated) {
	if a.class == nil {
		a.class = b.class
	}
	if a.box == nil {
		a.box = b.box
	}
	if a.polygon == nil {
		a.polygon = b.polygon
	}
	if a.point == nil {
		a.point = b.point
	}
	for k, v := range b.extra {
		if a.extra == nil {
			a.extra = map[string]any{}
		}
		a.extra[k] = v
	}
}

func (it *item) instanceRows(array string, objects []annotated) []*Instance {
	rows := make([]*Instance, len(objects))
	for i, o := range objects {
		row := &Instance{Box: o.box, Polygon: o.polygon, Point: o.point, Extra: jsonOrNil(o.extra)}
		row.SampleID, row.Array, row.InstanceID = it.id, array, int64(i)+1
		row.Class = o.class
		corners := o.box
		if corners == nil {
			corners = o.polygon
		}
		row.BBox = bboxOf(corners)
		if o.point != nil {
			row.Centroid = &schemas.Point{Y: o.point[1], X: o.point[0]}
		}
		rows[i] = row
	}
	return rows
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

// objects reads a list of objects. Objects in threes, polygon, point and box in turn, are
// one object each.
func (it *item) objects(o AnnotationMap) ([]annotated, error) {
	v := it.get(o.Column)
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, it.fail(o.Column, fmt.Errorf("want a list of objects, have %s", describe(infer(v))))
	}
	out := make([]annotated, 0, len(list))
	var shapes []string
	for i, e := range list {
		a, shape, err := annotationOf(o, e)
		if err != nil {
			return nil, it.fail(fmt.Sprintf("%s[%d]", o.Column, i), err)
		}
		out, shapes = append(out, a), append(shapes, shape)
	}
	if o.Shape == shapeMixed && inThrees(shapes) {
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

func inThrees(shapes []string) bool {
	if len(shapes) == 0 || len(shapes)%3 != 0 {
		return false
	}
	for i, s := range shapes {
		if s != [...]string{shapePolygon, shapePoint, shapeBox}[i%3] {
			return false
		}
	}
	return true
}

// annotationOf reads one object: numbers, pairs of numbers, or a struct with its type, class and
// coordinates. What it does not understand it keeps as extra.
func annotationOf(o AnnotationMap, v any) (a annotated, shape string, err error) {
	shape = o.Shape
	m, isStruct := v.(map[string]any)
	coordinates := v
	if isStruct {
		if t, ok := m["type"].(string); ok && shape == shapeMixed {
			shape = shapeNamed(t)
		}
		a.class = text(m["className"])
		if a.class == nil {
			a.class = text(m["class"])
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
		a.extra = others(m)
	}
	points, ok := xyOf(coordinates)
	switch {
	case v == nil:
	case ok && shape == shapeBox && len(points) == 4:
		if o.Box == boxXYWH {
			points[2], points[3] = points[0]+points[2], points[1]+points[3]
		}
		a.box = points
	case ok && shape == shapePolygon && len(points)%2 == 0:
		a.polygon = points
	case ok && shape == shapePoint && len(points) == 2:
		a.point = points
	default:
		return a, shape, fmt.Errorf("%s is no %s", toJSON(v), shape)
	}
	return a, shape, nil
}

// shapeNamed is the shape that a source calls by a name.
func shapeNamed(name string) string {
	switch name {
	case "bbox", "box", "rectangle":
		return shapeBox
	case "polygon":
		return shapePolygon
	case "point":
		return shapePoint
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
			if f, ok := number(e); ok {
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
				if f, ok := number(v[n]); ok {
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
