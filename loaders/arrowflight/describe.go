package arrowflight

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/arrowstream"
	"github.com/micropq/micropq/schemas"
)

// Description says what is in a set, as far as manifest and samples say it. It is the application
// metadata of the set's flight, as JSON.
type Description struct {
	Name   string             `json:"name"`
	Format string             `json:"format"` // version
	Source schemas.Source     `json:"source"`
	Splits []string           `json:"splits"`
	Bytes  int64              `json:"bytes"` // of all shards
	Rows   map[string]int64   `json:"rows"`  // of each table
	Arrays []ArrayDescription `json:"arrays"`
}

// ArrayDescription is the arrays of one name.
type ArrayDescription struct {
	Name     string        `json:"name"`
	Role     string        `json:"role"` // image or labels
	Axes     string        `json:"axes"`
	DType    schemas.DType `json:"dtype"` // as drawn: labels are int32
	Levels   int32         `json:"levels"`
	Samples  int64         `json:"samples"`
	MinShape []int64       `json:"min_shape"` // smallest extent along each axis
	MaxShape []int64       `json:"max_shape"`
}

// set is a set with its description, once someone asked for it.
type set struct {
	Set
	mu          sync.Mutex
	description *Description
}

// describe reads the samples table, the first time.
func (s *set) describe(ctx context.Context) (*Description, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.description != nil {
		return s.description, nil
	}
	m := s.Dataset.Manifest()
	d := &Description{Name: s.Name, Format: m.Version, Source: m.Source, Splits: m.Splits, Bytes: m.Bytes(), Rows: map[string]int64{}, Arrays: []ArrayDescription{}}
	for _, shard := range m.Shards {
		d.Rows[shard.Table] += shard.Rows
	}
	for sample, err := range s.Dataset.Samples(ctx, loaders.SampleQuery{}) {
		if err != nil {
			return nil, err
		}
		for i := range sample.Arrays {
			d.add(&sample.Arrays[i])
		}
	}
	slices.SortFunc(d.Arrays, func(a, b ArrayDescription) int { return strings.Compare(a.Name, b.Name) })
	s.description = d
	return d, nil
}

// add takes an array of a sample.
func (d *Description) add(a *schemas.Array) {
	i := slices.IndexFunc(d.Arrays, func(b ArrayDescription) bool { return b.Name == a.Name })
	if i < 0 {
		i = len(d.Arrays)
		d.Arrays = append(d.Arrays, ArrayDescription{Name: a.Name, Role: a.Role, Axes: a.Axes, DType: schemas.DType(a.DType), MinShape: slices.Clone(a.Shape), MaxShape: slices.Clone(a.Shape)})
		if a.Role == schemas.RoleLabels {
			d.Arrays[i].DType = schemas.Int32
		}
	}
	b := &d.Arrays[i]
	b.Samples++
	b.Levels = max(b.Levels, a.Levels)
	for k := range min(len(a.Shape), len(b.MinShape)) {
		b.MinShape[k], b.MaxShape[k] = min(b.MinShape[k], a.Shape[k]), max(b.MaxShape[k], a.Shape[k])
	}
}

// info is the set's flight. It has no endpoint: what is drawn is up to a request.
func (s *set) info(ctx context.Context) (*flight.FlightInfo, error) {
	d, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	metadata, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return &flight.FlightInfo{
		Schema: flight.SerializeSchema(d.schema(), memory.DefaultAllocator), AppMetadata: metadata,
		FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{s.Name}},
		TotalRecords:     d.Rows[schemas.SamplesTable], TotalBytes: d.Bytes,
	}, nil
}

// schema has a list of elements for each array, whose extents are up to a request.
func (d *Description) schema() *arrow.Schema {
	fields := []arrow.Field{{Name: "sample_id", Type: arrow.BinaryTypes.String}}
	for _, a := range d.Arrays {
		if t := arrowstream.Element(a.DType); t != nil {
			fields = append(fields, arrow.Field{Name: a.Name, Type: arrow.ListOfNonNullable(t), Metadata: arrow.NewMetadata([]string{"axes", "role"}, []string{a.Axes, a.Role})})
		}
	}
	return arrow.NewSchema(fields, nil)
}
