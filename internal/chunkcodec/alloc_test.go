//go:build !race

package chunkcodec

import (
	"testing"

	"github.com/micropq/micropq/internal/nd"
)

// The race detector allocates for itself, so this runs without it.
func TestNoAllocationInSteadyState(t *testing.T) {
	shape := []int{1, 32, 32, 32}
	src := micrograph(nd.Elements(shape))
	box := nd.Region{Origin: []int{0, 3, 4, 5}, Shape: []int{1, 20, 20, 20}}
	view := nd.Dense(make([]byte, 16000), box.Shape, 2)
	dst := make([]byte, len(src))
	for _, e := range encodings {
		enc, err := NewEncoder(e, 0)
		if err != nil {
			t.Fatal(err)
		}
		dec := NewDecoder()
		payload, err := enc.Encode(nil, src, 2)
		if err != nil {
			t.Fatal(err)
		}
		steps := map[string]func() error{
			"Encode":       func() (err error) { payload, err = enc.Encode(payload, src, 2); return err },
			"Decode":       func() error { return dec.Decode(dst, payload, e, 2) },
			"DecodeRegion": func() error { return dec.DecodeRegion(view, payload, e, shape, box) },
		}
		for name, step := range steps {
			n := testing.AllocsPerRun(20, func() {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%s %s: %v allocations", name, e, n)
			}
		}
	}
}
