package vqa

import (
	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

// instances makes the rows of the item's objects.
func (it *item) instances() (rows []*Instance, err error) {
	lists, err := itemfile.Objects(it.l.m.Objects, it.get, it.fail)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		for i, o := range l.Objects {
			row := &Instance{Box: o.Box, Polygon: o.Polygon, Point: o.Point, Extra: jsonOrNil(o.Extra)}
			row.SampleID, row.Array, row.InstanceID = it.id, l.Array, int64(i)+1
			row.Class, row.BBox = o.Class, o.BBox()
			if o.Point != nil {
				row.Centroid = &schemas.Point{Y: o.Point[1], X: o.Point[0]}
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}
