package vqa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

// Sample is a row of samples.
type Sample struct {
	schemas.Sample
	ImageFormat    *string `parquet:"image_format,optional,dict" doc:"PNG, JPEG or TIFF, by the bytes of image"`
	Width          *int32  `parquet:"width,optional" doc:"pixels of image"`
	Height         *int32  `parquet:"height,optional" doc:"rows of image"`
	ImageMode      *string `parquet:"image_mode,optional,dict" doc:"mode of image as Pillow calls it: L, RGB, RGBA"`
	ImageDigest    *uint64 `parquet:"image_digest,optional" doc:"xxh64, seed 0, of image.bytes"`
	PixelDigest    *uint64 `parquet:"pixel_digest,optional" doc:"xxh64, seed 0, of the decoded pixels, their layout and size; null where not decoded"`
	PerceptualHash *uint64 `parquet:"perceptual_hash,optional" doc:"64-bit DCT hash: images that look alike differ in few bits"`
	Extra          *string `parquet:"extra,optional" doc:"JSON: columns of the source whose type varies by row"`
}

// Question is a row of questions.
type Question struct {
	schemas.Question
	Dataset  *string `parquet:"dataset,optional,dict" doc:"samples.dataset"`
	SourceID *string `parquet:"source_id,optional" doc:"id in the source"`
	Extra    *string `parquet:"extra,optional" doc:"JSON: fields of the source whose type varies by row"`
}

// Instance is a row of instances.
type Instance struct {
	schemas.Instance
	Box     []float64 `parquet:"box,optional,list" doc:"x0, y0, x1, y1 as in the source"`
	Polygon []float64 `parquet:"polygon,optional,list" doc:"x, y of each vertex as in the source"`
	Point   []float64 `parquet:"point,optional,list" doc:"x, y as in the source"`
	Extra   *string   `parquet:"extra,optional" doc:"JSON: what else the source says of the object"`
}

var (
	samplesTable   = schemas.MustTableOf[Sample](schemas.SamplesTable, schemas.Samples.Doc)
	questionsTable = schemas.MustTableOf[Question](schemas.QuestionsTable, schemas.Questions.Doc)
	instancesTable = schemas.MustTableOf[Instance](schemas.InstancesTable, schemas.Instances.Doc)
)

// imagesColumn lists the samples of a question on several images.
const imagesColumn = "images"

// resolvedColumn is the repair of dataset.
const resolvedColumn = "dataset_resolved"

// layout says what becomes of the columns of the source.
type layout struct {
	m       *Map
	resolve func(value func(column string) any) string
	columns []schemas.Column // of the source, those of all inputs united
	at      map[string]int   // their positions

	own       []int // columns of samples
	ownTypes  []schemas.Column
	extra     []int // columns that go into samples.extra
	questions []questionLayout
	fields    []schemas.Column // of questions, which the table lacks
	fieldName []string         // their names in the source
	several   bool             // an item may have several images

	samples, questionRows, instances *schemas.Table
}

// questionLayout is a QuestionMap whose columns the source has.
type questionLayout struct {
	QuestionMap
	fields []string // of the struct column, in order
}

func newLayout(m *Map, columns []schemas.Column, resolve func(func(string) any) string) (*layout, error) {
	l := &layout{m: m, columns: columns, at: map[string]int{}, resolve: resolve}
	for i, c := range columns {
		l.at[c.Name] = i
	}
	if err := l.checkMap(); err != nil {
		return nil, err
	}
	consumed := l.consumed()
	taken := map[string]bool{resolvedColumn: resolve != nil}
	for _, c := range samplesTable.Columns {
		taken[c.Name] = true
	}
	for i, c := range columns {
		switch {
		case consumed[c.Name]:
		case c.Type == itemfile.TypeMixed:
			l.extra = append(l.extra, i)
		default:
			c = itemfile.Storable(c)
			c.Name = freeName(c.Name, taken)
			c.Dict = slices.Contains(m.Categories, columns[i].Name) && c.Type == schemas.TypeString
			c.Doc = "column " + columns[i].Name + " of the source"
			l.own, l.ownTypes = append(l.own, i), append(l.ownTypes, c)
		}
	}
	if i, ok := l.at[m.Image]; ok {
		l.several = columns[i].Type == schemas.TypeList
	}
	l.questionFields()
	return l, l.tables()
}

// freeName is the name that a column of the source has in samples.
func freeName(name string, taken map[string]bool) string {
	name = strings.ReplaceAll(name, ",", "_")
	if name == "" {
		name = "column"
	}
	for taken[name] {
		name = "source_" + name
	}
	taken[name] = true
	return name
}

