package ubench

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// items makes items with the datasets library; see testdata/make.py.
func items(t *testing.T, args ...string) (python, dir string) {
	t.Helper()
	python, dir = oracle.Python(t), filepath.Join(t.TempDir(), "items")
	oracle.Run(t, python, "testdata/make.py", append([]string{dir}, args...)...)
	return python, dir
}

func convertFrom(t *testing.T, location string, o vqa.Options, run convert.Options) (string, *convert.Result) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	r, err := tryConvert(t, location, dst, o, run)
	if err != nil {
		t.Fatal(err)
	}
	return dst, r
}

func tryConvert(t *testing.T, location, dst string, o vqa.Options, run convert.Options) (*convert.Result, error) {
	t.Helper()
	s, err := store.Open(t.Context(), location, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := Open(s, location, o)
	if err != nil {
		t.Fatal(err)
	}
	return convert.Run(t.Context(), src, dst, run)
}

// The whole of it: 1,000 items in three files, compared item by item.
func TestSameAsTheSource(t *testing.T) {
	python, dir := items(t, "--rows", "1000", "--files", "3")
	dst, r := convertFrom(t, filepath.Join(dir, "arrow"), vqa.Options{}, convert.Options{})
	if n := r.Manifest.Rows(schemas.SamplesTable); n != 1000 {
		t.Errorf("%d samples", n)
	}
	t.Logf("%s", oracle.Run(t, python, "testdata/check.py", filepath.Join(dir, "arrow"), dst))
}

func TestRevisionB(t *testing.T) {
	python, dir := items(t, "--rows", "120", "--files", "2", "--revision", "b", "--seed", "3")
	o := vqa.Options{NoDecode: true, ShardSize: 64 << 10, RowGroup: 64 << 10}
	dst, r := convertFrom(t, filepath.Join(dir, "arrow"), o, convert.Options{})
	if n := len(r.Manifest.ShardsOf(schemas.SamplesTable, "")); n < 2 {
		t.Errorf("%d shards of samples, want several", n)
	}
	t.Logf("%s", oracle.Run(t, python, "testdata/check.py", filepath.Join(dir, "arrow"), dst, "quick"))
}

// The same items in every format, from a folder, a zip, and both over HTTP, give the same
// tables.
func TestSameFromEverywhere(t *testing.T) {
	python, dir := items(t, "--rows", "90", "--formats", "arrow,file,parquet,jsonl,json")
	zipFolder(t, filepath.Join(dir, "arrow"), filepath.Join(dir, "arrow.zip"))
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	var made []string
	for _, location := range []string{
		filepath.Join(dir, "arrow"), filepath.Join(dir, "file"), filepath.Join(dir, "parquet"),
		filepath.Join(dir, "jsonl"), filepath.Join(dir, "json"), filepath.Join(dir, "arrow.zip"),
		server.URL + "/arrow", server.URL + "/arrow.zip",
	} {
		dst, _ := convertFrom(t, location, vqa.Options{}, convert.Options{})
		made = append(made, dst)
	}
	oracle.Run(t, python, "testdata/equal.py", made...)
}

func zipFolder(t *testing.T, dir, name string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Neither the number of processors nor the memory changes a byte; nor does stopping half
// way, which the second run of the same command mends.
func TestSameBytes(t *testing.T) {
	s := smallItems(t, 400)
	location := s.write(t)
	o := vqa.Options{ShardSize: 64 << 10}
	want, r := convertFrom(t, location, o, convert.Options{Jobs: 1, Memory: 16 << 20})
	if len(r.Manifest.Shards) < 4 {
		t.Fatalf("%d shards are too few to tell", len(r.Manifest.Shards))
	}
	got, _ := convertFrom(t, location, o, convert.Options{Jobs: 4})
	sameFiles(t, got, want)

	dst := filepath.Join(t.TempDir(), "out")
	src, stop := interrupted(t, location, o, 2)
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{Jobs: 1}); err == nil {
		t.Fatal("the conversion was not interrupted")
	}
	stop()
	again, err := tryConvert(t, location, dst, o, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Kept == 0 || again.Written == 0 {
		t.Errorf("%d shards kept, %d written", again.Kept, again.Written)
	}
	sameFiles(t, dst, want)
}

func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(want, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		rel, _ := filepath.Rel(want, name)
		a, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(got, rel))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs, %v", rel, err)
		}
		return nil
	})
	if err != nil || n < 5 {
		t.Errorf("%d files, %v", n, err)
	}
}

// The committed sample, which needs no other program.
func TestCommittedSample(t *testing.T) {
	dst, r := convertFrom(t, "../../testdata/ubench", vqa.Options{}, convert.Options{})
	d, err := loaders.Open(t.Context(), dst, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n, captions := 0, 0
	for i, err := range d.Items(t.Context(), loaders.ItemQuery{Images: true}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if i.Question.Kind == "caption" {
			captions++
		}
		p, err := loaders.Decode(i.Sample.Image.Bytes)
		if err != nil || int32(p.Width) != i.Sample.Extra["width"] {
			t.Errorf("%s: %v", i.Sample.SampleID, err)
		}
	}
	// Six captions each; six questions, of every fourth item five.
	if r.Manifest.Rows(schemas.SamplesTable) != 24 || captions != 24*6 || n != 24*12-6 || r.Manifest.Repairs["dataset_resolved"] == 0 {
		t.Errorf("%d items, %d captions, %v", n, captions, r.Manifest.Repairs)
	}
}

func TestResolve(t *testing.T) {
	for stain, want := range map[any]string{
		"H2B-mCherry": "held_et_al_2010_h2b", "GalT-EGFP": "held_et_al_2010_galt", "GalT\u2013EGFP": "held_et_al_2010_galt",
		"H&E": "", nil: "", int64(3): "",
	} {
		if got := resolve(func(string) any { return stain }); got != want {
			t.Errorf("%v: %q, want %q", stain, got, want)
		}
	}
}

func TestPlanSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(`{"id": "1", "picture": "x.png"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := tryConvert(t, dir, filepath.Join(t.TempDir(), "out"), vqa.Options{}, convert.Options{})
	if err == nil || !strings.Contains(err.Error(), "has no id") {
		t.Errorf("got %v", err)
	}
	_, err = tryConvert(t, t.TempDir(), filepath.Join(t.TempDir(), "out"), vqa.Options{}, convert.Options{})
	if err == nil || !strings.Contains(err.Error(), "nothing to convert") {
		t.Errorf("got %v", err)
	}
}
