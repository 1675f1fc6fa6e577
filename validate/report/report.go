// Package report writes what a validation found: for people, for scripts, and for the services that show
// findings beside a change.
//
// Words:
//
//   - A Report is all there is to tell of a run. Findings that an exception or a baseline covers are counted
//     in it and not listed.
//   - A Format writes a Report. The format never decides whether a run passes.
//   - A group is the findings of one rule in one sample of one target; text folds what is long in it.
package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/micropq/micropq/validate"
)

// Report is what a run found.
type Report struct {
	Version    string                  // of micropq
	Targets    []string                // as the user named them
	Rules      []validate.Tuned        // that looked
	Findings   []*validate.Finding     // worst first
	Cut        map[string]int64        // findings that are not listed because a rule had too many, by rule
	Seen       map[string]int64        // pieces of evidence looked at, by kind
	Excepted   int64                   // findings that the configuration makes exceptions for
	Known      int64                   // findings of the baseline
	Since      string                  // the day from which the oldest of these is known, "" where nothing is
	Unreadable []*validate.TargetError // targets that could not be read, or not to their end
	Notes      []string                // what else the user should know: exceptions that expired, stale entries
}

// Format writes reports.
type Format interface {
	Write(w io.Writer, r *Report) error
}

// Options are those of the formats for people.
type Options struct {
	Color bool // text with colours
	Show  int  // findings of a group that text lists; 0 for 5, negative for all
}

// formats are the makers of formats by name.
var formats = map[string]func(Options) Format{
	"text":  func(o Options) Format { return &text{o} },
	"json":  func(Options) Format { return document{} },
	"jsonl": func(Options) Format { return lines{} },
}

// Formats lists the names of the formats.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// New is the format of a name.
func New(name string, o Options) (Format, error) {
	f, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("no format is named %q: want one of %s", name, strings.Join(Formats(), ", "))
	}
	return f(o), nil
}

// rule is the rule of an id as it looked.
func (r *Report) rule(id string) *validate.Tuned {
	for i := range r.Rules {
		if r.Rules[i].ID == id {
			return &r.Rules[i]
		}
	}
	return &validate.Tuned{Rule: validate.Rule{ID: id}}
}

// Worst is the highest severity of what is listed and of what was cut; 0 where there is nothing.
func (r *Report) Worst() (worst validate.Severity) {
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	for id := range r.Cut {
		worst = max(worst, r.rule(id).Severity)
	}
	return worst
}

// counts are the findings listed by severity.
func (r *Report) counts() map[validate.Severity]int {
	n := map[validate.Severity]int{}
	for _, f := range r.Findings {
		n[f.Severity]++
	}
	return n
}

// where says where a finding is beyond its target and sample, as "questions.jsonl:12, y 3-4, x 5-9".
// Ranges of elements are those of BBox, half-open, with the last element written out.
func where(p validate.Place) string {
	var parts []string
	file := p.File
	switch {
	case p.Line > 0:
		file = fmt.Sprintf("%s line %d", file, p.Line)
	case p.Row != nil:
		file = fmt.Sprintf("%s row %d", file, *p.Row)
	}
	if file != "" {
		parts = append(parts, strings.TrimSpace(file))
	}
	if p.Array != "" {
		parts = append(parts, p.Array)
	}
	if b := p.BBox; b != nil {
		if b.Z1-b.Z0 > 1 || b.Z0 > 0 {
			parts = append(parts, fmt.Sprintf("z %d-%d", b.Z0, b.Z1-1))
		}
		parts = append(parts, fmt.Sprintf("y %d-%d", b.Y0, b.Y1-1), fmt.Sprintf("x %d-%d", b.X0, b.X1-1))
	}
	return strings.Join(parts, ", ")
}

// plain writes characters that could command a terminal or break a line as escapes: what files say
// gets into messages.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
