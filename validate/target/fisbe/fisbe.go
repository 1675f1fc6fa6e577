// Package fisbe is the target of zarr stores as FISBe releases them: a sample is a group with volumes/raw
// and volumes/gt_instances, one neuron a channel. A location is one sample or many, as folders or zipped,
// or behind a URL of either.
//
// Samples are looked at side by side. Of each the runs of its neurons are held, and a row of chunks.
package fisbe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	layout "github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// Target is a location of samples.
type Target struct{ location string }

// New is the target of a location.
func New(location string) *Target { return &Target{location} }

// Name implements validate.Target.
func (t *Target) Name() string { return t.location }

// Walk implements validate.Target. A sample that cannot be read does not keep the others from being looked at.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) (err error) {
	s, err := store.Open(ctx, t.location, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	location := filepath.ToSlash(t.location)
	found, err := layout.Discover(ctx, s, location)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("no FISBe sample in %s: want a zarr group with %s/%s, in a folder or a zip", s, layout.Volumes, layout.Raw)
	}
	errs := make([]error, len(found))
	err = p.Parallel(ctx, len(found), func(ctx context.Context, i int) error {
		v := &volume{store: s, found: &found[i], at: validate.Place{Target: location, Sample: found[i].Name}}
		v.at.Dataset, v.at.Split = dataset, found[i].Place.Split
		v.at.File = strings.TrimSuffix(found[i].Root, "/")
		if err := v.walk(ctx, p); err != nil && ctx.Err() == nil {
			errs[i] = fmt.Errorf("%s: %w", found[i].Name, err)
		}
		return ctx.Err()
	})
	return errors.Join(append(errs, err)...)
}

// What is known of every sample by its being one of FISBe.
const (
	dataset = "fisbe"
	licence = "CC-BY-4.0"
	class   = "neuron"
)

// volume is a sample that is being looked at.
type volume struct {
	store store.Store
	found *layout.Sample
	at    validate.Place

	missing []error // of its arrays
}

func (v *volume) walk(ctx context.Context, p *validate.Pass) error {
	raw, errRaw := v.open(ctx, layout.Raw, schemas.RoleImage)
	instances, errInstances := v.open(ctx, layout.Instances, schemas.RoleLabels)
	v.sample(ctx, p, raw, instances)
	if raw != nil {
		p.Array(ctx, raw.evidence)
	}
	if instances == nil {
		return errors.Join(errRaw, errInstances)
	}
	if raw != nil {
		instances.evidence.Image = raw.evidence
	}
	layer, err := instances.scan(ctx, p)
	p.Array(ctx, instances.evidence)
	if err == nil && layer != nil {
		if raw != nil {
			layer.Shift, errRaw = raw.shift(ctx, p, layer)
		}
		p.Layer(ctx, layer)
	}
	return errors.Join(err, errRaw, errInstances)
}

// sample shows what names and folders say of a sample, and which of its arrays it lacks.
func (v *volume) sample(ctx context.Context, p *validate.Pass, raw, instances *array) {
	set, free := dataset, licence
	s := &validate.Sample{Place: v.at, Kind: validate.Volume, Errs: v.missing, Sample: schemas.Sample{
		SampleID: v.found.Name, Dataset: &set, Split: v.found.Place.Split, Licence: &free,
		Source: cmp.Or(v.at.File, v.found.Name+".zarr"),
	}}
	if subset := v.found.Place.Subset; subset != "" {
		s.Subset = &subset
	}
	if n, ok := layout.ParseName(v.found.Name); ok {
		batch := n.Batch()
		s.GroupID, s.BatchID = &n.Line, &batch
	}
	if raw != nil {
		a := &raw.evidence.Array
		s.Axes, s.Shape, s.DType, s.PixelSizeUM = &a.Axes, a.Shape, &a.DType, raw.evidence.PixelSizeUM
		s.Arrays = append(s.Arrays, *a)
	}
	if instances != nil {
		s.Arrays = append(s.Arrays, instances.evidence.Array)
	}
	p.Sample(ctx, s)
}

// array is an array of a sample and what is shown of it.
type array struct {
	*zarr.Array
	evidence *validate.Array
	volume   *volume
	channels int
	zyx      [3]int
}

// open opens an array of the sample. One that is not there is nil and noted as missing.
func (v *volume) open(ctx context.Context, name, role string) (*array, error) {
	z, err := zarr.OpenArray(ctx, v.store, v.found.Root+layout.Volumes+"/"+name)
	if errors.Is(err, store.ErrNotExist) {
		v.missing = append(v.missing, &validate.MissingError{What: fmt.Sprintf("%s/%s is missing", layout.Volumes, name)})
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &array{Array: z, volume: v, channels: 1}
	shape := z.Shape()
	if len(shape) != 3 && len(shape) != 4 {
		return nil, fmt.Errorf("%s/%s has shape %v: want axes CZYX or ZYX", layout.Volumes, name, shape)
	}
	a.zyx = [3]int(shape[len(shape)-3:])
	e := &validate.Array{Place: v.at, Kind: validate.Volume, PixelSizeUM: []float64{layout.PixelSizeUM, layout.PixelSizeUM, layout.PixelSizeUM}}
	e.Place.Array = name
	e.Name, e.Role, e.Axes, e.DType = name, role, "CZYX"[4-len(shape):], string(z.DType())
	for i, n := range shape {
		e.Shape, e.Chunk = append(e.Shape, int64(n)), append(e.Chunk, int64(z.Chunks()[i]))
	}
	if len(shape) == 4 {
		a.channels = shape[0]
	}
	a.evidence = e
	return a, nil
}

// rows reads the array plane by plane.
func (a *array) rows(ctx context.Context, p *validate.Pass, each func(c, z, y int, rows []byte) error) error {
	return a.EachBand(ctx, func(at []int, y int, rows []byte) error {
		p.Progress(int64(len(rows)))
		c, z := 0, at[len(at)-1]
		if len(at) == 2 {
			c = at[0]
		}
		return each(c, z, y, rows)
	})
}
