package labels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// Source is an opened source. It is a convert.Source.
type Source struct {
	store    store.Store
	location string
	kind     Kind
	options  Options

	// Of the last Plan.
	layout    *Layout
	sections  map[string]*sample // by id
	tasks     []convert.Task
	samples   *schemas.Table
	instances *schemas.Table
	classes   []string
	clinical  *clinicalTable
}

// sample is a section chosen for conversion.
type sample struct {
	*section
	headers map[string]*header // by array
	arrays  arrays.Sample
}

// Open prepares to convert what lies in s; location is where that is, as the user gave it.
func Open(s store.Store, location string, k Kind, o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Source{store: s, location: location, kind: k, options: o.Defaults()}, nil
}

// Plan implements convert.Source.
func (s *Source) Plan(ctx context.Context) (*convert.Plan, error) {
	sections, notes, err := s.choose(ctx)
	if err != nil {
		return nil, err
	}
	samples, more, err := s.inspect(ctx, sections)
	if err != nil {
		return nil, err
	}
	if err := s.tables(ctx); err != nil {
		return nil, err
	}
	p := &convert.Plan{
		Name:        s.layout.Dataset.Name,
		Source:      s.layout.Dataset.source(),
		Options:     s.options.manifest(s.layout),
		Description: s.kind.Description,
		Tags:        s.kind.Tags,
		Tables:      []*schemas.Table{s.samples, schemas.Chunks, s.instances},
		Notes:       append(notes, more...),
	}
	for _, sm := range samples {
		if !s.clinical.has(sm.section) {
			p.Notes = append(p.Notes, sm.id+" has no row in the clinical table")
		}
	}
	p.Source.Location = path.Base(strings.TrimRight(strings.ReplaceAll(location(s.location), "\\", "/"), "/"))
	sources := make([]arrays.Sample, len(samples))
	s.sections = map[string]*sample{}
	for i, sm := range samples {
		sources[i] = sm.arrays
		s.sections[sm.id] = sm
	}
	if p.Tasks, err = arrays.PlanTasks(sources, s.options.ShardSize); err != nil {
		return nil, err
	}
	s.tasks = p.Tasks
	return p, nil
}

// location is a path or URL without its query.
func location(l string) string {
	l, _, _ = strings.Cut(l, "?")
	return l
}

func (d Dataset) source() schemas.Source {
	return schemas.Source{Name: d.Name, Title: d.Title, Licence: d.Licence, Citation: d.Citation, DOI: d.DOI, URL: d.URL}
}

// choose finds the layout and the sections, and keeps those the options ask for.
func (s *Source) choose(ctx context.Context) (out []*section, notes []string, err error) {
	infos, err := List(ctx, s.store)
	if err != nil {
		return nil, nil, err
	}
	var l Layout
	if s.options.Layout != nil {
		l = *s.options.Layout
	} else {
		recognised, err := s.kind.Recognise(infos, location(s.location))
		if err != nil {
			return nil, nil, err
		}
		l = *recognised
	}
	l.fill(s.kind)
	if err := l.compile(); err != nil {
		return nil, nil, err
	}
	s.layout = &l
	all, notes, err := l.discover(infos)
	if err != nil {
		return nil, nil, err
	}
	for _, sec := range all {
		if s.wanted(sec) {
			out = append(out, sec)
		}
	}
	if len(out) == 0 {
		return nil, nil, convert.Inputf("", "", "none of the %s in %s has the technique and name asked for (there are %s)", plural(len(all), "section"), s.store, some(all))
	}
	return out, notes, nil
}

// some names the first few sections.
func some(all []*section) string {
	var ids []string
	for _, s := range all[:min(5, len(all))] {
		ids = append(ids, s.id)
	}
	if len(all) > len(ids) {
		ids = append(ids, "...")
	}
	return strings.Join(ids, ", ")
}

// fill takes from a kind what the layout leaves out.
func (l *Layout) fill(k Kind) {
	d := &l.Dataset
	if d.Name == "" {
		*d = k.Defaults.Dataset
	}
	d.Name = cmp.Or(d.Name, k.Name)
	d.Title = cmp.Or(d.Title, d.Name)
	l.Group = cmp.Or(l.Group, k.Defaults.Group)
	l.Files = slices.Clone(l.Files)
}

