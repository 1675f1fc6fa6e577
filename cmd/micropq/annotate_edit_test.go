package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// annotated converts a small FISBe release, whose neurons have an array with channels.
func annotated(t *testing.T) (dir, sample string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "dataset")
	must(t, "convert", "fisbe", release(t, fisbegen.Options{Shape: []int{3, 16, 40, 40}, Neurons: 3}), dir, "--progress", "none")
	var s struct{ Sample string }
	out := must(t, "annotate", "edit", dir, "--instance", "1", "--accept", "--author", "setup", "--json")
	if err := json.Unmarshal([]byte(strings.Trim(strings.TrimSpace(out), "[]")), &s); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	must(t, "annotate", "undo", dir, "--author", "setup")
	return dir, s.Sample
}

func TestAnnotateSession(t *testing.T) {
	dir, sample := annotated(t)
	at := func(line ...string) string {
		t.Helper()
		return must(t, append(line, "--author", "ann", "--time", "2026-03-04T05:06:07Z")...)
	}
	at("annotate", "edit", dir, "--instance", "1", "--reclass", "glia", "--reason", "shape")
	at("annotate", "edit", dir, "--instance", "2", "--reject", "blurred")
	at("annotate", "edit", dir, "--instance", "1", "--merge", "3")
	at("annotate", "undo", dir)
	at("annotate", "redo", dir)
	at("annotate", "undo", dir)
	if out := at("annotate", "edit", dir, "--instance", "2", "--reject", "blurred"); !strings.Contains(out, "reasons blurred -> blurred; blurred") {
		t.Errorf("rejected again: %s", out)
	}
	log := must(t, "annotate", "log", dir)
	for _, want := range []string{
		"3  2026-03-04T05:06:07Z  ann  reclass  " + sample + "/gt_instances/1: class neuron -> glia, reasons  -> shape\n",
		"4  2026-03-04T05:06:07Z  ann  reject  " + sample + "/gt_instances/2: status - -> rejected, reasons  -> blurred\n",
		"  (undone)\n", "undo of 5", "redo of 5",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	next := filepath.Join(t.TempDir(), "next")
	out := must(t, "annotate", "publish", dir, next)
	if !strings.Contains(out, "revision 1 of fisbe") || !strings.Contains(out, "instances: 2 changed, 0 added, 0 deleted") {
		t.Errorf("publish says %s", out)
	}
	if out := must(t, "inspect", next); !strings.Contains(out, "revision  1, with ") {
		t.Errorf("inspect says %s", out)
	}
	if code, _, errs := call(t, "annotate", "publish", dir, next); code != codeUsage || !strings.Contains(errs, "destination exists") {
		t.Errorf("publish again: exit code %d, %s", code, errs)
	}
}

// TestAnnotateRoundTrips takes annotations out and in by every format, edited on the way.
func TestAnnotateRoundTrips(t *testing.T) {
	dir, sample := annotated(t)
	out := t.TempDir()
	for _, name := range []string{"a.geojson", "a.tif", "a.npy", "a.zarr", "a_seg.npy"} {
		file := filepath.Join(out, name)
		must(t, "annotate", "export", dir, "--sample", sample, "--array", "gt_instances", "--to", file, "--lossy")
		// What label images lose where neurons overlap comes back as other masks; twice is enough.
		must(t, "annotate", "import", file, dir, "--author", "ann")
		if got := must(t, "annotate", "import", file, dir, "--author", "ann"); !strings.Contains(got, "3 instances as they were, 0 added, 0 masks replaced, 0 classes changed") {
			t.Errorf("%s: %s", name, got)
		}
	}
	// A corrected label image: one neuron less, one more.
	must(t, "annotate", "edit", dir, "--instance", "2", "--delete", "--author", "ann")
	file := filepath.Join(out, "less.tif")
	must(t, "annotate", "export", dir, "--to", file)
	must(t, "annotate", "undo", dir, "--author", "ann")
	if got := must(t, "annotate", "import", file, dir, "--author", "ann"); !strings.Contains(got, "1 that the file lacks stay") {
		t.Error(got)
	}
	if got := must(t, "annotate", "import", file, dir, "--author", "ann", "--delete-missing"); !strings.Contains(got, "1 deleted") {
		t.Error(got)
	}
	if got := must(t, "annotate", "export", dir, "--to", filepath.Join(out, "m.csv")); !strings.Contains(got, "2 instances as csv") {
		t.Error(got)
	}
}

func TestAnnotateRefuses(t *testing.T) {
	dir, _ := annotated(t)
	before := tree(t, dir)
	tmp := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	point := `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{}}]}`
	for name, test := range map[string]struct {
		code int
		want string
		line []string
	}{
		"no verb":         {codeUsage, "want one of --reclass", []string{"edit", dir, "--instance", "1"}},
		"two verbs":       {codeUsage, "exclude each other", []string{"edit", dir, "--instance", "1", "--accept", "--delete"}},
		"no instance":     {codeUsage, "--instance is missing", []string{"edit", dir, "--accept"}},
		"unknown id":      {codeInput, "no such instance", []string{"edit", dir, "--instance", "9", "--accept"}},
		"stale":           {codeInput, "conflict", []string{"edit", dir, "--instance", "1", "--accept", "--version", "7"}},
		"bad time":        {codeUsage, "--time", []string{"edit", dir, "--instance", "1", "--accept", "--time", "noon"}},
		"other sample":    {codeUsage, "not in the data set", []string{"export", dir, "--sample", "x", "--to", filepath.Join(tmp, "x.tif")}},
		"other array":     {codeUsage, "not in the data set", []string{"export", dir, "--array", "x", "--to", filepath.Join(tmp, "x.tif")}},
		"unknown format":  {codeUsage, "tells no format", []string{"export", dir, "--to", filepath.Join(tmp, "x.doc")}},
		"volume as png":   {codeInput, "not volumes", []string{"export", dir, "--to", filepath.Join(tmp, "x.png"), "--lossy"}},
		"not a tiff":      {codeInput, "cannot read annotations", []string{"import", file("a.tif", "hello"), dir}},
		"not a geojson":   {codeInput, "cannot read annotations", []string{"import", file("a.geojson", "{"), dir}},
		"points":          {codeInput, "encloses no pixels", []string{"import", file("p.geojson", point), dir}},
		"missing file":    {codeInput, "no such file", []string{"import", filepath.Join(tmp, "none.tif"), dir}},
		"csv":             {codeInput, "holds no masks", []string{"import", file("a.csv", "x"), dir}},
		"bad patch":       {codeInput, "line 1", []string{"apply", dir, file("p.jsonl", "{}")}},
		"patch of a lie":  {codeInput, "no such instance", []string{"apply", dir, file("q.jsonl", `{"op":"accept","sample":"`+sampleOf(t, dir)+`","array":"gt_instances","instance":77}`)}},
		"no data set":     {codeDamaged, "no data set", []string{"log", tmp}},
		"nothing to tell": {codeUsage, "nothing to publish", []string{"publish", dir, filepath.Join(tmp, "next")}},
	} {
		code, _, errs := call(t, append([]string{"annotate"}, test.line...)...)
		if code != test.code || !strings.Contains(errs, test.want) {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, test.code, errs)
		}
	}
	sameTree(t, tree(t, dir), before)
	journal := filepath.Join(dir, "annotations", "journal.jsonl")
	data, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(journal, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call(t, "annotate", "log", dir); code != codeDamaged || !strings.Contains(errs, "damaged journal") {
		t.Errorf("damaged journal: exit code %d, %s", code, errs)
	}
}

func sampleOf(t *testing.T, dir string) string {
	t.Helper()
	var entry struct{ Sample string }
	line := strings.Split(must(t, "annotate", "log", dir, "--json"), "\n")[1]
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatal(err)
	}
	return entry.Sample
}

