package zarr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// Bands are the array, each row once, whatever its chunks.
func TestEachBand(t *testing.T) {
	eachFixtureArray(t, func(t *testing.T, a *Array) {
		shape, size := a.Shape(), a.DType().Size()
		if len(shape) < 2 {
			t.Skip("an array of one axis has no rows")
		}
		want := make([]byte, nd.Elements(shape)*size)
		if err := a.Read(t.Context(), nd.Whole(shape), nd.Dense(want, shape, size)); err != nil {
			t.Fatal(err)
		}
		n := len(shape)
		row := shape[n-1] * size
		got := make([]byte, len(want))
		seen := map[string]bool{}
		err := a.EachBand(t.Context(), func(at []int, y int, rows []byte) error {
			plane := 0
			for i, v := range at {
				plane = plane*shape[i] + v
			}
			for k := range len(rows) / max(1, row) {
				key := fmt.Sprint(at, y+k)
				if seen[key] {
					return fmt.Errorf("row %s comes twice", key)
				}
				seen[key] = true
			}
			copy(got[(plane*shape[n-2]+y)*row:], rows)
			return nil
		})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("bands differ from the array: %v", err)
		}
	})
	eachFixtureArray(t, func(t *testing.T, a *Array) {
		if len(a.Shape()) < 2 {
			t.Skip("an array of one axis has no rows")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.EachBand(ctx, func([]int, int, []byte) error { return nil }); !errors.Is(err, context.Canceled) && nd.Elements(a.Shape()) > 0 {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// eachFixtureArray runs a test on arrays of two axes, sharded too, and on those of a sample.
func eachFixtureArray(t *testing.T, test func(*testing.T, *Array)) {
	t.Helper()
	arrays := map[string]*Array{
		"v2":     openA(t, v2Array(t, [2]int{13, 17}, [2]int{5, 6})),
		"shards": openA(t, v3Shards(t, [2]int{13, 17}, [2]int{8, 12}, [2]int{4, 6}, "end")),
	}
	s, err := store.Open(t.Context(), "../../testdata/fisbe", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	infos, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if path, ok := strings.CutSuffix(i.Key, "/.zarray"); ok {
			if arrays[path], err = OpenArray(t.Context(), s, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(arrays) < 4 {
		t.Fatalf("%d arrays", len(arrays))
	}
	for name, a := range arrays {
		t.Run(name, func(t *testing.T) { test(t, a) })
	}
}
