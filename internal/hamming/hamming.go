// Package hamming finds 64-bit hashes that differ in few bits, among millions of them.
//
// It is multi-index hashing (Norouzi, Punjani and Fleet, Fast Search in Hamming Space with Multi-Index Hashing, CVPR
// 2012). A hash is cut into 4 words of 16 bits, and for each word there is a table of the hashes by it. Of two
// hashes that differ in at most d = 4r + a bits, a < 4, one of the first a+1 words differs in at most r bits, or one of
// the others in at most r-1: the search looks up the words that are so near, and compares whole hashes only there. It
// goes from d = 0 upwards, and ends with the first that it finds.
//
// A word is every fourth bit, so that the bits of a perceptual hash that go together, low frequencies of one
// direction, are spread over the words.
package hamming

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

const (
	words    = 4
	wordBits = 64 / words
	buckets  = 1 << wordBits
)

// MaxDistance is the largest distance that is searched for: past it most of the hashes would be looked at.
const MaxDistance = 12

// Options of Nearest.
type Options struct {
	Distance int // most bits that differ, 0 to MaxDistance
	Jobs     int // processors to use, at least 1
	// Work bounds the comparisons of hashes; 0 stands for 2e10, some ten seconds of two processors.
	Work int64
}

// Neighbour is what is nearest to a hash.
type Neighbour struct {
	Index    int32 // of the other hash, -1 where none is near
	Distance int32 // bits that differ
}

// Nearest finds for every hash the nearest one of lower rank; of several one, always the same. Ranks are
// the numbers of the splits that hashes belong to.
//
// Equal hashes are looked up once. The work that is left is shared out evenly over the different hashes that
// have to be looked up; where many hashes share words, a search may come to the end of its share: cut
// counts these hashes, whose neighbour may be missing or not the nearest. The result is the same for any
// number of jobs.
func Nearest(ctx context.Context, hashes []uint64, ranks []uint8, o Options) (near []Neighbour, cut int, err error) {
	if o.Distance < 0 || o.Distance > MaxDistance {
		return nil, 0, fmt.Errorf("distance of %d bits: want 0 to %d", o.Distance, MaxDistance)
	}
	near = make([]Neighbour, len(hashes))
	order := make([]int32, len(hashes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		switch {
		case hashes[a] < hashes[b]:
			return -1
		case hashes[a] > hashes[b]:
			return 1
		case ranks[a] != ranks[b]:
			return int(ranks[a]) - int(ranks[b])
		}
		return int(a - b)
	})
	s := &search{hashes: hashes, ranks: ranks, near: near, distance: o.Distance}
	for begin := 0; begin < len(order); {
		end := begin + 1
		for end < len(order) && hashes[order[end]] == hashes[order[begin]] {
			end++
		}
		s.group(order[begin:end])
		begin = end
	}
	if o.Distance > 0 {
		cut, err = s.run(ctx, o)
	}
	return near, cut, err
}

// search is a search for neighbours. Of equal hashes the first of the lowest rank stands for all.
type search struct {
	hashes   []uint64
	ranks    []uint8
	near     []Neighbour
	distance int

	distinct []int32   // one of each group of equal hashes, in the order of hashes
	alike    [][]int32 // the others of its rank, nil for none
	lowest   uint8     // of all ranks
	tables   [words]table
	cut      atomic.Int64
}

// group settles equal hashes, which come in the order of ranks: all above the lowest rank have their neighbour.
func (s *search) group(equal []int32) {
	first := equal[0]
	n := 1
	for ; n < len(equal) && s.ranks[equal[n]] == s.ranks[first]; n++ {
	}
	for _, i := range equal[n:] {
		s.near[i] = Neighbour{first, 0}
	}
	for _, i := range equal[:n] {
		s.near[i] = Neighbour{-1, 0}
	}
	if len(s.distinct) == 0 || s.ranks[first] < s.lowest {
		s.lowest = s.ranks[first]
	}
	s.distinct, s.alike = append(s.distinct, first), append(s.alike, equal[1:n])
}

