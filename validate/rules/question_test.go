package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/micropq/micropq/validate"
)

// asking is an item with one question.
func asking(fields object) []object { return []object{askedBy("a", fields)} }

func askedBy(id string, fields object) object {
	item := object{"sample_id": id, "question": "Which stain?", "options": []any{"H&E", "PAS", "none of the above"}, "answer": "PAS", "answer_index": 1}
	for k, v := range fields {
		item[k] = v
	}
	return item
}

// plantedLines plants items in a file of JSON Lines.
func plantedLines(items []object) func(t *testing.T, dir string) []validate.Target {
	return func(t *testing.T, dir string) []validate.Target {
		return []validate.Target{itemLines(t, dir, "items.jsonl", items...)}
	}
}

// skewed are n questions of 4 options; of ten, most are right at the first position.
func skewed(n, most int) (items []object) {
	for i := range n {
		at := i % 4
		if i/4%10 < most {
			at = 0
		}
		options := []any{"w", "x", "y", "z"}
		items = append(items, object{"sample_id": fmt.Sprint(i), "question": "?", "options": options, "answer": options[at], "answer_index": at})
	}
	return items
}

// microBench is an item in the shape of mu-Bench.
func microBench(id string, columns, questions object) object {
	item := object{"image_id": id, "image": asPNG(blank(1)), "dataset": "d", "modality": "light microscopy", "stain": "H&E", "questions": questions}
	for k, v := range columns {
		item[k] = v
	}
	return item
}

func choice(answer string, options ...any) object {
	at := 0
	for i, o := range options {
		if o == answer {
			at = i
		}
	}
	return object{"question": "Which?", "options": options, "answer": answer, "answer_idx": fmt.Sprint(at)}
}

var (
	light    = choice("Light_microscopy", "electron microscopy", "Light_microscopy", "none of the above")
	electron = choice("electron microscopy", "electron microscopy", "Light_microscopy", "none of the above")
	stain    = choice("H&E", "H&E", "PAS")
)

var questionPlants = map[string]plant{
	"QA001": {
		defect:   plantedLines(asking(object{"answer": nil, "answer_index": nil})),
		nearMiss: plantedLines(asking(object{"answer": nil})), // answer_index tells it
	},
	"QA002": {
		defect:   plantedLines(asking(object{"answer_index": 0})),
		nearMiss: plantedLines(asking(object{"options": []any{"H&E", "PAS", "PAS "}})),
	},
	"QA003": {
		defect:   plantedLines(skewed(400, 5)),
		nearMiss: plantedLines(skewed(400, 0)),
	},
	"QA004": {
		defect:   plantedLines([]object{microBench("a", nil, object{"modality": electron, "stain": stain})}),
		nearMiss: plantedLines([]object{microBench("a", object{"stain": "hematoxylin and eosin"}, object{"modality": light, "stain": stain})}),
	},
}

func TestNullQuestions(t *testing.T) {
	dir := t.TempDir()
	for i, test := range []struct {
		fields object
		want   []string
	}{
		{nil, nil},
		{object{"question": nil, "options": nil, "answer": nil, "answer_index": nil}, []string{"error: question, options and answer of question are null or empty"}},
		{object{"question": " "}, []string{"error: question of question is null or empty"}},
		{object{"options": nil}, []string{"error: options of question is null or empty"}},
		{object{"options": []any{"H&E", "PAS", nil}}, []string{"error: option 2 of question is null or empty"}},
		{object{"options": []any{"H&E", "PAS", []any{}}}, []string{"error: question: options[2] is []: want text"}},
		{object{"options": "PAS", "answer_index": nil}, []string{`error: question: options is "PAS": want a list of text`}},
		{object{"answer": ""}, []string{"error: answer of question is null or empty"}},
		{object{"options": nil, "answer_index": nil}, nil}, // free text
		{object{"kind": "caption", "options": nil, "answer": nil, "answer_index": nil}, nil},
		{object{"options": []any{1, 2, 3}, "answer": 2}, nil},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			wantReported(t, reported(t, "QA001", itemLines(t, dir, fmt.Sprintf("%d.jsonl", i), askedBy("a", test.fields))), test.want...)
		})
	}
}

