package fisbe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/arrays"
	layout "github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
	"github.com/micropq/micropq/schemas"
)

// Source is an opened FISBe source. It is a convert.Source.
type Source struct {
	store    store.Store
	location string
	options  Options
	samples  map[string]*sample // of the last Plan, by name
	tasks    []convert.Task
}

// sample is a sample chosen for conversion.
type sample struct {
	layout.Sample
	parsed *layout.Name // nil when the name is not of the official form
	arrays arrays.Sample
	dim    []int64 // dim_neurons, nil where the source has no such attribute
	notes  []string
}

// Open prepares to convert what lies in s; location is where that is, as the user gave it.
func Open(s store.Store, location string, o Options) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Source{store: s, location: location, options: o.Defaults()}, nil
}

// Plan implements convert.Source.
func (s *Source) Plan(ctx context.Context) (*convert.Plan, error) {
	samples, notes, err := s.choose(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, sm := range samples {
		if err := s.inspect(ctx, sm); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			errs = append(errs, err)
		}
		notes = append(notes, sm.notes...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p := &convert.Plan{
		Name:        "fisbe",
		Source:      source,
		Options:     s.options.manifest(),
		Description: Description,
		Tags:        []string{"biology", "microscopy", "instance-segmentation", "3d", "neurons"},
		Tables:      []*schemas.Table{samplesTable, schemas.Chunks, instancesTable},
		Notes:       notes,
	}
	p.Source.Location = layout.Base(s.location)
	sources := make([]arrays.Sample, len(samples))
	for i, sm := range samples {
		sources[i] = sm.arrays
	}
	if p.Tasks, err = arrays.PlanTasks(sources, s.options.ShardSize); err != nil {
		return nil, err
	}
	s.tasks, s.samples = p.Tasks, map[string]*sample{}
	for _, sm := range samples {
		s.samples[sm.Name] = sm
	}
	return p, nil
}

// choose lists the samples and keeps those the options ask for, sorted by name.
func (s *Source) choose(ctx context.Context) (out []*sample, notes []string, err error) {
	all, err := layout.Discover(ctx, s.store, s.location)
	if err != nil {
		return nil, nil, inputError(err)
	}
	if len(all) == 0 {
		return nil, nil, convert.Inputf("", "", "no FISBe sample in %s: want a zarr group with %s/%s, in a folder or a zip", s.store, layout.Volumes, layout.Raw)
	}
	var list layout.SplitList
	if s.options.SplitList != "" {
		if list, err = layout.ParseSplitList(s.options.SplitList); err != nil {
			return nil, nil, inputError(err)
		}
	}
	var errs []error
	for _, f := range all {
		sm := &sample{Sample: f}
		if sm.Place, err = layout.Settle(f.Name, f.Place, list); err != nil {
			errs = append(errs, inputError(err))
			continue
		}
		if _, ok := list.Find(f.Name); list != nil && !ok {
			notes = append(notes, fmt.Sprintf("%s is not in the split list", f.Name))
		}
		if n, ok := layout.ParseName(f.Name); ok {
			sm.parsed = &n
		} else {
			notes = append(notes, fmt.Sprintf("%s: the name is not <line>-<YYYYMMDD>_<slide>_<position>: line, day, slide and position stay null", f.Name))
		}
		if sm.Place.Split == "" {
			sm.Place.Split = unassigned
		}
		if s.wanted(sm) {
			out = append(out, sm)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	if len(out) == 0 {
		return nil, nil, convert.Inputf("", "", "none of the %d samples in %s has the subset, split and name asked for", len(all), s.store)
	}
	slices.SortFunc(out, func(a, b *sample) int { return cmp.Compare(a.Name, b.Name) })
	return out, notes, nil
}

// unassigned is the split of samples that have none.
const unassigned = "unassigned"

// inputError is an error of the release as one of the input.
func inputError(err error) error {
	var bad *layout.Error
	if errors.As(err, &bad) {
		return &convert.InputError{Sample: bad.Subject, Err: bad.Err}
	}
	return err
}

func (s *Source) wanted(sm *sample) bool {
	in := func(set []string, v string) bool { return len(set) == 0 || slices.Contains(set, v) }
	match := len(s.options.Samples) == 0 || slices.ContainsFunc(s.options.Samples, func(g string) bool {
		ok, _ := path.Match(g, sm.Name)
		return ok
	})
	return match && in(s.options.Subsets, sm.Place.Subset) && in(s.options.Splits, sm.Place.Split)
}

// inspect opens the sample's arrays and checks them against each other.
func (s *Source) inspect(ctx context.Context, sm *sample) error {
	sm.arrays = arrays.Sample{ID: sm.Name, Split: sm.Place.Split, Source: sm.Digest}
	var raw []int
	for _, n := range slices.Sorted(slices.Values(s.options.Arrays)) {
		z, err := zarr.OpenArray(ctx, s.store, sm.Root+layout.Volumes+"/"+n)
		if errors.Is(err, store.ErrNotExist) && n == layout.Instances && len(s.options.Arrays) > 1 {
			sm.notes = append(sm.notes, fmt.Sprintf("%s has no %s: it gets no instances", sm.Name, layout.Instances))
			continue
		}
		if err != nil {
			return &convert.InputError{Sample: sm.Name, Where: n, Err: err}
		}
		a, err := s.array(sm, n, z)
		if err != nil {
			return err
		}
		sm.arrays.Arrays = append(sm.arrays.Arrays, a)
		if n == layout.Raw {
			raw = z.Shape()
		}
		if n == layout.Instances {
			if sm.dim, err = dimNeurons(sm.Name, z); err != nil {
				return err
			}
		}
	}
	return sm.checkGrids(raw)
}

// array decides how one array is stored.
func (s *Source) array(sm *sample, n string, z *zarr.Array) (arrays.Array, error) {
	a := arrays.Array{Name: n, Role: schemas.RoleImage, Source: zarrSource{z}, Levels: s.options.Levels, Stored: sm.Stored[n]}
	shape := z.Shape()
	zyx := s.options.Chunk
	switch len(shape) {
	case 4:
		a.Axes, a.Chunk = "CZYX", []int{max(1, shape[0]), zyx[0], zyx[1], zyx[2]}
	case 3:
		a.Axes, a.Chunk = "ZYX", zyx[:]
	default:
		return a, convert.Inputf(sm.Name, n, "shape %v: want axes CZYX or ZYX", shape)
	}
	if err := a.CheckShape(); err != nil {
		return a, &convert.InputError{Sample: sm.Name, Where: n, Err: err}
	}
	if strings.HasPrefix(n, "gt_") {
		a.Role = schemas.RoleLabels
		if !z.DType().Label() {
			return a, convert.Inputf(sm.Name, n, "dtype %s: labels are integers", z.DType())
		}
		if a.Axes == "CZYX" {
			a.Chunk[0] = 1
		}
	}
	return a, nil
}

// checkGrids refuses labels on another grid than raw's.
func (sm *sample) checkGrids(raw []int) error {
	var errs []error
	for i := range sm.arrays.Arrays {
		a := &sm.arrays.Arrays[i]
		shape := a.Source.Shape()
		if raw != nil && a.Role == schemas.RoleLabels && !slices.Equal(spatial(shape), spatial(raw)) {
			errs = append(errs, convert.Inputf(sm.Name, a.Name, "Z, Y, X are %v, of %s they are %v: labels must lie on the grid of the image", spatial(shape), layout.Raw, spatial(raw)))
		}
	}
	return errors.Join(errs...)
}

func spatial(shape []int) []int { return shape[max(0, len(shape)-3):] }

// dimNeurons reads the ids of the neurons that annotators called dim.
func dimNeurons(sample string, z *zarr.Array) ([]int64, error) {
	v, ok := z.Attrs()[layout.DimNeurons]
	if !ok {
		return nil, nil
	}
	ids := []int64{}
	if err := json.Unmarshal(v, &ids); err != nil {
		return nil, convert.Inputf(sample, layout.Instances, "attribute %s: want a list of ids: %w", layout.DimNeurons, err)
	}
	return ids, nil
}
