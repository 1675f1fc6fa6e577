package loaders

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/nd"
)

func TestReadLabels(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	r := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"gt", "flat"} {
		v := f.volume("b", name)
		for level := range int(v.Levels) {
			a, err := d.Array(t.Context(), "b", name, level)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				region := randomRegion(r, a.LabelShape())
				ids := []int64{12, 10, 14}
				if name == "flat" {
					ids = []int64{1}
				}
				merged, masks := v.naiveLabels(level, region, ids)
				got := make([]uint32, len(merged))
				if _, err := ReadLabels(t.Context(), a, region, got); err != nil {
					t.Fatal(err)
				}
				gotMasks := make([]bool, len(masks))
				if _, err := ReadMasks(t.Context(), a, region, ids, gotMasks); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(asBytes(got), asBytes(merged)) || !bytes.Equal(asBytes(gotMasks), asBytes(masks)) {
					t.Fatalf("%s level %d %v: labels differ", name, level, region)
				}
			}
		}
	}
}

// naiveLabels looks at one voxel after the other.
func (v *volume) naiveLabels(level int, r Region, ids []int64) (merged []uint32, masks []bool) {
	n := r.Elements()
	merged, masks = make([]uint32, n), make([]bool, n*len(ids))
	channels := 1
	if strings.Contains(v.Axes, "C") {
		channels = int(v.Shape[0])
	}
	for c := range channels {
		whole := r
		if strings.Contains(v.Axes, "C") {
			whole = Region{Origin: append([]int{c}, r.Origin...), Shape: append([]int{1}, r.Shape...)}
		}
		data := v.want(level, whole)
		size := len(data) / max(1, n)
		for i := range n {
			if data[i*size] == 0 {
				continue
			}
			id := int64(data[i*size])
			if v.Name == "gt" {
				id = int64(10 + c)
			}
			merged[i] = max(merged[i], uint32(id))
			for m := range ids {
				if ids[m] == id {
					masks[m*n+i] = true
				}
			}
		}
	}
	return merged, masks
}

func TestReadLabelsRefuses(t *testing.T) {
	f := newFixture(t)
	d := f.open(t, Options{})
	raw, err := d.Array(t.Context(), "a", "raw", 0)
	if err != nil {
		t.Fatal(err)
	}
	gt, err := d.Array(t.Context(), "a", "gt", 0)
	if err != nil {
		t.Fatal(err)
	}
	r := nd.Whole([]int{1, 1, 1})
	if _, err := ReadLabels(t.Context(), raw, r, make([]uint32, 1)); err == nil || !strings.Contains(err.Error(), "no labels") {
		t.Errorf("labels of an image: %v", err)
	}
	if _, err := ReadMasks(t.Context(), gt, r, []int64{10, 99}, make([]bool, 2)); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "instance 99") {
		t.Errorf("unknown id: %v", err)
	}
	if _, err := ReadLabels(t.Context(), gt, nd.Whole([]int{1, 1}), make([]uint32, 1)); !errors.Is(err, ErrRegion) {
		t.Errorf("missing axis: %v", err)
	}
	if _, err := ReadLabels(t.Context(), gt, r, make([]uint32, 2)); err == nil || !strings.Contains(err.Error(), "room for 2") {
		t.Errorf("wrong room: %v", err)
	}
}