func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	for i, test := range []struct {
		fields object
		want   []string
	}{
		{nil, nil},
		{object{"answer_index": "1"}, nil}, // digits
		{object{"answer_index": 1.0}, nil},
		{object{"answer_index": 2}, []string{`error: question: the answer is "PAS" and answer_index 2 is "none of the above"`}},
		{object{"answer_index": 3}, []string{`error: question: answer_index is 3, of 3 options`}},
		{object{"answer_index": -1}, []string{`error: question: answer_index is -1, of 3 options`}},
		{object{"answer_index": "b"}, []string{`error: question: answer_index is "b": want the position of an option`}},
		{object{"answer_index": 0.5}, []string{`error: question: answer_index is 0.5: want the position of an option`}},
		{object{"answer": "Silver", "answer_index": nil}, []string{`error: question: the answer "Silver" is not among the 3 options`}},
		{object{"answer": "pas", "answer_index": nil}, []string{`error: question: the answer "pas" is not among the options, but for case, spaces or marks`}},
		{object{"options": []any{"PAS", "PAS", "H&E"}}, []string{`error: question: the answer "PAS" stands at options 0 and 1`}},
		{object{"options": []any{"PAS", "H&E", "H&E"}, "answer_index": 0}, nil},
		{object{"options": nil, "answer": "anything"}, nil},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			wantReported(t, reported(t, "QA002", itemLines(t, dir, fmt.Sprintf("%d.jsonl", i), askedBy("a", test.fields))), test.want...)
		})
	}
}

func TestPositions(t *testing.T) {
	dir := t.TempDir()
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "skewed.jsonl", skewed(400, 4)...)),
		"warning: the right answers of question unnamed with 4 options are not spread evenly over their positions: 220 60 60 60 "+
			"(chi-square test of goodness of fit: X2 = 192.0, 3 degrees of freedom, p = 2e-41, w = 0.69; limit 0.01 over 1 test)")
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "few.jsonl", skewed(16, 10)...))) // too few to tell
}

func TestNoneOfTheAbove(t *testing.T) {
	dir := t.TempDir()
	of := func(n, right int) (items []object) {
		for i := range n {
			at := i % 2
			if i < right {
				at = 2
			}
			items = append(items, askedBy(fmt.Sprint(i), object{"type": "stain", "answer": nil, "answer_index": at}))
		}
		return items
	}
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "never.jsonl", of(60, 0)...)),
		`warning: "none of the above" is offered by 60 of question stain, always as the last option, and never right (chance of that with all options alike: p = 3e-11; limit 0.01 over 2 tests)`)
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "once.jsonl", of(60, 1)...)))
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "few.jsonl", of(6, 0)...)))
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "first.jsonl", askedBy("a", object{"options": []any{"None of the above", "PAS", "H&E"}}))),
		`warning: question: "None of the above" is option 0 of 0 to 2, not the last`)
}

// TestClassesOfSplits has classes that are spread over splits in other shares.
func TestClassesOfSplits(t *testing.T) {
	dir := t.TempDir()
	of := func(n, every int) (items []object) {
		for i := range n {
			answer := "lymphocyte"
			if i%every == 0 {
				answer = "monocyte"
			}
			items = append(items, object{"image_id": fmt.Sprint(i), "type": "classification", "question": "?", "answer": answer})
		}
		return items
	}
	got := reported(t, "QA003", itemLines(t, dir, "train.jsonl", of(300, 2)...), itemLines(t, dir, "test.jsonl", of(100, 10)...))
	if len(got) != 1 || !strings.HasPrefix(got[0], `warning: the answers of question classification differ between splits, most of all "lymphocyte": 50 % of train and 90 % of test (chi-square test of homogeneity`) {
		t.Errorf("got %q", got)
	}
	wantReported(t, reported(t, "QA003", itemLines(t, dir, "b-train.jsonl", of(300, 4)...), itemLines(t, dir, "b-test.jsonl", of(100, 4)...)))
}

