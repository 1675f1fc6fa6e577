package labelimage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
)

// scan reads the instances of a file.
func scan(ctx context.Context, path string) (map[int64]mask.Mask, *Image, error) {
	im, err := Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	var s mask.Scanner
	done := int64(0)
	err = errors.Join(im.Scan(ctx, &s, func(n int64) { done += n }), im.Close())
	if err == nil && done != im.Bytes() {
		err = fmt.Errorf("progress says %d of %d bytes", done, im.Bytes())
	}
	return maps.Collect(s.Instances()), im, err
}

func TestFormatsAgree(t *testing.T) {
	dir := t.TempDir()
	oracle.Run(t, oracle.Python(t), "testdata/write.py", dir)
	for want, files := range map[string][]string{
		"flat.npy":    {"flat-big-endian.npy", "flat.tif", "flat-tiled.tif", "flat-big.tif", "flat-16.png", "flat-8.png", "flat-palette.png", "flat.zarr", "flat.zarr.zip"},
		"deep.npy":    {"deep.tif", "deep.zarr"},
		"one-bit.npy": {"one-bit.png"},
	} {
		masks, first, err := scan(t.Context(), filepath.Join(dir, want))
		if err != nil || len(masks) == 0 {
			t.Fatalf("%s: %d instances, %v", want, len(masks), err)
		}
		for _, name := range files {
			got, im, err := scan(t.Context(), filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
				continue
			}
			if !reflect.DeepEqual(got, masks) || im.Axes != first.Axes || im.Depth != first.Depth || im.Height != first.Height || im.Width != first.Width {
				t.Errorf("%s: %d instances in %s %dx%dx%d, not those of %s", name, len(got), im.Axes, im.Depth, im.Height, im.Width, want)
			}
			if name == "flat-big.tif" && im.PixelSizeUM != [3]float64{0, .5, .5} {
				t.Errorf("%s: pixel size %v, want 0.5 um", name, im.PixelSizeUM)
			}
		}
	}
	for name, want := range map[string]string{
		"fortran.npy": "Fortran order", "float.npy": "cannot be labels", "four-axes.npy": "4 axes", "negative.npy": "label -1",
		"channels.zarr": "2 channels", "mixed.tif": "45x91 uint16, 45x91 uint8", "rgb.tif": "3 channels", "rgb.png": "colour", "text.tif": ErrFormat.Error(), "cut.npy": "unexpected EOF", "cut.png": "png", "none.tif": "none.tif", "two": "several zarr arrays", "empty": ErrFormat.Error(),
	} {
		_, _, err := scan(t.Context(), filepath.Join(dir, name))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that says %q", name, err, want)
		}
	}
	for _, name := range []string{"channels.zarr", "mixed.tif", "rgb.tif", "rgb.png", "float.npy"} {
		var not *NotLabelsError
		if _, _, err := scan(t.Context(), filepath.Join(dir, name)); !errors.As(err, &not) {
			t.Errorf("%s: %v, want a *NotLabelsError", name, err)
		}
	}
	imagesAgree(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"flat.npy", "flat.tif", "flat-8.png"} {
		if _, _, err := scan(ctx, filepath.Join(dir, name)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s cancelled: %v", name, err)
		}
	}
}

// imagesAgree reads images of several channels: the first two are the planes of two.npy.
func imagesAgree(t *testing.T, dir string) {
	t.Helper()
	planes := func(name string) (out [2][]byte) {
		im, err := OpenAny(t.Context(), filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer im.Close()
		err = im.Rows(t.Context(), func(c, z, _ int, rows []byte) error {
			for k := 0; k < len(rows) && c+z < len(out); k += im.DType.Size() {
				out[c+z] = append(out[c+z], rows[k]) // values are small
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := planes("two.npy")
	for _, name := range []string{"image.png", "image.tif", "image.zarr"} {
		if got := planes(name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: channels differ", name)
		}
	}
}
