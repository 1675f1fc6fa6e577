package rules

import (
	"fmt"
	"math"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// What LB009 compares, which is Finding.Detail: targets that mend it go by that.
const (
	ClaimedBBox = "bbox"
	ClaimedArea = "area"
	ClaimedMask = "mask"
)

func claims(s *validate.Scope, in *validate.Instance) {
	if len(in.Mask) == 0 {
		return
	}
	for _, err := range in.Errs {
		if e, ok := as[*validate.DrawnError](err); ok {
			f := about(in, "%v", e)
			f.Value, f.Detail = e.Lacks+e.Extra, ClaimedMask
			s.Report(f)
		}
	}
	if b := in.Claim.BBox; b != nil && *b != in.Mask.BBox() {
		f := about(in, "its box is claimed to be %s, that of its mask is %s", fullBox(in, *b), fullBox(in, in.Mask.BBox()))
		f.Value, f.Limit, f.Detail = *b, in.Mask.BBox(), ClaimedBBox
		s.Report(f)
	}
	if a := in.Claim.Area; a != nil && *a != in.Mask.Area() {
		f := about(in, "its area is claimed to be %d, its mask has %d %s", *a, in.Mask.Area(), unit(in.Kind, in.Mask.Area()))
		f.Value, f.Limit, f.Detail = *a, in.Mask.Area(), ClaimedArea
		s.Report(f)
	}
	if in.Drawn == nil {
		return
	}
	if b := in.Drawn.BBox; b != nil {
		claimedBox(s, in, *b)
	}
	if a := in.Drawn.Area; a != nil {
		claimedArea(s, in, *a)
	}
}

// fullBox is a box with Z where the instance lies in a volume.
func fullBox(in *validate.Instance, b schemas.BBox) string {
	if in.Axes != "ZYX" {
		return fmt.Sprintf("[y %d:%d, x %d:%d]", b.Y0, b.Y1, b.X0, b.X1)
	}
	return fmt.Sprintf("[z %d:%d, y %d:%d, x %d:%d]", b.Z0, b.Z1, b.Y0, b.Y1, b.X0, b.X1)
}

// span is where the sides of a box may be: left, top, right, bottom, each from low to high.
type span struct{ low, high [4]float64 }

func sides(b schemas.BBox) span {
	at := [4]float64{float64(b.X0), float64(b.Y0), float64(b.X1), float64(b.Y1)}
	return span{at, at}
}

// with is a span that reaches to a corner of a polygon too.
func (p span) with(rings []mask.Ring) span {
	at := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, ring := range rings {
		for _, v := range ring {
			at = [4]float64{min(at[0], v.X), min(at[1], v.Y), max(at[2], v.X), max(at[3], v.Y)}
		}
	}
	for i, v := range at {
		p.low[i], p.high[i] = min(p.low[i], v), max(p.high[i], v)
	}
	return p
}

// fits reports whether a claimed box, left, top, width, height, is within a tolerance of where it may be.
func fits(b [4]float64, p span, tolerance float64) bool {
	for i, v := range [4]float64{b[0], b[1], b[0] + b[2], b[1] + b[3]} {
		if !(v >= p.low[i]-tolerance && v <= p.high[i]+tolerance) {
			return false
		}
	}
	return true
}

// confused are other things that a box of four numbers may be.
var confused = []struct {
	what string
	read func(b [4]float64) [4]float64
}{
	{"left, top, right, bottom", func(b [4]float64) [4]float64 { return [4]float64{b[0], b[1], b[2] - b[0], b[3] - b[1]} }},
	{"top, left, height, width", func(b [4]float64) [4]float64 { return [4]float64{b[1], b[0], b[3], b[2]} }},
	{"top, left, bottom, right", func(b [4]float64) [4]float64 { return [4]float64{b[1], b[0], b[3] - b[1], b[2] - b[0]} }},
}

func claimedBox(s *validate.Scope, in *validate.Instance, claim [4]float64) {
	box := in.Mask.BBox()
	truth, tolerance := sides(box), s.Limit("max_side")
	if in.Rings != nil {
		truth, tolerance = truth.with(in.Rings), tolerance+1
	}
	if fits(claim, truth, tolerance) {
		return
	}
	if _, is := rowMajor(in); is { // LB008: the box is right and the mask is wrong
		return
	}
	f := about(in, "its box is claimed to be %v, that of its mask is %s (left, top, width, height)", claim, boxText(box))
	for _, c := range confused {
		if fits(c.read(claim), truth, tolerance) {
			f.Message += ": it is " + c.what
			break
		}
	}
	f.Value, f.Limit, f.Detail = claim[:], []int32{box.X0, box.Y0, box.X1 - box.X0, box.Y1 - box.Y0}, ClaimedBBox
	f.Fix = safely(in, "write the box of the mask, "+boxText(box))
	s.Report(f)
}

func claimedArea(s *validate.Scope, in *validate.Instance, claim float64) {
	area := in.Mask.Area()
	low, high := float64(area), float64(area)
	tolerance := 0.5
	for _, ring := range in.Rings {
		tolerance += perimeter(ring) / 2
	}
	if in.Rings != nil {
		drawn := 0.0
		for _, ring := range in.Rings {
			drawn += math.Abs(ring.Area())
		}
		low, high = min(low, drawn), max(high, drawn)
	}
	tolerance += s.Limit("max_share") * high
	if claim >= low-tolerance && claim <= high+tolerance {
		return
	}
	f := about(in, "its area is claimed to be %v, its mask has %d %s", claim, area, unit(in.Kind, area))
	if b := in.Drawn.BBox; b != nil && math.Abs(claim-b[2]*b[3]) < 0.5 {
		f.Message += ": it is the area of the box"
	}
	f.Value, f.Limit, f.Detail = claim, area, ClaimedArea
	f.Fix = safely(in, fmt.Sprintf("write the area of the mask, %d", area))
	s.Report(f)
}

// safely is a fix that writes what the mask says, nil where the mask is that of a polygon that crosses itself: then the claim may be
// all that is left of the object.
func safely(in *validate.Instance, doc string) *validate.Fix {
	for _, ring := range in.Rings {
		if c := ring.Contact(); c != nil && c.Crosses {
			return nil
		}
	}
	return &validate.Fix{Doc: doc, Safe: true}
}

// perimeter is the length of a ring.
func perimeter(r mask.Ring) (sum float64) {
	for i, v := range r {
		w := r[(i+1)%len(r)]
		sum += math.Hypot(w.X-v.X, w.Y-v.Y)
	}
	return sum
}
