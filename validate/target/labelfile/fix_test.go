package labelfile

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/validate"
)

// masks are the instances of a file, by id.
func masks(t *testing.T, path string) (*labelimage.Image, map[int64]mask.Mask) {
	t.Helper()
	im, err := labelimage.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	var s mask.Scanner
	if err := im.Scan(t.Context(), &s, nil); err != nil {
		t.Fatal(err)
	}
	return im, maps.Collect(s.Instances())
}

// TestFixNumbersAnew writes label images with gaps again: nothing but the ids changes, and their order does not.
func TestFixNumbersAnew(t *testing.T) {
	dir := t.TempDir()
	var files []struct {
		Name     string
		Fixable  bool
		Describe any
	}
	python := oracle.Python(t)
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/gaps.py", "write", dir), &files); err != nil {
		t.Fatal(err)
	}
	paths := []string{}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		before, old := masks(t, path)
		result, err := run(t, path, Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		gapsOf := func(r *validate.Result) []*validate.Finding {
			return slices.DeleteFunc(slices.Clone(r.Findings), func(f *validate.Finding) bool { return f.Rule != gaps })
		}
		found := gapsOf(result)
		if len(found) != 1 || found[0].Fixable != f.Fixable {
			t.Errorf("%s: %d findings, fixable %v", f.Name, len(found), len(found) == 1 && found[0].Fixable)
			continue
		}
		target, err := New(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		n, err := target.Fix(t.Context(), result.Findings)
		if err != nil || (n == 1) != f.Fixable {
			t.Errorf("%s: %d mended, %v", f.Name, n, err)
			continue
		}
		if !f.Fixable {
			continue
		}
		paths = append(paths, path)
		after, now := masks(t, path)
		if after.DType != before.DType || after.Axes != before.Axes || after.PixelSizeUM != before.PixelSizeUM || after.Description != before.Description || after.Software != before.Software {
			t.Errorf("%s: %+v, was %+v", f.Name, after, before)
		}
		for i, id := range slices.Sorted(maps.Keys(old)) {
			if !slices.Equal(now[int64(i+1)], old[id]) {
				t.Errorf("%s: instance %d is not %d", f.Name, id, i+1)
			}
		}
		if again, err := run(t, path, Options{}, nil); err != nil || len(gapsOf(again)) != 0 || len(now) != len(old) {
			t.Errorf("%s: gaps after all: %v", f.Name, err)
		}
	}
	if len(paths) < 4 {
		t.Errorf("%d files were mended", len(paths))
	}
	var described []any
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/gaps.py", append([]string{"describe"}, paths...)...), &described); err != nil {
		t.Fatal(err)
	}
	for i, f := range slices.DeleteFunc(files, func(f struct {
		Name     string
		Fixable  bool
		Describe any
	}) bool {
		return !f.Fixable
	}) {
		if !sameJSON([]any{f.Describe}, described[i:i+1]) {
			t.Errorf("%s: tifffile and numpy read %v, want %v", f.Name, described[i], f.Describe)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != len(files) {
		t.Errorf("%d files in the folder, want %d: %v", len(left), len(files), err)
	}
}
