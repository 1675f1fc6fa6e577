package vqa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// Options of Open. Map is needed, the rest has defaults.
type Options struct {
	Map *Map
	// Resolve names the data set of an item whose dataset is null by its other columns, or
	// returns "".
	Resolve func(value func(column string) any) string
	// Files are keys of the source to convert; empty for all that are known.
	Files     []string
	NoDecode  bool  // no digest of pixels, no perceptual hash
	KeepGoing bool  // leave out what cannot be converted, and list it
	ShardSize int64 // source bytes of a shard of samples, default 256 MiB
	RowGroup  int64 // bytes of values of a row group, default 32 MiB
}

// Bounds and defaults of options.
const (
	minShard        = 64 << 10
	maxRowGroup     = 1 << 30
	defaultShard    = 256 << 20
	defaultRowGroup = 32 << 20
)

// Defaults fills in what is not set.
func (o Options) Defaults() Options {
	if o.ShardSize == 0 {
		o.ShardSize = defaultShard
	}
	if o.RowGroup == 0 {
		o.RowGroup = defaultRowGroup
	}
	return o
}

// Validate reports every option that cannot be met.
func (o Options) Validate() error {
	o = o.Defaults()
	var errs []error
	if o.Map == nil {
		errs = append(errs, errors.New("a map is needed"))
	}
	if o.ShardSize < minShard {
		errs = append(errs, fmt.Errorf("shard size %d: want at least %d bytes", o.ShardSize, minShard))
	}
	if o.RowGroup < minShard || o.RowGroup > maxRowGroup {
		errs = append(errs, fmt.Errorf("row group of %d bytes: want %d to %d", o.RowGroup, minShard, maxRowGroup))
	}
	return errors.Join(errs...)
}

// Source is an opened source. It is a convert.Source.
type Source struct {
	store    store.Store
	location string
	options  Options
	planned  *planned
}

// planned is what the last Plan found.
type planned struct {
	inputs   []itemfile.Input
	at       map[string]int // of inputs, by name and split
	layout   *layout
	tasks    []convert.Task
	twice    map[place]place     // items whose id another one before them has
	rejected []convert.Rejection // what cannot be read at all
}

// place names an item: its input and its row there.
type place struct {
	input  int
	number int64
}

// Open prepares to convert what lies in s; location is where that is, as the user gave it.
func Open(s store.Store, location string, o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Source{store: s, location: location, options: o.Defaults()}, nil
}

// part is a run of units of an input, as the plan keeps it.
type part struct {
	Input string `json:"input"`
	Split string `json:"split"`
	First int    `json:"first"` // unit
	Units int    `json:"units"`
	Rows  int64  `json:"rows"`
	Size  int64  `json:"size"` // bytes of the units
}

// detail is what the plan keeps of a task.
type detail struct {
	Parts []part `json:"parts"`
}

// Plan implements convert.Source. It reads footers and the heads of record batches, and the
// ids of all items; of JSON and CSV, which have no types, it reads everything.
func (s *Source) Plan(ctx context.Context) (*convert.Plan, error) {
	p := &planned{at: map[string]int{}}
	found, err := s.discover(ctx, p)
	if err != nil {
		return nil, err
	}
	sv := &survey{source: s, planned: p, declared: found.declared}
	if err := sv.run(ctx); err != nil {
		return nil, err
	}
	m := s.options.Map
	if p.layout, err = newLayout(m, sv.columns, s.options.Resolve); err != nil {
		return nil, convert.Inputf("", "", "%s: %w", s.store, err)
	}
	plan := &convert.Plan{
		Name: m.Name,
		Source: schemas.Source{Name: m.Name, Title: m.Title, Licence: m.Licence, Citation: m.Citation,
			DOI: m.DOI, URL: m.URL, Location: base(s.location)},
		Options:       s.manifest(),
		Description:   m.Description,
		Tags:          m.Tags,
		Tables:        []*schemas.Table{p.layout.samples, p.layout.questionRows, p.layout.instances},
		RowGroupBytes: s.options.RowGroup,
		Notes:         sv.notes,
	}
	if plan.Tasks, err = p.layOut(s.options.ShardSize); err != nil {
		return nil, err
	}
	p.tasks = plan.Tasks
	s.planned = p
	return plan, nil
}

