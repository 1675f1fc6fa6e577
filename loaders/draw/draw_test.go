package draw

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

func seed(v uint64) *uint64 { return &v }

func shuffles() map[string]Shuffle {
	return map[string]Shuffle{
		"none":            {},
		"global":          {Mode: ModeGlobal, Seed: seed(7)},
		"buffered":        {Mode: ModeBuffered, Seed: seed(7), Block: 4, Buffer: 12},
		"buffered, large": {Mode: ModeBuffered, Seed: seed(8)},
	}
}

func items(t *testing.T, n int64, s Shuffle, epoch int64) []int64 {
	t.Helper()
	o, err := NewOrder(n, s, epoch)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, o.Len())
	for i := range out {
		out[i] = o.At(int64(i))
	}
	return out
}

// Every item is at exactly one position of every epoch.
func TestOrderIsPermutation(t *testing.T) {
	for name, s := range shuffles() {
		for _, n := range []int64{0, 1, 2, 3, 4, 5, 11, 12, 13, 63, 64, 65, 255, 257, 1000, 4097, 10_001} {
			got := items(t, n, s, 3)
			slices.Sort(got)
			for i, v := range got {
				if v != int64(i) {
					t.Fatalf("%s, %d items: item %d at sorted place %d", name, n, v, i)
				}
			}
		}
	}
}

func TestOrderDependsOnSeedAndEpoch(t *testing.T) {
	for _, mode := range []Mode{ModeGlobal, ModeBuffered} {
		a := items(t, 500, Shuffle{Mode: mode, Seed: seed(1)}, 0)
		if !slices.Equal(a, items(t, 500, Shuffle{Mode: mode, Seed: seed(1)}, 0)) {
			t.Errorf("%s: the same seed and epoch give another order", mode)
		}
		if slices.Equal(a, items(t, 500, Shuffle{Mode: mode, Seed: seed(1)}, 1)) || slices.Equal(a, items(t, 500, Shuffle{Mode: mode, Seed: seed(2)}, 0)) {
			t.Errorf("%s: another seed or epoch gives the same order", mode)
		}
	}
}

// The order is part of what a saved state means: it must never change.
func TestOrderIsPinned(t *testing.T) {
	got := fmt.Sprint(items(t, 12, Shuffle{Mode: ModeGlobal, Seed: seed(42)}, 0), items(t, 12, Shuffle{Mode: ModeBuffered, Seed: seed(42), Block: 2, Buffer: 4}, 1))
	const want = "[9 1 8 0 6 10 4 5 3 2 11 7] [9 4 8 5 0 10 1 11 7 3 2 6]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r := NewRandom(1, 2, 3, 4)
	if a, b, c := r.Uint64(), r.Below(1000), r.Float64(); fmt.Sprint(a, b, c) != "2859182151689190399 79 0.06939913583334356" {
		t.Errorf("random numbers %d %d %v", a, b, c)
	}
}

// Each item is about as often at each position over many epochs: chi square with
// 15*15 degrees of freedom, five standard deviations.
func TestGlobalShuffleIsUniform(t *testing.T) {
	const n, epochs = 16, 8000
	var count [n][n]float64
	for e := range int64(epochs) {
		for pos, item := range items(t, n, Shuffle{Mode: ModeGlobal, Seed: seed(5)}, e) {
			count[pos][item]++
		}
	}
	chi, expected := 0.0, float64(epochs)/n
	for _, row := range count {
		for _, c := range row {
			chi += (c - expected) * (c - expected) / expected
		}
	}
	const freedom = (n - 1) * (n - 1)
	if sigma := math.Sqrt(2 * freedom); math.Abs(chi-freedom) > 5*sigma {
		t.Errorf("chi square %.0f, want %d within %.0f", chi, freedom, 5*sigma)
	}
}

// What a buffer holds comes from Buffer/Block runs of neighbours.
func TestBufferedShuffleIsLocal(t *testing.T) {
	const block, buffer = 8, 32
	got := items(t, 1000, Shuffle{Mode: ModeBuffered, Seed: seed(3), Block: block, Buffer: buffer}, 0)
	for i := 0; i < len(got); i += buffer {
		blocks := map[int64]bool{}
		for _, v := range got[i:min(len(got), i+buffer)] {
			blocks[v/block] = true
		}
		if len(blocks) > buffer/block+1 {
			t.Errorf("positions from %d on touch %d blocks", i, len(blocks))
		}
	}
}