func (s *Source) wanted(sec *section) bool {
	technique := len(s.options.Techniques) == 0 || slices.ContainsFunc(s.options.Techniques, func(t string) bool { return strings.EqualFold(t, sec.technique) })
	name := len(s.options.Sections) == 0 || slices.ContainsFunc(s.options.Sections, func(g string) bool {
		byName, _ := path.Match(g, sec.name)
		byID, _ := path.Match(g, sec.id)
		return byName || byID
	})
	return technique && name
}

// inspect reads the header of every file and checks those of a section against each other.
func (s *Source) inspect(ctx context.Context, sections []*section) (out []*sample, notes []string, err error) {
	out = make([]*sample, len(sections))
	errs := make([]error, len(sections))
	all := make([][]string, len(sections))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * runtime.NumCPU()) // most of it is waiting for the store
	for i, sec := range sections {
		g.Go(func() error {
			out[i], all[i], errs[i] = s.section(gctx, sec)
			return context.Cause(gctx)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, context.Cause(ctx)
	}
	return out, slices.Concat(all...), errors.Join(errs...)
}

// section opens the files of a section.
func (s *Source) section(ctx context.Context, sec *section) (*sample, []string, error) {
	sm := &sample{section: sec, headers: map[string]*header{}}
	sm.arrays = arrays.Sample{ID: sec.id, Split: sec.split, Source: sec.digest()}
	var errs []error
	for _, m := range sec.members {
		p, err := openHeader(ctx, s.store, m.key)
		if err == nil {
			err = s.add(ctx, sm, m, p)
		}
		if err != nil {
			errs = append(errs, &convert.InputError{Sample: sec.id, Where: m.key, Err: err})
		}
	}
	if len(errs) == 0 {
		errs = append(errs, sm.checkSizes()...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	return sm, sm.lacks(), sm.checkClasses()
}

// add makes an array of a file.
func (s *Source) add(ctx context.Context, sm *sample, m member, p *header) error {
	a := arrays.Array{Name: m.array(), Role: schemas.RoleLabels, Axes: p.axes, Source: p.source(ctx, s.store), Levels: s.options.Levels, Stored: m.size}
	if m.Role == Image {
		a.Role = schemas.RoleImage
	}
	switch {
	case a.Role == schemas.RoleLabels && p.axes == "CYX":
		return fmt.Errorf("%d samples a pixel: a mask has one", p.shape[0])
	case a.Role == schemas.RoleLabels && !p.dtype.Label():
		return fmt.Errorf("dtype %s: the values of a mask are integers", p.dtype)
	case p.axes != "YX" && p.axes != "CYX":
		return fmt.Errorf("axes %s, shape %v: want one plane", p.axes, p.shape)
	case m.Role == Image && len(m.Channels) > p.channelCount():
		return fmt.Errorf("%d channels are named and the image has %d", len(m.Channels), p.channelCount())
	}
	if p.axes == "CYX" {
		a.Chunk = append(a.Chunk, 1) // a channel that is empty costs nothing
	}
	a.Chunk = append(a.Chunk, s.options.Tile[:]...)
	if err := a.CheckShape(); err != nil {
		return err
	}
	sm.headers[a.Name] = p
	sm.arrays.Arrays = append(sm.arrays.Arrays, a)
	return nil
}

// checkSizes refuses files of a section that differ in height or width.
func (sm *sample) checkSizes() (errs []error) {
	first := sm.members[0]
	if img := sm.member(Image); img != nil {
		first = *img
	}
	want := sm.headers[first.array()].plane()
	for _, m := range sm.members {
		if have := sm.headers[m.array()].plane(); have != want {
			errs = append(errs, convert.Inputf(sm.id, m.key, "the %s has %d x %d pixels (height x width) and the %s %s has %d x %d: they must lie on one grid",
				m.what(), have[0], have[1], first.what(), first.key, want[0], want[1]))
		}
	}
	return errs
}

// checkClasses refuses class masks without anything to class.
func (sm *sample) checkClasses() error {
	if sm.member(Instances) != nil {
		return nil
	}
	for _, m := range sm.members {
		if m.Role == AnalysableMask || m.Role == ClassMask && !m.Regions {
			return convert.Inputf(sm.id, m.key, "a %s without an instance mask: name the mask of the instances in the layout", m.what())
		}
	}
	return nil
}

// lacks notes what a section is without.
func (sm *sample) lacks() (notes []string) {
	if sm.member(Image) == nil {
		notes = append(notes, fmt.Sprintf("%s has no image: its masks are converted alone", sm.id))
	}
	if sm.member(Instances) == nil {
		notes = append(notes, fmt.Sprintf("%s has no instance mask: it gets no instances of one", sm.id))
	}
	return notes
}
