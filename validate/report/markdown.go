package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// markdown is a short summary for a job or a merge request: a table of counts and the worst findings.
type markdown struct{}

const (
	maxMarkdown = 50  // findings
	maxCell     = 500 // characters of a message
)

func (markdown) Write(out io.Writer, r *Report) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "### micropq validate\n\n%s\n", cell(r.Summary()))
	if rows := r.tally(); len(rows) > 0 {
		fmt.Fprint(w, "\n| rule | severity | found | what is wrong |\n| --- | --- | ---: | --- |\n")
		for _, t := range rows {
			fmt.Fprintf(w, "| %s | %s | %d | %s |\n", t.rule, t.severity, t.found, cell(r.rule(t.rule).Title))
		}
	}
	if len(r.Findings) > 0 {
		fmt.Fprint(w, "\n| severity | rule | file | finding |\n| --- | --- | --- | --- |\n")
	}
	for _, f := range r.Findings[:min(len(r.Findings), maxMarkdown)] {
		name, _ := r.path(f.Place)
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", f.Severity, f.Rule, cell(name), cell(message(f)))
	}
	if n := len(r.Findings) - maxMarkdown; n > 0 {
		fmt.Fprintf(w, "\n%d more are not listed here.\n", n)
	}
	if len(r.Unreadable)+len(r.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, u := range r.Unreadable {
		fmt.Fprintf(w, "- unreadable: %s\n", cell(u.Error()))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "- %s\n", cell(n))
	}
	return w.Flush()
}

// cell makes a text safe in a table: no markup of its own, one line, not too long.
func cell(s string) string {
	runes := []rune(plain(s))
	if len(runes) > maxCell {
		runes = append(runes[:maxCell], '…')
	}
	var b strings.Builder
	for _, c := range runes {
		switch {
		case c == '<':
			b.WriteString("&lt;")
			continue
		case c == '&':
			b.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*_[]|~#@", c):
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