func TestShuffleErrors(t *testing.T) {
	if _, err := NewOrder(3, Shuffle{Mode: ModeGlobal}, 0); !errors.Is(err, ErrNoSeed) {
		t.Errorf("a shuffle without a seed: %v", err)
	}
	for _, s := range []Shuffle{{Mode: "wild", Seed: seed(1)}, {Block: -1}, {Buffer: -1}, {Block: 1 << 60}} {
		if _, err := NewOrder(3, s, 0); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

// drawn is what all ranks and workers together see, by steps in rank order.
func drawn(t *testing.T, n, start int64, world, workers, batch int, r Remainder) (all []int64) {
	t.Helper()
	p := Partition{Batch: batch, World: world, Workers: workers, Remainder: r}.WithDefaults()
	steps := p.Steps(n, start)
	makers := make([]int, steps)
	for p.Worker = range workers {
		for i := range p.Own(steps) {
			makers[p.Nth(i)]++
		}
	}
	p.Worker = 0
	for step := range steps {
		if makers[step] != 1 {
			t.Fatalf("step %d is made by %d workers", step, makers[step])
		}
		for p.Rank = range world {
			if err := p.Validate(); err != nil {
				t.Fatal(err)
			}
			all = p.Step(all, n, start, step)
		}
	}
	return all
}

// After every step of every world, any other world goes on with exactly the remaining
// positions in the same order.
func TestRestoreIntoAnyWorld(t *testing.T) {
	const n = 103
	for _, world := range []int{1, 2, 3, 8} {
		for _, batch := range []int{1, 4} {
			p := Partition{Batch: batch, World: world}.WithDefaults()
			for steps := range p.Steps(n, 0) + 1 {
				at := p.After(n, 0, steps)
				for _, next := range []int{1, 2, 3, 8} {
					got := drawn(t, n, at, next, 2, batch, Keep)
					if int64(len(got)) != n-at {
						t.Fatalf("world %d after %d steps, then %d: %d positions of %d", world, steps, next, len(got), n-at)
					}
					for i, v := range got {
						if v != at+int64(i) {
							t.Fatalf("world %d after %d steps, then %d: position %d at %d", world, steps, next, v, i)
						}
					}
				}
			}
		}
	}
}

func TestRemainder(t *testing.T) {
	if got := drawn(t, 10, 0, 2, 1, 3, Keep); len(got) != 10 {
		t.Errorf("keep: %v", got)
	}
	if got := drawn(t, 10, 0, 2, 1, 3, Drop); fmt.Sprint(got) != "[0 1 2 3 4 5]" {
		t.Errorf("drop: %v", got)
	}
	if got := drawn(t, 10, 0, 2, 1, 3, Pad); fmt.Sprint(got) != "[0 1 2 3 4 5 6 7 8 9 0 1]" {
		t.Errorf("pad: %v", got)
	}
	if got := drawn(t, 2, 0, 3, 1, 2, Pad); fmt.Sprint(got) != "[0 1 0 1 0 1]" {
		t.Errorf("pad of a small epoch: %v", got)
	}
}

// A mixture keeps its weights at every point, and each data set goes through all its items.
func TestMixture(t *testing.T) {
	lens, weights := []int64{50, 200, 7}, []float64{1, 2, 0.5}
	m, err := NewMixture(lens, weights, 300, Shuffle{Mode: ModeGlobal, Seed: seed(9)})
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]int64, len(lens))
	seen := map[string]bool{}
	for i := range int64(1200) {
		set, own, item, err := m.At(i/300, i%300)
		if err != nil {
			t.Fatal(err)
		}
		counts[set]++
		if id := fmt.Sprint(set, own, item); seen[id] {
			t.Fatalf("item %d of data set %d twice in its epoch %d", item, set, own)
		} else {
			seen[id] = true
		}
		if own != (counts[set]-1)/lens[set] {
			t.Fatalf("data set %d is in epoch %d after %d items", set, own, counts[set])
		}
		for d, w := range weights {
			if want := w / 3.5 * float64(i+1); math.Abs(float64(counts[d])-want) > 2.5 {
				t.Fatalf("after %d items data set %d gave %d, want %.1f", i+1, d, counts[d], want)
			}
		}
	}
}

// By default no data set comes around within an epoch, and one is about to.
func TestMixtureEpoch(t *testing.T) {
	lens := []int64{50, 200}
	m, err := NewMixture(lens, []float64{1, 1}, 0, Shuffle{})
	if err != nil {
		t.Fatal(err)
	}
	counts := []int64{0, 0}
	for pos := range m.Len() {
		set, _, _, err := m.At(0, pos)
		if err != nil {
			t.Fatal(err)
		}
		counts[set]++
	}
	if counts[0] != 50 || counts[1] < 49 || counts[1] > 51 {
		t.Errorf("an epoch of %d has %v", m.Len(), counts)
	}
	for _, bad := range [][]float64{{1}, {1, 0}, {1, math.NaN()}, {1, math.Inf(1)}} {
		if _, err := NewMixture(lens, bad, 0, Shuffle{}); err == nil {
			t.Errorf("weights %v: no error", bad)
		}
	}
}

func TestState(t *testing.T) {
	want := State{Version: StateVersion, Drawing: "abc", Epoch: 2, Position: 40}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseState(data, "abc", 100); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []struct {
		data, drawing string
		n             int64
	}{{string(data), "other", 100}, {string(data), "abc", 39}, {"{", "abc", 100}, {`{"version":9}`, "", 100}, {`{"version":1,"x":2}`, "", 1}} {
		if _, err := ParseState([]byte(bad.data), bad.drawing, bad.n); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", bad.data, err)
		}
	}
}
