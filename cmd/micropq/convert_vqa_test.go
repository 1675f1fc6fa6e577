package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vqaFolder is a folder of three items as JSON Lines, the second of which is bad if asked for.
func vqaFolder(t *testing.T, bad bool) string {
	t.Helper()
	dir := t.TempDir()
	var picture, lines bytes.Buffer
	if err := png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 8, 6))); err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"a", "b", "c"} {
		answer := "1"
		if bad && i == 1 {
			answer = "5"
		}
		item := map[string]any{"image_id": id, "image": "x.png", "dataset": "d", "modality": "light microscopy", "questions": map[string]any{
			"stain": map[string]any{"question": "Which?", "options": []string{"x", "y"}, "answer_idx": answer}}}
		if err := json.NewEncoder(&lines).Encode(item); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string][]byte{"x.png": picture.Bytes(), "test.jsonl": lines.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"micropq"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestConvertUbench(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "out")
	code, out, errs := try(t, "convert", "ubench", vqaFolder(t, false), dst)
	if code != codeDone || !strings.Contains(out, "questions         3 rows") {
		t.Fatalf("code %d, %s %s", code, out, errs)
	}
	code, out, _ = try(t, "inspect", dst)
	for _, want := range []string{"DATASET  SAMPLES  QUESTIONS\nd        3        3\n", "MODALITY          SAMPLES\nlight microscopy  3\n", "question  stain  3\n"} {
		if code != codeDone || !strings.Contains(out, want) {
			t.Errorf("inspect: code %d, want %q in %s", code, want, out)
		}
	}
	code, out, _ = try(t, "items", "--type", "stain", "--limit", "2", dst)
	if code != codeDone || strings.Count(out, "\n") != 2 || !strings.Contains(out, `"answer_index":1`) {
		t.Errorf("items: code %d, %s", code, out)
	}
	if code, out, _ = try(t, "items", "--dataset", "other", dst); code != codeDone || out != "" {
		t.Errorf("items: code %d, %s", code, out)
	}
	prev := filepath.Join(t.TempDir(), "preview")
	if code, out, errs = try(t, "preview", "-o", prev, dst); code != codeDone || !strings.Contains(out, "3 images with their questions") {
		t.Errorf("preview: code %d, %s %s", code, out, errs)
	}
	if f, err := os.Open(filepath.Join(prev, sheetName)); err != nil {
		t.Error(err)
	} else {
		defer f.Close()
		if _, err := png.Decode(f); err != nil {
			t.Error(err)
		}
	}
}

func TestConvertUbenchBadInput(t *testing.T) {
	src, dst := vqaFolder(t, true), filepath.Join(t.TempDir(), "out")
	code, _, errs := try(t, "convert", "ubench", src, dst)
	if code != codeInput || !strings.Contains(errs, "test.jsonl, row 1 (b): questions.stain.answer_idx: answer 5 of 2 options") {
		t.Errorf("code %d, %s", code, errs)
	}
	if code, _, _ := try(t, "inspect", dst); code != codeDamaged {
		t.Errorf("an unfinished conversion is inspected with code %d", code)
	}
	dst = filepath.Join(t.TempDir(), "out")
	code, out, errs := try(t, "convert", "ubench", "--keep-going", src, dst)
	if code != codeDone || !strings.Contains(out, "partial: 1 items could not be converted and are listed in rejected.jsonl") {
		t.Errorf("code %d, %s %s", code, out, errs)
	}
	if code, out, _ := try(t, "inspect", dst); code != codeDone || !strings.Contains(out, "1 items of the source are left out") {
		t.Errorf("inspect: code %d, %s", code, out)
	}
}

// One file of a folder, locally and over HTTP, with its images beside it.
func TestConvertOneFile(t *testing.T) {
	dir := vqaFolder(t, false)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	var trees []map[string]string
	for _, src := range []string{filepath.Join(dir, "test.jsonl"), server.URL + "/test.jsonl"} {
		dst := filepath.Join(t.TempDir(), "out")
		if code, _, errs := try(t, "convert", "ubench", src, dst); code != codeDone {
			t.Fatalf("%s: %s", src, errs)
		}
		trees = append(trees, tree(t, dst))
	}
	sameTree(t, trees[0], trees[1])
}

func TestConvertVQAUsage(t *testing.T) {
	src := vqaFolder(t, false)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("name: x\nimages: y\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{src, "out"}, "--map is missing: want one of csv, microvqa, ubench"},
		{[]string{"--map", "nothing", src, "out"}, "--map"},
		{[]string{"--map", bad, src, "out"}, "bad.yaml"},
		{[]string{"--map", "csv", "--row-group-size", "1", src, "out"}, "row group"},
		{[]string{"--map", "csv", src}, "takes SRC DST"},
	} {
		code, _, errs := try(t, append([]string{"convert", "vqa"}, test.args...)...)
		if code != codeUsage || !strings.Contains(errs, test.want) {
			t.Errorf("%v: code %d, %s", test.args, code, errs)
		}
	}
	if code, out, _ := try(t, "convert", "vqa", "--map", "microvqa", "--print-map"); code != codeDone || !strings.Contains(out, "images_list") {
		t.Errorf("code %d, %s", code, out)
	}
}
