package rules

import (
	"errors"
	"fmt"
	"math"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// shapeRules are the rules LB008 to LB011: how files describe the shape of an instance.
var shapeRules = []validate.Rule{{
	ID: "LB008", Severity: validate.Error, For: validate.AnyKind,
	Title:   "run lengths are broken, or of another order or dialect",
	Why:     "A tool that reads them gets no mask, or quietly another one: transposed, shifted, or cut off.",
	Example: "The counts sum to 1048569, the image has 1048576 pixels; or they go along rows where COCO goes down columns.",
	Mend:    "Write them again from the mask, with pycocotools or micropq annotate export. COCO counts go down each column, background first, and sum to height times width.",
	Looks:   validate.Looks{Instance: runLengths},
}, {
	ID: "LB009", Severity: validate.Error, For: validate.AnyKind, SafeFix: true,
	Title:   "the box or the area disagrees with the mask",
	Why:     "Training crops and samples by the box, evaluation sorts by the area: both would use what is not there.",
	Example: "Instance 12 claims an area of 1230 pixels, its mask has 1185.",
	Mend:    "micropq validate --fix writes the box and the area of the mask into COCO files and changes nothing else. If the mask is what is wrong, mend that first.",
	Limits: []validate.Limit{
		{Name: "max_side", Default: 0.5, Unit: "elements", Doc: "how far a side of the box may be off; a pixel more for polygons, which tools rasterise by different rules"},
		{Name: "max_share", Default: 0.01, Unit: "share", Doc: "how far the area may be off; half the length of the outline more for polygons, which rules of rasterisation move by up to half a pixel"},
	},
	Looks: validate.Looks{Instance: claims},
}, {
	ID: "LB010", Severity: validate.Error, For: validate.AnyKind,
	Title:   "a polygon is broken, crosses itself or leaves the image",
	Why:     "It has no inside that two tools agree on; what lies outside the image is cut off by some and is an error in others.",
	Example: "The polygon of instance 40 has 2 corners; that of instance 41 crosses itself near (120.5, 88.0).",
	Mend:    "Draw it again, or make it valid (shapely.make_valid) and look at the result. One that only touches itself is told as information.",
	Limits:  []validate.Limit{{Name: "max_outside", Default: 1, Unit: "elements", Doc: "how far a corner may lie outside the image: tools round to its edge"}},
	Looks:   validate.Looks{Instance: polygons},
}, {
	ID: "LB011", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "an export round trip changes pixels",
	Why:     "The object that comes back from another program is not the one that left; measurements before and after differ.",
	Example: "A hole given as a second polygon is filled by COCO's rule and is a hole by that of QuPath and shapely.",
	Mend:    "Store the mask as run lengths, which every tool reads alike; draw holes as holes; keep objects inside the image.",
	Limits: []validate.Limit{
		{Name: "min_iou", Default: 0.8, Unit: "share", Doc: "intersection over union of a polygon's pixels by pycocotools' rule and by pixel centres"},
		{Name: "every", Default: 16, Doc: "one instance in so many, by its id, is taken through the codes of COCO and QuPath, which are tested to give back every sound mask; 1 for all"},
	},
	Looks: validate.Looks{Instance: roundTrip},
}}

// named is what messages call an instance.
func named(in *validate.Instance) string {
	if in.ID == 0 && in.Row != nil {
		return fmt.Sprintf("the annotation in row %d", *in.Row)
	}
	return fmt.Sprintf("instance %d", in.ID)
}

// about is a finding about an instance.
func about(in *validate.Instance, format string, args ...any) validate.Finding {
	return validate.Finding{Message: named(in) + ": " + fmt.Sprintf(format, args...), Place: in.Place, Content: in.Content()}
}

func runLengths(s *validate.Scope, in *validate.Instance) {
	var broken *mask.CountsError
	if errors.As(in.MaskErr, &broken) {
		f := about(in, "%v", broken)
		f.Detail = broken.Reason
		s.Report(f)
		return
	}
	for _, err := range in.Errs {
		if errors.As(err, &broken) { // there is a mask nevertheless
			f := about(in, "%v", broken)
			f.Detail = broken.Reason
			if in.Place.Dataset == "" { // in a data set they are what other readers go by
				f.Severity = validate.Warning
			}
			s.Report(f)
		}
	}
	if box, is := rowMajor(in); is {
		f := about(in, "the run lengths go along rows: read so, their box is the claimed one, %s; down columns, as COCO has it, it is %s", boxText(box), boxText(in.Mask.BBox()))
		f.Detail = "rows"
		s.Report(f)
	}
}

// boxText is left, top, width, height, as COCO writes a box.
func boxText(b schemas.BBox) string {
	return fmt.Sprintf("[%d %d %d %d]", b.X0, b.Y0, b.X1-b.X0, b.Y1-b.Y0)
}

// rowMajor reports whether an instance's run lengths were written along rows: the claimed box is that of the mask which they
// are so, and not that of the mask which they are by COCO's order.
func rowMajor(in *validate.Instance) (box schemas.BBox, is bool) {
	if in.Drawn == nil || in.Drawn.BBox == nil || in.Rings != nil || len(in.Mask) == 0 || fits(*in.Drawn.BBox, sides(in.Mask.BBox()), 0.5) {
		return box, false
	}
	image := schemas.BBox{Z1: 1, Y1: int32(in.Shape[1]), X1: int32(in.Shape[2])}
	turned, err := mask.FromCounts(in.Mask.Counts(image, mask.ColumnMajor), image, mask.COrder)
	if err != nil {
		return box, false
	}
	box = turned.BBox()
	return box, fits(*in.Drawn.BBox, sides(box), 0.5)
}

func polygons(s *validate.Scope, in *validate.Instance) {
	var broken *mask.PolygonError
	if errors.As(in.MaskErr, &broken) {
		f := about(in, "%v", broken)
		f.Detail = broken.Reason
		s.Report(f)
	}
	for i, ring := range in.Rings {
		contact := ring.Contact()
		if in.MaskErr == nil && ring.Area() == 0 && (contact == nil || !contact.Crosses) {
			f := about(in, "its polygon%s encloses nothing: its corners lie in a line or at one place", ringText(in, i))
			f.Detail = fmt.Sprint("nothing", i)
			s.Report(f)
			continue
		}
		if contact == nil {
			continue
		}
		how, severity := "touches", validate.Info
		if contact.Crosses {
			how, severity = "crosses", validate.Error
		}
		f := about(in, "its polygon%s %s itself near (%.2f, %.2f)", ringText(in, i), how, contact.At.X, contact.At.Y)
		f.Severity, f.Value, f.Detail = severity, []float64{contact.At.X, contact.At.Y}, fmt.Sprint(how, i)
		s.Report(f)
	}
	outside(s, in)
}

// ringText tells rings apart where there are several.
func ringText(in *validate.Instance, i int) string {
	if len(in.Rings) == 1 {
		return ""
	}
	return fmt.Sprintf(" (ring %d)", i)
}

// outside looks for corners outside the image, as far as its extents are known.
func outside(s *validate.Scope, in *validate.Instance) {
	limit := s.Limit("max_outside")
	right, bottom := math.Inf(1), math.Inf(1)
	if in.Shape[1] > 0 {
		right, bottom = float64(in.Shape[2]), float64(in.Shape[1])
	}
	count, most, worst := 0, 0.0, mask.Vertex{}
	for _, ring := range in.Rings {
		for _, v := range ring {
			if d := max(-v.X, -v.Y, v.X-right, v.Y-bottom); d > limit {
				if count++; d > most {
					most, worst = d, v
				}
			}
		}
	}
	if count == 0 {
		return
	}
	extents := "the image begins at 0"
	if in.Shape[1] > 0 {
		extents = fmt.Sprintf("the image has %d columns and %d rows", in.Shape[2], in.Shape[1])
	}
	f := about(in, "%d corners lie outside, the farthest at (%.2f, %.2f): %s", count, worst.X, worst.Y, extents)
	f.Value, f.Limit, f.Detail = math.Round(100*most)/100, limit, "outside"
	s.Report(f)
}
