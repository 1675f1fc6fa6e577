package validate

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of data that rules are for.
type Kind uint8

// The kinds, which may be joined.
const (
	Volume   Kind = 1 << iota // arrays with Z
	Tissue                    // images of sections
	Question                  // items that are questions
	AnyKind  = Volume | Tissue | Question
)

func (k Kind) String() string {
	var names []string
	for i, name := range []string{"volumes", "tissue images", "questions"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Limit is a number that a rule compares with.
type Limit struct {
	Name    string  `json:"name"` // as in .micropq.yaml: min_area
	Default float64 `json:"default"`
	Unit    string  `json:"unit,omitempty"` // elements, um, share
	Doc     string  `json:"doc"`
}

// Rule is one thing that may be wrong.
type Rule struct {
	ID       string   // two letters of its family and three digits
	Severity Severity // unless the user says otherwise
	For      Kind
	Title    string // what is wrong when it finds something, in a few words
	Why      string // what goes wrong downstream
	Example  string // what it finds, in a line or two
	Mend     string // what to do about it
	Off      bool   // unless it is selected by its id or in a configuration
	SafeFix  bool   // --fix mends it without losing anything
	Limits   []Limit

	// Looks are the kinds of evidence that it needs. It is a value without state: findings
	// that depend on several pieces of evidence need Across.
	Looks Looks
	// Across makes the looks of a rule that remembers what it saw over all targets of a run, and
	// what it does at the end. The looks are called one at a time.
	Across func(*Scope) (Looks, func(*Scope))
}

// Looks are functions by the kind of evidence they look at; nil where a rule does not.
// They may be called from several goroutines and must not keep evidence.
type Looks struct {
	Dataset  func(*Scope, *Dataset)
	Shard    func(*Scope, *Shard)
	File     func(*Scope, *File)
	Sample   func(*Scope, *Sample)
	Array    func(*Scope, *Array)
	Chunk    func(*Scope, *Chunk)
	Layer    func(*Scope, *Layer)
	Instance func(*Scope, *Instance)
	Question func(*Scope, *Item)
}

// Evidence names a kind of evidence, so that a target can leave out work that nobody wants.
type Evidence uint16

// The kinds of evidence.
const (
	Datasets Evidence = 1 << iota
	Shards
	Files
	Samples
	Arrays
	Chunks
	Layers
	Instances
	Questions
)

// Evidence is the kinds that are looked at.
func (l *Looks) Evidence() (e Evidence) {
	add := func(wanted bool, kind Evidence) {
		if wanted {
			e |= kind
		}
	}
	add(l.Dataset != nil, Datasets)
	add(l.Shard != nil, Shards)
	add(l.File != nil, Files)
	add(l.Sample != nil, Samples)
	add(l.Array != nil, Arrays)
	add(l.Chunk != nil, Chunks)
	add(l.Layer != nil, Layers)
	add(l.Instance != nil, Instances)
	add(l.Question != nil, Questions)
	return e
}

// Tuned is a rule as the user wants it.
type Tuned struct {
	Rule
	// Values are the limits by name, all of them.
	Values map[string]float64
}

// Default is the rule with its own severity and limits.
func (r Rule) Default() Tuned {
	t := Tuned{Rule: r, Values: map[string]float64{}}
	for _, l := range r.Limits {
		t.Values[l.Name] = l.Default
	}
	return t
}

// Matches reports whether a pattern names the rule: its id, or the beginning of it.
func (r Rule) Matches(pattern string) bool { return pattern != "" && strings.HasPrefix(r.ID, pattern) }

// Select chooses among rules: those that are on, or those that select names where it names any, without
// those that ignore names. A pattern that names no rule is an error. An id in select switches on a
// rule that is off; a prefix does not.
func Select(all []Rule, selected, ignored []string) ([]Rule, error) {
	for _, pattern := range slices.Concat(selected, ignored) {
		if !slices.ContainsFunc(all, func(r Rule) bool { return r.Matches(pattern) }) {
			return nil, fmt.Errorf("no rule is named %q or begins so", pattern)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(r Rule) bool {
		wanted := !r.Off
		if len(selected) > 0 {
			wanted = slices.Contains(selected, r.ID) || !r.Off && slices.ContainsFunc(selected, r.Matches)
		}
		return !wanted || slices.ContainsFunc(ignored, r.Matches)
	}), nil
}
