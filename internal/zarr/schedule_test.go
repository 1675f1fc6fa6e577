package zarr

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/nd"
)

// The uses of every chunk are what intersection says, and a schedule of too many is refused.
func TestSchedule(t *testing.T) {
	if _, err := newSchedule([]nd.Region{region2(0, 0, 3, 4)}, []int{2, 4}, []int{1, 1}); err == nil {
		t.Error("a region outside of the array")
	}
	shape := []int{1 << 20, 1 << 20}
	if _, err := newSchedule([]nd.Region{nd.Whole(shape)}, shape, []int{1, 1}); err == nil {
		t.Error("2^40 chunks")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		shape := []int{1 + r.IntN(20), 1 + r.IntN(20), 1 + r.IntN(20)}
		chunk := []int{1 + r.IntN(7), 1 + r.IntN(30), 1 + r.IntN(7)}
		var regions []nd.Region
		for range 8 {
			regions = append(regions, randomRegion(r, shape))
		}
		s, err := newSchedule(regions, shape, chunk)
		if err != nil {
			t.Fatal(err)
		}
		// Every chunk's list of regions is what intersection says, whatever order they end in.
		at := make([]int, 3)
		for n, place := range s.chunks {
			s.position(at, place)
			box := nd.Region{Origin: []int{at[0] * chunk[0], at[1] * chunk[1], at[2] * chunk[2]}, Shape: chunk}
			var want []int32
			for i, region := range regions {
				if _, ok := box.Intersect(region); ok {
					want = append(want, int32(i))
				}
			}
			for len(want) > 0 {
				if s.next(n) != want[0] {
					t.Fatalf("chunk %v is next used by %d, want %d", at, s.next(n), want[0])
				}
				k := r.IntN(len(want))
				s.use(n, want[k])
				s.use(n, want[k]) // a second time changes nothing
				want = slices.Delete(want, k, k+1)
			}
			if s.next(n) != never {
				t.Fatalf("chunk %v is used by %d", at, s.next(n))
			}
		}
	}
}
