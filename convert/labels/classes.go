package labels

import (
	"fmt"
	"slices"
	"sort"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/mask"
)

// The classes an am_vs_nam mask tells apart.
const (
	analysable    = "AM"
	notAnalysable = "NAM"
)

// What status says of an object whose class is not decided.
const (
	contradictory = "contradictory" // several masks claim it
	unclassified  = "unclassified"  // no mask claims it
)

// evidence is what the masks of a section say of the classes of its objects.
type evidence struct {
	claim   float64 // share of an object that claims it
	rest    string  // class of an object that no mask claims, "" for none
	masks   []classMask
	amNam   *classMask // nil where there is none
	values  map[int64]string
	perhaps []int64 // the values of amNam, ascending
}

// classMask is a mask whose elements have a class, or of amNam several.
type classMask struct {
	class   string
	array   string
	all     mask.Mask           // every element other than 0
	byValue map[int64]mask.Mask // of amNam only
}

// verdict is the class of one object.
type verdict struct {
	class   *string
	status  *string
	reasons []string
	shares  map[string]float64 // by class, of the masks there are
	// What an am_vs_nam mask holds over most of the object.
	value *int64
	share *float64
}

// decide weighs the masks for an object.
//
// The claims are the class masks that cover at least the claim share of it, and the value of
// the am_vs_nam mask that does, where the layout says what the value means. One class among
// the claims is the class; NAM beside a class other than AM only repeats it. Several are kept
// as a contradiction. Where none claims it, the layout may name the class.
func (e *evidence) decide(m mask.Mask) verdict {
	v := verdict{shares: map[string]float64{}}
	if len(e.masks) == 0 && e.amNam == nil {
		return v
	}
	area := float64(m.Area())
	var claims []string
	for _, c := range e.masks {
		share := float64(common(m, c.all)) / area
		v.shares[c.class] = share
		if share >= e.claim {
			claims = append(claims, c.class)
			v.reasons = append(v.reasons, fmt.Sprintf("%s covers %.3f", c.array, share))
		}
	}
	if name := e.weigh(&v, m, area); name != "" && !slices.Contains(claims, name) {
		if name != notAnalysable || len(claims) == 0 || slices.Contains(claims, analysable) {
			claims = append(claims, name)
		}
	}
	switch {
	case len(claims) == 1:
		v.class = &claims[0]
	case len(claims) > 1:
		v.status = ptr(contradictory)
	case len(e.masks) == 0 && e.values == nil:
	case e.rest != "":
		v.class = &e.rest
		v.reasons = append(v.reasons, "no mask claims it")
	default:
		v.status = ptr(unclassified)
		v.reasons = append(v.reasons, "no mask claims it")
	}
	return v
}

// weigh finds the value of the am_vs_nam mask that covers most of an object, and returns
// what it claims, "" for nothing.
func (e *evidence) weigh(v *verdict, m mask.Mask, area float64) (claim string) {
	if e.amNam == nil {
		return ""
	}
	best, most, rest := int64(0), int64(0), int64(area)
	for _, value := range e.perhaps {
		n := common(m, e.amNam.byValue[value])
		if rest -= n; n > most {
			best, most = value, n
		}
	}
	if rest >= most {
		best, most = 0, rest
	}
	share := float64(most) / area
	v.value, v.share = &best, &share
	name, known := e.values[best]
	if !known || share < e.claim {
		return ""
	}
	v.reasons = append(v.reasons, fmt.Sprintf("%s is %d (%s) over %.3f", e.amNam.array, best, name, share))
	return name
}

// common is the number of elements that m shares with other, which may be far larger: only
// the rows of m are looked at.
func common(m, other mask.Mask) int64 {
	if len(m) == 0 {
		return 0
	}
	first, last := m[0], m[len(m)-1]
	lo := sort.Search(len(other), func(i int) bool { return !rowBefore(other[i], first) })
	hi := lo + sort.Search(len(other)-lo, func(i int) bool { return rowBefore(last, other[lo+i]) })
	return mask.IntersectionArea(m, other[lo:hi])
}

// rowBefore reports whether a lies in a row before that of b.
func rowBefore(a, b mask.Run) bool { return a.Z < b.Z || a.Z == b.Z && a.Y < b.Y }

// newEvidence gathers what the facts of a section's masks say.
func newEvidence(s *section, facts map[string]*arrays.ArrayFacts, l *Layout) *evidence {
	e := &evidence{claim: l.ClaimShare, rest: l.Unclaimed}
	for _, m := range s.members {
		f := facts[m.array()]
		if f == nil {
			continue
		}
		switch m.Role {
		case ClassMask:
			e.masks = append(e.masks, classMask{class: m.Class, array: m.array(), all: union(f.Parts)})
		case AnalysableMask:
			e.amNam = &classMask{array: m.array(), byValue: map[int64]mask.Mask{}}
			for _, k := range f.Parts.Keys() {
				e.amNam.byValue[k.Label] = f.Parts[k].Mask()
				e.perhaps = append(e.perhaps, k.Label)
			}
			e.values = meanings(m.Values)
		}
	}
	return e
}

// meanings turns a layout's values around: class by value.
func meanings(values map[string][]int64) map[int64]string {
	if values == nil {
		return nil
	}
	out := map[int64]string{}
	for class, vs := range values {
		for _, v := range vs {
			out[v] = class
		}
	}
	return out
}

// union is the mask of every object of an array.
func union(ps arrays.Parts) mask.Mask {
	var quads []int32
	for _, k := range ps.Keys() {
		quads = append(quads, ps[k].Runs...)
	}
	return mask.FromQuads(quads)
}

func ptr[T any](v T) *T { return &v }
