package tiffio

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
)

// openFile opens a file of the disk for a test.
func openFile(t testing.TB, path string) *File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := Open(t.Context(), f, info.Size(), path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// The real masks read as tifffile with imagecodecs reads them: whole, and tile by tile in
// row order with a budget of a row of tiles and with none at all for a few of them.
func TestSamples(t *testing.T) {
	for _, name := range []string{"S60_groundtruth.tiff", "S60_second_annotation.tiff"} {
		t.Run(name, func(t *testing.T) {
			path := oracle.Sample(t, "nclsm/"+name)
			var want struct {
				Shape  []int
				DType  string
				SHA256 string
			}
			if err := json.Unmarshal(oracle.Run(t, oracle.Python(t), "testdata/digest.py", path), &want); err != nil {
				t.Fatal(err)
			}
			a := must(openFile(t, path).pages[0].Array())
			h := sha256.New()
			for b, err := range a.Bands(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				h.Write(b.View.Data)
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != want.SHA256 || string(a.DType()) != want.DType {
				t.Errorf("%s %v, want %s of %s %v", a.DType(), a.Shape(), want.SHA256, want.DType, want.Shape)
			}
			readTiles(t, a, 1024)
		})
	}
}

// readTiles reads an array tile by tile and compares with the whole of it.
func readTiles(t *testing.T, a *Array, tile int) {
	t.Helper()
	whole, err := a.ReadAll(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	size := a.DType().Size()
	all := nd.Dense(whole, a.Shape(), size)
	var schedule []nd.Region
	h, w := a.Shape()[0], a.Shape()[1]
	for y := 0; y < h; y += tile {
		for x := 0; x < w; x += tile {
			schedule = append(schedule, nd.Region{Origin: []int{y, x}, Shape: []int{min(tile, h-y), min(tile, w-x)}})
		}
	}
	r, err := a.NewReader(ReaderOptions{Schedule: schedule, Budget: int64(w * (tile + 200) * size)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, want := make([]byte, tile*tile*size), make([]byte, tile*tile*size)
	rng := rand.New(rand.NewPCG(1, 1))
	for i, region := range schedule {
		n := region.Elements() * size
		if err := r.Read(t.Context(), i, nd.Dense(got[:n], region.Shape, size)); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(4) == 0 {
			nd.Copy(nd.Dense(want[:n], region.Shape, size), all.Slice(region))
			if string(got[:n]) != string(want[:n]) {
				t.Fatalf("region %v differs", region)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
