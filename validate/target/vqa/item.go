package vqa

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// unassigned is the split of files whose names tell none.
const unassigned = "unassigned"

// item is an item taken apart.
type item struct {
	record    itemfile.Record
	id        string
	images    []schemas.Image
	samples   []*validate.Sample // one for each picture, or one
	questions []*validate.Item
	objects   []itemfile.ObjectList
	unread    []error // what of it cannot be read
}

// fail notes a column that cannot be read.
func (it *item) fail(where string, err error) {
	it.unread = append(it.unread, &itemfile.Error{File: it.record.File, Row: it.record.Row, Sample: it.id, Where: where, Err: err})
}

// item takes a record apart. What is wrong with its questions is evidence.
func (w *walk) item(ctx context.Context, r itemfile.Record) *item {
	it := &item{record: r}
	values := r.Item // by column
	if w.at != nil {
		values = make(map[string]any, len(w.at))
		for name, i := range w.at {
			values[name] = r.Values[i]
		}
	}
	get := func(name string) any { return values[name] }
	if id := itemfile.Text(get(w.layout.m.ID)); id != nil && *id != "" {
		it.id = *id
	} else {
		stem, _, _ := strings.Cut(r.File[strings.LastIndexByte(r.File, '/')+1:], ".")
		it.id = fmt.Sprintf("%s-%06d", stem, r.Row) // as a conversion names it
	}
	if w.pictures() {
		w.readImages(ctx, it, get(w.layout.m.Image))
	}
	for i := range max(1, len(it.images)) {
		it.samples = append(it.samples, w.sample(it, i, get))
	}
	for name, v := range values {
		if v != nil && !w.layout.consumed[name] {
			it.samples[0].Extra[name] = w.named(name, v)
		}
	}
	for _, q := range w.layout.m.Questions {
		if q.Each == "" {
			it.questions = append(it.questions, w.row(it, q, get))
		} else {
			it.questions = append(it.questions, w.each(it, q, get(q.Each))...)
		}
	}
	it.objects, _ = itemfile.Objects(w.layout.m.Objects, get, func(where string, err error) error {
		it.fail(where, err)
		return nil
	})
	for name, found := range w.file.Columns {
		list, _ := get(name).([]any)
		w.file.Columns[name] = found || slices.ContainsFunc(list, func(v any) bool { return v != nil })
	}
	return it
}

// readImages finds the item's pictures, and reads those that are given by path, where they are wanted.
func (w *walk) readImages(ctx context.Context, it *item, v any) {
	if v == nil {
		return
	}
	list, several := v.([]any)
	if !several {
		list = []any{v}
	}
	for _, v := range list {
		img, err := itemfile.ImageOf(v)
		if err == nil && img.Bytes == nil && img.Path != nil {
			img.Bytes, err = itemfile.ReadImage(ctx, w.opened.store, *img.Path, it.record.File)
		}
		if err != nil && ctx.Err() == nil {
			it.fail(w.layout.m.Image, err)
		}
		it.images = append(it.images, img)
	}
}

// sample is the sample of picture i.
func (w *walk) sample(it *item, i int, get func(string) any) *validate.Sample {
	m := w.layout.m
	s := &validate.Sample{Place: w.place(it.record.File), Kind: validate.Question, Extra: map[string]any{}}
	s.SampleID = it.id
	if i > 0 {
		s.SampleID = fmt.Sprintf("%s#%d", it.id, i)
	}
	split := w.source.Split()
	if v := itemfile.Text(get(w.layout.split)); v != nil && *v != "" {
		split = *v
	}
	for _, other := range []string{m.Split, unassigned} {
		if split == "" {
			split = other
		}
	}
	s.Sample.Split = split
	s.Sample.Dataset, s.GroupID, s.BatchID = itemfile.Text(get(m.Dataset)), itemfile.Text(get(m.Group)), itemfile.Text(get(w.layout.batch))
	s.Licence = itemfile.Text(get(m.ItemLicence))
	if um, ok := itemfile.Number(get(m.PixelSize)); ok && um > 0 {
		s.PixelSizeUM = []float64{um, um}
	}
	s.Source = fmt.Sprintf("%s#%d", it.record.File, it.record.Row)
	s.Place.Line, s.Place.Split, s.Place.Sample = it.record.Line, split, s.SampleID
	if row := it.record.Row; !it.record.Document {
		s.Place.Row = &row
	}
	return s
}

// named gives a class label its name.
func (w *walk) named(column string, v any) any {
	names := w.layout.classes[column]
	if i, ok := itemfile.Number(v); ok && i == math.Trunc(i) && i >= 0 && i < float64(len(names)) {
		return names[int(i)]
	}
	if n, ok := v.(json.Number); ok {
		return string(n)
	}
	return v
}

