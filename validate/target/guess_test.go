package target

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"
)

// TestGuessZarr tells what lies in zarr, in folders and in archives, apart by names alone.
func TestGuessZarr(t *testing.T) {
	for _, tt := range []struct{ kind, name string }{
		{FISBe, "completely/train/a.zarr/volumes/raw/.zarray"},
		{FISBe, "a.zarr/volumes/raw/.zarray"},
		{FISBe, "volumes/gt_instances/zarr.json"},
		{Labels, ".zarray"},
		{Dataset, "manifest.json"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(tt.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		archive := filepath.Join(t.TempDir(), "a.zip")
		f, err := os.Create(archive)
		if err != nil {
			t.Fatal(err)
		}
		w := zip.NewWriter(f)
		if _, err := w.Create(tt.name); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for _, location := range []string{dir, archive} {
			if kind, err := guess(location); err != nil || kind != tt.kind {
				t.Errorf("%s in %s: %q, %v, want %s", tt.name, filepath.Base(location), kind, err, tt.kind)
			}
		}
	}
}
