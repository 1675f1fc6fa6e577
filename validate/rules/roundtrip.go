package rules

import (
	"fmt"
	"slices"

	"github.com/micropq/micropq/annotate/exchange/coco"
	"github.com/micropq/micropq/annotate/exchange/qupath"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// roundTrip takes the mask of an instance through the codes of our own formats, and a polygon through the two rules by
// which programs rasterise it. Label images and tables of other formats hold elements as they are.
func roundTrip(s *validate.Scope, in *validate.Instance) {
	if len(in.Mask) == 0 || !s.For(in.Kind) || in.Shape[1] == 0 {
		return
	}
	d, h, w := max(1, in.Shape[0]), in.Shape[1], in.Shape[2]
	inside := in.Mask.Clip(schemas.BBox{Z1: int32(d), Y1: int32(h), X1: int32(w)})
	if lost := in.Mask.Area() - inside.Area(); lost > 0 {
		f := about(in, "%d of its %d %s lie outside the array of shape %v, and no format holds them", lost, in.Mask.Area(), unit(in.Kind, in.Mask.Area()), in.Shape)
		f.Value, f.Detail = lost, "outside"
		s.Report(f)
		return
	}
	if every := max(1, int64(s.Limit("every"))); in.ID%every == 0 || in.Mask.Check() != nil {
		codes(s, in, h, w)
	}
	bothRules(s, in)
}

// codes takes a mask through the codes of formats. They give back every mask whose runs are in order and inside, as their own tests
// have it, so of those some are enough.
func codes(s *validate.Scope, in *validate.Instance, h, w int) {
	if in.Axes == "YX" {
		back, err := coco.Decode(coco.Encode(in.Mask, h, w), h, w)
		changed(s, in, "coco", in.Mask, back, err)
	}
	for part := range planes(in.Mask) {
		back, err := qupath.Decode(qupath.Encode(part), h, w)
		changed(s, in, "qupath", part, back, err)
	}
}

// planes are the planes of a mask, each moved to plane 0.
func planes(m mask.Mask) func(yield func(mask.Mask) bool) {
	return func(yield func(mask.Mask) bool) {
		for len(m) > 0 {
			n := 1
			for n < len(m) && m[n].Z == m[0].Z {
				n++
			}
			part := m[:n]
			if z := m[0].Z; z > 0 {
				part = part.Shift(-z, 0, 0)
			}
			if !yield(part) {
				return
			}
			m = m[n:]
		}
	}
}

func changed(s *validate.Scope, in *validate.Instance, format string, before, after mask.Mask, err error) {
	if err == nil && slices.Equal(before, after) {
		return
	}
	f := about(in, "as %s and back, it has %d elements, before it had %d", format, after.Area(), before.Area())
	if err != nil {
		f = about(in, "as %s it cannot be read again: %v", format, err)
	}
	f.Detail = format
	s.Report(f)
}

// bothRules compares the mask of a polygon, which is pycocotools', with that of QuPath, shapely and others: the pixels
// whose centre is inside by the even-odd rule.
func bothRules(s *validate.Scope, in *validate.Instance) {
	if in.Rings == nil || in.Drawn == nil { // GeoJSON's are by centres, and exports of ours write run lengths
		return
	}
	centres, err := mask.Rasterize(in.Rings, in.Shape[1], in.Shape[2])
	if err != nil {
		return // LB010
	}
	limit := s.Limit("min_iou")
	iou := mask.IoU(in.Mask, centres)
	if iou >= limit {
		return
	}
	f := about(in, "its polygon is %d pixels by pycocotools' rule and %d by pixel centres, as QuPath has it: %.2f in common", in.Mask.Area(), centres.Area(), iou)
	f.Value, f.Limit, f.Detail = iou, limit, "rules"
	if len(in.Rings) > 1 {
		f.Message += fmt.Sprintf("; of its %d rings some lie in others", len(in.Rings))
	}
	s.Report(f)
}
