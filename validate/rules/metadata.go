package rules

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// metadataRule is QA004.
var metadataRule = validate.Rule{
	ID: "QA004", Severity: validate.Error, For: validate.Question,
	Title: "the answer contradicts what the item's columns say, or a question or box that is promised is missing",
	Why: "Of two columns that contradict each other one is wrong, and with it every score that is based on it. A question or box that is null " +
		"drops out of the benchmark without a word.",
	Example: `the right answer of "modality" is "electron microscopy", but the item's modality is "light microscopy", which is option 0`,
	Mend:    "Find out which of the two is right at the source, and write the other anew. Ask for the boxes anew where all are null.",
	Limits: []validate.Limit{{
		Name: "promised_share", Default: 0.5, Unit: "share",
		Doc: "of the items of a source data set that have a question of a type: where it is more than this, the others miss it",
	}},
	Across: metadataAgrees,
}

// columnsOf are the columns that know the answer to questions of a type, which is otherwise the column of the same name.
var columnsOf = map[string][]string{"classification": {"label_name", "label"}}

// promises are words in tags and types of questions about where things are.
var promises = []string{"bbox", "box", "boxes", "polygon", "localization", "localisation", "detection", "segmentation", "grounding"}

// items is what is remembered of items.
type items struct {
	log     sampleLog
	at      map[uint64]int32 // number in log and all, by the digest of target and id
	all     []itemSeen
	types   names // of questions and columns; the first 64 are looked at
	labels  map[labels]*labelled
	columns map[string][]column // of objects, by name
	empty   []validate.Place    // data sets whose table of instances is empty
}

// itemSeen is what is remembered of an item.
type itemSeen struct {
	has, asked      uint64 // columns with a value and questions, bits of types
	source          int32  // of names: its data set and source data set
	located, wanted bool   // an object with coordinates, a question that promises one
}

// labels are the values of an item's columns label and label_name. A number means something in its source data
// set alone.
type labels struct{ dataset, source, label, name string }

type labelled struct {
	items int64
	first validate.Place
}

// column is a column of objects of a file.
type column struct {
	file  validate.Place
	found bool // an object in any row
}

// maxLabels is how many different pairs of labels are remembered.
const maxLabels = 100_000

func metadataAgrees(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	m := &items{at: map[uint64]int32{}, labels: map[labels]*labelled{}, columns: map[string][]column{}}
	return validate.Looks{Sample: m.sample, Question: m.question, Instance: m.instance, File: m.file, Dataset: m.dataset},
		func(s *validate.Scope) {
			m.reportQuestions(s)
			m.reportLabels(s)
			m.reportBoxes(s)
		}
}

// item is what is remembered of the sample at a place.
func (m *items) item(p *validate.Place) *itemSeen {
	h := xxhash.New()
	_, _ = h.WriteString(p.Target + "\x00" + p.Dataset + "\x00" + p.Sample)
	i, ok := m.at[h.Sum64()]
	if !ok {
		at := *p
		at.Question, at.Array, at.Instance = "", "", nil
		i = m.log.add(&at)
		m.at[h.Sum64()] = i
		m.all = append(m.all, itemSeen{source: -1})
	}
	return &m.all[i]
}

// bit is that of a column or type of questions.
func (m *items) bit(name string) uint64 {
	if len(m.types.all) >= 64 && m.types.at[name] == 0 && m.types.all[0] != name {
		return 0
	}
	return 1 << m.types.number(name)
}

func (m *items) sample(_ *validate.Scope, s *validate.Sample) {
	if s.Kind&validate.Question == 0 {
		return
	}
	it := m.item(&s.Place)
	source := ""
	if s.Sample.Dataset != nil {
		source = *s.Sample.Dataset
	}
	it.source = m.log.names.number(s.Place.Dataset + "\x00" + source)
	for name := range s.Extra {
		if textOf(s, name) != "" {
			it.has |= m.bit(name)
		}
	}
	m.label(s)
}

