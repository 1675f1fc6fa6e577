package labels

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// member is a file of a section.
type member struct {
	*Files
	key  string
	size int64
}

// section is a sample in the source.
type section struct {
	id        string
	technique string
	name      string
	split     string
	members   []member // sorted by the name of their arrays
}

// List lists the files of a store, without those that systems leave behind.
func List(ctx context.Context, s store.Store) ([]store.Info, error) {
	infos, err := s.List(ctx, "")
	if errors.Is(err, store.ErrNoList) {
		return nil, convert.Inputf("", "", "%s cannot list its files: give a folder, or a zip archive or its URL: %w", s, err)
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(infos, func(i store.Info) bool {
		for segment := range strings.SplitSeq(i.Key, "/") {
			if strings.HasPrefix(segment, ".") || segment == "__MACOSX" {
				return true
			}
		}
		return false
	}), nil
}

// discover finds the sections of a layout in a listing, sorted by id, and notes what the
// layout found and what it left.
func (l *Layout) discover(infos []store.Info) (out []*section, notes []string, err error) {
	d := discovery{layout: l, sections: map[string]*section{}, found: make([]int, len(l.Files))}
	for _, i := range infos {
		d.file(i)
	}
	if len(d.errs) == 0 && len(d.sections) == 0 {
		d.errs = append(d.errs, convert.Inputf("", "", "none of the %d files matches a pattern of the layout (%s)", len(infos), l.patterns()))
	}
	if err := errors.Join(d.errs...); err != nil {
		return nil, nil, err
	}
	for i, n := range d.found {
		f := &l.Files[i]
		notes = append(notes, fmt.Sprintf("%s: %s (%s)", f.Path, f.what(), plural(n, "file")))
	}
	notes = append(notes, d.left()...)
	for _, s := range d.sections {
		slices.SortFunc(s.members, func(a, b member) int { return cmp.Compare(a.array(), b.array()) })
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *section) int { return cmp.Compare(a.id, b.id) })
	return out, notes, unique(out)
}

// discovery is the state of one discover.
type discovery struct {
	layout   *Layout
	sections map[string]*section
	found    []int // files of each entry of the layout
	unused   []string
	errs     []error
}

// file gives a file to the section it belongs to, by the first entry that matches it.
func (d *discovery) file(i store.Info) {
	for k := range d.layout.Files {
		f := &d.layout.Files[k]
		at, ok := f.pattern.match(i.Key)
		if !ok {
			continue
		}
		d.found[k]++
		if err := f.settle(&at, i.Key); err != nil {
			d.errs = append(d.errs, err)
			return
		}
		d.add(at, member{Files: f, key: i.Key, size: i.Size})
		return
	}
	if d.layout.Clinical == nil || d.layout.Clinical.Path != i.Key {
		d.unused = append(d.unused, i.Key)
	}
}

// settle fills in what the pattern's placeholders do not say.
func (f *Files) settle(at *fields, key string) error {
	at.technique = cmp.Or(f.Technique, at.technique)
	if at.section == "" {
		at.section = stem(key)
	}
	if f.section != nil {
		name, ok := firstGroup(f.section, at.section)
		if !ok {
			return convert.Inputf(key, "", "%q does not match the layout's section %q", at.section, f.Section)
		}
		at.section = name
	}
	if at.split == "" {
		return nil
	}
	if err := schemas.CheckSplit(at.split); err != nil {
		return convert.Inputf(key, "", "%w", err)
	}
	return nil
}

// stem is a file's name without its extension, and without the .ome before it.
func stem(key string) string {
	name := path.Base(key)
	name = strings.TrimSuffix(name, path.Ext(name))
	if ext := path.Ext(name); strings.EqualFold(ext, ".ome") {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}

// add gives a section its member; two for one role are an error.
func (d *discovery) add(at fields, m member) {
	id := at.section
	if at.split != "" {
		id = at.split + "_" + id
	}
	if at.technique != "" {
		id = at.technique + "_" + id
	}
	key := at.technique + "/" + at.split + "/" + at.section
	s := d.sections[key]
	if s == nil {
		s = &section{id: id, technique: at.technique, name: at.section, split: cmp.Or(at.split, d.layout.Split, unassigned)}
		d.sections[key] = s
	}
	for _, have := range s.members {
		if have.array() == m.array() {
			d.errs = append(d.errs, convert.Inputf(s.id, m.array(), "two files are its %s: %s and %s", m.what(), have.key, m.key))
			return
		}
	}
	s.members = append(s.members, m)
}

// shownUnused is the number of unused folders and files that are named.
const shownUnused = 8

// left notes the files that no pattern matched, folder by folder.
func (d *discovery) left() []string {
	if len(d.unused) == 0 {
		return nil
	}
	var shown []string
	for i, n := 0, 0; i < len(d.unused); i += n {
		dir := path.Dir(d.unused[i])
		for n = 1; i+n < len(d.unused) && path.Dir(d.unused[i+n]) == dir; n++ {
		}
		if text := d.unused[i]; n == 1 || dir == "." {
			shown = append(shown, text)
			n = 1
		} else {
			shown = append(shown, fmt.Sprintf("%s (%s)", dir, plural(n, "file")))
		}
	}
	text := "not recognised and left out: " + strings.Join(shown[:min(shownUnused, len(shown))], ", ")
	if n := len(shown) - shownUnused; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return []string{text}
}

func (l *Layout) patterns() string {
	var all []string
	for _, f := range l.Files {
		all = append(all, f.Path)
	}
	return strings.Join(all, ", ")
}

// unique refuses two sections that would have one id.
func unique(sorted []*section) error {
	for i := 1; i < len(sorted); i++ {
		if a, b := sorted[i-1], sorted[i]; a.id == b.id {
			return convert.Inputf(a.id, "", "two sections have this id: %s and %s", a.members[0].key, b.members[0].key)
		}
	}
	return nil
}

// member returns the section's file of a role, nil where it has none.
func (s *section) member(r Role) *member {
	for i := range s.members {
		if s.members[i].Role == r {
			return &s.members[i]
		}
	}
	return nil
}

// digest is over the names, roles and sizes of the section's files.
func (s *section) digest() string {
	h := sha256.New()
	for _, m := range s.members {
		fmt.Fprintf(h, "%s %s %d\n", m.array(), m.key, m.size)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
