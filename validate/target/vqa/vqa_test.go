package vqa_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/ubench"
	convertvqa "github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/dataset"
	"github.com/micropq/micropq/validate/target/vqa"
)

// folder has files of these texts.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pixels is a PNG with v in its first pixel.
func pixels(v uint8) string {
	m := image.NewGray(image.Rect(0, 0, 16, 12))
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 7)
	}
	m.Pix[0] = v
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.String()
}

// tuned are the rules of questions and splits, and of keys.
func tuned() (ts []validate.Tuned) {
	for _, r := range rules.All() {
		if strings.HasPrefix(r.ID, "QA") || strings.HasPrefix(r.ID, "SP") {
			ts = append(ts, r.Default())
		}
	}
	return ts
}

// run gives the findings as text that says nothing of files.
func run(t testing.TB, targets ...validate.Target) (found []string, seen map[string]int64, err error) {
	t.Helper()
	r, err := validate.Run(t.Context(), targets, validate.Options{Rules: tuned(), Jobs: 2})
	if r == nil {
		t.Fatal(err)
	}
	return texts(r), r.Seen, err
}

func texts(r *validate.Result) (found []string) {
	for _, f := range r.Findings {
		found = append(found, strings.Join([]string{f.Rule, f.Split, f.Sample, f.Question, f.Message}, " | "))
	}
	slices.Sort(found)
	return found
}

