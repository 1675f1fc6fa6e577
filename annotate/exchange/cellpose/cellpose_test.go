package cellpose

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
)

var canvas = &exchange.Canvas{Sample: "s", Axes: "YX", Z: 1, Y: 13, X: 17}

func TestFilesOfNumpy(t *testing.T) {
	python := oracle.Python(t)
	dir := t.TempDir()
	if out := oracle.Run(t, python, "testdata/make_seg.py", dir); len(out) > 0 {
		t.Fatalf("unexpected output %s", out)
	}
	refused := map[string]string{
		"evil": `it wants "print"`, "list": "one dictionary", "without": "no masks", "float": "float64", "plain": "no Python object", "size": "shape",
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_seg.npy"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), "_seg.npy")
		objects, err := exchange.Import(t.Context(), Format{}, path, canvas)
		if want, ok := refused[name]; ok {
			if !errors.Is(err, exchange.ErrInput) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ids, areas := []int64{1, 300}, []int64{18, 19}
		switch {
		case strings.HasSuffix(name, "1"):
			ids[1] = 100
		case strings.HasSuffix(name, "bool"):
			ids, areas = []int64{1}, []int64{37}
		}
		for i := range ids {
			if len(objects) != len(ids) || objects[i].ID != ids[i] || objects[i].Mask.Area() != areas[i] {
				t.Errorf("%s: %+v", name, objects)
				break
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a_seg.npy")
	small := &exchange.Canvas{Sample: "s", Axes: "YX", Z: 1, Y: 3, X: 4}
	if _, err := exchange.Export(f.Context(), Format{}, path, small, []exchange.Object{{ID: 3, Mask: mask.Mask{{Y: 1, X: 1, N: 2}}}}, exchange.Options{}); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-30])
	f.Add(bytes.ReplaceAll(data, []byte("numpy.core.multiarray"), []byte("numpy.core.os_________")))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := Parse(t.Context(), data, small)
		if err != nil {
			if !errors.Is(err, exchange.ErrInput) {
				t.Fatalf("no typed error: %v", err)
			}
			return
		}
		for _, o := range objects {
			if err := o.Mask.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
