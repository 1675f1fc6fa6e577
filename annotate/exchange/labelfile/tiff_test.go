package labelfile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

var canvas = &exchange.Canvas{Sample: "s", Axes: "ZYX", Z: 3, Y: 40, X: 50, PixelSizeUM: []float64{2, 0.5, 0.5}}

var objects = []exchange.Object{
	{ID: 7, Mask: mask.Mask{{Z: 0, Y: 1, X: 2, N: 30}, {Z: 2, Y: 39, X: 0, N: 50}}},
	{ID: 1 << 20, Mask: mask.Mask{{Z: 1, Y: 5, X: 6, N: 7}}},
}

// TestBigTIFF writes the form that images past 4 GB take.
func TestBigTIFF(t *testing.T) {
	d, err := NewDrawing("tif", canvas, objects, false, schemas.Uint16, schemas.Uint32)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "big.tif")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &tiffWriter{file: f, wide: true}
	if err := w.header(); err != nil {
		t.Fatal(err)
	}
	for z := range canvas.Z {
		if err := w.page(t.Context(), d, z); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := exchange.Import(t.Context(), TIFF{}, path, canvas)
	if err != nil || len(got) != 2 || !slices.Equal(got[0].Mask, objects[0].Mask) || got[1].ID != 1<<20 {
		t.Errorf("%+v, %v", got, err)
	}
	if out := string(oracle.Run(t, oracle.Python(t), "testdata/describe_tiff.py", path)); out != "True (3, 40, 50) uint32 {0: 5913, 7: 80, 1048576: 7} (2.0, 2.0)\n" {
		t.Errorf("tifffile reads %s", out)
	}
}

func TestMalformed(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []exchange.Format{TIFF{}, PNG{}, NPY{}} {
		for name, text := range map[string]string{
			"empty": "", "text": "hello world", "half a TIFF": "II*\x00\x08\x00", "half a npy": "\x93NUMPY\x01\x00\xff", "half a PNG": "\x89PNG\r\n\x1a\n\x00\x00",
			"a TIFF that loops": "II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00",
		} {
			path := filepath.Join(dir, "file")
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Read(t.Context(), path, canvas); err == nil {
				t.Errorf("%s: %s is read", f.Name(), name)
			}
		}
	}
	for name, text := range map[string]string{
		"no JSON": "{", "no array": "{}",
		"huge":        `{"zarr_format":2,"shape":[3,40,50],"chunks":[3000000,4000000,5000000],"dtype":"<u2","compressor":null,"fill_value":0,"order":"C","filters":null}`,
		"other shape": `{"zarr_format":2,"shape":[3,40,51],"chunks":[3,40,51],"dtype":"<u2","compressor":null,"fill_value":0,"order":"C","filters":null}`,
		"floats":      `{"zarr_format":2,"shape":[3,40,50],"chunks":[3,40,50],"dtype":"<f4","compressor":null,"fill_value":0,"order":"C","filters":null}`,
	} {
		path := filepath.Join(dir, "a.zarr")
		if err := os.MkdirAll(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, ".zarray"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := (Zarr{}).Read(t.Context(), path, canvas); err == nil {
			t.Errorf("zarr: %s is read", name)
		}
	}
}