func TestMetadata(t *testing.T) {
	both := object{"modality": light, "stain": stain}
	for name, test := range map[string]struct {
		items []object
		want  []string
	}{
		"contradiction": {[]object{microBench("a", nil, object{"modality": electron, "stain": stain})}, []string{
			`error: the right answer of "modality" is "electron microscopy", but the item's modality is "light microscopy", which is option 1`}},
		"class": {[]object{microBench("a", object{"label": "monocyte", "label_name": "monocyte"}, object{"stain": stain,
			"classification": choice("platelet", "platelet", "monocyte")})}, []string{
			`error: the right answer of "classification" is "platelet", but the item's label_name is "monocyte", which is option 1`}},
		"labels": {[]object{microBench("a", object{"label": "platelet", "label_name": "monocyte"}, both), microBench("b", object{"label": "monocyte", "label_name": "Monocyte"}, both)},
			[]string{`error: label is "platelet" and label_name is "monocyte", another label, in item a`}},
		"other names": {[]object{microBench("a", object{"label": "tumour", "label_name": "colorectal adenocarcinoma epithelium"}, both)}, nil},
		"numbers": {[]object{microBench("a", object{"label": 1, "label_name": "monocyte"}, both), microBench("b", object{"label": 1, "label_name": "platelet"}, both),
			microBench("c", object{"label": 2, "label_name": "platelet"}, both)},
			[]string{`error: label 1 has 2 names in label_name: monocyte and platelet`}},
		"promised by a column": {[]object{microBench("a", nil, both), microBench("b", nil, object{"modality": light, "stain": nil, "domain": stain})}, []string{
			`error: the question "stain" is missing: the item has a value in that column`}},
		"promised by others": {[]object{microBench("a", object{"stain": nil}, both), microBench("b", object{"stain": nil}, both), microBench("c", object{"stain": nil}, object{"modality": light, "stain": nil, "domain": stain})}, []string{
			`error: the question "stain" is missing: 2 of 3 items of its source data set have it`}},
		"not promised":   {[]object{microBench("a", nil, both), microBench("b", object{"stain": nil, "dataset": "e"}, object{"modality": light, "stain": nil})}, nil},
		"boxes all null": {[]object{microBench("a", object{"bbox": nil}, both), microBench("b", object{"bbox": nil}, both)}, []string{`error: column bbox is null or empty in every row`}},
		"boxes all null beside polygons": {[]object{microBench("a", object{"bbox": []any{nil}, "polygon": []any{object{"className": "cell", "points": []any{1, 1, 5, 1, 5, 5}}}}, both)},
			[]string{`error: column bbox is null or empty in every row`}},
		"box null": {[]object{microBench("a", object{"bbox": []any{[]any{1, 2, 3, 4}, nil}}, both)}, []string{`error: object 2 of objects has no box, polygon or point`}},
		"boxes":    {[]object{microBench("a", object{"bbox": []any{[]any{1, 2, 3, 4}}}, both), microBench("b", object{"bbox": nil}, both)}, nil},
		"box promised": {[]object{microBench("a", object{"captions": object{"modality_0": object{"question": "?", "options": []any{"a", "b"}, "answer_idx": 0, "tags": []any{"object detection"}}}}, both)},
			[]string{`error: the item has a question about where something is, and no object with a box, polygon or point`}},
	} {
		t.Run(name, func(t *testing.T) {
			wantReported(t, reported(t, "QA004", itemLines(t, t.TempDir(), "test.jsonl", test.items...)), test.want...)
		})
	}
}
