package vqa

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// item is a record taken apart.
type item struct {
	l      *layout
	record record
	id     string
	split  string
	values []any // of the layout's columns
}

// get is the value of a column of the source, nil where there is none.
func (it *item) get(name string) any {
	if i, ok := it.l.at[name]; ok {
		return it.values[i]
	}
	return nil
}

// fail blames a column or field of the item.
func (it *item) fail(where string, err error) error {
	return &itemError{file: it.record.file, row: it.record.row, sample: it.id, where: where, err: err}
}

// sampleID is the id of an item by the value of its id column.
func sampleID(m *Map, r record, v any) (string, error) {
	if m.ID == "" {
		stem, _, _ := strings.Cut(r.file[strings.LastIndexByte(r.file, '/')+1:], ".")
		return fmt.Sprintf("%s-%06d", stem, r.row), nil
	}
	id := text(v)
	if id == nil || *id == "" {
		return "", &itemError{file: r.file, row: r.row, where: m.ID, err: errors.New("the item has no id")}
	}
	return *id, nil
}

// text is a scalar as text, nil for null and for what is no scalar.
func text(v any) *string {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = string(v)
	case int32, int64, uint64, bool:
		s = fmt.Sprint(v)
	case float32:
		s = strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		s = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return nil
	}
	return &s
}

// sampleRow is a row of samples and its columns of the source.
type sampleRow struct {
	Sample
	own []any
}

