package publish

import (
	"context"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/measure"
	"github.com/micropq/micropq/schemas"
)

// A source's columns of instances that follow from masks are computed anew where masks
// changed. They are known by their names; others are kept.
type (
	// flatShape is what an object of two dimensions is measured by, solidShape one of three.
	flatShape struct {
		measure.Measurements
		Pieces int32 `parquet:"pieces"`
		Holes  int32 `parquet:"holes"`
	}
	solidShape struct {
		measure.Solid
	}
	// relations are those of an object to the others of its array.
	relations struct {
		Touching []int64 `parquet:"touching,list"`
		Shared   int64   `parquet:"shared_voxels"`
	}
)

var (
	flatTable      = schemas.MustTableOf[flatShape](schemas.InstancesTable, "")
	solidTable     = schemas.MustTableOf[solidShape](schemas.InstancesTable, "")
	relationsTable = schemas.MustTableOf[relations](schemas.InstancesTable, "")
)

// drawing is what the instances of an edited array look like after the edits.
type drawing struct {
	redrawn   bool // some mask changed, appeared or vanished
	axes      string
	box       schemas.BBox
	size      []float64
	masks     map[int64]mask.Mask
	relations map[int64]*relations
	moved     map[int64]bool // instances whose mask changed or is new
}

// draw finds what changed in an array.
func (p *publisher) draw(ctx context.Context, ref schemas.ArrayRef) (*drawing, error) {
	axes, box, err := p.editor.Axes(ctx, ref.Sample, ref.Array)
	if err != nil {
		return nil, err
	}
	d := &drawing{axes: axes, masks: map[int64]mask.Mask{}, relations: map[int64]*relations{}, moved: map[int64]bool{}, size: p.changes.size[ref.Sample]}
	if box != nil {
		d.box = *box
	}
	before := map[int64]*journal.State{}
	for in, err := range p.editor.Dataset.Instances(ctx, ref.Sample, ref.Array) {
		if err != nil {
			return nil, err
		}
		if _, touched := p.changes.touched[ref][in.InstanceID]; touched {
			before[in.InstanceID] = journal.StateOf(&in.Instance)
		}
	}
	for id, k := range p.changes.touched[ref] {
		after, _, err := p.editor.Journal.State(k)
		if err != nil {
			return nil, err
		}
		if old := before[id]; old == nil || after == nil || after.Shape != nil && !after.Equal(withShape(*after, old.Shape)) {
			d.moved[id] = after != nil
			d.redrawn = d.redrawn || old != nil || after != nil
		}
	}
	if !d.redrawn {
		return d, nil
	}
	view, err := p.editor.View(ctx, ref.Sample, ref.Array)
	if err != nil {
		return nil, err
	}
	for _, in := range view {
		m, err := edit.Mask(&in.Instance, mask.OrderOf(axes))
		if err != nil {
			return nil, err
		}
		if m != nil {
			d.masks[in.InstanceID] = m
		}
	}
	d.relate()
	return d, nil
}

func withShape(s journal.State, shape *journal.Shape) *journal.State {
	s.Shape = shape
	return &s
}

// relate compares each object with the others.
func (d *drawing) relate() {
	ids := sortedKeys(d.masks)
	masks := make([]mask.Mask, len(ids))
	for i, id := range ids {
		masks[i] = d.masks[id]
	}
	for i, near := range mask.Neighbours(masks, mask.Faces) {
		r := &relations{}
		for _, k := range near {
			r.Touching = append(r.Touching, ids[k])
		}
		d.relations[ids[i]] = r
	}
	// What several objects share is what objects have in common with the union of the others.
	common := map[int]mask.Mask{}
	for _, o := range mask.Overlaps(masks, masks) {
		if o.A != o.B {
			common[o.A] = mask.Union(common[o.A], mask.Intersect(masks[o.A], masks[o.B]))
		}
	}
	for i, m := range common {
		d.relations[ids[i]].Shared = m.Area()
	}
}

// pixel is the size of a square pixel in micrometres, 0 where it is not known.
func (d *drawing) pixel() float64 {
	n := len(d.size)
	if n < 2 || max(d.size[n-1], d.size[n-2]) > 1.001*min(d.size[n-1], d.size[n-2]) {
		return 0
	}
	return d.size[n-1]
}

// override computes the columns of an instance that follow from masks, by leaf of the file.
func (d *drawing) override(c *columns, id int64) (map[int][]parquet.Value, error) {
	values := map[int][]parquet.Value{}
	m, ok := d.masks[id]
	if !d.redrawn || !ok {
		return values, nil
	}
	if err := c.put(values, relationsTable, d.relations[id]); err != nil || !d.moved[id] {
		return values, err
	}
	if mask.OrderOf(d.axes) == mask.COrder {
		var size [3]float64
		copy(size[:], d.size)
		if len(d.size) != 3 {
			size = [3]float64{}
		}
		return values, c.put(values, solidTable, &solidShape{measure.SolidOf(m, int(d.box.Z1), int(d.box.Y1), int(d.box.X1), size)})
	}
	shape := &flatShape{
		Measurements: measure.Of(m, measure.Image{Height: int(d.box.Y1), Width: int(d.box.X1), PixelSizeUM: d.pixel()}),
		Pieces:       int32(m.CountPieces(mask.Corners)), Holes: int32(m.CountHoles(mask.Corners)),
	}
	return values, c.put(values, flatTable, shape)
}

// put adds the values of those columns of a table that the file has, too.
func (c *columns) put(dst map[int][]parquet.Value, t *schemas.Table, row any) error {
	values, err := t.Row(nil, row)
	if err != nil {
		return err
	}
	for _, v := range values {
		path := t.Parquet().Columns()[v.Column()]
		mine, _ := t.Parquet().Lookup(path...)
		leaf, ok := c.file.Lookup(path...)
		if !ok || leaf.Node.Type().Kind() != mine.Node.Type().Kind() || leaf.MaxRepetitionLevel != mine.MaxRepetitionLevel {
			continue
		}
		definition := v.DefinitionLevel()
		switch {
		case leaf.MaxDefinitionLevel == mine.MaxDefinitionLevel:
		case v.IsNull() || mine.MaxRepetitionLevel > 0:
			continue // there a null has another place
		default:
			definition = leaf.MaxDefinitionLevel
		}
		dst[leaf.ColumnIndex] = append(dst[leaf.ColumnIndex], v.Level(v.RepetitionLevel(), definition, leaf.ColumnIndex))
	}
	return nil
}
