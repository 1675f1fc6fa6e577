package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/validate"
)

// classMaskRules are the rules CL002 to CL005: instances whose classes are drawn as masks.
var classMaskRules = []validate.Rule{{
	ID: "CL002", Severity: validate.Error, For: validate.Tissue,
	Title:   "a fibre has no class, or several",
	Why:     "It is left out of every count by class, or counted twice.",
	Example: "Fibre 12 is covered by the masks of AM (0.98) and NTM (0.97).",
	Mend:    "Correct the masks so that one of them covers the fibre, and convert again.",
	Looks:   validate.Looks{Layer: oneClass},
}, {
	ID: "CL003", Severity: validate.Error, For: validate.Tissue,
	Title:   "the class masks contradict the instances or each other",
	Why:     "Analysable fibres are all but the others: where AM meets NTM, FAM or FR, one of the masks is wrong, and so are the statistics of both.",
	Example: "Fibre 12 is AM in the table, and the mask of NTM covers it; the masks of AM and FR share 420 pixels.",
	Mend:    "Correct the mask that is wrong, and convert again.",
	Limits:  []validate.Limit{{Name: "max_shared", Default: 0, Unit: "elements", Doc: "elements that the mask of AM may share with another"}},
	Looks:   validate.Looks{Layer: contradictions},
}, {
	ID: "CL004", Severity: validate.Warning, For: validate.Tissue,
	Title:   "the share of a class is unusual for a section",
	Why:     "Masks of two classes were exchanged, or one was not finished; or the section is an outlier that decides the result.",
	Example: "3% of the fibres of C03 are AM, the median of 46 sections is 61% (modified z score of the logit 6.2).",
	Mend:    "Look at the section's masks. Ignore the finding with a reason where the tissue is like that.",
	Limits: []validate.Limit{
		// Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993) take 3.5 for normal data.
		{Name: "max_deviation", Default: 5, Doc: "modified z score (Iglewicz and Hoaglin) of the logit of the share, against the other sections; the spread is at least that of a binomial sample"},
		{Name: "min_difference", Default: 0.1, Unit: "share", Doc: "distance from the median that matters"},
		{Name: "min_sections", Default: 8, Doc: "sections from which their spread is known"},
		{Name: "min_instances", Default: 30, Doc: "instances of a section whose shares mean something"},
		{Name: "min_share", Default: 0, Unit: "share", Doc: "smallest share of a class that other sections have, whatever the others are like"},
		{Name: "max_share", Default: 1, Unit: "share", Doc: "largest share of a class, whatever the other sections are like"},
	},
	Across: unusualShares,
}, {
	ID: "CL005", Severity: validate.Error, For: validate.AnyKind,
	Title:   "a map of classes is incomplete, or loses instances",
	Why:     "What the map does not name vanishes from the counts without a word.",
	Example: "mask_am_vs_nam holds the value 3 under 12 fibres, the layout gives meanings to 1 and 2; or --class-map has no entry for FAM.",
	Mend:    "Add the class or value to the map. A class that is mapped to an empty name is left out on purpose.",
	Looks:   validate.Looks{Layer: namedValues, Dataset: mappedClasses},
}}

// Classes that NCL-SM's masks tell apart: NAM is all that is not AM.
const (
	analysable    = "AM"
	notAnalysable = "NAM"
)

// claim is a class that a mask gives an instance.
type claim struct {
	class, array string
	share        float64
}

// classClaims are the classes that masks give an instance, each once. known is false where no mask could give
// any.
func classClaims(l *validate.Layer, in *validate.Instance) (claims []claim, known bool) {
	area := float64(in.Mask.Area())
	give := func(class, array string, share float64) {
		if !slices.ContainsFunc(claims, func(c claim) bool { return c.class == class }) {
			claims = append(claims, claim{class, array, share})
		}
	}
	for i := range l.Masks {
		m := &l.Masks[i]
		if m.Class == "" {
			continue
		}
		known = true
		if share := float64(common(in.Mask, m.All)) / area; share >= m.Claim {
			give(m.Class, m.Array, share)
		}
	}
	for i := range l.Masks {
		m := &l.Masks[i]
		if m.Names == nil {
			continue
		}
		known = true
		value, share := dominant(m, in, area)
		name, named := m.Names[value]
		repeats := name == notAnalysable && len(claims) > 0 && !slices.ContainsFunc(claims, func(c claim) bool { return c.class == analysable })
		if named && share >= m.Claim && !repeats {
			give(name, m.Array, share)
		}
	}
	return claims, known
}