// run looks up the hashes that have no neighbour yet.
func (s *search) run(ctx context.Context, o Options) (cut int, err error) {
	var queries []int32 // positions in distinct
	highest := s.lowest
	for k, i := range s.distinct {
		highest = max(highest, s.ranks[i])
		if s.ranks[i] > s.lowest {
			queries = append(queries, int32(k))
		}
	}
	if len(queries) == 0 {
		return 0, nil
	}
	var found []int32
	for _, i := range s.distinct {
		if s.ranks[i] < highest {
			found = append(found, i)
		}
	}
	for w := range s.tables {
		if s.tables[w] = s.newTable(w, found); ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
	work := o.Work
	if work == 0 {
		work = 2e10
	}
	share := max(work/int64(len(queries)), 1)
	const batch = 1024
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(o.Jobs, 1))
	for begin := 0; begin < len(queries); begin += batch {
		part := queries[begin:min(begin+batch, len(queries))]
		group.Go(func() error {
			for _, k := range part {
				s.look(k, share)
			}
			return context.Cause(ctx)
		})
	}
	err = group.Wait()
	return int(s.cut.Load()), err
}

// look finds the nearest hash of lower rank, comparing share hashes at most. With each step, hashes that
// differ in one bit more are sure to have been seen.
func (s *search) look(k int32, share int64) {
	i := s.distinct[k]
	q := query{search: s, hash: s.hashes[i], rank: s.ranks[i], best: Neighbour{-1, int32(s.distance) + 1}, left: share}
	for d := 0; d <= s.distance && q.best.Distance > int32(d) && q.left > 0; d++ {
		q.words(d%words, word(q.hash, d%words), d/words, 0)
	}
	if q.left == 0 {
		s.cut.Add(1 + int64(len(s.alike[k])))
	}
	if q.best.Index < 0 {
		return
	}
	s.near[i] = q.best
	for _, same := range s.alike[k] {
		s.near[same] = q.best
	}
}

// query is the search for one hash.
type query struct {
	*search
	hash uint64
	rank uint8
	best Neighbour
	left int64 // hashes that may still be compared
}

// words looks at the hashes whose word w differs from v in so many bits, of those from from on.
func (q *query) words(w int, v uint16, differ, from int) {
	if differ == 0 {
		q.bucket(w, v)
		return
	}
	for b := from; b < wordBits; b++ {
		q.words(w, v^1<<b, differ-1, b+1)
	}
}

func (q *query) bucket(w int, v uint16) {
	t := &q.tables[w]
	begin, end := t.begins[v], t.begins[int(v)+1]
	if int64(end-begin) > q.left {
		end = begin + uint32(q.left)
	}
	q.left -= int64(end - begin)
	for at, h := range t.hashes[begin:end] {
		if d := int32(bits.OnesCount64(h ^ q.hash)); d < q.best.Distance {
			if i := t.index[int(begin)+at]; q.ranks[i] < q.rank {
				q.best = Neighbour{i, d}
			}
		}
	}
}

// table has hashes by a word of theirs.
type table struct {
	begins []uint32 // of the hashes of each word, and the end of all
	hashes []uint64
	index  []int32
}

func (s *search) newTable(w int, of []int32) table {
	t := table{make([]uint32, buckets+1), make([]uint64, len(of)), make([]int32, len(of))}
	for _, i := range of {
		t.begins[int(word(s.hashes[i], w))+1]++
	}
	for v := range buckets {
		t.begins[v+1] += t.begins[v]
	}
	next := slices.Clone(t.begins)
	for _, i := range of {
		v := word(s.hashes[i], w)
		t.hashes[next[v]], t.index[next[v]] = s.hashes[i], i
		next[v]++
	}
	return t
}

// word is every fourth bit of a hash, from bit w on.
func word(h uint64, w int) uint16 {
	h = h >> w & 0x1111111111111111
	h = (h | h>>3) & 0x0303030303030303
	h = (h | h>>6) & 0x000f000f000f000f
	h = (h | h>>12) & 0x000000ff000000ff
	return uint16(h | h>>24)
}
