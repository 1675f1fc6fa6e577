package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/annotate"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

// labels writes a label image of rows of digits as a .npy file.
func labelImage(t *testing.T, path string, rows ...string) string {
	t.Helper()
	data, err := npy.Header(schemas.Uint8, []int{len(rows), len(rows[0])})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Join(rows, "") {
		data = append(data, byte(c-'0'))
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnnotateMeasure(t *testing.T) {
	dir := t.TempDir()
	image := labelImage(t, filepath.Join(dir, "tissue.npy"), "0111102", "0111100", "0111100", "0000330")
	table := filepath.Join(dir, "out.csv")
	out := must(t, "annotate", "measure", image, "--csv", table, "--rule", "ntm", "--speck-area", "1", "--progress", "none")
	want := `LAYER   INSTANCES  AREA MIN  MEDIAN  MAX  ON BORDER  PIXEL SIZE  PASS SHAPE RULE
tissue  2          2         12      12   2          unknown     0
tissue: left out 1 specks: 2 (1 px)
`
	if out != want {
		t.Errorf("said\n%swant\n%s", out, want)
	}
	whole, err := os.ReadFile(table)
	if err != nil || strings.Count(string(whole), "\n") != 3 || !strings.HasPrefix(string(whole), "FileName,Fibre_ID,Fiber_on_Border,") {
		t.Errorf("table %q, %v", whole, err)
	}
	code, stdout, stderr := call(t, "annotate", "measure", image, "--csv", "-", "--rule", "ntm", "--speck-area", "1")
	if code != codeDone || stdout != string(whole) || !strings.Contains(stderr, "left out 1 specks") {
		t.Errorf("to standard output: code %d, %q, %q", code, stdout, stderr)
	}
	var layers []layerJSON
	if err := json.Unmarshal([]byte(must(t, "annotate", "measure", image, "--json")), &layers); err != nil || len(layers) != 1 || len(layers[0].Specks) != 3 {
		t.Errorf("JSON: %+v, %v", layers, err)
	}
}

// The instances of a data set are measured from their rle, and are those of the source.
func TestAnnotateMeasureDataset(t *testing.T) {
	dir := t.TempDir()
	dst := filepath.Join(dir, "fisbe")
	must(t, "convert", "fisbe", oracle.Sample(t, crop), dst, "--progress", "none")
	var layers []struct {
		Name, Array, Axes string
		Instances         []map[string]any
	}
	if err := json.Unmarshal([]byte(must(t, "annotate", "measure", dst, "--json", "--speck-area", "0")), &layers); err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 || layers[0].Array != "gt_instances" || layers[0].Axes != "ZYX" || len(layers[0].Instances) == 0 {
		t.Fatalf("%+v", layers)
	}
	for _, in := range layers[0].Instances {
		if in["voxels"].(float64) < 1 || in["volume_um3"] == nil {
			t.Errorf("%v", in)
		}
	}
	var a annotate.Agreement
	if err := json.Unmarshal([]byte(must(t, "annotate", "agree", dst, dst, "--json")), &a); err != nil {
		t.Fatal(err)
	}
	if a.MeanAP != 1 || a.Optimal != len(layers[0].Instances) || len(a.Missed)+len(a.Extra) != 0 {
		t.Errorf("a data set agrees with itself: %+v", a)
	}
}

func TestAnnotateAgree(t *testing.T) {
	dir := t.TempDir()
	a := labelImage(t, filepath.Join(dir, "a.npy"), "11110222", "11110222", "00000000", "00000033")
	b := labelImage(t, filepath.Join(dir, "b.npy"), "11100222", "11100222", "00000000", "44000000")
	got := must(t, "annotate", "agree", a, b, "--region", ":3,:", "--progress", "none")
	want := `A  B  IOU     FILLED IOU  MATCHED BY
1  1  0.7500  0.7857      centroid, greedy, optimal
2  2  1.0000  1.0000      centroid, greedy, optimal

AT IOU  TP  FP  FN  PRECISION  RECALL  F1      AP
0.50    2   0   0   1.0000     1.0000  1.0000  1.0000
0.55    2   0   0   1.0000     1.0000  1.0000  1.0000
0.60    2   0   0   1.0000     1.0000  1.0000  1.0000
0.65    2   0   0   1.0000     1.0000  1.0000  1.0000
0.70    2   0   0   1.0000     1.0000  1.0000  1.0000
0.75    2   0   0   1.0000     1.0000  1.0000  1.0000
0.80    1   1   1   0.5000     0.5000  0.5000  0.3333
0.85    1   1   1   0.5000     0.5000  0.5000  0.3333
0.90    1   1   1   0.5000     0.5000  0.5000  0.3333
0.95    1   1   1   0.5000     0.5000  0.5000  0.3333
mean                                   0.8000  0.7333

A a: 3 instances, B b: 3 instances
matched at IoU 0.5: 2 (greedy 2, centroid rule 2), mean IoU 0.8750
missed 0
extra 0
split 0
merged 0
outside coverage (region): 1 of A, 1 of B
`
	if got != want {
		t.Errorf("said\n%swant\n%s", got, want)
	}
	var all annotate.Agreement
	if err := json.Unmarshal([]byte(must(t, "annotate", "agree", a, b, "--json")), &all); err != nil || len(all.Missed) != 1 || len(all.Extra) != 1 {
		t.Errorf("with everything covered: %+v, %v", all, err)
	}
}

func TestAnnotateExitCodes(t *testing.T) {
	dir := t.TempDir()
	image := labelImage(t, filepath.Join(dir, "a.npy"), "11", "22")
	other := labelImage(t, filepath.Join(dir, "b.npy"), "112", "220")
	text := filepath.Join(dir, "text.tif")
	if err := os.WriteFile(text, []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		code int
		want string
		args []string
	}{
		{codeUsage, "takes MASK|DST", []string{"measure"}},
		{codeUsage, "--rule", []string{"measure", image, "--rule", "round"}},
		{codeUsage, "--speck-area", []string{"measure", image, "--speck-area", "-3"}},
		{codeUsage, "--pixel-size", []string{"measure", image, "--pixel-size", "0"}},
		{codeUsage, "--csv - and --json", []string{"measure", image, "--csv", "-", "--json"}},
		{codeUsage, "no command", []string{"meter"}},
		{codeInput, "not a label image", []string{"measure", text}},
		{codeInput, "none.tif", []string{"measure", filepath.Join(dir, "none.tif")}},
		{codeInput, "no-such-folder", []string{"measure", image, "--csv", filepath.Join(dir, "no-such-folder", "x.csv")}},
		{codeUsage, "takes A B", []string{"agree", image}},
		{codeUsage, "--coverage", []string{"agree", image, image, "--coverage", "some"}},
		{codeUsage, "exclude each other", []string{"agree", image, image, "--coverage", "second", "--region", ":,:"}},
		{codeUsage, "--region", []string{"agree", image, image, "--region", "0:9,:"}},
		{codeUsage, "--iou", []string{"agree", image, image, "--iou", "1.5"}},
		{codeUsage, "--margin", []string{"agree", image, image, "--margin", "3"}},
		{codeInput, "same image", []string{"agree", image, other}},
	} {
		code, stdout, stderr := call(t, append([]string{"annotate"}, test.args...)...)
		if code != test.code || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: code %d, said %q and %q, want %d and %q", test.args, code, stdout, stderr, test.code, test.want)
		}
	}
}
