package batch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// cases is how many random boxes are compared: $MICROPQ_CASES, or few.
func cases() string { return cmp.Or(os.Getenv("MICROPQ_CASES"), "1000") }

// Random boxes at any level, over the border and larger than the volume, of images, of labels
// merged and of each neuron's mask, are what numpy slices out of the source.
func TestBoxesEqualNumpy(t *testing.T) {
	python := oracle.Python(t)
	release, d := released(t, fisbegen.Options{Samples: 3, Shape: []int{3, 21, 40, 51}, Neurons: 4, Empty: 1, IDs: true, Seed: 9})
	dir := t.TempDir()
	oracle.Run(t, python, "../../python/tests/cases.py", "boxes", release, dir, cases())
	var listed []struct {
		Sample, Array      string
		Origin, Size       []int
		Level              int
		IDs                []int64
		Offset, Box, Bytes int
	}
	text, err := os.ReadFile(filepath.Join(dir, "boxes.json"))
	if err == nil {
		err = json.Unmarshal(text, &listed)
	}
	if err != nil {
		t.Fatal(err)
	}
	answers, err := os.ReadFile(filepath.Join(dir, "boxes.bin"))
	if err != nil {
		t.Fatal(err)
	}
	memory := loaders.NewMemory(loaders.MemoryOptions{Bytes: 4 << 20, Readers: 2, Decoders: 2})
	for _, q := range listed {
		a, err := d.Array(t.Context(), q.Sample, q.Array, q.Level)
		if err != nil {
			t.Fatal(err)
		}
		a = a.Within(memory)
		l := layout{role: a.Role()}
		shape, itemSize := q.Size, 4
		if l.role != schemas.RoleLabels {
			shape, itemSize = append([]int{3}, q.Size...), 2
		}
		dst := nd.Dense(bytes.Repeat([]byte{0xaa}, q.Box), shape, itemSize)
		if _, err := readBox(t.Context(), a, &l, q.Origin, q.Size, dst); err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		got := dst.Data
		if l.role == schemas.RoleLabels {
			got = append(got, masksOf(t, a, q.Origin, q.Size, q.IDs)...)
		}
		if !bytes.Equal(got, answers[q.Offset:q.Offset+q.Bytes]) {
			t.Fatalf("%+v differs", q)
		}
	}
	t.Logf("%d boxes, %d bytes", len(listed), len(answers))
}

// masksOf are the masks of instances in the part of a box that lies in the array.
func masksOf(t *testing.T, a *loaders.Array, origin, size []int, ids []int64) []byte {
	t.Helper()
	region := nd.Region{Origin: origin, Shape: make([]int, len(size))}
	for i, n := range a.LabelShape() {
		region.Shape[i] = min(size[i], n-origin[i])
	}
	masks := make([]bool, len(ids)*region.Elements())
	if _, err := loaders.ReadMasks(t.Context(), a, region, ids, masks); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(masks))
	for i, m := range masks {
		if m {
			out[i] = 1
		}
	}
	return out
}