// TestAnnotateProcesses has processes edit at once, one of them killed now and then.
func TestAnnotateProcesses(t *testing.T) {
	dir, _ := annotated(t)
	const writers, each = 3, 8
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			for k := range each {
				cmd := program(t, "annotate", "edit", dir, "--instance", "1", "--reclass", fmt.Sprintf("class-%d-%d", i, k), "--author", fmt.Sprint("writer-", i))
				if out, err := cmd.CombinedOutput(); err != nil {
					errs[i] = fmt.Errorf("%w: %s", err, out)
					return
				}
			}
		})
	}
	for range 6 {
		cmd := program(t, "annotate", "edit", dir, "--instance", "2", "--reject", "killed", "--author", "killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, or done already
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	log := must(t, "annotate", "log", dir)
	for i := range writers {
		for k := range each {
			if want := fmt.Sprintf(" -> class-%d-%d", i, k); strings.Count(log, want+"\n") != 1 {
				t.Errorf("the edit%s is not in the log once", want)
			}
		}
	}
}

// TestOverwriteSparesEdits: a conversion never replaces what edits were made of.
func TestOverwriteSparesEdits(t *testing.T) {
	dir, _ := annotated(t)
	before := tree(t, dir)
	code, _, errs := call(t, "convert", "fisbe", release(t, fisbegen.Options{Shape: []int{3, 16, 40, 40}}), dir, "--overwrite", "--progress", "none")
	if code != codeUsage || !strings.Contains(errs, "holds edits of annotations") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	sameTree(t, tree(t, dir), before)
}

func TestAnnotateRealCrop(t *testing.T) {
	zip := oracle.Sample(t, crop)
	dir := filepath.Join(t.TempDir(), "dataset")
	must(t, "convert", "fisbe", zip, dir, "--progress", "none")
	file := filepath.Join(t.TempDir(), "crop.geojson")
	if out := must(t, "annotate", "export", dir, "--to", file); !strings.Contains(out, "3 instances as qupath") {
		t.Error(out)
	}
	if out := must(t, "annotate", "import", file, dir, "--author", "ann"); !strings.Contains(out, "3 instances as they were, 0 added") {
		t.Error(out)
	}
	code, _, errs := call(t, "annotate", "export", dir, "--to", file+".tif")
	if code != codeInput || !strings.Contains(errs, "--lossy leaves out 2385 voxels") {
		t.Errorf("overlaps: exit code %d, %s", code, errs)
	}
}
