package labels

import (
	"context"
	"fmt"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/measure"
	"github.com/micropq/micropq/internal/ordered"
	"github.com/micropq/micropq/schemas"
)

// Session implements convert.Source.
func (s *Source) Session(ctx context.Context, tasks []convert.Task, res convert.Resources) (convert.Session, error) {
	if tasks[0].Table == schemas.ChunksTable {
		all := make([]arrays.Sample, 0, len(s.sections))
		for _, sm := range s.sections {
			all = append(all, sm.bound(ctx, s))
		}
		return arrays.NewSession(all, tasks, s.options.Encoding, res)
	}
	g, err := arrays.NewGatherer(s.tasks, res.Facts)
	if err != nil {
		return nil, err
	}
	return arrays.RowSession{Write: (&rowSession{source: s, facts: g, res: res}).write}, nil
}

// bound is the sample with sources whose reads ctx bounds.
func (sm *sample) bound(ctx context.Context, s *Source) arrays.Sample {
	out := sm.arrays
	out.Arrays = make([]arrays.Array, len(sm.arrays.Arrays))
	for i, a := range sm.arrays.Arrays {
		a.Source = sm.headers[a.Name].source(ctx, s.store)
		out.Arrays[i] = a
	}
	return out
}

// rowSession writes the rows of samples and instances.
type rowSession struct {
	source *Source
	facts  *arrays.Gatherer
	res    convert.Resources
}

// write writes the rows of a sample into a shard of either table.
func (r *rowSession) write(ctx context.Context, table, id string, w *convert.Shard) error {
	sm := r.source.sections[id]
	switch {
	case sm == nil:
		return fmt.Errorf("plan names sample %q, which the source lacks", id)
	case table == schemas.InstancesTable:
		return r.instances(ctx, sm, w)
	}
	return r.sample(ctx, sm, w)
}

// instances writes the rows of a section: those of each array together, in the order of the
// arrays' names.
func (r *rowSession) instances(ctx context.Context, sm *sample, w *convert.Shard) error {
	facts, err := r.facts.Sample(sm.id, func(a string) bool { return a != rawArray })
	if err != nil {
		return err
	}
	e := newEvidence(sm.section, facts, r.source.layout)
	touched := map[string]bool{} // classes whose masks meet an instance
	for _, m := range sm.members {
		rows := rowsOf{session: r, sample: sm, array: m.array(), annotator: m.Annotator}
		parts := facts[m.array()]
		switch {
		case m.Role == Instances:
			rows.evidence, rows.touched = e, touched
			err = rows.write(ctx, labelled(parts.Parts), w)
		case m.Role == SecondAnnotation:
			err = rows.write(ctx, labelled(parts.Parts), w)
		case m.Role == ClassMask && m.Regions:
			rows.array, rows.class = regionsPrefix+strings.ToLower(m.Class), m.Class
			err = rows.write(ctx, regions(parts.Parts), w)
		}
		if err != nil {
			return err
		}
	}
	return e.checkTouched(sm, touched)
}

// checkTouched refuses a class mask that lies beside every instance: it is of another
// section, or on another grid. Regions may lie where no instance is.
func (e *evidence) checkTouched(sm *sample, touched map[string]bool) error {
	for _, c := range e.masks {
		m := sm.byArray(c.array)
		if len(c.all) > 0 && !touched[c.class] && !m.Regions {
			return convert.Inputf(sm.id, m.key, "the %s has %d pixels and touches no instance: is it the mask of another section?", m.what(), c.all.Area())
		}
	}
	return nil
}

// byArray is the member of an array.
func (s *section) byArray(name string) *member {
	for i := range s.members {
		if s.members[i].array() == name {
			return &s.members[i]
		}
	}
	return nil
}

// rowsOf are the rows of the objects of one array.
type rowsOf struct {
	session   *rowSession
	sample    *sample
	array     string
	annotator string
	evidence  *evidence       // decides the class; nil where there is none to decide
	touched   map[string]bool // of evidence: filled in
	class     string          // of every object, where evidence is nil
}

// finished is a row that is ready to be written.
type finished struct {
	row     *Instance
	verdict verdict
}

