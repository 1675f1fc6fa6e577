package fisbe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/arrays"
	layout "github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// Sample is a row of samples with the columns of FISBe.
type Sample struct {
	schemas.Sample
	Line       *string `parquet:"line,optional" doc:"driver line of the fly; splits are made by line"`
	Acquired   *int32  `parquet:"acquired,optional,date" doc:"day of acquisition"`
	Slide      *string `parquet:"slide,optional" doc:"slide number"`
	Position   *string `parquet:"position,optional" doc:"position on the slide"`
	DimNeurons []int64 `parquet:"dim_neurons,optional,list" doc:"instance ids of the neurons that annotators called dim"`
	Instances  *int32  `parquet:"n_instances,optional" doc:"number of neurons, null where ground truth was not converted"`
}

// Instance is a row of instances with the columns of FISBe.
type Instance struct {
	schemas.Instance
	Dim    bool  `parquet:"dim" doc:"in the sample's dim_neurons"`
	Shared int64 `parquet:"shared_voxels" doc:"voxels that another instance of the sample holds as well"`
}

var (
	samplesTable   = schemas.MustTableOf[Sample](schemas.SamplesTable, schemas.Samples.Doc)
	instancesTable = schemas.MustTableOf[Instance](schemas.InstancesTable, schemas.Instances.Doc)
)

// Session implements convert.Source.
func (s *Source) Session(_ context.Context, tasks []convert.Task, res convert.Resources) (convert.Session, error) {
	if tasks[0].Table == schemas.ChunksTable {
		all := make([]arrays.Sample, 0, len(s.samples))
		for _, sm := range s.samples {
			all = append(all, sm.arrays)
		}
		return arrays.NewSession(all, tasks, s.options.Encoding, res)
	}
	g, err := arrays.NewGatherer(s.tasks, res.Facts)
	if err != nil {
		return nil, err
	}
	return arrays.RowSession{Write: (&rowSession{source: s, facts: g}).write}, nil
}

// rowSession writes the rows of samples and instances.
type rowSession struct {
	source *Source
	facts  *arrays.Gatherer
}

// write writes the rows of a sample into a shard of either table.
func (r *rowSession) write(_ context.Context, table, id string, w *convert.Shard) error {
	sm := r.source.samples[id]
	switch {
	case sm == nil:
		return fmt.Errorf("plan names sample %q, which the source lacks", id)
	case table == schemas.InstancesTable:
		return r.instances(sm, w)
	}
	return r.sample(sm, w)
}

// instances writes the rows of a sample's neurons.
func (r *rowSession) instances(sm *sample, w *convert.Shard) error {
	labels := sm.labelArrays()
	facts, err := r.facts.Sample(sm.Name, func(a string) bool { return slices.Contains(labels, a) })
	if err != nil {
		return err
	}
	for _, array := range labels {
		f := facts[array]
		for _, in := range identify(f.Parts.Keys()) {
			if err := w.Write(sm.instance(array, in, f.Parts[in.key])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (sm *sample) labelArrays() (names []string) {
	for _, a := range sm.arrays.Arrays {
		if a.Role == schemas.RoleLabels {
			names = append(names, a.Name)
		}
	}
	return names
}

func (sm *sample) instance(array string, in identified, p *arrays.Part) *Instance {
	key := in.key
	return &Instance{
		Instance: schemas.Instance{
			SampleID: sm.Name, Array: array, InstanceID: in.id,
			Channel: &key.Channel, Label: &key.Label, Class: ptr("neuron"),
			BBox:     ptr(p.BBox()),
			Area:     &p.Voxels,
			Centroid: ptr(p.Centroid()),
			RLE:      p.Mask().Counts(p.BBox(), mask.COrder),
		},
		Dim:    array == layout.Instances && slices.Contains(sm.dim, in.id),
		Shared: p.Shared,
	}
}

func ptr[T any](v T) *T { return &v }

// identified is an object and its instance id.
type identified struct {
	key arrays.Key
	id  int64
}

// identify gives every object of an array an id of its own, ordered by it.
func identify(keys []arrays.Key) []identified {
	out, places := make([]identified, len(keys)), make([]layout.Key, len(keys))
	for i, k := range keys {
		places[i] = layout.Key(k)
	}
	for i, id := range layout.Identify(places) {
		out[i] = identified{keys[i], id}
	}
	slices.SortFunc(out, func(a, b identified) int { return int(min(1, max(-1, a.id-b.id))) })
	return out
}

// sample writes the row of a sample.
func (r *rowSession) sample(sm *sample, w *convert.Shard) error {
	facts, err := r.facts.Sample(sm.Name, func(string) bool { return true })
	if err != nil {
		return err
	}
	digest, err := arrays.SourceDigest(facts)
	if err != nil {
		return &convert.InputError{Sample: sm.Name, Err: err}
	}
	row := Sample{Sample: sm.row(), DimNeurons: sm.dim}
	row.SourceDigest = &digest
	var img, labels *arrays.Projection
	if f := facts[layout.Raw]; f != nil {
		img = f.Projection
	}
	if f := facts[layout.Instances]; f != nil {
		labels = f.Projection
		row.Instances = ptr(int32(len(f.Parts)))
	}
	if img != nil || labels != nil {
		png, err := arrays.Preview(img, labels, arrays.PreviewOptions{})
		if err != nil {
			return err
		}
		row.Preview = &schemas.Image{Bytes: png, Path: ptr(sm.Name + ".png")}
	}
	if n := sm.parsed; n != nil {
		day := n.Days()
		row.Line, row.Acquired, row.Slide, row.Position = &n.Line, &day, &n.Slide, &n.Position
	}
	return w.Write(&row)
}

// row is what the source says of the sample, without what its voxels say.
func (sm *sample) row() schemas.Sample {
	row := schemas.Sample{
		SampleID:        sm.Name,
		Dataset:         &source.Name,
		Split:           sm.Place.Split,
		PixelSizeUM:     []float64{layout.PixelSizeUM, layout.PixelSizeUM, layout.PixelSizeUM},
		PixelSizeSource: ptr(schemas.FromPublication),
		Licence:         ptr(source.Licence),
		Source:          cmp.Or(strings.TrimSuffix(sm.Root, "/"), sm.Name+".zarr"),
	}
	if sm.Place.Subset != "" {
		row.Subset = &sm.Place.Subset
	}
	if n := sm.parsed; n != nil {
		row.GroupID, row.BatchID = &n.Line, ptr(n.Batch())
	}
	for i := range sm.arrays.Arrays {
		a := sm.arrays.Arrays[i].Describe()
		row.Arrays = append(row.Arrays, a)
		if a.Name == layout.Raw {
			row.Axes, row.Shape, row.DType = &a.Axes, a.Shape, &a.DType
		}
	}
	return row
}