// checkMap checks that the source has what the map cannot do without.
func (l *layout) checkMap() error {
	var missing []string
	need := func(name string) {
		if _, ok := l.at[name]; name != "" && !ok {
			missing = append(missing, name)
		}
	}
	need(l.m.ID)
	need(l.m.Image)
	for _, q := range l.m.Questions {
		if q.Each == "" {
			need(q.Question)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var have []string
	for _, c := range l.columns {
		have = append(have, c.Name)
	}
	return fmt.Errorf("the map names columns that the source lacks: %s; it has %s", strings.Join(missing, ", "), strings.Join(have, ", "))
}

// consumed are the columns that are told otherwise than as a column of samples.
func (l *layout) consumed() map[string]bool {
	consumed := map[string]bool{}
	for _, name := range l.m.Names() {
		consumed[name] = true
	}
	for _, name := range []string{l.m.ID, l.m.Dataset, l.m.Group} {
		if i, ok := l.at[name]; ok && l.columns[i].Type != schemas.TypeString {
			consumed[name] = false // its text is not all it says
		}
	}
	consumed[l.m.Group] = false
	return consumed
}

// questionFields finds the fields of questions that the table has no column for.
func (l *layout) questionFields() {
	taken := map[string]bool{}
	for _, c := range questionsTable.Columns {
		taken[c.Name] = true
	}
	taken[imagesColumn], taken[resolvedColumn] = true, true
	var rest []schemas.Column
	for _, q := range l.m.Questions {
		i, ok := l.at[q.Each]
		if q.Each == "" {
			l.questions = append(l.questions, questionLayout{QuestionMap: q})
			continue
		}
		if !ok || l.columns[i].Type == itemfile.TypeNull {
			continue
		}
		ql := questionLayout{QuestionMap: q}
		for _, f := range l.columns[i].Fields {
			ql.fields = append(ql.fields, f.Name)
			for _, sub := range f.Fields {
				if !slices.Contains(q.FieldNames(), sub.Name) {
					rest, _ = mergeLoose(rest, sub)
				}
			}
		}
		l.questions = append(l.questions, ql)
	}
	for _, c := range rest {
		if c.Type != itemfile.TypeMixed {
			c = itemfile.Storable(c)
			c.Doc = "field " + c.Name + " of the question in the source"
			l.fieldName = append(l.fieldName, c.Name)
			c.Name = freeName(c.Name, taken)
			l.fields = append(l.fields, c)
		}
	}
}

// mergeLoose adds a field to fields, mixed where its types have nothing in common.
func mergeLoose(fields []schemas.Column, f schemas.Column) ([]schemas.Column, bool) {
	for i := range fields {
		if fields[i].Name == f.Name {
			fields[i] = itemfile.Merge(fields[i], f, true)
			return fields, fields[i].Type != itemfile.TypeMixed
		}
	}
	return append(fields, f), true
}

// tables adds the columns found to the tables.
func (l *layout) tables() (err error) {
	resolved := schemas.Column{Name: resolvedColumn, Type: schemas.TypeString, Nullable: true, Dict: true,
		Doc: "source data set of items whose dataset is null, by other columns"}
	var samples, questions []schemas.Column
	if l.resolve != nil {
		samples, questions = append(samples, resolved), append(questions, resolved)
	}
	if l.several {
		elem := schemas.Column{Type: schemas.TypeString, Nullable: true}
		questions = append(questions, schemas.Column{Name: imagesColumn, Type: schemas.TypeList, Nullable: true, Elem: &elem,
			Doc: "sample ids of all images that the question is on, in order"})
	}
	if l.samples, err = samplesTable.With(append(samples, l.ownTypes...)...); err != nil {
		return err
	}
	l.questionRows, err = questionsTable.With(append(questions, l.fields...)...)
	l.instances = instancesTable
	return err
}

// wanted are the positions of the columns that a table's rows are made of, nil for all.
func (l *layout) wanted(table string) []int {
	if table == schemas.SamplesTable {
		return nil
	}
	var out []int
	for i, c := range l.columns {
		if c.Name == l.m.Image && !l.several {
			continue
		}
		if slices.Contains(l.m.Names(), c.Name) || l.resolve != nil && c.Type == schemas.TypeString {
			out = append(out, i)
		}
	}
	return out
}

// hasObjects reports whether the source has a column of objects.
func (l *layout) hasObjects() bool {
	return slices.ContainsFunc(l.m.Objects, func(o AnnotationMap) bool { _, ok := l.at[o.Column]; return ok })
}
