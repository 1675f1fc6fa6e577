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
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/validate"
)

// Report is what a run found.
type Report struct {
	Version    string                  // of micropq
	Base       string                  // folder that paths of files are written from, absolute
	Targets    []string                // as the user named them
	Catalogue  []validate.Rule         // all there are
	Rules      []validate.Tuned        // those that looked, as they did
	Fail       validate.Severity       // the lowest that makes the run fail; 0 for none
	Findings   []*validate.Finding     // worst first
	Cut        map[string]int64        // findings that are not listed because a rule had too many, by rule
	Seen       map[string]int64        // pieces of evidence looked at, by kind
	Excepted   int64                   // findings that the configuration makes exceptions for
	Known      int64                   // findings of the baseline
	Since      string                  // the day from which the oldest of these is known, "" where nothing is
	Unreadable []*validate.TargetError // targets that could not be read, or not to their end
	Pictures   map[string]string       // files that show findings, by fingerprint
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
	"text":     func(o Options) Format { return &text{o} },
	"json":     func(Options) Format { return document{} },
	"jsonl":    func(Options) Format { return lines{} },
	"sarif":    func(Options) Format { return sarif{} },
	"junit":    func(Options) Format { return junit{} },
	"github":   func(Options) Format { return github{} },
	"markdown": func(Options) Format { return markdown{} },
	"rdjson":   func(Options) Format { return rdjson{} },
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

// cut is how many findings are not listed in all.
func (r *Report) cut() (n int64) {
	for _, k := range r.Cut {
		n += k
	}
	return n
}

// path is the slash-separated path of the file that a finding is in, from Base where it lies there. A target
// that is not on this machine keeps its location.
func (r *Report) path(p validate.Place) (name string, local bool) {
	if strings.Contains(p.Target, "://") {
		return strings.TrimSuffix(p.Target+"/"+p.File, "/"), false
	}
	file := filepath.Join(p.Target, filepath.FromSlash(p.File))
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.Base, file)
	}
	if rel, err := filepath.Rel(r.Base, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), true
	}
	return filepath.ToSlash(file), false
}

// tallied is how many findings a rule has of one severity, those included that are not listed.
type tallied struct {
	severity validate.Severity
	rule     string
	found    int64
}

// tally counts findings by rule, worst first.
func (r *Report) tally() (rows []tallied) {
	n := map[tallied]int64{}
	for _, f := range r.Findings {
		n[tallied{severity: f.Severity, rule: f.Rule}]++
	}
	for id, cut := range r.Cut {
		n[tallied{severity: r.rule(id).Severity, rule: id}] += cut
	}
	for row, found := range n {
		row.found = found
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b tallied) int {
		return cmp.Or(-cmp.Compare(a.severity, b.severity), cmp.Compare(a.rule, b.rule))
	})
	return rows
}

// counts are the findings listed by severity.
func (r *Report) counts() map[validate.Severity]int {
	n := map[validate.Severity]int{}
	for _, f := range r.Findings {
		n[f.Severity]++
	}
	return n
}

// where says where a finding is beyond its target and sample, as "gt, y 3-4, x 5-9, instances/train.parquet row 12".
// Ranges of elements are those of BBox, half-open, with the last element written out.
func where(p validate.Place) string {
	var parts []string
	if p.Array != "" {
		parts = append(parts, p.Array)
	}
	if p.Level > 0 {
		parts = append(parts, fmt.Sprint("level ", p.Level))
	}
	if b := p.BBox; b != nil {
		if b.Z1-b.Z0 > 1 || b.Z0 > 0 {
			parts = append(parts, "z "+span(b.Z0, b.Z1))
		}
		parts = append(parts, "y "+span(b.Y0, b.Y1), "x "+span(b.X0, b.X1))
	}
	file := p.File
	switch {
	case p.Line > 0:
		file = fmt.Sprintf("%s line %d", file, p.Line)
	case p.Row != nil:
		file = fmt.Sprintf("%s row %d", file, *p.Row)
	}
	if file = strings.TrimSpace(file); file != "" {
		parts = append(parts, file)
	}
	return strings.Join(parts, ", ")
}

// span is a half-open range with its last element written out.
func span(from, to int32) string {
	if to-from <= 1 {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d-%d", from, to-1)
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