// manifest is what the data set's manifest says of the options: those that decide its bytes.
func (s *Source) manifest() map[string]any {
	return map[string]any{
		"map":            mapOptions(s.options.Map),
		"decode":         !s.options.NoDecode,
		"keep_going":     s.options.KeepGoing,
		"shard_size":     s.options.ShardSize,
		"row_group_size": s.options.RowGroup,
	}
}

// mapOptions is the map as it stands in the manifest: with the names of the YAML.
func mapOptions(m *Map) any {
	var v map[string]any
	text, err := yaml.Marshal(m)
	if err == nil {
		err = yaml.Unmarshal(text, &v)
	}
	if err != nil {
		return m.Name // it was read from YAML, which has texts and lists of them
	}
	return v
}

// Units of samples tasks that one task of the tables beside them covers: their rows take a
// small part of the bytes of images.
const samplesPerTask = 8

// layOut makes the tasks: samples first, then the tables whose rows depend on which samples
// there are.
func (p *planned) layOut(target int64) ([]convert.Task, error) {
	var samples, rest []convert.Task
	for _, split := range p.splits() {
		details := p.shards(split, target)
		ts, err := tasksOf(schemas.SamplesTable, split, 0, details)
		if err != nil {
			return nil, err
		}
		samples = append(samples, ts...)
		var wide []detail
		for i := 0; i < len(details); i += samplesPerTask {
			var d detail
			for _, s := range details[i:min(i+samplesPerTask, len(details))] {
				d.Parts = append(d.Parts, s.Parts...)
			}
			wide = append(wide, d)
		}
		if len(p.layout.questions) > 0 {
			if ts, err = tasksOf(schemas.QuestionsTable, split, 1, wide); err != nil {
				return nil, err
			}
			rest = append(rest, ts...)
		}
		if p.layout.hasObjects() {
			if ts, err = tasksOf(schemas.InstancesTable, split, 1, wide); err != nil {
				return nil, err
			}
			rest = append(rest, ts...)
		}
	}
	return append(samples, rest...), nil
}

// splits lists the splits in the order of their names.
func (p *planned) splits() []string {
	var splits []string
	for _, in := range p.inputs {
		splits = append(splits, in.Split())
	}
	return unique(splits)
}

// shards packs the units of a split into shards of about target bytes, in order.
func (p *planned) shards(split string, target int64) []detail {
	var details []detail
	size := int64(0)
	for _, in := range p.inputs {
		if in.Split() != split {
			continue
		}
		for u, n := range in.Units() {
			if len(details) == 0 || size > 0 && size+n.Bytes > target {
				details, size = append(details, detail{}), 0
			}
			size += n.Bytes
			d := &details[len(details)-1]
			if k := len(d.Parts); k > 0 && d.Parts[k-1].Input == in.Name() && d.Parts[k-1].First+d.Parts[k-1].Units == u {
				last := &d.Parts[k-1]
				last.Units, last.Rows, last.Size = last.Units+1, last.Rows+n.Rows, last.Size+n.Bytes
			} else {
				d.Parts = append(d.Parts, part{Input: in.Name(), Split: split, First: u, Units: 1, Rows: n.Rows, Size: n.Bytes})
			}
		}
	}
	return details
}

func tasksOf(table, split string, stage int, details []detail) ([]convert.Task, error) {
	tasks := make([]convert.Task, len(details))
	for i, d := range details {
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		tasks[i] = convert.Task{Table: table, Split: split, Index: i, Count: len(details), Stage: stage, Detail: b}
		tasks[i].Chain = tasks[i].Path()
		if stage == 0 {
			for _, p := range d.Parts {
				tasks[i].Work += p.Size
			}
		}
	}
	return tasks, nil
}