// row is the question that an item is.
func (w *walk) row(it *item, m itemfile.QuestionMap, get func(string) any) *validate.Item {
	q := w.question(it, m, get)
	q.QuestionID = q.Kind
	for _, column := range []string{m.ID, w.layout.questionID} {
		if id := itemfile.Text(get(column)); id != nil {
			q.QuestionID = *id
		}
	}
	if kind := itemfile.Text(get(w.layout.kind)); kind != nil {
		q.Kind = *kind
	}
	q.Type = itemfile.Text(get(m.Type))
	if n, ok := itemfile.Number(get(w.layout.variant)); ok && n == math.Trunc(n) && math.Abs(n) < 1<<31 {
		v := int32(n)
		q.Variant = &v
	}
	q.Place.Question = q.QuestionID
	return q
}

// each are the questions in the fields of a struct. A null field is no question.
func (w *walk) each(it *item, m itemfile.QuestionMap, v any) (all []*validate.Item) {
	fields, ok := v.(map[string]any)
	if !ok && v != nil {
		it.fail(m.Each, fmt.Errorf("want a struct of questions, have %s", itemfile.Describe(itemfile.Infer(v))))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name] == nil {
			continue
		}
		one, ok := fields[name].(map[string]any)
		q := w.question(it, m, func(field string) any { return one[field] })
		if !ok {
			q.Errs = append(q.Errs, &validate.FieldError{Field: "question", Value: fields[name], Want: "a question with its fields"})
		}
		q.QuestionID = m.Each + "." + name
		q.Type, q.Variant = itemfile.Variant(name)
		q.Place.Question = q.QuestionID
		all = append(all, q)
	}
	return all
}

// question reads the fields of a question.
func (w *walk) question(it *item, m itemfile.QuestionMap, get func(string) any) *validate.Item {
	q := &validate.Item{Place: it.samples[0].Place, Sample: it.samples[0]}
	q.SampleID, q.Kind = it.id, m.Kind
	bad := func(field, want string, v any) {
		q.Errs = append(q.Errs, &validate.FieldError{Field: field, Value: itemfile.ToJSON(v), Want: want})
	}
	text := func(field string, v any) *string {
		s := itemfile.Text(v)
		if s == nil && v != nil {
			bad(field, "text", v)
		}
		return s
	}
	list := func(field string, v any) (out []string) {
		elements, ok := v.([]any)
		if !ok && v != nil {
			bad(field, "a list of text", v)
		}
		for i, e := range elements {
			s := text(fmt.Sprintf("%s[%d]", field, i), e)
			if s == nil {
				s = new(string)
			}
			out = append(out, *s)
		}
		return out
	}
	q.Question.Question, q.Answer = text("question", get(m.Question)), text("answer", get(m.Answer))
	q.Options = list("options", get(m.Options))
	if tag, ok := get(m.Tags).(string); ok {
		q.Tags = []string{tag}
	} else {
		q.Tags = list("tags", get(m.Tags))
	}
	if v := get(m.AnswerIndex); v != nil {
		if i, ok := position(v); ok {
			q.AnswerIndex = &i
		} else {
			bad("answer_index", "the position of an option", v)
		}
	}
	return q
}

// position is a number, or its digits. It may be that of no option.
func position(v any) (int32, bool) {
	if s, ok := v.(string); ok {
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		return int32(i), err == nil
	}
	f, ok := itemfile.Number(v)
	return int32(f), ok && f == math.Trunc(f) && math.Abs(f) < 1<<31
}

// instances are the item's objects.
func (w *walk) instances(it *item) (all []*validate.Instance) {
	for _, l := range it.objects {
		for i := range l.Objects {
			all = append(all, instance(it, l.Array, int64(i)+1, &l.Objects[i]))
		}
	}
	return all
}

func instance(it *item, array string, id int64, o *itemfile.Annotated) *validate.Instance {
	s := it.samples[0]
	in := &validate.Instance{Place: s.Place, Kind: validate.Question, ID: id, Class: o.Class, Axes: "YX"}
	in.Place.Array, in.Place.Instance, in.Place.BBox = array, &in.ID, o.BBox()
	in.Claim = schemas.Instance{SampleID: it.id, Array: array, InstanceID: id, Class: o.Class}
	if o.Point != nil {
		in.Claim.Centroid = &schemas.Point{Y: o.Point[1], X: o.Point[0]}
	}
	if len(s.Shape) == 2 {
		in.Shape = [3]int{1, int(s.Shape[0]), int(s.Shape[1])}
	}
	if o.Polygon == nil {
		in.Claim.BBox = o.BBox()
		return in
	}
	in.Rings = []mask.Ring{ringOf(o.Polygon)}
	if in.Shape[1] > 0 {
		in.Mask, in.MaskErr = mask.Rasterize(in.Rings, in.Shape[1], in.Shape[2])
	}
	if b := o.Box; b != nil {
		in.Drawn = &validate.Drawn{BBox: &[4]float64{b[0], b[1], b[2] - b[0], b[3] - b[1]}}
	}
	return in
}

// ringOf takes x and y in turn.
func ringOf(xy []float64) (ring mask.Ring) {
	for k := 0; k+1 < len(xy); k += 2 {
		ring = append(ring, mask.Vertex{X: xy[k], Y: xy[k+1]})
	}
	return ring
}
