package rules

import (
	"cmp"
	"slices"

	"github.com/micropq/micropq/validate"
)

// sampleLog remembers of many samples what a finding about one has to say, in some 60 bytes each.
type sampleLog struct {
	names   names
	ids     []byte
	entries []loggedSample
}

type loggedSample struct {
	target, dataset, file, split int32 // of names
	id                           int32 // end in ids
	row                          int64 // -1 for none
	line                         int32
}

// add remembers a sample and returns its number.
func (l *sampleLog) add(p *validate.Place) int32 {
	l.ids = append(l.ids, p.Sample...)
	e := loggedSample{l.names.number(p.Target), l.names.number(p.Dataset), l.names.number(p.File), l.names.number(p.Split), int32(len(l.ids)), -1, int32(p.Line)}
	if p.Row != nil {
		e.row = *p.Row
	}
	l.entries = append(l.entries, e)
	return int32(len(l.entries) - 1)
}

func (l *sampleLog) id(i int32) string {
	begin := int32(0)
	if i > 0 {
		begin = l.entries[i-1].id
	}
	return string(l.ids[begin:l.entries[i].id])
}

func (l *sampleLog) place(i int32) validate.Place {
	e := l.entries[i]
	p := validate.Place{
		Target: l.names.all[e.target], Dataset: l.names.all[e.dataset], File: l.names.all[e.file], Split: l.names.all[e.split],
		Sample: l.id(i), Line: int(e.line),
	}
	if e.row >= 0 {
		p.Row = &e.row
	}
	return p
}

// names numbers strings of which there are few.
type names struct {
	all []string
	at  map[string]int32
}

func (n *names) number(s string) int32 {
	i, ok := n.at[s]
	if !ok {
		if n.at == nil {
			n.at = map[string]int32{}
		}
		i = int32(len(n.all))
		n.all, n.at[s] = append(n.all, s), i
	}
	return i
}

// splitOrder is the order in which splits are told: what is trained on comes first, so that a finding is about
// the sample that should not be there.
var splitOrder = []string{"train", "val", "test"}

// splitNames are other words for a split.
var splitNames = map[string]string{"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}

// unassigned is the split of samples that have none. It may hold the same things as others.
const unassigned = "unassigned"

// splitOf is the split by its plain name, "" for unassigned.
func splitOf(name string) string {
	if name == unassigned {
		return ""
	}
	if plain, ok := splitNames[name]; ok {
		return plain
	}
	return name
}

// compareSplits orders plain names of splits: as splitOrder, others by name, unassigned last.
func compareSplits(a, b string) int {
	rank := func(s string) int {
		switch i := slices.Index(splitOrder, s); {
		case s == "":
			return len(splitOrder) + 1
		case i < 0:
			return len(splitOrder)
		default:
			return i
		}
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}
