package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

// dataset converts a generated release and opens it.
func dataset(t testing.TB, o fisbegen.Options) *loaders.Dataset {
	t.Helper()
	_, d := released(t, o)
	return d
}

// released is dataset, with the folder of the release.
func released(t testing.TB, o fisbegen.Options) (release string, d *loaders.Dataset) {
	t.Helper()
	dir := t.TempDir()
	if _, err := fisbegen.Generate(t.Context(), filepath.Join(dir, "release"), o); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "release"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := fisbe.Open(s, "release", fisbe.Options{Chunk: [3]int{16, 16, 16}, Levels: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := convert.Run(t.Context(), src, filepath.Join(dir, "out"), convert.Options{}); err != nil {
		t.Fatal(err)
	}
	if d, err = loaders.Open(t.Context(), filepath.Join(dir, "out"), loaders.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return filepath.Join(dir, "release"), d
}

func small(t testing.TB) *loaders.Dataset {
	return dataset(t, fisbegen.Options{Samples: 3, Shape: []int{3, 20, 40, 50}, Neurons: 4, IDs: true, Seed: 5})
}

func seed(v uint64) *uint64 { return &v }

// options that every test begins with.
func options(kind Kind) Options {
	o := Options{Arrays: []string{"raw", "gt_instances"}, Kind: kind, Size: []int{8, 12, 10}, Partition: draw.Partition{Batch: 4}}
	if kind == Crops {
		o.Shuffle.Seed = seed(11)
	}
	return o
}

func all(t testing.TB, l *Loader) (batches []*Batch) {
	t.Helper()
	for b, err := range l.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
	}
	return batches
}

func loader(t testing.TB, d *loaders.Dataset, o Options) *Loader {
	t.Helper()
	l, err := New(t.Context(), []Source{{Dataset: d}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// whole reads an array of a sample whole: images by their channels, labels merged.
func whole(t testing.TB, d *loaders.Dataset, sample string, tensor Tensor, level int) nd.View {
	t.Helper()
	a, err := d.Array(t.Context(), sample, tensor.Name, level)
	if err != nil {
		t.Fatal(err)
	}
	if tensor.Name == "raw" {
		v := nd.Dense(make([]byte, 2*nd.Elements(a.Shape())), a.Shape(), 2)
		if _, err := a.Read(t.Context(), nd.Whole(a.Shape()), v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	ids := make([]int32, nd.Elements(a.LabelShape()))
	if _, err := loaders.ReadLabels(t.Context(), a, nd.Whole(a.LabelShape()), ids); err != nil {
		t.Fatal(err)
	}
	return nd.Dense(appendIDs(nil, ids), a.LabelShape(), 4)
}

// wanted is an item as its definition says: row by row.
func wanted(v nd.View, origin, size []int) []byte {
	channels := 1
	shape, strides := v.Shape, v.Strides
	if len(shape) == len(size)+1 {
		channels, shape, strides = shape[0], shape[1:], strides[1:]
	}
	var out []byte
	for c := range channels {
		for z := origin[0]; z < origin[0]+size[0]; z++ {
			for y := origin[1]; y < origin[1]+size[1]; y++ {
				row := make([]byte, size[2]*v.ItemSize)
				if z < shape[0] && y < shape[1] {
					off := z*strides[0] + y*strides[1] + origin[2]*strides[2]
					if channels > 1 {
						off += c * v.Strides[0]
					}
					copy(row, v.Data[off:off+min(size[2], shape[2]-origin[2])*v.ItemSize])
				}
				out = append(out, row...)
			}
		}
	}
	return out
}

// Every box of every kind and size, over the border too, is what slicing the array gives.
func TestBatchesEqualSlices(t *testing.T) {
	d := small(t)
	arrays := map[string]nd.View{}
	for _, kind := range []Kind{Crops, Tiles} {
		for _, size := range [][]int{{8, 12, 10}, {1, 1, 1}, {20, 40, 50}, {32, 33, 64}} {
			for level := range 2 {
				o := options(kind)
				o.Size, o.Level, o.Count = size, level, 0
				if kind == Crops {
					o.Count = 40
				} else if size[0] == 1 {
					o.Sample = "*G*"
					continue // a tile an element: too many
				}
				for _, b := range all(t, loader(t, d, o)) {
					for k, tensor := range b.Tensors {
						n := len(tensor.Data) / len(b.Items)
						for i, item := range b.Items {
							key := fmt.Sprint(item.Sample, tensor.Name, level)
							v, ok := arrays[key]
							if !ok {
								v = whole(t, d, item.Sample, tensor, level)
								arrays[key] = v
							}
							if !bytes.Equal(tensor.Data[i*n:(i+1)*n], wanted(v, item.Origin, size)) {
								t.Fatalf("%s of %v, level %d: %s of %+v differs (tensor %d)", kind, size, level, tensor.Name, item, k)
							}
						}
					}
				}
			}
		}
	}
}

// Tiles cover every element, once where the size divides the sample and there is no overlap.
func TestTilesCover(t *testing.T) {
	d := small(t)
	for _, tt := range []struct {
		size, overlap []int
		once          bool
	}{{[]int{10, 20, 25}, nil, true}, {[]int{8, 12, 10}, nil, false}, {[]int{8, 12, 10}, []int{2, 0, 3}, false}} {
		o := options(Tiles)
		o.Arrays, o.Size, o.Overlap = []string{"raw"}, tt.size, tt.overlap
		seen := map[string][]int{}
		for _, b := range all(t, loader(t, d, o)) {
			for _, item := range b.Items {
				if seen[item.Sample] == nil {
					seen[item.Sample] = make([]int, 20*40*50)
				}
				for z := range tt.size[0] {
					for y := range tt.size[1] {
						for x := range tt.size[2] {
							seen[item.Sample][((item.Origin[0]+z)*40+item.Origin[1]+y)*50+item.Origin[2]+x]++
						}
					}
				}
			}
		}
		if len(seen) != 3 {
			t.Errorf("size %v: %d samples", tt.size, len(seen))
		}
		for sample, counts := range seen {
			if slices.Min(counts) == 0 || tt.once && slices.Max(counts) != 1 {
				t.Errorf("size %v, overlap %v: elements of %s are covered %d to %d times", tt.size, tt.overlap, sample, slices.Min(counts), slices.Max(counts))
			}
		}
	}
}

// name says which item it is, and how it is turned.
func name(item Item, epoch int64) string {
	s := fmt.Sprint(item.Position, item.Source, item.Sample, item.Origin, item.Turns, item.Flips, epoch)
	if item.Question != nil {
		s += item.Question.QuestionID
	}
	return s
}

// positions are the items in the order all ranks see them, until so many steps are done; -1 for all.
func positions(t *testing.T, l *Loader, world int, state *draw.State, steps int64) (ids []string, last draw.State) {
	t.Helper()
	perStep := map[int64][]string{}
	for rank := range world {
		for worker := range 2 {
			part := *l
			p := &part.options.Partition
			p.Rank, p.World, p.Worker, p.Workers = rank, world, worker, 2
			part.options.State = state
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
				for _, item := range b.Items {
					key := b.Step*1000 + int64(rank)
					perStep[key] = append(perStep[key], name(item, b.Epoch))
				}
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(perStep)) {
		ids = append(ids, perStep[k]...)
	}
	return ids, last
}

// Saved after every step, restored into other worlds: the same items remain, in the same order.
func TestStateAtEveryStep(t *testing.T) {
	volumes, questions := small(t), vqaDataset(t)
	boxes := func(kind Kind) Options {
		o := options(kind)
		o.Arrays, o.Size, o.Partition.Batch = []string{"gt_instances"}, []int{10, 20, 25}, 3
		return o
	}
	crops, tiles := boxes(Crops), boxes(Tiles)
	crops.Count, crops.Foreground = 24, 0.5
	crops.Transform.Flip = "ZX"
	tiles.Shuffle = draw.Shuffle{Mode: draw.ModeBuffered, Seed: seed(2), Block: 3, Buffer: 9}
	global := Options{Kind: WholeItems, Items: ItemOptions{Kind: "question"}, Shuffle: draw.Shuffle{Mode: draw.ModeGlobal, Seed: seed(3)}, Partition: draw.Partition{Batch: 9}}
	buffered := global
	buffered.Shuffle = draw.Shuffle{Mode: draw.ModeBuffered, Seed: seed(3), Block: 5, Buffer: 20}
	buffered.Items.Decode, buffered.Transform.Rotate = []int{8, 8}, true
	modality := global
	modality.Items.Type = "modality"
	for _, tt := range []struct {
		name    string
		sources []Source
		options Options
	}{
		{"crops", []Source{{Dataset: volumes}}, crops},
		{"tiles", []Source{{Dataset: volumes}}, tiles},
		{"a mixture of tiles", []Source{{volumes, 2}, {volumes, 1}}, tiles},
		{"items", []Source{{Dataset: questions}}, global},
		{"items, buffered, decoded and turned", []Source{{Dataset: questions}}, buffered},
		{"a mixture of items", []Source{{questions, 1}, {vqaDataset(t), 3}}, modality},
	} {
		l, err := New(t.Context(), tt.sources, tt.options)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := positions(t, l, 1, nil, -1)
		if int64(len(want)) != l.Len() || l.Len() < 20 {
			t.Fatalf("%s: %d items of %d", tt.name, len(want), l.Len())
		}
		for steps := int64(1); steps < int64(len(want)/tt.options.Partition.Batch/2); steps++ {
			head, state := positions(t, l, 2, nil, steps)
			data, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			restored, err := l.ParseState(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, world := range []int{1, 2, 3, 8} {
				tail, _ := positions(t, l, world, &restored, -1)
				if got := append(slices.Clone(head), tail...); !slices.Equal(got, want) {
					t.Errorf("%s: 2 ranks for %d steps, then %d ranks:\n%v\nwant\n%v", tt.name, steps, world, got, want)
				}
			}
		}
	}
}

// A state of other data or options is refused.
func TestStateOfAnother(t *testing.T) {
	d := small(t)
	o := options(Tiles)
	b := all(t, loader(t, d, o))[0]
	o.Size = []int{8, 12, 11}
	o.State = &b.State
	if _, err := New(t.Context(), []Source{{Dataset: d}}, o); !errors.Is(err, draw.ErrState) {
		t.Errorf("another size: %v", err)
	}
	o.State = nil
	if _, err := loader(t, d, o).Resume(b.State); !errors.Is(err, draw.ErrState) {
		t.Errorf("another size, resumed: %v", err)
	}
}

// A weighted mixture draws from both data sets by weight; without weights each item is drawn once.
func TestMixtures(t *testing.T) {
	a := small(t)
	b := dataset(t, fisbegen.Options{Samples: 1, Shape: []int{3, 20, 40, 50}, Neurons: 2, IDs: true, Seed: 6})
	o := options(Tiles)
	o.Arrays, o.Size = []string{"raw"}, []int{10, 20, 25}
	for _, tt := range []struct {
		weights [2]float64
		want    [2]int
	}{{[2]float64{}, [2]int{24, 8}}, {[2]float64{1, 1}, [2]int{8, 8}}} {
		l, err := New(t.Context(), []Source{{a, tt.weights[0]}, {b, tt.weights[1]}}, o)
		if err != nil {
			t.Fatal(err)
		}
		var got [2]int
		seen := map[string]bool{}
		for _, batch := range all(t, l) {
			for _, item := range batch.Items {
				got[item.Source]++
				seen[fmt.Sprint(item.Source, item.Sample, item.Origin)] = true
			}
		}
		if got[1] != tt.want[1] || got[0] < tt.want[0]-1 || got[0] > tt.want[0]+1 || len(seen) != got[0]+got[1] {
			t.Errorf("weights %v: %v items, %d of them different", tt.weights, got, len(seen))
		}
	}
}

// A consumer that stops leaves nothing running, and one that is slow does not let memory grow.
func TestStopAndBackPressure(t *testing.T) {
	d := small(t)
	before := runtime.NumGoroutine()
	o := options(Crops)
	o.Count, o.Epochs, o.Memory = 1000, -1, 4<<20
	for b, err := range loader(t, d, o).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Step == 2 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for b, err := range loader(t, d, o).Batches(ctx) {
		if last = err; b != nil && b.Step == 3 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled run ends with %v", last)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

func TestOptionErrors(t *testing.T) {
	d := small(t)
	for name, change := range map[string]func(o *Options){
		"needs a seed":         func(o *Options) { o.Shuffle.Seed = nil },
		"on-error":             func(o *Options) { o.OnError = "cry" },
		"size [0 1 1]":         func(o *Options) { o.Size = []int{0, 1, 1} },
		"want Z,Y,X or Y,X":    func(o *Options) { o.Size = []int{1} },
		"a box of [4 4] has":   func(o *Options) { o.Size = []int{4, 4} },
		"foreground NaN":       func(o *Options) { o.Foreground = math.NaN() },
		"no array \"nothing\"": func(o *Options) { o.Arrays = []string{"nothing"} },
		"level 7":              func(o *Options) { o.Level = 7 },
		"split \"moon\"":       func(o *Options) { o.Split = "moon" },
		"rank 3 of 2":          func(o *Options) { o.Partition.Rank, o.Partition.World = 3, 2 },
		"nothing is drawn":     func(o *Options) { o.Partition.Batch, o.Partition.Remainder = 1<<40, draw.Drop },
		"items a step":         func(o *Options) { o.Partition.Batch, o.Partition.World = 1<<40, 1<<40 },
		"want a number up to":  func(o *Options) { o.Count = 1 << 60 },
		"batch of -1":          func(o *Options) { o.Partition.Batch = -1 },
		"overlap is for":       func(o *Options) { o.Overlap = []int{1, 1, 1} },
		"kind \"cubes\"":       func(o *Options) { o.Kind = "cubes" },
	} {
		o := options(Crops)
		change(&o)
		if _, err := New(t.Context(), []Source{{Dataset: d}}, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
