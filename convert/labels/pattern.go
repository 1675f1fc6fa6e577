package labels

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The placeholders of a pattern: what they stand for in a path is a fact about the file.
const (
	sectionField   = "section"
	techniqueField = "technique"
	splitField     = "split"
)

var placeholders = []string{sectionField, techniqueField, splitField}

// Pattern matches slash-separated paths below the source:
//
//   - any characters but the slash
//     ?            one character but the slash
//     **/          any folders, none too
//     {a,b}        either alternative, taken literally
//     {section}    at least one character but the slash, as few as the rest allows; what it
//     stands for is a field. So are {technique} and {split}. A placeholder that
//     comes twice stands for the same characters.
type Pattern struct {
	text   string
	re     *regexp.Regexp
	fields []string // of the groups of re, in order
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (*Pattern, error) {
	p := &Pattern{text: text}
	if text == "" || strings.HasPrefix(text, "/") || path.Clean(text) != text || strings.HasPrefix(text, "..") {
		return nil, fmt.Errorf("pattern %q: want a path below the source, such as masks/{section}.tif", text)
	}
	var b strings.Builder
	b.WriteString("^")
	for rest := text; rest != ""; {
		n, err := p.token(&b, rest)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
		rest = rest[n:]
	}
	b.WriteString("$")
	var err error
	if p.re, err = regexp.Compile(b.String()); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	return p, nil
}

// token translates what rest begins with and returns its length.
func (p *Pattern) token(b *strings.Builder, rest string) (int, error) {
	switch {
	case strings.HasPrefix(rest, "**/"):
		b.WriteString("(?:.*/)?")
		return 3, nil
	case strings.HasPrefix(rest, "**"):
		return 0, errors.New("** stands for whole folders: write **/")
	case rest[0] == '*':
		if beginsWithPlaceholder(rest[1:]) {
			return 0, errors.New("a placeholder beside * could stand for anything: put a character between them")
		}
		b.WriteString("[^/]*")
		return 1, nil
	case rest[0] == '?':
		b.WriteString("[^/]")
		return 1, nil
	case rest[0] == '{':
		return p.braces(b, rest)
	}
	n := strings.IndexAny(rest, "*?{")
	if n < 0 {
		n = len(rest)
	}
	b.WriteString(regexp.QuoteMeta(rest[:n]))
	return n, nil
}

func beginsWithPlaceholder(s string) bool {
	return slices.ContainsFunc(placeholders, func(p string) bool { return strings.HasPrefix(s, "{"+p+"}") })
}

func (p *Pattern) braces(b *strings.Builder, rest string) (int, error) {
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return 0, errors.New("a { is not closed")
	}
	inner := rest[1:end]
	switch {
	case slices.Contains(placeholders, inner):
		if after := rest[end+1:]; strings.HasPrefix(after, "*") || beginsWithPlaceholder(after) {
			return 0, fmt.Errorf("{%s} beside another wildcard could stand for anything: put a character between them", inner)
		}
		p.fields = append(p.fields, inner)
		b.WriteString("([^/]+?)")
	case strings.Contains(inner, ","):
		var alternatives []string
		for a := range strings.SplitSeq(inner, ",") {
			alternatives = append(alternatives, regexp.QuoteMeta(a))
		}
		b.WriteString("(?:" + strings.Join(alternatives, "|") + ")")
	default:
		return 0, fmt.Errorf("{%s}: want one of {%s}, or {a,b} for alternatives", inner, strings.Join(placeholders, "}, {"))
	}
	return end + 1, nil
}

// fields are what the placeholders of a pattern stand for, "" where it lacks one.
type fields struct{ section, technique, split string }

// Match reports whether a path matches, and what the placeholders stand for.
func (p *Pattern) match(key string) (f fields, ok bool) {
	m := p.re.FindStringSubmatch(key)
	if m == nil {
		return f, false
	}
	for i, name := range p.fields {
		field := map[string]*string{sectionField: &f.section, techniqueField: &f.technique, splitField: &f.split}[name]
		if *field != "" && *field != m[i+1] {
			return f, false
		}
		*field = m[i+1]
	}
	return f, true
}

// has reports whether the pattern has a placeholder.
func (p *Pattern) has(field string) bool { return slices.Contains(p.fields, field) }
