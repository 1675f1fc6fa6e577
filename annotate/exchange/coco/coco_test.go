package coco

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/oracle"
)

func TestMasksAreThoseOfPycocotools(t *testing.T) {
	python := oracle.Python(t)
	path := filepath.Join(t.TempDir(), "coco.json")
	want := string(oracle.Run(t, python, "testdata/make_coco.py", path))
	objects, err := exchange.Import(t.Context(), Format{}, path, &exchange.Canvas{Sample: "s", Axes: "YX", Z: 1, Y: 61, X: 83})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, o := range objects {
		var runs []string
		for _, r := range o.Mask {
			runs = append(runs, fmt.Sprintf("(%d, %d, %d)", r.Y, r.X, r.N))
		}
		fmt.Fprintf(&got, "%d [%s]\n", o.ID, strings.Join(runs, ", "))
		if want := map[bool]string{true: "NTM", false: "AM"}[o.ID%4 == 0]; o.Class != want {
			t.Errorf("annotation %d has class %q, want %q", o.ID, o.Class, want)
		}
	}
	if len(objects) < 100 {
		t.Errorf("only %d annotations", len(objects))
	}
	if got.String() != want {
		a, b := strings.Split(got.String(), "\n"), strings.Split(want, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d:\n%s\npycocotools has\n%s", i, a[i], b[i])
			}
		}
		t.Fatalf("%d lines, pycocotools has %d", len(a), len(b))
	}
}

const start = `{"images":[{"id":1,"file_name":"s.png","height":3,"width":4}],"categories":[],"annotations":[`

// malformed are files that are refused, by what is said of them.
var malformed = map[string]string{
	"hello":                                "invalid character",
	`{"images":[]}`:                        "no COCO file",
	`[]`:                                   "cannot unmarshal",
	start + `]`:                            "unexpected end",
	start + `{"id":1}]}`:                   "", // of another image
	start + `{"image_id":1}]}`:             "segmentation is missing",
	start + seg(`"box"`):                   "cannot unmarshal",
	start + seg(`[]`):                      "without a polygon",
	start + seg(`[[1,2,3,4]]`):             "three or more corners",
	start + seg(`[[1,2,3,4,5]]`):           "three or more corners",
	start + seg(`[[0,0,1e300,0,0,1e300]]`): "out of range",
	start + seg(`{"size":[3,5],"counts":[12]}`):                                      "size [3 5]",
	start + seg(`{"size":[3,4],"counts":[11]}`):                                      "sum to 11",
	start + seg(`{"size":[3,4],"counts":[5,-1,8]}`):                                  "leaves the box",
	start + seg(`{"size":[3,4],"counts":[9223372036854775807,9223372036854775807]}`): "leaves the box",
	start + seg(`{"size":[3,4],"counts":"oo"}`):                                      "ends within a number",
	start + seg(`{"size":[3,4],"counts":"ä"}`):                                       "no character",
	start + seg(`{"size":[3,4],"counts":{}}`):                                        "counts",
	strings.Replace(start, `"width":4`, `"width":5`, 1) + `]}`:                       "none of its 1 images",
	strings.Replace(start, `[{"id":1`, `[{"id":2,"height":3,"width":4,"file_name":"a"},{"id":3,"height":3,"width":4,"file_name":"b"},{"id":1`, 1) + `]}`: "", // s.png is named like the sample
}

func seg(s string) string { return `{"id":1,"image_id":1,"category_id":1,"segmentation":` + s + `}]}` }

var small = &exchange.Canvas{Sample: "s", Axes: "YX", Z: 1, Y: 3, X: 4}

func TestMalformed(t *testing.T) {
	for text, want := range malformed {
		_, err := Parse([]byte(text), small)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if !errors.Is(err, exchange.ErrInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for text := range malformed {
		f.Add([]byte(text))
	}
	f.Add([]byte(start + seg(`[[0,0,4,0,4,3,0,3]]`)))
	f.Add([]byte(start + seg(`{"size":[3,4],"counts":"04L0b0"}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := Parse(data, small)
		if err != nil {
			if !errors.Is(err, exchange.ErrInput) {
				t.Fatalf("no typed error: %v", err)
			}
			return
		}
		path := filepath.Join(t.TempDir(), "again.json")
		var keep []exchange.Object
		for i, o := range objects {
			if err := o.Mask.Check(); err != nil {
				t.Fatal(err)
			}
			if b := o.Mask.BBox(); b.Y1 > 3 || b.X1 > 4 || b.Z1 > 1 {
				t.Fatalf("mask outside: %v", b)
			}
			if o.ID = int64(i) + 1; len(o.Mask) > 0 && len(keep) < 3 {
				keep = append(keep, o)
			}
		}
		if len(keep) == 0 {
			return
		}
		if _, err := exchange.Export(t.Context(), Format{}, path, small, keep, exchange.Options{}); err != nil {
			t.Fatal(err)
		}
		again, err := exchange.Import(t.Context(), Format{}, path, small)
		if err != nil || len(again) != len(keep) {
			t.Fatalf("written and read again: %d of %d, %v", len(again), len(keep), err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	})
}
