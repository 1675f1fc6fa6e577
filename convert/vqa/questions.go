package vqa

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

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
			row.Type = itemfile.Text(it.get(q.Type))
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
		return nil, it.fail(q.Each, fmt.Errorf("want a struct of questions, have %s", itemfile.Describe(itemfile.Infer(v))))
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
			return nil, it.fail(where, fmt.Errorf("want a struct, have %s", itemfile.Describe(itemfile.Infer(m[name]))))
		}
		row, err := it.question(q, where, images, func(name string) any { return fields[name] })
		if err != nil {
			return nil, err
		}
		row.QuestionID = where
		row.Type, row.Variant = itemfile.Variant(name)
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
	row.Dataset = itemfile.Text(it.get(it.l.m.Dataset))
	place := func(name string) string { return strings.TrimPrefix(where+"."+name, ".") }
	var err error
	if row.Question.Question.Question, err = itemfile.Plain(get(q.QuestionMap.Question)); err != nil {
		return nil, it.fail(place(q.QuestionMap.Question), err)
	}
	if row.Answer, err = itemfile.Plain(get(q.Answer)); err != nil {
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
	row.SourceID = itemfile.Text(get(q.ID))
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
	for _, name := range q.QuestionMap.FieldNames() {
		known[name] = true
	}
	for i := range it.l.fields {
		c := &it.l.fields[i]
		name := it.l.fieldName[i]
		v, err := itemfile.Coerce(c, loose(c, fields[name]))
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

// texts is a list of text, nil for null. A null among options is told from an empty text.
func texts(v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list of text, have %s", itemfile.Describe(itemfile.Infer(v)))
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			return nil, fmt.Errorf("want a list of text, element %d is %s", i, itemfile.Describe(itemfile.Infer(e)))
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
	} else if f, ok := itemfile.Number(v); ok && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
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