// fingerprints are those of all findings.
func fingerprints(t *testing.T, target validate.Target) (all []string) {
	t.Helper()
	r, err := validate.Run(t.Context(), []validate.Target{target}, validate.Options{Rules: tuned(), Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		all = append(all, f.Fingerprint)
	}
	slices.Sort(all)
	return all
}

// defects has items with what a conversion takes in and rules find.
func defects() string {
	image := func(v uint8) string {
		return fmt.Sprintf(`{"bytes": %q, "path": "x.png"}`, base64.StdEncoding.EncodeToString([]byte(pixels(v))))
	}
	stain := `{"question": "Which stain?", "options": ["H&E", "PAS", "none of the above"], "answer": "PAS", "answer_idx": "1"}`
	modality := `{"question": "Which modality?", "options": ["light microscopy", "electron microscopy"], "answer": "electron microscopy", "answer_idx": "1"}`
	null := `{"question": null, "options": null, "answer": null, "answer_idx": null}`
	wrong := `{"question": "Which?", "options": ["a", "b", "b"], "answer": "c", "answer_idx": "1"}`
	caption := `{"modality_0": {"question": "By {class}.", "options": ["none of the above", "b"], "answer_idx": "1", "tags": ["localization"]}}`
	item := func(id string, v uint8, columns, questions string) string {
		return fmt.Sprintf(`{"image_id": %q, "image": %s, "dataset": "d", "license": "CC BY 4.0", "label_name": "monocyte", "stain": "PAS", "captions": %s, "questions": %s, %s}`+"\n", id, image(v), caption, questions, columns)
	}
	both := fmt.Sprintf(`{"stain": %s, "modality": %s}`, stain, modality)
	return item("a", 1, `"label": "monocyte", "modality": "electron microscopy", "bbox": [[1, 2, 5, 6]]`, both) +
		item("b", 1, `"label": "platelet", "modality": "light microscopy", "bbox": [[1, 2, 5, 6], null]`, both) +
		item("c", 3, `"label": "monocyte", "modality": "x", "bbox": null`, fmt.Sprintf(`{"stain": null, "modality": %s, "domain": %s}`, modality, null)) +
		item("d", 4, `"label": "platelet", "modality": "x", "bbox": [[0, 0, 1, 1]]`, fmt.Sprintf(`{"stain": %s, "modality": %s, "domain": %s}`, wrong, modality, wrong))
}

// TestSameAsConverted: a file has the findings of the data set that is made of it.
func TestSameAsConverted(t *testing.T) {
	dir := folder(t, map[string]string{"test.jsonl": defects()})
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := ubench.Open(s, dir, convertvqa.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(t.TempDir(), "set")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	raw, rawSeen, err := run(t, vqa.New(filepath.Join(dir, "test.jsonl")))
	if err != nil {
		t.Fatal(err)
	}
	converted, seen, err := run(t, dataset.New(dst, dataset.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(raw, converted) {
		t.Errorf("raw\n  %s\nconverted\n  %s", strings.Join(raw, "\n  "), strings.Join(converted, "\n  "))
	}
	if !slices.Equal(fingerprints(t, vqa.New(dir)), fingerprints(t, dataset.New(dst, dataset.Options{}))) {
		t.Error("other fingerprints: a baseline of the files is none of the data set")
	}
	rulesFound := map[string]bool{}
	for _, f := range raw {
		rulesFound[f[:5]] = true
	}
	for _, rule := range []string{"QA001", "QA002", "QA003", "QA004", "SP001"} {
		if !rulesFound[rule] {
			t.Errorf("%s finds nothing", rule)
		}
	}
	for _, kind := range []string{"samples", "questions", "instances"} {
		if rawSeen[kind] != seen[kind] {
			t.Errorf("%d %s raw, %d converted", rawSeen[kind], kind, seen[kind])
		}
	}
}

// TestFormats: the same items in all formats have the same findings.
func TestFormats(t *testing.T) {
	python := oracle.Python(t)
	dir := filepath.Join(t.TempDir(), "made")
	script := filepath.Join(oracle.Root(t), "convert", "ubench", "testdata", "make.py")
	cmd := exec.CommandContext(t.Context(), python, script, dir, "--rows", "60", "--files", "2", "--batch", "20", "--formats", "arrow,file,parquet,jsonl,json")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want []string
	for _, format := range []string{"arrow", "file", "parquet", "jsonl", "json"} {
		got, seen, err := run(t, vqa.New(filepath.Join(dir, format)))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if want == nil {
			want = got
		}
		if len(got) < 20 || seen["samples"] != 60 || !slices.Equal(got, want) {
			t.Errorf("%s: %d findings, %d samples; want %d", format, len(got), seen["samples"], len(want))
		}
	}
}

// TestWhatCannotBeRead is told, and what comes behind it is looked at all the same.
func TestWhatCannotBeRead(t *testing.T) {
	good := func(id, image string) string {
		return fmt.Sprintf(`{"id": %q, "image": %q, "question": "?", "options": ["a"], "answer": "b"}`+"\n", id, image)
	}
	dir := folder(t, map[string]string{
		"a.jsonl": good("1", "one.png") + "{\"id\": \n" + good("2", "gone.png") + good("3", "bad.png"), "one.png": pixels(1), "bad.png": "no picture",
	})
	found, seen, err := run(t, vqa.New(filepath.Join(dir, "a.jsonl")))
	if len(found) != 3 || seen["questions"] != 3 {
		t.Errorf("found %q of %v", found, seen)
	}
	for _, want := range []string{"row 1: not a JSON object", "row 2 (2): image: no image \"gone.png\"", "row 3 (3): image: not a PNG, JPEG or TIFF image"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	for name, text := range map[string]string{"other.jsonl": "{\"x\": 1}\n", "empty.parquet": "", "cut.arrow": "ARROW1"} {
		dir := folder(t, map[string]string{name: text})
		if _, _, err := run(t, vqa.New(filepath.Join(dir, name))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, _, err := run(t, vqa.New(filepath.Join(dir, "none.jsonl"))); err == nil {
		t.Error("a file that is not there is taken")
	}
}

// TestShapes has tables of other shapes.
func TestShapes(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string // the one finding
	}{
		"table of ours": {map[string]string{"q.jsonl": `{"sample_id": "s", "question_id": "q1", "kind": "caption", "type": "stain", "variant": 0, "question": "x", "options": ["a"], "answer": null, "answer_index": 1}`},
			"QA002 | unassigned | s | q1 | q1: answer_index is 1, of 1 options"},
		"MicroVQA": {map[string]string{"test.jsonl": `{"key_question": 7, "images_list": ["1.png", "2.png"], "task_str": "t", "question": "x", "choices": ["a"], "correct_answer": "b", "correct_index": null}`, "1.png": pixels(1), "2.png": pixels(2)},
			`QA002 | test | 7 | question | question: the answer "b" is not among the 1 options`},
		"CSV":        {map[string]string{"train.csv": "image,question,answer\na.png,What?,\n", "a.png": pixels(1)}, "QA001 | train | train-000000 | question | options and answer of question are null or empty"},
		"JSON array": {map[string]string{"val.json": `[{"id": "x", "question": null, "answer": "y"}]`}, "QA001 | val | x | question | question of question is null or empty"},
	} {
		t.Run(name, func(t *testing.T) {
			found, _, err := run(t, vqa.New(folder(t, test.files)))
			if err != nil || len(found) != 1 || found[0] != test.want {
				t.Errorf("found %q, %v, want %s", found, err, test.want)
			}
		})
	}
}

// TestLink: a file that is a link out of its folder, beside its pictures.
func TestLink(t *testing.T) {
	dir := folder(t, map[string]string{"blobs/0a1b": `{"id": "x", "image": "a.png", "question": "?", "answer": null}`, "snapshot/a.png": pixels(1)})
	link := filepath.Join(dir, "snapshot", "train.jsonl")
	if err := os.Symlink(filepath.Join("..", "blobs", "0a1b"), link); err != nil {
		t.Skip(err)
	}
	found, _, err := run(t, vqa.New(link))
	if err != nil || len(found) != 1 || !strings.HasPrefix(found[0], "QA001 | train | x") {
		t.Errorf("found %q, %v", found, err)
	}
}

func TestCancelled(t *testing.T) {
	dir := folder(t, map[string]string{"test.jsonl": strings.Repeat(defects(), 50)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := validate.Run(ctx, []validate.Target{vqa.New(dir)}, validate.Options{Rules: tuned()}); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", r, err)
	}
}

// FuzzTarget: whatever stands in a file of JSON Lines, nothing panics.
func FuzzTarget(f *testing.F) {
	f.Add(defects())
	for _, text := range []string{
		`{"image_id": 1, "questions": {"a": 1, "b": {"options": {}, "answer_idx": [], "tags": 3}}, "bbox": {"x": 1}, "polygon": [[1], [1, 2, 3]]}`,
		`{"question": {}, "options": "x", "answer": [], "answer_index": 1e99, "variant": 1e99, "kind": 1, "tags": [[]], "split": [], "image": 5}`,
		`{"sample_id": "", "question": "?", "image": {"bytes": "?", "path": 1}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "a.jsonl")
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if r, err := validate.Run(t.Context(), []validate.Target{vqa.New(file)}, validate.Options{Rules: tuned(), Jobs: 1}); r == nil {
			t.Error(err)
		}
	})
}
