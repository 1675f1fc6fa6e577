package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/micropq/micropq/validate"
)

const (
	defaultShow = 5   // findings of a group
	maxGroups   = 100 // samples with findings that are listed, unless all is shown
)

// text is for people.
type text struct{ o Options }

// place is a sample of a target with its findings, worst first.
type place struct {
	target, sample string
	findings       []*validate.Finding
}

// places groups findings by target and sample, those with the worst first.
func places(fs []*validate.Finding) []*place {
	byKey := map[[2]string]*place{}
	for _, f := range fs {
		key := [2]string{f.Target, f.Sample}
		if byKey[key] == nil {
			byKey[key] = &place{target: f.Target, sample: f.Sample}
		}
		byKey[key].findings = append(byKey[key].findings, f)
	}
	return slices.SortedFunc(maps.Values(byKey), func(a, b *place) int {
		return cmp.Or(
			-cmp.Compare(a.findings[0].Severity, b.findings[0].Severity),
			cmp.Compare(a.target, b.target),
			cmp.Compare(a.sample, b.sample),
		)
	})
}

func (t *text) Write(out io.Writer, r *Report) error {
	w := bufio.NewWriter(out)
	all := places(r.Findings)
	shown := all
	if t.o.Show >= 0 && len(all) > maxGroups {
		shown = all[:maxGroups]
	}
	for _, p := range shown {
		t.place(w, r, p)
	}
	if n := len(all) - len(shown); n > 0 {
		fmt.Fprintf(w, "... and %s more with findings, none worse\n\n", count(int64(n), "sample"))
	}
	for _, u := range r.Unreadable {
		fmt.Fprintf(w, "%s  %s\n\n", t.paint(red, "unreadable"), plain(u.Error()))
	}
	if err := t.table(w, r); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", plain(n))
	}
	fmt.Fprintln(w, r.Summary())
	return w.Flush()
}

// place writes the findings of a sample, rule by rule.
func (t *text) place(w io.Writer, r *Report, p *place) {
	title := plain(p.target)
	if p.sample != "" {
		title += ": " + plain(p.sample)
	}
	fmt.Fprintln(w, t.paint(bold, title))
	for fs := p.findings; len(fs) > 0; {
		first := fs[0]
		n := slices.IndexFunc(fs, func(f *validate.Finding) bool { return f.Rule != first.Rule || f.Severity != first.Severity })
		if n < 0 {
			n = len(fs)
		}
		fmt.Fprintf(w, "  %s  %s  %s\n", t.severity(first.Severity), first.Rule, r.rule(first.Rule).Title)
		t.group(w, r, fs[:n])
		fs = fs[n:]
	}
	fmt.Fprintln(w)
}

// group lists the first findings of one rule. A single one more is shown rather than told of.
func (t *text) group(w io.Writer, r *Report, fs []*validate.Finding) {
	show := cmp.Or(t.o.Show, defaultShow)
	if show < 0 || len(fs) <= show+1 {
		show = len(fs)
	}
	for _, f := range fs[:show] {
		line := "    " + plain(f.Message)
		if at := where(f.Place); at != "" {
			line += "  " + t.paint(dim, "["+plain(at)+"]")
		}
		fmt.Fprintln(w, line)
		if file := r.Pictures[f.Fingerprint]; file != "" {
			fmt.Fprintf(w, "      %s\n", plain(file))
		}
	}
	if n := len(fs) - show; n > 0 {
		fmt.Fprintf(w, "    ... and %d more\n", n)
	}
}

// table counts findings by rule, worst first. Colours would be counted as width, so they stay out of it.
func (t *text) table(w io.Writer, r *Report) error {
	rows := r.tally()
	if len(rows) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tSEVERITY\tFOUND\tTITLE")
	for _, row := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\n", row.rule, row.severity, row.found, r.rule(row.rule).Title)
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

// Summary is what was found and looked at, in a line.
func (r *Report) Summary() string {
	counts, cut := r.counts(), r.cut()
	var parts []string
	add := func(n int64, what string) {
		if n > 0 {
			parts = append(parts, what)
		}
	}
	for _, s := range []validate.Severity{validate.Error, validate.Warning} {
		add(int64(counts[s]), count(int64(counts[s]), s.String()))
	}
	add(int64(counts[validate.Info]), fmt.Sprintf("%d info", counts[validate.Info]))
	add(cut, fmt.Sprintf("%d more that are only counted", cut))
	if len(parts) == 0 {
		parts = append(parts, "no findings")
	}
	add(r.Known, fmt.Sprintf("%d known%s", r.Known, since(r)))
	add(r.Excepted, fmt.Sprintf("%d excepted", r.Excepted))
	add(int64(len(r.Unreadable)), count(int64(len(r.Unreadable)), "unreadable target"))
	looked := []string{count(int64(len(r.Targets)), "target"), count(int64(len(r.Rules)), "rule")}
	for _, kind := range []string{"samples", "chunks", "instances", "questions"} {
		if n := r.Seen[kind]; n > 0 {
			looked = append(looked, count(n, strings.TrimSuffix(kind, "s")))
		}
	}
	return strings.Join(parts, ", ") + " (" + strings.Join(looked, ", ") + ")"
}

func since(r *Report) string {
	if r.Since == "" {
		return ""
	}
	return " since " + r.Since
}

// count is "1 target" or "2 targets".
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Colours as terminals know them (ECMA-48, select graphic rendition).
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	yellow = "33"
	cyan   = "36"
)

func (t *text) paint(colour, s string) string {
	if !t.o.Color {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (t *text) severity(s validate.Severity) string {
	colour := map[validate.Severity]string{validate.Error: red, validate.Warning: yellow, validate.Info: cyan}[s]
	return t.paint(colour, fmt.Sprintf("%-7s", s))
}
