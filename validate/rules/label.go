package rules

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// labelRules are the rules LB001 to LB007, LB012 and LB013: ids, and the shape and size of instances. Pieces of
// an instance are connected at corners too, so its holes are connected by sides.
var labelRules = []validate.Rule{{
	ID: "LB001", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "an id is negative or a fraction",
	Why:     "It names no instance: it is cut off, wraps around or is dropped, differently in every tool.",
	Example: "-1 marks what is not annotated; or resizing a mask with interpolation made 2.5 between 2 and 3.",
	Mend:    "Use 0 for what is no instance; resize masks with nearest-neighbour interpolation.",
	Looks:   validate.Looks{Layer: badIDs},
}, {
	ID: "LB002", Severity: validate.Info, For: validate.Volume | validate.Tissue, SafeFix: true,
	Title:   "ids have gaps",
	Why:     "Code that takes the largest id for the number of instances counts too many.",
	Example: "The ids are 1 to 586 without 137 and 180.",
	Mend:    "micropq validate --fix numbers label images from 1 on in the same order. Tables that refer to the old ids have to follow.",
	Looks:   validate.Looks{Layer: gaps},
}, {
	ID: "LB003", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "an instance is below the minimum size",
	Why:     "Specks left by a brush or by resizing are counted as objects.",
	Example: "Fibre 137 has 1 pixel.",
	Mend:    "Delete the instance, or set the minimum size for your objects and pixel size.",
	Limits: []validate.Limit{
		// NCL-SM leaves out of its measurements what has 25 pixels or fewer.
		{Name: "min_area", Default: 26, Unit: "elements", Doc: "pixels of an instance in an image"},
		{Name: "min_volume", Default: 64, Unit: "elements", Doc: "voxels of an instance in a volume: a cube of 4"},
	},
	Looks: validate.Looks{Instance: small},
}, {
	ID: "LB004", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "an instance is in several fragments",
	Why:     "Pieces cut off are annotation slips, and methods that look for connected objects find several.",
	Example: "Fibre 12 is in 2 pieces of 1800 and 3 pixels.",
	Mend:    "Join the pieces or delete the small ones. Where objects really are broken, as neurons are, leave the rule off.",
	Limits: []validate.Limit{
		{Name: "max_pieces", Default: 1, Doc: "pieces of an instance, connected by sides or corners"},
		{Name: "neurons", Default: 0, Doc: "1 looks at instances of class neuron too: they are thin and break where the label does"},
	},
	Looks: validate.Looks{Instance: fragments},
}, {
	ID: "LB005", Severity: validate.Warning, For: validate.Tissue,
	Title:   "an instance has holes",
	Why:     "Pinholes are pixels that the annotator missed: they change perimeter and shape, and holes in tissue are rarely meant.",
	Example: "Fibre 272 has a hole of 1 pixel.",
	Mend:    "Fill the holes, or raise the limits to those that are meant.",
	Limits: []validate.Limit{
		{Name: "min_hole", Default: 1, Unit: "elements", Doc: "smallest hole that counts"},
		{Name: "max_hole", Default: 0, Unit: "elements", Doc: "largest hole that counts, 0 for any: larger ones may be meant"},
	},
	Looks: validate.Looks{Instance: holes},
}, {
	ID: "LB006", Severity: validate.Info, For: validate.Tissue,
	Title:   "two instances touch",
	Why:     "Once ids become a mask of foreground, the two are one object.",
	Example: "Fibres 5 and 10 share a side of a pixel.",
	Mend:    "Nothing, where objects do touch. Else leave a pixel of background between them.",
	Limits:  []validate.Limit{{Name: "corners", Default: 0, Doc: "1: to meet at the corner of a pixel is to touch"}},
	Looks:   validate.Looks{Layer: touching},
}, {
	ID: "LB007", Severity: validate.Error, For: validate.Tissue,
	Title:   "one id is over many separate objects",
	Why:     "Several objects count and are measured as one. It is what a class mask looks like, or ids that came round again.",
	Example: "Id 3 has 40 pieces of like size, all over the section.",
	Mend:    "Give each object an id of its own: label connected components. If it is a class mask, validate the instance mask instead.",
	Limits: []validate.Limit{
		{Name: "min_objects", Default: 2, Doc: "separate objects from which an id counts as used again"},
		{Name: "min_share", Default: 0.25, Unit: "share", Doc: "size of a piece against the largest one, from which it is an object and no fragment"},
		{Name: "min_distance", Default: 1, Doc: "distance of two objects, by their boxes, in diameters of the largest piece"},
	},
	Looks: validate.Looks{Instance: scattered},
}, {
	ID: "LB012", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "the mask is shifted against its image",
	Why:     "Every outline is beside its object by the same step, as cropping, resizing or a viewer's half pixel make it.",
	Example: "The image lies 1.0 pixels right of the mask, give or take 0.02.",
	Mend:    "Move the mask by the shift, or export it again without resampling.",
	Limits: []validate.Limit{
		{Name: "max_shift", Default: 0.4, Unit: "elements", Doc: "length of the shift in the plane: half a pixel is found"},
		{Name: "min_correlation", Default: 0.9, Doc: "how well the image has to show the edges of instances"},
		{Name: "min_errors", Default: 4, Doc: "shift in standard errors, over instances, from which it is systematic"},
	},
	Looks: validate.Looks{Layer: shifted},
}, {
	ID: "LB013", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "the size of an instance is far off that of its class in the sample",
	Why:     "It may be two objects merged, a part of one, or a click that filled the background.",
	Example: "Fibre 88 has 900000 pixels, the median of 586 is 52000.",
	Mend:    "Look at it; split or delete what is no single object.",
	Limits: []validate.Limit{
		// Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993) take 3.5 for normal data;
		// logarithms of the sizes of fibres have heavier tails.
		{Name: "max_deviation", Default: 5, Doc: "modified z score of the logarithm of the size: 0.6745 times the distance from the median by the median absolute deviation"},
		{Name: "min_instances", Default: 30, Doc: "instances of a class in a sample from which their spread is known"},
	},
	Looks: validate.Looks{Layer: sizes},
}}

