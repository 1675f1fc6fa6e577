package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/validate"
)

// overlapRules are the rules OV: instances and each other.
var overlapRules = []validate.Rule{{
	ID: "OV001", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "instances overlap where each element belongs to one at most",
	Why:     "Drawn into one label image, the instance that comes last takes the pixels of the other.",
	Example: "Fibres 12 and 13 share 40 pixels of an array that holds one id a pixel.",
	Mend:    "Give the shared pixels to one of the two.",
	Limits:  []validate.Limit{{Name: "always", Default: 0, Doc: "1: objects of COCO and GeoJSON, which may overlap, must not either"}},
	Looks:   validate.Looks{Layer: overlaps},
}, {
	ID: "OV002", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "two instances are nearly the same",
	Why:     "The object was annotated twice: it is counted twice, and one of the two can never be matched.",
	Example: "Annotations 3 and 41 have the same outline.",
	Mend:    "Delete one of the two.",
	Limits:  []validate.Limit{{Name: "min_iou", Default: 0.9, Unit: "share", Doc: "intersection over union from which two instances are nearly the same"}},
	Looks:   validate.Looks{Layer: duplicates},
}, {
	ID: "OV003", Severity: validate.Error, For: validate.Volume,
	Title:   "a channel of instances is empty, or an id is that of several channels",
	Why:     "Each channel is one neuron: an empty one is a neuron that was lost, and one id in two channels merges two.",
	Example: "gt_instances has 5 channels, channel 4 holds zeros only.",
	Mend:    "Remove empty channels; give each neuron an id of its own. Channels that all hold 0 and 1 are fine: their number is the id.",
	Looks:   validate.Looks{Layer: channels},
}}

// objects are the instances of a layer that have masks and are single objects, and their masks.
func objects(l *validate.Layer) (all []*validate.Instance, masks []mask.Mask) {
	for _, in := range l.Instances {
		if len(in.Mask) > 0 && !in.Crowd && !rejected(in) {
			all, masks = append(all, in), append(masks, in.Mask)
		}
	}
	return all, masks
}

func overlaps(s *validate.Scope, l *validate.Layer) {
	allowed := l.Channels > 0 || !l.Exclusive && s.Limit("always") == 0
	if allowed || l.Disjoint || !s.For(l.Kind) {
		return
	}
	all, masks := objects(l)
	for _, o := range mask.SelfOverlaps(masks) {
		a, b := all[o.A], all[o.B]
		s.Report(validate.Finding{
			Message: fmt.Sprintf("instances %d and %d share %d elements", a.ID, b.ID, o.Area),
			Place:   a.Place, Value: o.Area, Content: a.Content(), Detail: fmt.Sprint(b.ID),
		})
	}
}

// duplicates compares overlapping instances only, and of equal ones, which may be many at one place, just the
// first of them.
func duplicates(s *validate.Scope, l *validate.Layer) {
	if l.Disjoint || !s.For(l.Kind) {
		return
	}
	all, _ := objects(l)
	first := map[uint64]*validate.Instance{}
	var differ []*validate.Instance
	var masks []mask.Mask
	for _, in := range all {
		content := digest(in.Mask)
		if same := first[content]; same != nil && slices.Equal(same.Mask, in.Mask) {
			nearlySame(s, same, in, 1)
			continue
		}
		first[content] = in
		differ, masks = append(differ, in), append(masks, in.Mask)
	}
	least := s.Limit("min_iou")
	for _, o := range mask.SelfOverlaps(masks) {
		iou := float64(o.Area) / float64(masks[o.A].Area()+masks[o.B].Area()-o.Area)
		if iou >= least {
			nearlySame(s, differ[o.A], differ[o.B], iou)
		}
	}
}

// digest is that of a mask alone: one object may have two classes.
func digest(m mask.Mask) uint64 { return (&validate.Instance{Mask: m}).Content() }

func nearlySame(s *validate.Scope, a, b *validate.Instance, iou float64) {
	s.Report(validate.Finding{
		Message: fmt.Sprintf("instances %d and %d are nearly the same: intersection over union %.3f", a.ID, b.ID, iou),
		Place:   b.Place, Value: iou, Limit: s.Limit("min_iou"), Content: b.Content(), Detail: fmt.Sprint(a.ID),
		Fix: byEdit(b, "reject the second", rejection(fmt.Sprintf("nearly the same as instance %d", a.ID))),
	})
}

func channels(s *validate.Scope, l *validate.Layer) {
	if l.Channels == 0 || !s.For(l.Kind) {
		return
	}
	in := map[int64][]int32{} // channels by label
	full := make([]bool, l.Channels)
	ids := false // labels are ids and not just marks of what is in the channel
	for _, o := range l.Instances {
		if o.Channel == nil {
			continue
		}
		if c := *o.Channel; c >= 0 && int(c) < len(full) {
			full[c] = true
		}
		in[o.Label] = append(in[o.Label], *o.Channel)
		ids = ids || o.Label != 1
	}
	for c, ok := range full {
		if !ok {
			s.Report(validate.Finding{
				Message: fmt.Sprintf("channel %d of %d holds no instance", c, l.Channels),
				Place:   l.Place, Value: c, Detail: fmt.Sprint("channel ", c),
			})
		}
	}
	if !ids {
		return
	}
	for _, label := range sortedKeys(in) {
		if at := in[label]; len(at) > 1 {
			s.Report(validate.Finding{
				Message: fmt.Sprintf("id %d is that of %d channels: %s", label, len(at), list(at)),
				Place:   l.Place, Value: label, Detail: fmt.Sprint("id ", label),
			})
		}
	}
}

// listed is how many numbers a message names.
const listed = 10

// list writes numbers for people, the first of them where they are many.
func list[T any](all []T) string {
	parts := make([]string, 0, listed)
	for _, v := range all[:min(listed, len(all))] {
		parts = append(parts, fmt.Sprint(v))
	}
	text := strings.Join(parts, ", ")
	if n := len(all) - listed; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