// dominant is the value that a mask of values has over most of an instance.
func dominant(m *validate.ClassMask, in *validate.Instance, area float64) (value int64, share float64) {
	most, rest := int64(0), int64(area)
	for _, v := range sortedKeys(m.Value) {
		n := common(in.Mask, m.Value[v])
		if rest -= n; n > most {
			value, most = v, n
		}
	}
	if rest >= most {
		value, most = 0, rest
	}
	return value, float64(most) / area
}

// common is the number of elements that m shares with other, which may be far larger: only the rows of m are
// looked at.
func common(m, other mask.Mask) int64 {
	first, last := m[0], m[len(m)-1]
	lo := sort.Search(len(other), func(i int) bool { return !rowBefore(other[i], first) })
	hi := lo + sort.Search(len(other)-lo, func(i int) bool { return rowBefore(last, other[lo+i]) })
	return mask.IntersectionArea(m, other[lo:hi])
}

func rowBefore(a, b mask.Run) bool { return a.Z < b.Z || a.Z == b.Z && a.Y < b.Y }

// listClaims writes claims for people.
func listClaims(claims []claim) string {
	texts := make([]string, len(claims))
	for i, c := range claims {
		texts[i] = fmt.Sprintf("%s (%s over %.2f)", c.class, c.array, c.share)
	}
	return strings.Join(texts, " and ")
}

// edited reports whether an instance is not as it was converted: its class is then its annotator's.
func edited(in *validate.Instance) bool { return in.Claim.Revision != nil && *in.Claim.Revision > 0 }

func oneClass(s *validate.Scope, l *validate.Layer) {
	if len(l.Masks) == 0 || !s.For(l.Kind) {
		return
	}
	for _, in := range l.Instances {
		if len(in.Mask) == 0 || edited(in) {
			continue
		}
		claims, known := classClaims(l, in)
		switch {
		case !known:
		case len(claims) > 1:
			f := about(in, "it is %s", listClaims(claims))
			f.Value = len(claims)
			s.Report(f)
		case len(claims) == 0 && l.Unclaimed == "":
			f := about(in, "no mask of a class covers it")
			f.Value = 0
			s.Report(f)
		}
	}
}

func contradictions(s *validate.Scope, l *validate.Layer) {
	if len(l.Masks) == 0 || !s.For(l.Kind) {
		return
	}
	for _, in := range l.Instances {
		if in.Class == nil || len(in.Mask) == 0 || edited(in) {
			continue
		}
		claims, known := classClaims(l, in)
		if !known || slices.ContainsFunc(claims, func(c claim) bool { return c.class == *in.Class }) || len(claims) == 0 && *in.Class == l.Unclaimed {
			continue
		}
		f := about(in, "it is %s in the table, and by the masks %s", *in.Class, cmp.Or(listClaims(claims), "none of them"))
		f.Detail, f.Value = *in.Class, *in.Class
		s.Report(f)
	}
	sharedMasks(s, l)
}

// sharedMasks looks where the mask of AM meets another.
func sharedMasks(s *validate.Scope, l *validate.Layer) {
	limit := s.Limit("max_shared")
	for i := range l.Masks {
		if l.Masks[i].Class != analysable {
			continue
		}
		for k := range l.Masks {
			m := &l.Masks[k]
			if k == i || m.Class == "" || m.Class == notAnalysable {
				continue
			}
			shared := mask.Intersect(l.Masks[i].All, m.All)
			if n := shared.Area(); float64(n) > limit {
				p, b := l.Place, shared.BBox()
				p.Array, p.BBox = m.Array, &b
				s.Report(validate.Finding{
					Message: fmt.Sprintf("the masks of %s and %s share %d elements", analysable, m.Class, n),
					Place:   p, Value: n, Limit: limit, Detail: m.Class,
				})
			}
		}
	}
}

// section is what CL004 remembers of one.
type section struct {
	place  validate.Place
	counts map[string]int64
	total  int64
}

