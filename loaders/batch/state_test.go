package batch

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/labels"
	"github.com/micropq/micropq/convert/nclsm"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
	"github.com/micropq/micropq/testdata/gen/nclsmgen"
)

// sections converts a generated release of sections in two dimensions and opens it.
func sections(t testing.TB) *loaders.Dataset {
	t.Helper()
	release, out := filepath.Join(t.TempDir(), "release"), filepath.Join(t.TempDir(), "out")
	if _, err := nclsmgen.Generate(t.Context(), release, nclsmgen.Options{Sections: 1, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), release, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := labels.Open(s, release, nclsm.Kind(), labels.Options{Tile: [2]int{32, 32}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := convert.Run(t.Context(), src, out, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	d, err := loaders.Open(t.Context(), out, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// run is what all ranks of a world and their two workers see, in the global order: of the first
// steps, or of all of them where steps is negative, and where the run then goes on.
func run(t *testing.T, l *Loader, world int, state *draw.State, steps int64) (items []string, last draw.State) {
	t.Helper()
	byStep := map[[2]int64][]string{}
	count := int64(0)
	for rank := range world {
		for worker := range 2 {
			part := *l
			part.options.State = state
			p := &part.options.Partition
			p.Rank, p.World, p.Worker, p.Workers = rank, world, worker, 2
			for b, err := range part.Batches(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if steps >= 0 && b.Step >= steps {
					break
				}
				if b.Step == steps-1 {
					last = b.State
				}
				count = max(count, b.Step+1)
				for _, item := range b.Items {
					key := [2]int64{b.Step, int64(rank)}
					byStep[key] = append(byStep[key], fmt.Sprint(b.Epoch, item.Position, item.Source, item.Sample, item.Origin, item.Instance))
				}
			}
		}
	}
	for step := range count {
		for rank := range int64(world) {
			items = append(items, byStep[[2]int64{step, rank}]...)
		}
	}
	return items, last
}

// A run of two ranks is saved after every step of an epoch, and each state restored into one, two,
// three and eight ranks: they go on with exactly the items that remain, in the same order. So
// it is for volumes, sections and mixtures of data sets, in every order.
func TestStateOfEveryKind(t *testing.T) {
	volumes, flat := small(t), sections(t)
	more := dataset(t, fisbegen.Options{Samples: 1, Shape: []int{3, 20, 40, 50}, Neurons: 2, IDs: true, Seed: 6})
	both := func(a, b float64) []Source { return []Source{{volumes, a}, {more, b}} }
	buffered := draw.Shuffle{Mode: draw.ModeBuffered, Seed: seed(2), Block: 3, Buffer: 9}
	global := draw.Shuffle{Mode: draw.ModeGlobal, Seed: seed(2)}
	drawn := draw.Shuffle{Seed: seed(2)}
	for _, tt := range []struct {
		name    string
		sources []Source
		o       Options
	}{
		{"volumes, crops", []Source{{Dataset: volumes}}, Options{Size: []int{10, 20, 25}, Count: 23, Foreground: 0.5, Shuffle: drawn}},
		{"volumes, tiles", []Source{{Dataset: volumes}}, Options{Kind: Tiles, Size: []int{10, 20, 25}}},
		{"volumes, tiles in a buffer", []Source{{Dataset: volumes}}, Options{Kind: Tiles, Size: []int{10, 20, 25}, Overlap: []int{2, 4, 0}, Shuffle: buffered}},
		{"sections, crops", []Source{{Dataset: flat}}, Options{Size: []int{30, 40}, Count: 22, Foreground: 0.3, Shuffle: drawn}},
		{"sections, tiles in any order", []Source{{Dataset: flat}}, Options{Kind: Tiles, Size: []int{32, 40}, Shuffle: global}},
		{"sections, tiles in a buffer", []Source{{Dataset: flat}}, Options{Kind: Tiles, Size: []int{32, 40}, Shuffle: buffered}},
		{"two data sets", both(0, 0), Options{Kind: Tiles, Size: []int{10, 20, 25}, Shuffle: global}},
		{"mixture", both(3, 1), Options{Kind: Tiles, Size: []int{10, 20, 25}, Shuffle: buffered}},
		{"mixture of crops", both(1, 2), Options{Size: []int{10, 20, 25}, Count: 20, Shuffle: drawn}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Arrays, tt.o.Partition.Batch = []string{"gt_instances"}, 2
			l, err := New(t.Context(), tt.sources, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := run(t, l, 1, nil, -1)
			if int64(len(want)) != l.Len() || len(want) < 20 {
				t.Fatalf("%d items of %d", len(want), l.Len())
			}
			for steps := int64(1); steps < (l.Len()+3)/4; steps++ {
				head, saved := run(t, l, 2, nil, steps)
				data, err := json.Marshal(saved)
				if err != nil {
					t.Fatal(err)
				}
				state, err := l.ParseState(data)
				if err != nil {
					t.Fatal(err)
				}
				for _, world := range []int{1, 2, 3, 8} {
					tail, _ := run(t, l, world, &state, -1)
					if got := append(slices.Clone(head), tail...); !slices.Equal(got, want) {
						t.Errorf("%d steps of 2 ranks, then %d ranks:\n%v\nwant\n%v", steps, world, got, want)
					}
				}
			}
		})
	}
}
