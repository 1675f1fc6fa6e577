package vqa

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

func pngOf(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folder writes files and returns their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func converted(t *testing.T, dir string, o Options) (*loaders.Dataset, error) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := Open(s, dir, o)
	if err != nil {
		return nil, err
	}
	dst := filepath.Join(t.TempDir(), "out")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		return nil, err
	}
	d, err := loaders.Open(t.Context(), dst, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, nil
}

func questionsOf(t *testing.T, d *loaders.Dataset) (out []*loaders.Question) {
	t.Helper()
	for q, err := range d.Questions(t.Context(), loaders.QuestionQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, q)
	}
	return out
}

func samplesOf(t *testing.T, d *loaders.Dataset) (out []*loaders.Sample) {
	t.Helper()
	for s, err := range d.Samples(t.Context(), loaders.SampleQuery{Pictures: true}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func mapNamed(t *testing.T, name string) *Map {
	t.Helper()
	m, err := MapNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Every map that comes with micropq follows the schema.
func TestMaps(t *testing.T) {
	if names := Maps(); !reflect.DeepEqual(names, []string{"csv", "microvqa", "ubench"}) {
		t.Errorf("maps %v", names)
	}
	for _, name := range Maps() {
		mapNamed(t, name)
	}
	if _, err := MapNamed("../doc"); err == nil || !strings.Contains(err.Error(), "csv, microvqa, ubench") {
		t.Errorf("got %v", err)
	}
}

func TestBadMaps(t *testing.T) {
	for text, want := range map[string]string{
		"title: x\n":                            "m.yaml:1:1",
		"name: x\nimages: a\n":                  "images",
		"name: x\nquestions:\n  - kind: joke\n": "m.yaml:3",
		"name: x\nsplit: a b\n":                 "/split",
		"name: x\nquestions:\n  - {kind: question, question: q, each: c, type: t}\n": "m.yaml:3",
	} {
		if _, err := ParseMap("m.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}

func TestCSV(t *testing.T) {
	dir := folder(t, map[string]string{
		"train.csv":  "image,question,answer,source\nimg/a.png,\"What,\nis it?\",a cell,x\nimg/b.png,Which?,,y\n",
		"img/a.png":  string(pngOf(t, 5)),
		"img/b.png":  string(pngOf(t, 6)),
		"README.txt": "not data",
	})
	d, err := converted(t, dir, Options{Map: mapNamed(t, "csv")})
	if err != nil {
		t.Fatal(err)
	}
	samples, questions := samplesOf(t, d), questionsOf(t, d)
	if len(samples) != 2 || len(questions) != 2 {
		t.Fatalf("%d samples, %d questions", len(samples), len(questions))
	}
	s, q := samples[0], questions[0]
	if s.SampleID != "train-000000" || s.Split != "train" || !bytes.Equal(s.Image.Bytes, pngOf(t, 5)) || *s.Image.Path != "img/a.png" {
		t.Errorf("sample %+v", s)
	}
	if s.Extra["source_source"] != "x" || s.Extra["width"] != int32(5) || s.Extra["image_mode"] != "L" {
		t.Errorf("columns %v", s.Extra)
	}
	if *q.Question.Question != "What,\nis it?" || *q.Answer != "a cell" || q.SampleID != s.SampleID || q.Options != nil {
		t.Errorf("question %+v", q)
	}
	if questions[1].Answer != nil {
		t.Errorf("an empty field is %q, want null", *questions[1].Answer)
	}
}

// Questions on several images: each is a sample, the question lists them.
func TestMicroVQA(t *testing.T) {
	item := func(id int, images ...int) string {
		var list []any
		for _, side := range images {
			list = append(list, map[string]any{"bytes": base64.StdEncoding.EncodeToString(pngOf(t, side)), "path": nil})
		}
		b, err := json.Marshal(map[string]any{"key_question": id, "images_list": list, "question": "Which?", "choices": []any{"a", "b", "c"},
			"correct_index": 2, "correct_answer": "c", "task_str": "perception", "score": 0.5})
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	dir := folder(t, map[string]string{"test.jsonl": item(7, 3, 4, 5) + item(8, 6)})
	d, err := converted(t, dir, Options{Map: mapNamed(t, "microvqa")})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range samplesOf(t, d) {
		ids = append(ids, s.SampleID)
		if s.Extra["score"] != 0.5 || s.Extra["key_question"] == nil {
			t.Errorf("columns %v", s.Extra)
		}
	}
	if !reflect.DeepEqual(ids, []string{"7", "7#1", "7#2", "8"}) {
		t.Errorf("samples %v", ids)
	}
	q := questionsOf(t, d)
	if len(q) != 2 || q[0].SampleID != "7" || !reflect.DeepEqual(q[0].Extra["images"], []any{"7", "7#1", "7#2"}) ||
		*q[0].AnswerIndex != 2 || *q[0].Type != "perception" || *q[0].Answer != "c" || len(q[0].Options) != 3 {
		t.Errorf("questions %+v", q[0])
	}
}

// Where the type of a column varies by row it goes to extra; questions may differ, too.
func TestMixedTypes(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte("name: x\nid: id\nquestions:\n  - {kind: question, each: q, question: text, answer_index: n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"a.jsonl": `{"id": "1", "v": 1, "w": 1, "q": {"stain_3": {"text": "a", "n": "0", "more": 1}}}
{"id": "2", "v": "one", "w": 1.5, "q": {"stain_3": {"text": null, "n": 1, "more": "x"}, "other": null}}
{"id": "3", "v": null, "w": null, "q": null, "new": [1, null]}
`})
	d, err := converted(t, dir, Options{Map: m})
	if err != nil {
		t.Fatal(err)
	}
	s := samplesOf(t, d)
	for i, want := range []struct{ extra, w any }{{`{"v":1}`, 1.0}, {`{"v":"one"}`, 1.5}, {nil, nil}} {
		if s[i].Extra["extra"] != want.extra || s[i].Extra["w"] != want.w || s[i].Split != "unassigned" {
			t.Errorf("sample %d: %v", i, s[i].Extra)
		}
	}
	if !reflect.DeepEqual(s[2].Extra["new"], []any{int64(1), nil}) {
		t.Errorf("list %v", s[2].Extra["new"])
	}
	q := questionsOf(t, d)
	if len(q) != 2 || *q[0].Variant != 3 || *q[0].Type != "stain" || *q[0].AnswerIndex != 0 || *q[1].AnswerIndex != 1 ||
		q[1].Question.Question != nil || q[0].Extra["extra"] != `{"more":1}` {
		t.Errorf("questions %+v %v", q[0].Question, q[0].Extra)
	}
}

func TestColumnsThatContradict(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte("name: x\nid: id\n"))
	if err != nil {
		t.Fatal(err)
	}
	info := func(kind string) string {
		return fmt.Sprintf(`{"features": {"id": {"dtype": "string", "_type": "Value"}, "v": {"dtype": %q, "_type": "Value"}}}`, kind)
	}
	dir := folder(t, map[string]string{"a.jsonl": `{"id": "1", "v": 1}`, "dataset_info.json": info("string")})
	if _, err := converted(t, dir, Options{Map: m}); err == nil || !strings.Contains(err.Error(), `a.jsonl, row 0 (1): v: want string, have "1"`) {
		t.Errorf("got %v", err)
	}
	dir = folder(t, map[string]string{"a.jsonl": `{"id": "1", "v": 1}`, "dataset_info.json": info("float32")})
	d, err := converted(t, dir, Options{Map: m})
	if err != nil {
		t.Fatal(err)
	}
	if s := samplesOf(t, d); s[0].Extra["v"] != float32(1) {
		t.Errorf("columns %v", s[0].Extra)
	}
}

func TestBadLines(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte("name: x\nid: id\nimage: image\n"))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"a.jsonl": `{"id": "1", "image": null}` + "\n\n{\"id\": \"2\"\n[1]\n" + `{"id": "4", "id": "5"}` + "\n" + `{"id": "6"}`})
	_, err = converted(t, dir, Options{Map: m})
	for _, want := range []string{"a.jsonl, row 1:", "a.jsonl, row 2: not a JSON object", `a.jsonl, row 3: member "id" stands twice`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	d, err := converted(t, dir, Options{Map: m, KeepGoing: true})
	if err != nil {
		t.Fatal(err)
	}
	if s := samplesOf(t, d); len(s) != 2 || s[0].Image != nil || s[1].SampleID != "6" {
		t.Errorf("samples %v", s)
	}
	if p := d.Manifest().Partial; p == nil || p.Rejected != 3 {
		t.Errorf("partial %+v", p)
	}
}

func TestObjects(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte("name: x\nid: id\nobjects:\n  - {column: bbox, shape: box, box: xywh}\n  - {column: polygon, shape: polygon}\n"))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"a.jsonl": `{"id": "1", "bbox": [[1, 2, 3, 4.5]], "polygon": [{"className": "n", "points": [[1, 2], [3, 4], [5, 1]], "score": 1}]}
{"id": "2", "bbox": [[0, 0, 1, 1], [1, 1, 2, 2]], "polygon": [[1, 2, 3, 4]]}
`})
	d, err := converted(t, dir, Options{Map: m})
	if err != nil {
		t.Fatal(err)
	}
	list := func(id, array string) (out []*loaders.Instance) {
		for o, err := range d.Instances(t.Context(), id, array) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, o)
		}
		return out
	}
	one := list("1", "objects")
	if len(one) != 1 || *one[0].Class != "n" || *one[0].BBox != (schemas.BBox{Y0: 2, X0: 1, Z1: 1, Y1: 7, X1: 4}) ||
		!reflect.DeepEqual(one[0].Extra["polygon"], []any{1.0, 2.0, 3.0, 4.0, 5.0, 1.0}) || one[0].Extra["extra"] != `{"score":1}` {
		t.Errorf("objects %+v %v", one[0].Instance, one[0].Extra)
	}
	if len(list("2", "bbox")) != 2 || len(list("2", "polygon")) != 1 {
		t.Error("lists of different length were put together")
	}
	dir = folder(t, map[string]string{"a.jsonl": `{"id": "1", "bbox": [[1, 2, 3]]}`})
	if _, err := converted(t, dir, Options{Map: m}); err == nil || !strings.Contains(err.Error(), "a.jsonl, row 0 (1): bbox[0]: [1,2,3] is no box") {
		t.Errorf("got %v", err)
	}
}

// Columns of several files are united, or what differs is spelled out.
func TestColumnsOfSeveralFiles(t *testing.T) {
	column := func(name string, kind schemas.Type, classes ...string) schemas.Column {
		return schemas.Column{Name: name, Type: kind, Nullable: true, Classes: classes}
	}
	within := func(c schemas.Column) schemas.Column {
		e := schemas.Column{Type: schemas.TypeStruct, Nullable: true, Fields: []schemas.Column{column("a", schemas.TypeBool), c}}
		return schemas.Column{Name: "s", Type: schemas.TypeList, Nullable: true, Elem: &e}
	}
	for name, test := range map[string]struct {
		a, b schemas.Column
		want schemas.Type // itemfile.TypeMixed where they cannot be united
		text string
	}{
		"same":    {column("v", schemas.TypeString), column("v", schemas.TypeString), schemas.TypeString, ""},
		"null":    {column("v", itemfile.TypeNull), column("v", schemas.TypeBool), schemas.TypeBool, ""},
		"wider":   {column("v", schemas.TypeInt32), column("v", schemas.TypeInt64), schemas.TypeInt64, ""},
		"floats":  {column("v", schemas.TypeFloat64), column("v", schemas.TypeFloat32), schemas.TypeFloat64, ""},
		"lossy":   {column("v", schemas.TypeInt64), column("v", schemas.TypeFloat64), itemfile.TypeMixed, "column v is int64 in a and float64 in b"},
		"other":   {column("v", schemas.TypeInt64), column("v", schemas.TypeString), itemfile.TypeMixed, "column v is int64 in a and string in b"},
		"labels":  {column("v", schemas.TypeInt64, "x", "y"), column("v", schemas.TypeInt64, "x", "z"), itemfile.TypeMixed, `class 1 is "y" in a and one whose class 1 is "z" in b`},
		"inside":  {within(column("f", schemas.TypeInt64)), within(column("f", schemas.TypeString)), itemfile.TypeMixed, "column s[].f is int64 in a and string in b"},
		"another": {within(column("f", schemas.TypeInt64)), within(column("g", schemas.TypeString)), schemas.TypeList, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := &fakeInput{name: "a", columns: []schemas.Column{test.a, column("only", schemas.TypeBool)}, untyped: true}
			b := &fakeInput{name: "b", columns: []schemas.Column{test.b}}
			s := &survey{source: &Source{options: Options{Map: &Map{}}}, planned: &planned{inputs: []itemfile.Input{a, b}}}
			err := errors.Join(s.unite(a), s.unite(b))
			s.tellMissing()
			if test.text != "" {
				if err == nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("got %v, want %q in it", err, test.text)
				}
			} else if err != nil || s.columns[0].Type != test.want {
				t.Errorf("got %v, %v", s.columns, err)
			}
			if len(s.notes) != 1 || !strings.Contains(s.notes[0], "column only is missing in 1 of 2 files") {
				t.Errorf("notes %q", s.notes)
			}
		})
	}
}

// fakeInput has a name and columns, and no items.
type fakeInput struct {
	itemfile.Input
	name    string
	columns []schemas.Column
	untyped bool
}

func (in *fakeInput) Name() string              { return in.name }
func (in *fakeInput) Columns() []schemas.Column { return in.columns }
func (in *fakeInput) Untyped() bool             { return in.untyped }

func TestSplitOf(t *testing.T) {
	s := &Source{options: Options{Map: &Map{}}}
	for key, want := range map[string]string{
		"u_bench-test-00000-of-00003.arrow": "test", "default/test/0000.parquet": "test", "train/a.json": "train",
		"validation.csv": "validation", "data/latest.csv": "unassigned", "x/TRAIN_1.jsonl": "train",
	} {
		if got := s.splitOf(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestSPDX(t *testing.T) {
	for text, want := range map[string]string{
		"CC BY 4.0": "CC-BY-4.0", "cc-by-nc-sa 3.0": "CC-BY-NC-SA-3.0", "CC0 1.0": "CC0-1.0", "other": "", "CC BY": "",
	} {
		got := ""
		if s := spdx(&text); s != nil {
			got = *s
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