// samples makes a row for each of the item's images, one for none.
func (it *item) samples(images []schemas.Image) ([]*sampleRow, error) {
	own, err := it.own()
	if err != nil {
		return nil, err
	}
	base := schemas.Sample{
		Dataset: text(it.get(it.l.m.Dataset)),
		GroupID: text(it.get(it.l.m.Group)),
		Split:   it.split,
		Source:  fmt.Sprintf("%s#%d", it.record.file, it.record.row),
		Licence: spdx(text(it.get(it.l.m.ItemLicence))),
	}
	if it.record.document {
		base.Source = it.record.file
	}
	if um, ok := it.pixelSize(); ok {
		from := schemas.FromFile
		base.PixelSizeUM, base.PixelSizeSource = []float64{um, um}, &from
	}
	var rows []*sampleRow
	for i := range max(1, len(images)) {
		row := &sampleRow{Sample: Sample{Sample: base, Extra: it.extra()}, own: own}
		row.SampleID = it.imageID(i)
		if i < len(images) {
			row.Image = &images[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// pixelSize is the number that the source was written with, in the type of its column.
func (it *item) pixelSize() (um float64, ok bool) {
	i, ok := it.l.at[it.l.m.PixelSize]
	if !ok {
		return 0, false
	}
	v, err := coerce(&it.l.columns[i], it.values[i])
	if err != nil {
		return 0, false // own reports it
	}
	um, ok = number(v)
	return um, ok && um > 0
}

// imageID is the sample id of image i.
func (it *item) imageID(i int) string {
	if i == 0 {
		return it.id
	}
	return fmt.Sprintf("%s#%d", it.id, i)
}

// own are the values of the columns added to samples.
func (it *item) own() ([]any, error) {
	values := make([]any, 0, len(it.l.own)+1)
	if it.l.resolve != nil {
		values = append(values, it.resolved())
	}
	for k, i := range it.l.own {
		v, err := coerce(&it.l.ownTypes[k], it.values[i])
		if err != nil {
			return nil, it.fail(it.l.columns[i].Name, err)
		}
		values = append(values, v)
	}
	return values, nil
}

// resolved is the repaired name of the data set, nil where there is nothing to repair.
func (it *item) resolved() any {
	if it.l.resolve == nil || it.get(it.l.m.Dataset) != nil {
		return nil
	}
	if name := it.l.resolve(it.get); name != "" {
		return name
	}
	return nil
}

func (it *item) extra() *string {
	extra := map[string]any{}
	for _, i := range it.l.extra {
		if it.values[i] != nil {
			extra[it.l.columns[i].Name] = it.values[i]
		}
	}
	return jsonOrNil(extra)
}

func jsonOrNil(m map[string]any) *string {
	if len(m) == 0 {
		return nil
	}
	s := toJSON(m)
	return &s
}

// ccLicence is how people write the licences of Creative Commons.
var ccLicence = regexp.MustCompile(`^(?i)cc[ -]by((?:[ -](?:nc|nd|sa))*)[ -]([1-4]\.[05])$`)

// spdx is the SPDX identifier of a licence, nil where it is none.
func spdx(licence *string) *string {
	if licence == nil {
		return nil
	}
	s := strings.TrimSpace(*licence)
	if m := ccLicence.FindStringSubmatch(s); m != nil {
		s = "CC-BY" + strings.ToUpper(strings.ReplaceAll(m[1], " ", "-")) + "-" + m[2]
		return &s
	}
	switch strings.ToLower(strings.NewReplacer(" ", "-").Replace(s)) {
	case "cc0", "cc0-1.0":
		s = "CC0-1.0"
	case "mit":
		s = "MIT"
	case "apache-2.0":
		s = "Apache-2.0"
	default:
		return nil
	}
	return &s
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case float32:
		return shortest(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// shortest is the number that a float32 was written for: 0.25, not 0.25000000372529.
func shortest(v float32) float64 {
	f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return float64(v)
	}
	return f
}

// questionRow is a row of questions and its columns beyond the table's.
type questionRow struct {
	Question
	fields []any
}

// questions makes the rows of the item's questions. images is the number of its images.
func (it *item) questions(images int) ([]*questionRow, error) {
	var rows []*questionRow
	for i := range it.l.questions {
		q := &it.l.questions[i]
		if q.Each == "" {
			row, err := it.question(q, "", images, func(name string) any { return it.get(name) })
			if err != nil {
				return nil, err
			}
			row.QuestionID = q.Kind
			if row.SourceID != nil {
				row.QuestionID = *row.SourceID
			}
			row.Type = text(it.get(q.Type))
			rows = append(rows, row)
			continue
		}
		each, err := it.each(q, images)
		if err != nil {
			return nil, err
		}
		rows = append(rows, each...)
	}
	return rows, nil
}

// each makes rows of the fields of a struct. A null field is no question.
func (it *item) each(q *questionLayout, images int) ([]*questionRow, error) {
	v := it.get(q.Each)
	if v == nil {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, it.fail(q.Each, fmt.Errorf("want a struct of questions, have %s", describe(infer(v))))
	}
	names := q.fields
	if names == nil {
		names = slices.Sorted(maps.Keys(m))
	}
	var rows []*questionRow
	for _, name := range names {
		if m[name] == nil {
			continue
		}
		where := q.Each + "." + name
		fields, ok := m[name].(map[string]any)
		if !ok {
			return nil, it.fail(where, fmt.Errorf("want a struct, have %s", describe(infer(m[name]))))
		}
		row, err := it.question(q, where, images, func(name string) any { return fields[name] })
		if err != nil {
			return nil, err
		}
		row.QuestionID = where
		row.Type, row.Variant = variant(name)
		if row.fields, row.Extra, err = it.questionFields(q, where, fields, row.fields); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// question makes a row of what get finds under the names of the map.
func (it *item) question(q *questionLayout, where string, images int, get func(string) any) (*questionRow, error) {
	row := &questionRow{}
	row.SampleID, row.Kind = it.id, q.Kind
	row.Dataset = text(it.get(it.l.m.Dataset))
	place := func(name string) string { return strings.TrimPrefix(where+"."+name, ".") }
	var err error
	if row.Question.Question.Question, err = plain(get(q.QuestionMap.Question)); err != nil {
		return nil, it.fail(place(q.QuestionMap.Question), err)
	}
	if row.Answer, err = plain(get(q.Answer)); err != nil {
		return nil, it.fail(place(q.Answer), err)
	}
	if row.Options, err = texts(get(q.Options)); err != nil {
		return nil, it.fail(place(q.Options), err)
	}
	if row.Tags, err = tags(get(q.Tags)); err != nil {
		return nil, it.fail(place(q.Tags), err)
	}
	if row.AnswerIndex, err = answerIndex(get(q.AnswerIndex), row.Options); err != nil {
		return nil, it.fail(place(q.AnswerIndex), err)
	}
	row.SourceID = text(get(q.ID))
	if it.l.resolve != nil {
		row.fields = append(row.fields, it.resolved())
	}
	if it.l.several {
		ids := make([]any, images)
		for i := range ids {
			ids[i] = it.imageID(i)
		}
		row.fields = append(row.fields, ids)
	}
	if q.Each == "" {
		row.fields = append(row.fields, make([]any, len(it.l.fields))...)
	}
	return row, nil
}

// questionFields appends the values of a question's fields that the table has no column
// for; those without a type in common go into extra.
func (it *item) questionFields(q *questionLayout, where string, fields map[string]any, into []any) ([]any, *string, error) {
	known := map[string]bool{}
	for _, name := range q.QuestionMap.fields() {
		known[name] = true
	}
	for i := range it.l.fields {
		c := &it.l.fields[i]
		name := it.l.fieldName[i]
		v, err := coerce(c, loose(c, fields[name]))
		if err != nil {
			return nil, nil, it.fail(where+"."+name, err)
		}
		into = append(into, v)
		known[name] = true
	}
	extra := map[string]any{}
	for name, v := range fields {
		if !known[name] && v != nil {
			extra[name] = v
		}
	}
	return into, jsonOrNil(extra), nil
}

// loose lets integers stand in a column of floats, where questions differ in that.
func loose(c *schemas.Column, v any) any {
	if i, ok := v.(int64); ok && c.Type == schemas.TypeFloat64 {
		return float64(i)
	}
	return v
}

var variantName = regexp.MustCompile(`^(.+)_([0-9]{1,9})$`)

// variant takes a field's name apart: modality_0 is the variant 0 of type modality.
func variant(name string) (kind *string, n *int32) {
	m := variantName.FindStringSubmatch(name)
	if m == nil {
		return &name, nil
	}
	i, err := strconv.ParseInt(m[2], 10, 32)
	if err != nil {
		return &name, nil
	}
	v := int32(i)
	return &m[1], &v
}

func plain(v any) (*string, error) {
	if s := text(v); s != nil || v == nil {
		return s, nil
	}
	return nil, fmt.Errorf("want text, have %s", describe(infer(v)))
}

// texts is a list of text, nil for null. A null among options is told from an empty text.
func texts(v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list of text, have %s", describe(infer(v)))
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			return nil, fmt.Errorf("want a list of text, element %d is %s", i, describe(infer(e)))
		}
	}
	return out, nil
}

// tags also takes a single text.
func tags(v any) ([]string, error) {
	if s, ok := v.(string); ok {
		return []string{s}, nil
	}
	return texts(v)
}

// answerIndex is the position of the right option, given as a number or as its digits. nil
// is null; an index without options cannot be checked.
func answerIndex(v any, options []string) (*int32, error) {
	if v == nil {
		return nil, nil
	}
	i := int64(-1)
	if s, ok := v.(string); ok {
		var err error
		if i, err = strconv.ParseInt(strings.TrimSpace(s), 10, 32); err != nil {
			return nil, fmt.Errorf("want the position of an option, have %q", s)
		}
	} else if f, ok := number(v); ok && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
		i = int64(f)
	} else {
		return nil, fmt.Errorf("want the position of an option, have %v", v)
	}
	if i < 0 || options != nil && i >= int64(len(options)) {
		return nil, fmt.Errorf("answer %d of %d options", i, len(options))
	}
	n := int32(i)
	return &n, nil
}

// imagesOf finds the item's images and reads those that are given by path alone.
func (it *item) imagesOf(read func(path, beside string) ([]byte, error)) ([]schemas.Image, error) {
	v := it.get(it.l.m.Image)
	if v == nil {
		return nil, nil
	}
	list := []any{v}
	if l, ok := v.([]any); ok {
		list = l
	}
	images := make([]schemas.Image, len(list))
	for i, v := range list {
		where := it.l.m.Image
		if len(list) > 1 {
			where = fmt.Sprintf("%s[%d]", where, i)
		}
		var err error
		if images[i], err = imageOf(v); err != nil {
			return nil, it.fail(where, err)
		}
		if images[i].Bytes == nil && images[i].Path != nil {
			if images[i].Bytes, err = read(*images[i].Path, it.record.file); err != nil {
				return nil, it.fail(where, err)
			}
		}
	}
	return images, nil
}

// countImages is the number of an item's images.
func (it *item) countImages() int {
	list, ok := it.get(it.l.m.Image).([]any)
	if !ok {
		return 1
	}
	return len(list)
}

func imageOf(v any) (img schemas.Image, err error) {
	switch v := v.(type) {
	case []byte:
		img.Bytes = v
	case string:
		img.Path = &v
	case map[string]any:
		switch b := v["bytes"].(type) {
		case nil:
		case []byte:
			img.Bytes = b
		case string:
			if img.Bytes, err = base64.StdEncoding.DecodeString(b); err != nil {
				return img, fmt.Errorf("bytes: %w", err)
			}
		default:
			return img, fmt.Errorf("bytes: want bytes or base64, have %s", describe(infer(b)))
		}
		if img.Path, err = plain(v["path"]); err != nil {
			return img, fmt.Errorf("path: %w", err)
		}
		if img.Bytes == nil && img.Path == nil {
			return img, errors.New("an image without bytes and path")
		}
	default:
		return img, fmt.Errorf("want an image or its path, have %s", describe(infer(v)))
	}
	return img, nil
}
