package coco_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/validate"
)

// TestGeometryIsThatOfOthers compares masks, areas and boxes with pycocotools', and which polygons are valid and inside the image with
// shapely's answer, over 1000 random masks and polygons; wrong claims are found, and no others.
func TestGeometryIsThatOfOthers(t *testing.T) {
	python := oracle.Python(t)
	path := filepath.Join(t.TempDir(), "geometry.json")
	var truth []struct {
		ID                  int64
		Area                int64
		BBox                [4]float64
		Valid, Outside, Sum bool
		WrongBBox           bool `json:"bbox_wrong"`
		WrongArea           bool `json:"area_wrong"`
	}
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/geometry.py", path), &truth); err != nil {
		t.Fatal(err)
	}
	got, err := look(t, path, validate.Options{})
	if err != nil || len(got.keys) > 0 || len(got.instances) != len(truth) || len(truth) != 1000 {
		t.Fatalf("%v, %v, %d instances", err, got.keys, len(got.instances))
	}
	found := map[int64]map[string]bool{}
	for _, f := range got.findings {
		if f.Instance == nil {
			continue
		}
		if found[*f.Instance] == nil {
			found[*f.Instance] = map[string]bool{}
		}
		what := f.Rule
		switch {
		case f.Rule == "LB009":
			what += " " + f.Detail
		case f.Rule == "LB010" && f.Detail == "outside":
			what += " outside"
		}
		found[*f.Instance][what] = true
	}
	counted := map[string]int{}
	for i, want := range truth {
		in, has := got.instances[int64(i)], found[want.ID]
		if in.Mask == nil != !want.Sum {
			t.Errorf("annotation %d: %v", want.ID, in.MaskErr)
		}
		if b := in.Mask.BBox(); in.Mask != nil && (in.Mask.Area() != want.Area ||
			want.Area > 0 && [4]float64{float64(b.X0), float64(b.Y0), float64(b.X1 - b.X0), float64(b.Y1 - b.Y0)} != want.BBox) {
			t.Errorf("annotation %d: area %d in %v, pycocotools has %d in %v", want.ID, in.Mask.Area(), b, want.Area, want.BBox)
		}
		for rule, wanted := range map[string]bool{
			"LB008": !want.Sum, "LB009 bbox": want.WrongBBox && want.Sum && want.Area > 0, "LB009 area": want.WrongArea && want.Sum && want.Area > 0,
			"LB010": !want.Valid, "LB010 outside": want.Outside,
		} {
			if has[rule] != wanted {
				t.Errorf("annotation %d: %s found: %v, want %v (area %d)", want.ID, rule, has[rule], wanted, want.Area)
			}
			if wanted {
				counted[rule]++
			}
		}
	}
	for _, rule := range []string{"LB008", "LB009 bbox", "LB009 area", "LB010", "LB010 outside"} {
		if counted[rule] < 20 {
			t.Errorf("only %d of the defects that %s finds", counted[rule], rule)
		}
	}
}
