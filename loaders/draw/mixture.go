package draw

import (
	"fmt"
	"math"
	"sort"
)

// Mixture interleaves several data sets, each in an order of its own. Data set d takes
// counts[d] of every cycle's positions, spread evenly; it goes on where it was from one epoch of
// the mixture to the next, so that a small data set comes around more often than a large one
// and nothing is left out.
type Mixture struct {
	lens    []int64
	shuffle Shuffle
	slots   []slot // of one cycle
	counts  []int64
	epoch   int64 // items of an epoch
}

// slot is one position of a cycle: its data set, and how often that came before in the cycle.
type slot struct {
	set    int
	before int64
}

// cycle is the number of positions over which weights are met as well as they can be.
const cycle = 1000

// NewMixture mixes data sets of the given numbers of items by weight. An epoch has as many
// items as can be drawn before any data set comes around again; items, where it is not 0,
// says otherwise.
func NewMixture(lens []int64, weights []float64, items int64, s Shuffle) (*Mixture, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if len(lens) == 0 || len(weights) != len(lens) {
		return nil, fmt.Errorf("%d weights for %d data sets", len(weights), len(lens))
	}
	total := 0.0
	for d, w := range weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("weight %v: want a positive number", w)
		}
		if lens[d] < 1 {
			return nil, fmt.Errorf("data set %d of the mixture has no items", d)
		}
		total += w
	}
	m := &Mixture{lens: lens, shuffle: s, epoch: items}
	m.counts = shares(weights, total)
	m.slots = spread(m.counts)
	if items == 0 {
		m.epoch = math.MaxInt64
		for d, n := range lens {
			m.epoch = min(m.epoch, m.last(d, n))
		}
	}
	return m, nil
}

// shares gives every data set its part of a cycle, at least one, by largest remainder.
func shares(weights []float64, total float64) []int64 {
	counts := make([]int64, len(weights))
	rest := make([]int, len(weights))
	exact := func(d int) float64 { return weights[d] / total * cycle }
	left := int64(cycle)
	for d := range weights {
		counts[d] = max(1, int64(exact(d)))
		left -= counts[d]
		rest[d] = d
	}
	sort.SliceStable(rest, func(i, j int) bool {
		return exact(rest[i])-math.Floor(exact(rest[i])) > exact(rest[j])-math.Floor(exact(rest[j]))
	})
	for i := 0; left > 0; i, left = i+1, left-1 {
		counts[rest[i%len(rest)]]++
	}
	return counts
}

// spread lays the data sets out over a cycle: each position goes to the one that is furthest
// behind its share.
func spread(counts []int64) []slot {
	n := int64(0)
	for _, c := range counts {
		n += c
	}
	used := make([]int64, len(counts))
	slots := make([]slot, n)
	for i := range slots {
		best, lag := 0, math.Inf(-1)
		for d, c := range counts {
			if l := float64(c)*float64(i+1)/float64(n) - float64(used[d]); l > lag {
				best, lag = d, l
			}
		}
		slots[i] = slot{best, used[best]}
		used[best]++
	}
	return slots
}

// last is the number of positions before data set d is drawn for the time n, from 0.
func (m *Mixture) last(d int, n int64) int64 {
	k := n % m.counts[d]
	for i, s := range m.slots {
		if s.set == d && s.before == k {
			return n/m.counts[d]*int64(len(m.slots)) + int64(i)
		}
	}
	return 0 // not reached: every data set has its share
}

// Len is the number of items of an epoch.
func (m *Mixture) Len() int64 { return m.epoch }

// At is the data set, its own epoch, and the item, at a position of an epoch of the mixture.
func (m *Mixture) At(epoch, pos int64) (set int, own, item int64, err error) {
	i := epoch*m.epoch + pos
	n := int64(len(m.slots))
	s := m.slots[i%n]
	drawn := i/n*m.counts[s.set] + s.before
	own = drawn / m.lens[s.set]
	shuffle := m.shuffle
	if shuffle.Seed != nil {
		seed := key(*shuffle.Seed, uint64(s.set), tagMixture)
		shuffle.Seed = &seed
	}
	o, err := NewOrder(m.lens[s.set], shuffle, own)
	if err != nil {
		return 0, 0, 0, err
	}
	return s.set, own, o.At(drawn % m.lens[s.set]), nil
}
