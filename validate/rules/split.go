package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/hamming"
	"github.com/micropq/micropq/validate"
)

// splitRules are the rules SP: what must not cross splits.
var splitRules = []validate.Rule{
	{
		ID: "SP001", Severity: validate.Error, For: validate.AnyKind,
		Title:   "the same picture in two splits, or twice in one",
		Why:     "A model is tested on what it was trained on, and its score says nothing. Twice in one split a picture counts double.",
		Example: "the picture of IMG_0412 in test has the same pixels as that of IMG_0038 in train",
		Mend:    "Leave it out of one of the splits: best out of the training data, so that test results stay comparable.",
		Across:  equalPictures,
	},
	{
		ID: "SP002", Severity: validate.Warning, For: validate.AnyKind,
		Title: "pictures that look alike in two splits",
		Why: "A picture that was saved, scaled or cropped anew, or the next frame of a film, is as good as the same one: the test " +
			"measures what was learnt by heart.",
		Example: "the picture of well_B4_t12 in test differs in 2 of 64 bits of its perceptual hash from that of well_B4_t11 in train",
		Mend:    "Look at both. Keep what was imaged together in one split (group_id says so, and SP003 keeps watch).",
		Limits: []validate.Limit{{
			Name: "distance", Default: 4, Unit: "bits",
			Doc: "most bits of 64 in which the perceptual hashes of pictures that look alike differ, 0 to 12: written anew, scaled or a little cropped pictures differ in 4 at most, other pictures in 20 or more",
		}},
		Across: nearPictures,
	},
	{
		ID: "SP003", Severity: validate.Error, For: validate.AnyKind,
		Title: "a donor, section, line or slide in two splits",
		Why: "Samples of one donor or line look alike. With some of them in the training data, the test says how well the model knows " +
			"this donor, not how well it does on the next. Of slides, which share staining and illumination, it is a warning.",
		Example: "group C03 is in 2 splits: train (2 samples), test (1)",
		Mend:    "Split by group: all samples of a group_id go into one split.",
		Across:  groupsAcross,
	},
}

// picture is what is kept of a sample's picture.
type picture struct {
	dataset, split int32 // of the log's names; of split the plain name
	rank           int32 // of the split in the order of splits, known when all pictures are
	sample         int32
	pixels, looks  uint64
}

// pictures collects the pictures of all samples.
type pictures struct {
	log sampleLog
	all []picture
}

func (ps *pictures) add(_ *validate.Scope, s *validate.Sample) {
	if s.Pixels != 0 {
		ps.all = append(ps.all, picture{
			dataset: ps.log.names.number(s.Place.Dataset), split: ps.log.names.number(splitOf(s.Place.Split)),
			sample: ps.log.add(&s.Place), pixels: s.Pixels, looks: s.Perceptual,
		})
	}
}

func (ps *pictures) split(p *picture) string { return ps.log.names.all[p.split] }

// rank orders the splits.
func (ps *pictures) rank() {
	ranks := make([]int32, len(ps.log.names.all))
	for rank, name := range slices.SortedFunc(slices.Values(ps.log.names.all), compareSplits) {
		ranks[ps.log.names.at[name]] = int32(rank)
	}
	for i := range ps.all {
		ps.all[i].rank = ranks[ps.all[i].split]
	}
}

// byID orders pictures that are equal in all else.
func (ps *pictures) byID(a, b picture) int {
	x, y := ps.log.entries[a.sample], ps.log.entries[b.sample]
	return cmp.Or(strings.Compare(ps.log.id(a.sample), ps.log.id(b.sample)), cmp.Compare(x.target, y.target), cmp.Compare(x.row, y.row))
}

// equalPictures is SP001.
func equalPictures(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	ps := &pictures{}
	return validate.Looks{Sample: ps.add}, func(s *validate.Scope) {
		ps.rank()
		slices.SortFunc(ps.all, func(a, b picture) int {
			if c := cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(a.pixels, b.pixels), cmp.Compare(a.rank, b.rank)); c != 0 {
				return c
			}
			return ps.byID(a, b)
		})
		for begin := 0; begin < len(ps.all); {
			end := begin + 1
			for end < len(ps.all) && ps.all[end].dataset == ps.all[begin].dataset && ps.all[end].pixels == ps.all[begin].pixels {
				end++
			}
			if end-begin > 1 {
				ps.equal(s, ps.all[begin:end])
			}
			begin = end
		}
	}
}

// equal reports equal pictures, which come in the order of splits. Each of another split than the first is a finding,
// which names the first; those of its own split, and of none, are one together.
func (ps *pictures) equal(s *validate.Scope, of []picture) {
	first := &of[0]
	var again []string
	n := 1
	for i := range of[1:] {
		p := &of[1+i]
		if a, b := ps.split(first), ps.split(p); a != b && a != "" && b != "" {
			s.Report(validate.Finding{
				Place: ps.log.place(p.sample), Content: p.pixels, Value: ps.log.id(first.sample),
				Message: fmt.Sprintf("the picture of %s has the same pixels as that of %s", ps.told(p), ps.told(first)),
			})
			continue
		}
		const most = 5
		if n++; n <= most+1 {
			again = append(again, ps.told(p))
		}
	}
	if n == 1 {
		return
	}
	if more := n - 1 - len(again); more > 0 {
		again = append(again, fmt.Sprintf("%d more", more))
	}
	s.Report(validate.Finding{
		Place: ps.log.place(first.sample), Content: first.pixels, Value: n, Severity: validate.Warning, Detail: "again",
		Message: fmt.Sprintf("the picture of %s is there %d times, with the same pixels: again as %s", ps.told(first), n, enumerate(again)),
	})
}