func unusualShares(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	groups := map[string][]*section{} // by target and array
	looks := validate.Looks{Layer: func(s *validate.Scope, l *validate.Layer) {
		if !s.For(l.Kind) {
			return
		}
		sec := &section{place: l.Place, counts: map[string]int64{}}
		for _, in := range l.Instances {
			if in.Class != nil {
				sec.counts[*in.Class]++
				sec.total++
			}
		}
		if float64(sec.total) >= s.Limit("min_instances") {
			key := l.Target + "\x00" + l.Array
			groups[key] = append(groups[key], sec)
		}
	}}
	return looks, func(s *validate.Scope) {
		for _, key := range sortedKeys(groups) {
			group := groups[key]
			slices.SortFunc(group, func(a, b *section) int { return cmp.Compare(a.place.Sample, b.place.Sample) })
			classes := map[string]bool{}
			for _, sec := range group {
				for class := range sec.counts {
					classes[class] = true
				}
			}
			if len(classes) < 2 {
				continue // as of regions, which are all of one class
			}
			for _, class := range sortedKeys(classes) {
				sharesOf(s, group, class)
			}
		}
	}
}

// sharesOf looks at the share of one class in the sections.
func sharesOf(s *validate.Scope, group []*section, class string) {
	logits, shares := make([]float64, len(group)), make([]float64, len(group))
	for i, sec := range group {
		k, n := float64(sec.counts[class]), float64(sec.total)
		logits[i], shares[i] = math.Log((k+0.5)/(n-k+0.5)), k/n // with Anscombe's correction
	}
	middle, share := medianOf(logits), medianOf(shares)
	away := make([]float64, len(group))
	for i, v := range logits {
		away[i] = math.Abs(v - middle)
	}
	spread := medianOf(away) / 0.6745
	for i, sec := range group {
		report := func(why string, limit float64) {
			s.Report(validate.Finding{
				Message: fmt.Sprintf("%.1f%% of %d instances are %s: %s", 100*shares[i], sec.total, class, why),
				Place:   sec.place, Value: shares[i], Limit: limit, Detail: class,
			})
		}
		if least, most := s.Limit("min_share"), s.Limit("max_share"); shares[i] < least {
			report(fmt.Sprintf("the least is %.1f%%", 100*least), least)
			continue
		} else if shares[i] > most {
			report(fmt.Sprintf("the most is %.1f%%", 100*most), most)
			continue
		}
		p := min(max(share, 0.5/float64(sec.total)), 1-0.5/float64(sec.total))
		z := away[i] / max(spread, 1/math.Sqrt(float64(sec.total)*p*(1-p)))
		if float64(len(group)) >= s.Limit("min_sections") && z > s.Limit("max_deviation") && math.Abs(shares[i]-share) >= s.Limit("min_difference") {
			report(fmt.Sprintf("the median of %d sections is %.1f%% (modified z score of the logit %.1f)", len(group), 100*share, z), share)
		}
	}
}

func medianOf(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// namedValues looks for values of a mask that mean no class.
func namedValues(s *validate.Scope, l *validate.Layer) {
	for i := range l.Masks {
		m := &l.Masks[i]
		if m.Names == nil {
			continue
		}
		lost := map[int64]int{}
		for _, in := range l.Instances {
			if len(in.Mask) > 0 {
				value, _ := dominant(m, in, float64(in.Mask.Area()))
				lost[value]++
			}
		}
		for _, v := range sortedKeys(m.Value) {
			if _, ok := m.Names[v]; ok {
				continue
			}
			p := l.Place
			p.Array = m.Array
			s.Report(validate.Finding{
				Message: fmt.Sprintf("the value %d has no class: %d instances lie under it", v, lost[v]),
				Place:   p, Value: v, Detail: fmt.Sprint(v),
			})
		}
	}
}

// mappedClasses looks for classes that the user's map does not name.
func mappedClasses(s *validate.Scope, d *validate.Dataset) {
	if d.Classes == nil {
		return
	}
	for _, class := range sortedKeys(d.Totals.ByClass) {
		if _, ok := d.Classes[class]; ok || class == "" {
			continue
		}
		s.Report(validate.Finding{
			Message: fmt.Sprintf("the map of classes has no entry for %q: %d instances are lost", class, d.Totals.ByClass[class]),
			Place:   d.Place, Value: class, Detail: class,
		})
	}
}