// label remembers the pair of an item's labels.
func (m *items) label(s *validate.Sample) {
	l := labels{dataset: s.Place.Dataset, label: textOf(s, "label"), name: textOf(s, "label_name")}
	if l.label == "" || l.name == "" {
		return
	}
	if isNumber(l.label) && s.Sample.Dataset != nil {
		l.source = *s.Sample.Dataset
	}
	switch seen := m.labels[l]; {
	case seen == nil && len(m.labels) < maxLabels:
		l.label, l.name, l.source = strings.Clone(l.label), strings.Clone(l.name), strings.Clone(l.source)
		m.labels[l] = &labelled{1, s.Place}
	case seen != nil:
		seen.items++
		if s.Place.Sample < seen.first.Sample {
			seen.first = s.Place
		}
	}
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// textOf is a column of an item as text, "" for null.
func textOf(s *validate.Sample, name string) string {
	switch v := s.Extra[name].(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	default:
		return fmt.Sprint(v)
	}
}

func (m *items) question(s *validate.Scope, it *validate.Item) {
	seen := m.item(&it.Place)
	if it.Type != nil && it.Kind == kindQuestion {
		seen.asked |= m.bit(*it.Type)
	}
	seen.wanted = seen.wanted || wantsObjects(it)
	m.contradiction(s, it)
}

// wantsObjects reports a question about where things are.
func wantsObjects(it *validate.Item) bool {
	said := slices.Clone(it.Tags)
	if it.Type != nil {
		said = append(said, *it.Type)
	}
	return slices.ContainsFunc(said, func(tag string) bool {
		return slices.ContainsFunc(strings.Fields(plain(tag)), func(w string) bool { return slices.Contains(promises, w) })
	})
}

// contradiction compares the right answer with the column that knows it. Texts may differ and mean the same:
// what counts is that the column has one of the options that are wrong.
func (m *items) contradiction(s *validate.Scope, it *validate.Item) {
	right := plain(rightText(it))
	if it.Sample == nil || it.Type == nil || right == "" {
		return
	}
	columns := columnsOf[*it.Type]
	if columns == nil {
		columns = []string{*it.Type}
	}
	for _, name := range columns {
		value := textOf(it.Sample, name)
		if value == "" || plain(value) == right {
			continue
		}
		at := slices.IndexFunc(it.Options, func(o string) bool { return plain(o) == plain(value) })
		if at < 0 {
			continue
		}
		s.Report(validate.Finding{
			Place: it.Place, Value: rightText(it), Limit: value, Detail: "contradicts " + name,
			Message: fmt.Sprintf("the right answer of %q is %q, but the item's %s is %q, which is option %d", *it.Type, rightText(it), name, value, at),
		})
		return
	}
}

func (m *items) instance(s *validate.Scope, in *validate.Instance) {
	if in.Kind&validate.Question == 0 {
		return
	}
	located := in.Claim.BBox != nil || in.Claim.Centroid != nil || in.Mask != nil || in.Rings != nil
	seen := m.item(&in.Place)
	seen.located = seen.located || located
	if !located && in.MaskErr == nil && len(in.Errs) == 0 {
		s.Report(validate.Finding{
			Place: in.Place, Detail: "no coordinates",
			Message: fmt.Sprintf("object %d of %s has no box, polygon or point", in.ID, in.Array),
		})
	}
}

func (m *items) file(_ *validate.Scope, f *validate.File) {
	for name, found := range f.Columns {
		m.columns[name] = append(m.columns[name], column{f.Place, found})
	}
}

func (m *items) dataset(_ *validate.Scope, d *validate.Dataset) {
	if d.Manifest == nil || d.Totals.Questions == 0 || d.Totals.Instances > 0 {
		return
	}
	if slices.ContainsFunc(d.Manifest.Shards, func(s schemas.Shard) bool { return s.Table == schemas.InstancesTable }) {
		m.empty = append(m.empty, d.Place)
	}
}

// sourceCounts are the items of a source data set, and those that have a question of each type.
type sourceCounts struct {
	items int
	asked [64]int
}

// reportQuestions misses a question of a type that others have, of items that have other questions: where the column of
// that name has a value, and where most items of the source data set have it.
func (m *items) reportQuestions(s *validate.Scope) {
	sources := map[int32]*sourceCounts{}
	anywhere := map[int32]uint64{} // by data set
	for i := range m.all {
		it := &m.all[i]
		if sources[it.source] == nil {
			sources[it.source] = &sourceCounts{}
		}
		c := sources[it.source]
		c.items++
		for b := it.asked; b != 0; b &= b - 1 {
			c.asked[bits.TrailingZeros64(b)]++
		}
		anywhere[m.log.entries[i].dataset] |= it.asked
	}
	share := s.Limit("promised_share")
	for i := range m.all {
		it := &m.all[i]
		if bits.OnesCount64(it.asked) < 2 {
			continue // a question an item is another layout
		}
		for b := anywhere[m.log.entries[i].dataset] &^ it.asked; b != 0; b &= b - 1 {
			k := bits.TrailingZeros64(b)
			name := m.types.all[k]
			c := sources[it.source]
			switch {
			case m.hasColumn(it, name):
				m.missed(s, i, name, "the item has a value in that column")
			case float64(c.asked[k]) > share*float64(c.items):
				m.missed(s, i, name, fmt.Sprintf("%d of %d items of its source data set have it", c.asked[k], c.items))
			}
		}
	}
}

func (m *items) hasColumn(it *itemSeen, kind string) bool {
	columns := columnsOf[kind]
	if columns == nil {
		columns = []string{kind}
	}
	return slices.ContainsFunc(columns, func(name string) bool {
		k, known := m.types.at[name]
		return known && it.has>>k&1 == 1
	})
}

func (m *items) missed(s *validate.Scope, i int, name, why string) {
	s.Report(validate.Finding{
		Place: m.log.place(int32(i)), Value: name, Detail: "no question " + name,
		Message: fmt.Sprintf("the question %q is missing: %s", name, why),
	})
}

// reportLabels finds items whose label and label_name are two different labels, and numbers that have two names.
func (m *items) reportLabels(s *validate.Scope) {
	known := map[[2]string]bool{} // labels by data set
	named := map[labels][]string{}
	for l := range m.labels {
		known[[2]string{l.dataset, plain(l.label)}] = true
		number := labels{l.dataset, l.source, l.label, ""}
		named[number] = append(named[number], l.name)
	}
	for l, of := range m.labels {
		place := validate.Place{Target: of.first.Target, Dataset: l.dataset}
		number := labels{l.dataset, l.source, l.label, ""}
		switch names := named[number]; {
		case isNumber(l.label) && len(names) > 1 && l.name == slices.Min(names):
			slices.Sort(names)
			s.Report(validate.Finding{
				Place: place, Value: names, Detail: "label " + l.label + " of " + l.source,
				Message: fmt.Sprintf("label %s has %d names in label_name: %s", l.label, len(names), enumerate(names)),
			})
		case !isNumber(l.label) && plain(l.label) != plain(l.name) && known[[2]string{l.dataset, plain(l.name)}]:
			s.Report(validate.Finding{
				Place: place, Value: []string{l.label, l.name}, Detail: "label " + l.label + " is " + l.name,
				Message: fmt.Sprintf("label is %q and label_name is %q, another label, in %s", l.label, l.name, itemsSuchAs(of)),
			})
		}
	}
}

func itemsSuchAs(of *labelled) string {
	if of.items == 1 {
		return "item " + of.first.Sample
	}
	return fmt.Sprintf("%d items, such as %s", of.items, of.first.Sample)
}

// reportBoxes finds columns of objects that are null everywhere, and items that promise an object and have none.
func (m *items) reportBoxes(s *validate.Scope) {
	for name, files := range m.columns {
		if slices.ContainsFunc(files, func(c column) bool { return c.found }) {
			continue
		}
		for _, c := range files {
			s.Report(validate.Finding{Place: c.file, Value: name, Detail: "null " + name, Message: fmt.Sprintf("column %s is null or empty in every row", name)})
		}
	}
	for _, p := range m.empty {
		s.Report(validate.Finding{Place: p, Value: schemas.InstancesTable, Detail: "no instances", Message: "the table instances is there and has no row: all objects are missing"})
	}
	for i := range m.all {
		if it := &m.all[i]; it.wanted && !it.located {
			s.Report(validate.Finding{
				Place: m.log.place(int32(i)), Detail: "no object",
				Message: "the item has a question about where something is, and no object with a box, polygon or point",
			})
		}
	}
}