func (r *rowsOf) write(ctx context.Context, objects []object, w *convert.Shard) error {
	neighbours := touching(objects)
	hw := r.sample.headers[r.sample.members[0].array()].plane()
	image := measure.Image{Height: hw[0], Width: hw[1], PixelSizeUM: r.sample.squarePixel(r.session.source.layout)}
	res := r.session.res
	return ordered.Each(ctx, len(objects), res.Workers, 4*res.Workers,
		func(ctx context.Context, i int) (f finished, err error) {
			if err := res.CPU.Acquire(ctx); err != nil {
				return f, err
			}
			defer res.CPU.Release()
			f = r.finish(objects[i], image)
			f.row.Touching = neighbours[i]
			return f, nil
		},
		func(f finished) error {
			for class, share := range f.verdict.shares {
				if share > 0 {
					r.touched[class] = true
				}
			}
			return w.Write(f.row, r.session.source.shareValues(f.verdict)...)
		})
}

// finish makes the row of an object, but for its neighbours.
func (r *rowsOf) finish(o object, image measure.Image) finished {
	box := o.mask.BBox()
	row := &Instance{
		Instance: schemas.Instance{
			SampleID: r.sample.id, Array: r.array, InstanceID: o.id, Label: &o.label,
			BBox: &box, Area: ptr(o.mask.Area()), Centroid: ptr(o.mask.Centroid()),
			RLE: o.mask.Counts(box, mask.ColumnMajor),
		},
		Pieces:       int32(o.mask.CountPieces(mask.Corners)),
		Holes:        int32(o.mask.CountHoles(mask.Corners)),
		Measurements: measure.Of(o.mask, image),
	}
	if r.annotator != "" {
		row.Annotator = &r.annotator
	}
	var v verdict
	if r.evidence != nil {
		v = r.evidence.decide(o.mask)
	} else if r.class != "" {
		v.class = &r.class
	}
	row.Class, row.Status, row.Reasons = v.class, v.status, v.reasons
	row.AMvsNAM, row.AMvsNAMShare = v.value, v.share
	return finished{row, v}
}

// sample writes the row of a section.
func (r *rowSession) sample(_ context.Context, sm *sample, w *convert.Shard) error {
	facts, err := r.facts.Sample(sm.id, func(string) bool { return true })
	if err != nil {
		return err
	}
	digest, err := arrays.SourceDigest(facts)
	if err != nil {
		return &convert.InputError{Sample: sm.id, Err: err}
	}
	clinical := r.source.clinical.of(sm.section)
	row := Sample{Sample: sm.row(r.source.layout), Section: sm.name, Diagnosis: clinical.diagnosis}
	row.SourceDigest = &digest
	if sm.technique != "" {
		row.Technique = &sm.technique
	}
	if row.PixelSizeUM == nil {
		row.PixelSizeNote = ptr(sm.whyNoPixelSize())
	}
	var img, labels *arrays.Projection
	if f := facts[rawArray]; f != nil {
		img = f.Projection
		row.Channels = r.source.channels(sm)
		row.EmptyChannels = empty(img, sm.headers[rawArray].dtype, row.Channels)
	}
	if f := facts[sm.preview()]; f != nil {
		labels = f.Projection
	}
	if f := facts[instancesArray]; f != nil {
		row.Instances = ptr(int32(len(f.Parts)))
	}
	png, err := arrays.Preview(img, labels, arrays.PreviewOptions{Boundaries: true})
	if err != nil {
		return err
	}
	row.Preview = &schemas.Image{Bytes: png, Path: ptr(sm.id + ".png")}
	return w.Write(&row, clinical.values...)
}

// preview is the array of labels shown beside the image.
func (sm *sample) preview() string {
	for _, role := range []Role{Instances, SecondAnnotation, ClassMask} {
		if m := sm.member(role); m != nil {
			return m.array()
		}
	}
	return ""
}

// row is what the source says of the section, without what its pixels say.
func (sm *sample) row(l *Layout) schemas.Sample {
	row := schemas.Sample{
		SampleID: sm.id,
		Dataset:  &l.Dataset.Name,
		Split:    sm.split,
		Source:   sm.members[0].key,
	}
	if l.Dataset.Licence != "" {
		row.Licence = &l.Dataset.Licence
	}
	if sm.technique != "" {
		row.Subset = &sm.technique
	}
	if l.group != nil {
		if g, ok := firstGroup(l.group, sm.name); ok {
			row.GroupID = &g
		}
	}
	row.PixelSizeUM, row.PixelSizeSource = sm.pixelSize(l)
	for i := range sm.arrays.Arrays {
		a := sm.arrays.Arrays[i].Describe()
		row.Arrays = append(row.Arrays, a)
		if a.Name == rawArray {
			row.Axes, row.Shape, row.DType = &a.Axes, a.Shape, &a.DType
			row.Source = sm.member(Image).key
		}
	}
	return row
}