// unit is what elements of a kind of data are called, one or several.
func unit(kind validate.Kind, n int64) string {
	name := "pixel"
	if kind == validate.Volume {
		name = "voxel"
	}
	if n != 1 {
		name += "s"
	}
	return name
}

// plural is a number of things.
func plural(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// wanted reports whether a rule looks at the mask of an instance.
func wanted(s *validate.Scope, in *validate.Instance) bool {
	return len(in.Mask) > 0 && !in.Crowd && !rejected(in) && s.For(in.Kind)
}

func badIDs(s *validate.Scope, l *validate.Layer) {
	for _, err := range l.Errs {
		var bad *mask.LabelError
		if !errors.As(err, &bad) {
			continue
		}
		f := validate.Finding{Message: bad.Error(), Place: l.Place, Value: bad.Value, Detail: bad.Value}
		if bad.Count > 0 {
			f.Message = fmt.Sprintf("%s of value %s, which names no instance: ids are integers from 0 to 2^63-1", plural(bad.Count, "element"), bad.Value)
		}
		z, y, x := int32(bad.Z), int32(bad.Y), int32(bad.X)
		f.BBox = &schemas.BBox{Z0: z, Y0: y, X0: x, Z1: z + 1, Y1: y + 1, X1: x + 1}
		s.Report(f)
	}
}

// gaps looks at ids that are values of an array. Those of other annotations are keys.
func gaps(s *validate.Scope, l *validate.Layer) {
	if l.DType == "" || len(l.Instances) == 0 || l.Channels > 0 || !s.For(l.Kind) {
		return
	}
	var missing []int64
	count, next := int64(0), int64(1)
	for _, in := range l.Instances {
		for ; next < in.ID && len(missing) <= listed; next++ {
			missing = append(missing, next)
		}
		next = in.ID + 1
	}
	last := l.Instances[len(l.Instances)-1].ID
	if count = last - int64(len(l.Instances)); count <= 0 {
		return
	}
	text := list(missing[:min(listed, len(missing))])
	if more := count - int64(min(listed, len(missing))); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	message := fmt.Sprintf("%d instances have ids up to %d: without %s", len(l.Instances), last, text)
	if len(l.Instances) == 1 {
		message = fmt.Sprintf("the only instance has id %d", last)
	}
	f := validate.Finding{Message: message, Place: l.Place, Value: count, Detail: text}
	if l.Renumber {
		f.Fix = &validate.Fix{Doc: fmt.Sprintf("number the %s from 1 in the same order", plural(int64(len(l.Instances)), "instance")), Safe: true}
	}
	s.Report(f)
}

// small also looks at instances of which it is known that they have no element, as polygons smaller than a pixel may have.
func small(s *validate.Scope, in *validate.Instance) {
	if empty := in.Mask != nil && len(in.Mask) == 0 && !in.Crowd && !rejected(in) && s.For(in.Kind); !empty && !wanted(s, in) {
		return
	}
	limit := s.Limit("min_area")
	if in.Kind == validate.Volume {
		limit = s.Limit("min_volume")
	}
	if area := in.Mask.Area(); float64(area) < limit {
		s.Report(validate.Finding{
			Message: fmt.Sprintf("instance %d has %d %s, fewer than %g", in.ID, area, unit(in.Kind, area), limit),
			Place:   in.Place, Value: area, Limit: limit, Content: in.Content(),
			Fix: byEdit(in, "reject the instance", rejection(fmt.Sprintf("has %d %s, fewer than %g", area, unit(in.Kind, area), limit))),
		})
	}
}

// neuron is the class of neurons in data sets made from FISBe.
const neuron = "neuron"

func fragments(s *validate.Scope, in *validate.Instance) {
	if !wanted(s, in) || in.Class != nil && *in.Class == neuron && s.Limit("neurons") == 0 {
		return
	}
	limit := s.Limit("max_pieces")
	if n := in.Mask.CountPieces(mask.Corners); float64(n) > limit {
		areas := sortedAreas(in.Mask.Pieces(mask.Corners))
		s.Report(validate.Finding{
			Message: fmt.Sprintf("instance %d is in %d pieces of %s %s", in.ID, n, list(areas), unit(in.Kind, 2)),
			Place:   in.Place, Value: n, Limit: limit, Content: in.Content(),
		})
	}
}

// sortedAreas are the areas of masks, the largest first.
func sortedAreas(masks []mask.Mask) []int64 {
	areas := make([]int64, len(masks))
	for i, m := range masks {
		areas[i] = m.Area()
	}
	slices.SortFunc(areas, func(a, b int64) int { return cmp.Compare(b, a) })
	return areas
}

func holes(s *validate.Scope, in *validate.Instance) {
	if !wanted(s, in) || in.Mask.CountHoles(mask.Corners) == 0 {
		return
	}
	least, most := s.Limit("min_hole"), s.Limit("max_hole")
	areas := slices.DeleteFunc(sortedAreas(in.Mask.Holes(mask.Corners)), func(n int64) bool {
		return float64(n) < least || most > 0 && float64(n) > most
	})
	if len(areas) == 0 {
		return
	}
	message := fmt.Sprintf("instance %d has %d holes of %s pixels", in.ID, len(areas), list(areas))
	if len(areas) == 1 {
		message = fmt.Sprintf("instance %d has a hole of %d %s", in.ID, areas[0], unit(in.Kind, areas[0]))
	}
	s.Report(validate.Finding{Message: message, Place: in.Place, Value: areas, Limit: least, Content: in.Content()})
}

func touching(s *validate.Scope, l *validate.Layer) {
	if !s.For(l.Kind) {
		return
	}
	all, masks := objects(l)
	for i, others := range mask.Neighbours(masks, mask.Connectivity(s.Limit("corners") != 0)) {
		for _, j := range others {
			if j > i {
				a, b := all[i], all[j]
				s.Report(validate.Finding{
					Message: fmt.Sprintf("instances %d and %d touch", a.ID, b.ID),
					Place:   a.Place, Value: b.ID, Content: a.Content(), Detail: fmt.Sprint(b.ID),
				})
			}
		}
	}
}

// maxObjects bounds the objects of one id that are counted, which are compared with each other.
const maxObjects = 100

// scattered counts the pieces of an instance that are large and far from each other: from the largest on, each
// that is far from all counted before it.
func scattered(s *validate.Scope, in *validate.Instance) {
	if !wanted(s, in) || in.Mask.CountPieces(mask.Corners) < 2 {
		return
	}
	pieces := in.Mask.Pieces(mask.Corners)
	slices.SortStableFunc(pieces, func(a, b mask.Mask) int { return cmp.Compare(b.Area(), a.Area()) })
	largest := float64(pieces[0].Area())
	far := s.Limit("min_distance") * math.Sqrt(4*largest/math.Pi)
	var apart []schemas.BBox
	for _, p := range pieces {
		box := p.BBox()
		near := func(other schemas.BBox) bool { return distance(box, other) <= far }
		if float64(p.Area()) < s.Limit("min_share")*largest || len(apart) == maxObjects {
			break
		}
		if !slices.ContainsFunc(apart, near) {
			apart = append(apart, box)
		}
	}
	limit := s.Limit("min_objects")
	if float64(len(apart)) < limit {
		return
	}
	s.Report(validate.Finding{
		Message: fmt.Sprintf("id %d is over at least %d separate objects, in %d pieces", in.ID, len(apart), len(pieces)),
		Place:   in.Place, Value: len(apart), Limit: limit, Content: in.Content(),
	})
}

// distance is that of two boxes in a plane.
func distance(a, b schemas.BBox) float64 {
	dy := max(0, a.Y0-b.Y1, b.Y0-a.Y1)
	dx := max(0, a.X0-b.X1, b.X0-a.X1)
	return math.Hypot(float64(dy), float64(dx))
}

func shifted(s *validate.Scope, l *validate.Layer) {
	d := l.Shift
	if d == nil || !s.For(l.Kind) {
		return
	}
	limit := s.Limit("max_shift")
	if d.Size() <= limit || d.Correlation < s.Limit("min_correlation") || d.Size() < s.Limit("min_errors")*d.Error() {
		return
	}
	s.Report(validate.Finding{
		Message: fmt.Sprintf("the image lies %.2f pixels below and %.2f right of the mask, give or take %.2f (channel %d, correlation %.3f)", d.Y, d.X, d.Error(), d.Channel, d.Correlation),
		Place:   l.Place, Value: []float64{d.Y, d.X}, Limit: limit,
	})
}

// sizes looks at each class of a layer by itself.
func sizes(s *validate.Scope, l *validate.Layer) {
	if !s.For(l.Kind) {
		return
	}
	all, _ := objects(l)
	classes := map[string][]*validate.Instance{}
	for _, in := range all {
		class := ""
		if in.Class != nil {
			class = *in.Class
		}
		classes[class] = append(classes[class], in)
	}
	for _, class := range sortedKeys(classes) {
		if same := classes[class]; float64(len(same)) >= s.Limit("min_instances") {
			outliers(s, l, same)
		}
	}
}

// minSpread keeps instances of all but the same size from being outliers: by default none is that is within a
// factor of two of the median.
const minSpread = 0.1

// outliers compares sizes with their median. Instances that the border of the image cuts may be small.
func outliers(s *validate.Scope, l *validate.Layer, same []*validate.Instance) {
	logs := make([]float64, len(same))
	for i, in := range same {
		logs[i] = math.Log(float64(in.Mask.Area()))
	}
	middle := median(logs)
	off := make([]float64, len(logs))
	for i, v := range logs {
		off[i] = math.Abs(v - middle)
	}
	spread, limit := max(minSpread, median(off)), s.Limit("max_deviation")
	for i, in := range same {
		z := 0.6745 * (logs[i] - middle) / spread
		if math.Abs(z) <= limit || z < 0 && cut(in.Mask.BBox(), l) {
			continue
		}
		area := in.Mask.Area()
		s.Report(validate.Finding{
			Message: fmt.Sprintf("instance %d has %d %s, the median of %d is %.0f", in.ID, area, unit(in.Kind, area), len(same), math.Exp(middle)),
			Place:   in.Place, Value: math.Round(10*z) / 10, Limit: limit, Content: in.Content(),
		})
	}
}

// cut reports whether a box reaches the border of a layer's planes.
func cut(b schemas.BBox, l *validate.Layer) bool {
	n := len(l.Shape)
	return n >= 2 && (b.Y0 == 0 || b.X0 == 0 || int(b.Y1) >= l.Shape[n-2] || int(b.X1) >= l.Shape[n-1])
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