// told is a sample with its split.
func (ps *pictures) told(p *picture) string {
	place := ps.log.place(p.sample)
	return place.Sample + " in " + place.Split
}

// nearPictures is SP002: each picture of a split with one that looks like it in an earlier split is a finding.
// What SP001 finds is left out.
func nearPictures(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	ps := &pictures{}
	look := func(s *validate.Scope, sample *validate.Sample) {
		// The hash of a picture of one colour has no bit, or that of the mean alone: it looks like nothing.
		if bits.OnesCount64(sample.Perceptual) > 1 && splitOf(sample.Place.Split) != "" {
			ps.add(s, sample)
		}
	}
	return validate.Looks{Sample: look}, func(s *validate.Scope) {
		ps.rank()
		slices.SortFunc(ps.all, func(a, b picture) int {
			c := cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(a.rank, b.rank), cmp.Compare(a.looks, b.looks), cmp.Compare(a.pixels, b.pixels))
			if c != 0 {
				return c
			}
			return ps.byID(a, b)
		})
		for begin := 0; begin < len(ps.all); {
			end := begin + 1
			for end < len(ps.all) && ps.all[end].dataset == ps.all[begin].dataset {
				end++
			}
			ps.near(s, ps.all[begin:end])
			begin = end
		}
	}
}

// near reports the pictures of a data set, which come in the order of splits, that look like one of an earlier split.
func (ps *pictures) near(s *validate.Scope, of []picture) {
	hashes, ranks := make([]uint64, len(of)), make([]uint8, len(of))
	for i := range of {
		hashes[i] = of[i].looks
		if i > 0 {
			ranks[i] = ranks[i-1]
			if of[i].split != of[i-1].split && ranks[i] < 255 {
				ranks[i]++
			}
		}
	}
	distance := min(max(int(s.Limit("distance")), 0), hamming.MaxDistance)
	found, cut, err := hamming.Nearest(s.Context(), hashes, ranks, hamming.Options{Distance: distance, Jobs: s.Jobs()})
	if err != nil {
		return // cancelled, and so is the run
	}
	for i, n := range found {
		if n.Index < 0 || of[n.Index].pixels == of[i].pixels {
			continue
		}
		s.Report(validate.Finding{
			Place: ps.log.place(of[i].sample), Content: of[i].pixels, Value: n.Distance, Limit: distance,
			Message: fmt.Sprintf("the picture of %s differs in %d of 64 bits of its perceptual hash from that of %s: they look alike",
				ps.told(&of[i]), n.Distance, ps.told(&of[n.Index])),
		})
	}
	if cut > 0 {
		p := ps.log.place(of[0].sample)
		s.Report(validate.Finding{
			Place: validate.Place{Target: p.Target, Dataset: p.Dataset}, Severity: validate.Info, Detail: "cut", Value: cut,
			Message: fmt.Sprintf("the search for pictures that look alike was cut short for %d pictures, because too many are nearly alike: set a smaller distance", cut),
		})
	}
}

// group is what must not cross splits.
type group struct {
	dataset string
	batch   bool // a slide or plate, not a donor or line
	id      string
}

// groupSplits are the splits that a group is in. Most are in one.
type groupSplits struct {
	target, split int32 // of the first sample
	samples       int
	others        map[int32]int // samples in other splits
}

// groupsAcross is SP003.
func groupsAcross(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	var known names
	groups := map[group]*groupSplits{}
	look := func(_ *validate.Scope, s *validate.Sample) {
		if splitOf(s.Place.Split) == "" {
			return
		}
		split := known.number(splitOf(s.Place.Split))
		for i, id := range []*string{s.GroupID, s.BatchID} {
			if id == nil || *id == "" {
				continue
			}
			g := group{s.Place.Dataset, i == 1, *id}
			switch of := groups[g]; {
			case of == nil:
				groups[g] = &groupSplits{target: known.number(s.Place.Target), split: split, samples: 1}
			case of.split == split:
				of.samples++
			case of.others == nil:
				of.others = map[int32]int{split: 1}
			default:
				of.others[split]++
			}
		}
	}
	return validate.Looks{Sample: look}, func(s *validate.Scope) {
		for g, of := range groups {
			if of.others == nil {
				continue
			}
			splits := map[string]int{known.all[of.split]: of.samples}
			for split, n := range of.others {
				splits[known.all[split]] = n
			}
			f := validate.Finding{Place: validate.Place{Target: known.all[of.target], Dataset: g.dataset}, Detail: "group " + g.id, Value: splits}
			what := "group"
			if g.batch {
				what, f.Severity, f.Detail = "batch", validate.Warning, "batch "+g.id
			}
			f.Message = fmt.Sprintf("%s %s is in %d splits: %s", what, g.id, len(splits), listSplits(splits))
			s.Report(f)
		}
	}
}

// listSplits tells how many samples are in which split: train (3 samples), val (1).
func listSplits(splits map[string]int) string {
	var parts []string
	for i, name := range slices.SortedFunc(maps.Keys(splits), compareSplits) {
		n := splits[name]
		switch {
		case i > 0:
			parts = append(parts, fmt.Sprintf("%s (%d)", name, n))
		case n == 1:
			parts = append(parts, name+" (1 sample)")
		default:
			parts = append(parts, fmt.Sprintf("%s (%d samples)", name, n))
		}
	}
	return strings.Join(parts, ", ")
}
