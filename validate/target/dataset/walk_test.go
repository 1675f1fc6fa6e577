package dataset_test

import (
	"archive/zip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target/dataset"
	"github.com/micropq/micropq/validate/target/dataset/datasettest"
)

// zipOf puts a folder into an archive.
func zipOf(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is found does not depend on where the data set lies. A server cannot list its files, so one that the manifest
// does not name stays unseen there.
func TestLocations(t *testing.T) {
	dir := t.TempDir()
	s := small(t)
	s.Chunks[0].Foreground++
	s.Instances[0].Area = ptr(7)
	s.Write(t, dir)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	want := lines(run(t, dir))
	if len(want) != 2 {
		t.Fatalf("%d findings, want 2:\n%s", len(want), strings.Join(want, "\n"))
	}
	for _, location := range []string{zipOf(t, dir), server.URL} {
		if got := lines(run(t, location)); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", location, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func ptr(n int64) *int64 { return &n }

// recorder is a rule that keeps what it is shown.
type recorder struct {
	samples   []*validate.Sample
	layers    []*validate.Layer
	instances int
	questions []*validate.Item
	dataset   *validate.Dataset
}

func record(t *testing.T, location string) *recorder {
	t.Helper()
	r := &recorder{}
	rule := validate.Rule{ID: "XX001", Severity: validate.Info, For: validate.AnyKind, Across: func(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
		return validate.Looks{
			Sample:   func(_ *validate.Scope, v *validate.Sample) { r.samples = append(r.samples, v) },
			Layer:    func(_ *validate.Scope, l *validate.Layer) { r.layers = append(r.layers, l) },
			Instance: func(*validate.Scope, *validate.Instance) { r.instances++ },
			Question: func(_ *validate.Scope, q *validate.Item) { r.questions = append(r.questions, q) },
			Dataset:  func(_ *validate.Scope, d *validate.Dataset) { r.dataset = d },
		}, func(*validate.Scope) {}
	}}
	if _, err := validate.Run(t.Context(), []validate.Target{dataset.New(location, dataset.Options{})}, validate.Options{Rules: []validate.Tuned{rule.Default()}, Jobs: 2}); err != nil {
		t.Fatal(err)
	}
	return r
}

// Layers come from the elements of the arrays, with their rows; those of volumes too.
func TestLayers(t *testing.T) {
	dir := t.TempDir()
	s := small(t)
	volume := datasettest.Array{Name: "gt_instances", Role: schemas.RoleLabels, DType: schemas.Uint8, Shape: []int{5, 20, 20}, Chunk: 16, Levels: 1, Values: make([]uint16, 5*20*20)}
	for z := 1; z < 4; z++ {
		for y := 10; y < 20; y++ {
			volume.Values[(z*20+y)*20+y] = 3
		}
	}
	s.Add(t, "v", "train", true, datasettest.Pattern("raw", 3, 1, 5, 20, 20), volume)
	s.Write(t, dir)
	r := record(t, dir)
	got := map[string]*validate.Layer{}
	for _, l := range r.layers {
		got[l.Sample] = l
	}
	if len(got) != 3 || r.instances != 7 || r.dataset.Totals.Instances != 7 || r.dataset.Totals.Samples != 3 || r.dataset.Totals.Chunks != 26+26+8 {
		t.Fatalf("%d layers, %d instances, %+v", len(got), r.instances, r.dataset.Totals)
	}
	l := got["v"]
	if l.Kind != validate.Volume || l.Axes != "ZYX" || len(l.Instances) != 1 || !l.Disjoint {
		t.Fatalf("%+v", l)
	}
	in := l.Instances[0]
	if in.ID != 3 || in.Mask.Area() != 30 || in.Claim.Area == nil || in.Shape != [3]int{5, 20, 20} || in.Place.Row == nil || len(in.Errs) > 0 || in.MaskErr != nil {
		t.Errorf("%+v", in)
	}
	pixels := map[uint64]bool{}
	for _, v := range r.samples {
		pixels[v.Pixels] = true
	}
	if len(pixels) != 3 || pixels[0] {
		t.Errorf("digests of pixels %v, want one a sample", pixels)
	}
}

// In an array that was redrawn the masks of the rows count, whatever the chunks hold.
func TestRedrawn(t *testing.T) {
	dir := t.TempDir()
	s := small(t)
	in := &s.Instances[0]
	in.RLE, in.BBox, in.Area = []int64{0, 4}, &schemas.BBox{Y0: 2, X0: 2, Z1: 1, Y1: 4, X1: 4}, ptr(4)
	s.Instances = slices.Delete(s.Instances, 1, 2)
	s.Manifest.Revision = &schemas.Revision{Number: 1, Parent: strings.Repeat("0", 64), Entries: 1, Journal: strings.Repeat("0", 64), Redrawn: []schemas.ArrayRef{{Sample: "a", Array: "gt_instances"}}}
	s.Write(t, dir)
	if fs := run(t, dir); len(fs) > 0 {
		t.Errorf("findings\n%s", strings.Join(lines(fs), "\n"))
	}
	for _, l := range record(t, dir).layers {
		if l.Sample == "a" && (len(l.Instances) != 2 || l.Instances[0].Mask.Area() != 4) {
			t.Errorf("%+v", l.Instances[0])
		}
	}
}

// Questions come with their samples.
func TestQuestions(t *testing.T) {
	dir := t.TempDir()
	s := small(t)
	for _, id := range []string{"a", "b", "b"} {
		s.Questions = append(s.Questions, schemas.Question{SampleID: id, QuestionID: "q" + id, Kind: "question"})
	}
	s.Questions = append(s.Questions, schemas.Question{SampleID: "zz", QuestionID: "q", Kind: "question"})
	s.Write(t, dir)
	r := record(t, dir)
	if len(r.questions) != 4 || r.questions[0].Sample == nil || r.questions[0].Sample.SampleID != r.questions[0].SampleID {
		t.Fatalf("%d questions", len(r.questions))
	}
	got := lines(run(t, dir))
	want := []string{
		"DS003 questions/train-00000-of-00001.parquet row 1  : questions[1]: sample_id zz is that of no sample",
		"DS003 questions/val-00000-of-00001.parquet row 1  : questions[1]: sample_id, question_id b qb is taken twice",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// A walk that is cancelled ends and leaves nothing behind.
func TestCancel(t *testing.T) {
	dir := t.TempDir()
	small(t).Write(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	rule := validate.Rule{ID: "XX001", Severity: validate.Info, For: validate.AnyKind, Looks: validate.Looks{
		Chunk: func(*validate.Scope, *validate.Chunk) { cancel() },
	}}
	r, err := validate.Run(ctx, []validate.Target{dataset.New(dir, dataset.Options{})}, validate.Options{Rules: []validate.Tuned{rule.Default()}})
	if r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", r, err)
	}
}

// What is no data set at all is an error.
func TestNoDataset(t *testing.T) {
	for name, location := range map[string]string{"empty": t.TempDir(), "absent": filepath.Join(t.TempDir(), "absent")} {
		if _, err := validate.Run(t.Context(), []validate.Target{dataset.New(location, dataset.Options{})}, validate.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
