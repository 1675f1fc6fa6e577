package validate

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/schemas"
)

// Place says where a finding is. What does not apply is empty.
type Place struct {
	Target   string        `json:"target"`             // as the user named it
	Dataset  string        `json:"dataset,omitempty"`  // name of the data set, where the target has one
	File     string        `json:"file,omitempty"`     // within the target, slash-separated; empty where the target is a file
	Row      *int64        `json:"row,omitempty"`      // in the file: of a table from 0, of a list of annotations from 0
	Line     int           `json:"line,omitempty"`     // in the file, from 1, where it is a text of lines
	Split    string        `json:"split,omitempty"`    //
	Sample   string        `json:"sample,omitempty"`   // id; the name of the image in an exchange file
	Array    string        `json:"array,omitempty"`    //
	Level    int           `json:"level,omitempty"`    // of the pyramid
	Instance *int64        `json:"instance,omitempty"` // id
	Question string        `json:"question,omitempty"` // id
	BBox     *schemas.BBox `json:"bbox,omitempty"`     // in elements of the level, half-open
}

// clone is the place with memory of its own.
func (p Place) clone() Place {
	p.Row, p.Instance, p.BBox = clone(p.Row), clone(p.Instance), clone(p.BBox)
	return p
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// Finding is one place where a rule is broken.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // what is wrong, in one sentence, with the values
	Place
	Value any `json:"value,omitempty"` // what was found: a number, a string, a list of them
	Limit any `json:"limit,omitempty"` // what it was compared with
	// Fingerprint is the same wherever the same thing lies: 16 hexadecimal digits.
	Fingerprint string `json:"fingerprint"`
	Fixable     bool   `json:"fixable,omitempty"` // Fix is not nil

	// Content is a digest of what the finding is about, such as the mask of an instance, 0 for
	// none. A finding about something else is another finding.
	Content uint64 `json:"-"`
	// Detail tells findings of one rule apart that are about the same thing, such as the other
	// instance of a pair. It must not hold positions in files.
	Detail string `json:"-"`
	Fix    *Fix   `json:"-"`
}

// fingerprint is the digest of (rule, data set, sample, array, level, instance, question, content,
// detail). Of a target without a data set's name or samples it is the last part of the target's name that
// counts, so that it does not matter from where validation was started.
func (f *Finding) fingerprint() string {
	set := f.Dataset
	if set == "" && f.Sample == "" {
		set = path.Base(filepath.ToSlash(f.Target))
	}
	instance := ""
	if f.Instance != nil {
		instance = strconv.FormatInt(*f.Instance, 10)
	}
	var b []byte
	for _, s := range [...]string{f.Rule, set, f.Sample, f.Array, strconv.Itoa(f.Level), instance, f.Question, f.Detail} {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(append(b, ':'), s...)
	}
	b = strconv.AppendUint(b, f.Content, 16)
	return fmt.Sprintf("%016x", xxhash.Sum64(b))
}

// compareFindings orders findings for people: worst first, then by rule and place.
func compareFindings(a, b *Finding) int {
	return cmp.Or(
		-cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Target, b.Target),
		cmp.Compare(a.Split, b.Split),
		cmp.Compare(a.Sample, b.Sample),
		cmp.Compare(a.Array, b.Array),
		cmp.Compare(a.Level, b.Level),
		compareNumbers(a.Instance, b.Instance),
		cmp.Compare(a.Question, b.Question),
		cmp.Compare(a.File, b.File),
		compareNumbers(a.Row, b.Row),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Fingerprint, b.Fingerprint),
	)
}

// compareNumbers puts what is absent first.
func compareNumbers(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

func sortFindings(fs []*Finding) { slices.SortFunc(fs, compareFindings) }
