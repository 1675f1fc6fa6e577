package labels

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/mask"
)

// randomPicture is a small picture with objects, and those objects.
func randomPicture(rng *rand.Rand, h, w, labels int) ([]int64, []object) {
	pixels := make([]int64, h*w)
	runs := map[int64][]mask.Run{}
	for i := range pixels {
		if i > 0 && rng.IntN(3) > 0 {
			pixels[i] = pixels[i-1]
		} else {
			pixels[i] = int64(rng.IntN(labels + 1))
		}
		if pixels[i] != 0 {
			runs[pixels[i]] = append(runs[pixels[i]], mask.Run{Y: int32(i / w), X: int32(i % w), N: 1})
		}
	}
	var objects []object
	for id := int64(1); id <= int64(labels); id++ {
		if m := mask.Of(runs[id]); len(m) > 0 {
			objects = append(objects, object{id: id, label: id, mask: m})
		}
	}
	return pixels, objects
}

// Neighbours by runs are those that a look at every pixel finds.
func TestTouchingAgainstPixels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		h, w := 1+rng.IntN(8), 1+rng.IntN(9)
		pixels, objects := randomPicture(rng, h, w, 1+rng.IntN(6))
		want := map[int64][]int64{}
		note := func(a, b int64) {
			if a != b && a != 0 && b != 0 {
				want[a], want[b] = append(want[a], b), append(want[b], a)
			}
		}
		for i := range pixels {
			if i%w+1 < w {
				note(pixels[i], pixels[i+1])
			}
			if i+w < len(pixels) {
				note(pixels[i], pixels[i+w])
			}
		}
		got := touching(objects)
		for i, o := range objects {
			slices.Sort(want[o.id])
			if w := append([]int64{}, slices.Compact(want[o.id])...); !reflect.DeepEqual(got[i], w) {
				t.Fatalf("%v of width %d: object %d touches %v, want %v", pixels, w, o.id, got[i], want[o.id])
			}
		}
	}
}

func box(y, x, h, w int32) mask.Mask {
	var runs []mask.Run
	for i := range h {
		runs = append(runs, mask.Run{Y: y + i, X: x, N: w})
	}
	return mask.Of(runs)
}

func TestDecide(t *testing.T) {
	object := box(10, 10, 10, 10)
	am := func(m mask.Mask) classMask { return classMask{class: "AM", array: "mask_am", all: m} }
	ntm := func(m mask.Mask) classMask { return classMask{class: "NTM", array: "mask_ntm", all: m} }
	whole, half, less, none := box(0, 0, 50, 50), box(0, 0, 15, 50), box(0, 0, 14, 50), box(30, 30, 5, 5)
	vs := func(m mask.Mask, value int64) *classMask {
		return &classMask{array: "mask_am_vs_nam", byValue: map[int64]mask.Mask{value: m}}
	}
	values := map[int64]string{1: "AM", 2: "NAM"}
	tests := []struct {
		name          string
		e             evidence
		class, status string
	}{
		{"no masks", evidence{claim: 0.5}, "", ""},
		{"one claims", evidence{claim: 0.5, masks: []classMask{am(whole), ntm(none)}}, "AM", ""},
		{"half is enough", evidence{claim: 0.5, masks: []classMask{am(none), ntm(half)}}, "NTM", ""},
		{"less is not", evidence{claim: 0.5, masks: []classMask{am(less), ntm(none)}}, "", unclassified},
		{"two claim", evidence{claim: 0.5, masks: []classMask{am(whole), ntm(half)}}, "", contradictory},
		{"two empty masks", evidence{claim: 0.5, masks: []classMask{am(nil), ntm(nil)}}, "", unclassified},
		{"what no mask claims", evidence{claim: 0.5, rest: "AM", masks: []classMask{ntm(less)}}, "AM", ""},
		{"NAM repeats NTM", evidence{claim: 0.5, masks: []classMask{ntm(whole)}, amNam: vs(whole, 2), perhaps: []int64{2}, values: values}, "NTM", ""},
		{"NAM against AM", evidence{claim: 0.5, masks: []classMask{am(whole)}, amNam: vs(whole, 2), perhaps: []int64{2}, values: values}, "", contradictory},
		{"AM against NTM", evidence{claim: 0.5, masks: []classMask{ntm(whole)}, amNam: vs(whole, 1), perhaps: []int64{1}, values: values}, "", contradictory},
		{"AM twice", evidence{claim: 0.5, masks: []classMask{am(whole)}, amNam: vs(whole, 1), perhaps: []int64{1}, values: values}, "AM", ""},
		{"NAM alone", evidence{claim: 0.5, amNam: vs(whole, 2), perhaps: []int64{2}, values: values}, "NAM", ""},
		{"background means NAM", evidence{claim: 0.5, amNam: vs(none, 1), perhaps: []int64{1}, values: map[int64]string{0: "NAM", 1: "AM"}}, "NAM", ""},
		{"values that mean nothing", evidence{claim: 0.5, amNam: vs(whole, 2), perhaps: []int64{2}}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.e.decide(object)
			if got := deref(v.class); got != tt.class {
				t.Errorf("class %q, want %q (%v)", got, tt.class, v.reasons)
			}
			if got := deref(v.status); got != tt.status {
				t.Errorf("status %q, want %q (%v)", got, tt.status, v.reasons)
			}
			if (tt.class != "" || tt.status != "") && len(v.reasons) == 0 {
				t.Error("it has no reason")
			}
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// The few rows of a large mask that an object has are enough.
func TestCommonAgainstAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		_, a := randomPicture(rng, 12, 9, 2)
		_, b := randomPicture(rng, 12, 9, 1)
		for _, o := range a {
			for _, p := range b {
				if got, want := common(o.mask, p.mask), mask.IntersectionArea(o.mask, p.mask); got != want {
					t.Fatalf("%d, want %d", got, want)
				}
			}
		}
	}
}
