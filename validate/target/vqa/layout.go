package vqa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

// layout says what the columns of a target are.
type layout struct {
	m *itemfile.Map
	// dataset is the name of the data set that a conversion makes, where the items say as much as its samples: from
	// which source and under which licence each is. "" for others.
	dataset string
	// Columns of tables of ours, which a map has no names for; "" where the file lacks them.
	kind, variant, questionID, split, batch string
	consumed                                map[string]bool // columns that are no column of the sample
	classes                                 map[string][]string
}

// usual are the names of the columns of a question an item, the most telling first.
var usual = struct{ id, image, question, options, answer, index, kind, tags, dataset, pixel, licence []string }{
	id:       []string{"sample_id", "image_id", "id", "item_id", "key"},
	image:    []string{"image", "images", "image_path", "img", "img_path", "picture", "file_name"},
	question: []string{"question", "prompt", "query", "caption"},
	options:  []string{"options", "choices", "candidates"},
	answer:   []string{"answer", "correct_answer", "gt_answer", "response"},
	index:    []string{"answer_index", "answer_idx", "correct_index", "correct_idx", "label_index"},
	kind:     []string{"type", "question_type", "task", "category"},
	tags:     []string{"tags"},
	dataset:  []string{"dataset"},
	pixel:    []string{"pixel_size_um", "microns_per_pixel"},
	licence:  []string{"licence", "license"},
}

// guessLayout finds a map by the names of the columns; structs are those that hold structs.
func guessLayout(columns []schemas.Column) (*layout, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	has := func(name string) bool { return slices.Contains(names, name) }
	isStruct := func(name string) bool {
		return slices.ContainsFunc(columns, func(c schemas.Column) bool { return c.Name == name && c.Type == schemas.TypeStruct })
	}
	switch {
	case isStruct("questions"), isStruct("captions"):
		return mapped("ubench", names)
	case has("key_question") && has("images_list"):
		return mapped("microvqa", names)
	}
	first := func(of []string) string {
		if i := slices.IndexFunc(of, has); i >= 0 {
			return of[i]
		}
		return ""
	}
	own := func(name string) string { return first([]string{name}) }
	m := &itemfile.Map{
		ID: first(usual.id), Image: first(usual.image), Dataset: first(usual.dataset), Group: own("group_id"),
		PixelSize: first(usual.pixel), ItemLicence: first(usual.licence),
	}
	q := itemfile.QuestionMap{
		Kind: "question", Question: first(usual.question), Options: first(usual.options), Answer: first(usual.answer),
		AnswerIndex: first(usual.index), Type: first(usual.kind), Tags: first(usual.tags),
	}
	l := &layout{m: m, kind: own("kind"), variant: own("variant"), questionID: own("question_id"), split: own("split"), batch: own("batch_id")}
	switch {
	case q.Question != "" || q.Options != "" && q.Answer != "":
		m.Questions = []itemfile.QuestionMap{q}
	case m.Image == "":
		return nil, fmt.Errorf("the columns are no questions and no pictures: want question, options, answer, answer_index or image; have %s", strings.Join(names, ", "))
	}
	if l.questionID == "" && m.ID != "id" {
		l.questionID = own("id")
	}
	l.consume(names)
	return l, nil
}

// mapped is the layout of a map that comes with micropq.
func mapped(name string, columns []string) (*layout, error) {
	m, err := itemfile.MapNamed(name)
	if err != nil {
		return nil, err
	}
	l := &layout{m: m}
	if slices.Contains(columns, m.Dataset) && slices.Contains(columns, m.ItemLicence) {
		l.dataset = m.Name
	}
	l.consume(columns)
	return l, nil
}

// consume notes the columns that are told otherwise than as a column of the sample.
func (l *layout) consume(columns []string) {
	l.consumed = map[string]bool{}
	for _, name := range append(l.m.Names(), l.kind, l.variant, l.questionID, l.split, l.batch) {
		l.consumed[name] = true
	}
}

// rows reports whether an item may stand in several rows, each with a question.
func (l *layout) rows() bool {
	return l.m.ID != "" && len(l.m.Questions) == 1 && l.m.Questions[0].Each == "" && l.m.Name != "microvqa"
}
