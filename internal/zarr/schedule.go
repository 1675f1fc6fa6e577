package zarr

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/nd"
)

// maxPairs bounds the pairs of a region and a chunk in it, 16 bytes each while they are
// sorted.
const maxPairs = 16 << 20

// schedule knows which regions need which chunks, and of every chunk when it is needed next.
type schedule struct {
	regions []nd.Region
	shape   []int // of a chunk
	grid    []int // chunks along each axis of the array
	chunks  []int // those needed, by their place in the grid in C order, ascending
	first   []int32
	// uses[first[n]+used[n]:first[n+1]] are the regions that are yet to be read of those that
	// need chunk n, ascending.
	uses []int32
	used []int32
}

// never is the next use of a chunk that is not needed again.
const never = math.MaxInt32

func newSchedule(regions []nd.Region, shape, chunk []int) (*schedule, error) {
	s := &schedule{regions: regions, shape: chunk, grid: grid(shape, chunk)}
	total := 0
	for _, region := range regions {
		if err := region.Within(shape); err != nil {
			return nil, err
		}
		n, ok := nd.CheckedElements(s.touched(region))
		if total += n; !ok || total > maxPairs {
			return nil, fmt.Errorf("the regions to read touch chunks of %v more than %d times: the chunks are too small", chunk, maxPairs)
		}
	}
	type pair struct {
		chunk  int
		region int32
	}
	pairs := make([]pair, 0, total)
	for i, region := range regions {
		s.each(region, func(place int) { pairs = append(pairs, pair{place, int32(i)}) })
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.chunk, b.chunk), cmp.Compare(a.region, b.region))
	})
	s.uses = make([]int32, len(pairs))
	for i, p := range pairs {
		if i == 0 || pairs[i-1].chunk != p.chunk {
			s.chunks, s.first = append(s.chunks, p.chunk), append(s.first, int32(i))
		}
		s.uses[i] = p.region
	}
	s.first = append(s.first, int32(len(pairs)))
	s.used = make([]int32, len(s.chunks))
	return s, nil
}

// touched is the number of chunks along each axis that a region touches.
func (s *schedule) touched(region nd.Region) []int {
	n := make([]int, len(s.shape))
	for i := range n {
		if region.Shape[i] > 0 {
			n[i] = (region.End(i)-1)/s.shape[i] - region.Origin[i]/s.shape[i] + 1
		}
	}
	return n
}

// each visits the places of all chunks that a region touches, ascending.
func (s *schedule) each(region nd.Region, visit func(place int)) {
	var counter, low [nd.MaxDims]int
	n := len(s.shape)
	at := counter[:n]
	place := 0
	for i := range n {
		if region.Shape[i] == 0 {
			return
		}
		low[i] = region.Origin[i] / s.shape[i]
		at[i] = low[i]
		place = place*s.grid[i] + at[i]
	}
	for {
		visit(place)
		i, step := n-1, 1
		for ; i >= 0; i-- {
			at[i]++
			if place += step; at[i]*s.shape[i] < region.End(i) {
				break
			}
			place -= step * (at[i] - low[i])
			at[i] = low[i]
			step *= s.grid[i]
		}
		if i < 0 {
			return
		}
	}
}

// position is the grid position of a place.
func (s *schedule) position(at []int, place int) {
	for i := len(at) - 1; i >= 0; i-- {
		at[i] = place % s.grid[i]
		place /= s.grid[i]
	}
}

// number is the index in chunks of the chunk at a place, which must be among them.
func (s *schedule) number(place int) int {
	n, _ := slices.BinarySearch(s.chunks, place)
	return n
}

// next is the region that needs chunk n next.
func (s *schedule) next(n int) int32 {
	if at := s.first[n] + s.used[n]; at < s.first[n+1] {
		return s.uses[at]
	}
	return never
}

// use notes that region i has what it needs of chunk n.
func (s *schedule) use(n int, i int32) {
	uses := s.uses[s.first[n]+s.used[n] : s.first[n+1]]
	if k, ok := slices.BinarySearch(uses, i); ok {
		copy(uses[1:k+1], uses[:k])
		s.used[n]++
	}
}
