package batch

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/ubench"
	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
)

// convertVQA converts the committed items.
func convertVQA(t testing.TB) string {
	t.Helper()
	s, err := store.Open(t.Context(), "../../testdata/ubench", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := ubench.Open(s, "ubench", vqa.Options{RowGroup: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(t.TempDir(), "out")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	return dst
}

func openDataset(t testing.TB, location string) *loaders.Dataset {
	t.Helper()
	d, err := loaders.Open(t.Context(), location, loaders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func vqaDataset(t testing.TB) *loaders.Dataset {
	t.Helper()
	return openDataset(t, convertVQA(t))
}

// itemKey names a question.
func itemKey(sample, question string) string { return sample + "/" + question }

// What is drawn is what listing the items gives: each once, with its question and its image, in any
// order and for any filter.
func TestItemsAreThoseListed(t *testing.T) {
	d := vqaDataset(t)
	for name, filter := range map[string]ItemOptions{
		"all": {}, "captions": {Kind: "caption"}, "stain": {Type: "stain"}, "questions of a data set": {Kind: "question", Dataset: "jung_et_al_2022"},
	} {
		want := map[string]*loaders.Item{}
		q := loaders.QuestionQuery{Kind: filter.Kind, Type: filter.Type, Dataset: filter.Dataset}
		for item, err := range d.Items(t.Context(), loaders.ItemQuery{QuestionQuery: q, Images: true}) {
			if err != nil {
				t.Fatal(err)
			}
			want[itemKey(item.Sample.SampleID, item.Question.QuestionID)] = item
		}
		if len(want) == 0 {
			t.Fatalf("%s: nothing to draw", name)
		}
		for _, shuffle := range []draw.Shuffle{{}, {Mode: draw.ModeGlobal, Seed: seed(1)}, {Mode: draw.ModeBuffered, Seed: seed(1), Block: 4, Buffer: 16}} {
			o := Options{Kind: WholeItems, Items: filter, Shuffle: shuffle, Partition: draw.Partition{Batch: 7}}
			seen := map[string]bool{}
			for _, b := range all(t, loader(t, d, o)) {
				for i, item := range b.Items {
					key := itemKey(item.Sample, item.Question.QuestionID)
					w := want[key]
					if w == nil || seen[key] || !bytes.Equal(b.Images.At(i), w.Sample.Image.Bytes) {
						t.Fatalf("%s, shuffle %q: %s was not listed, is drawn twice or has another image", name, shuffle.Mode, key)
					}
					if !reflect.DeepEqual(*item.Question, w.Question.Question) {
						t.Fatalf("%s: %+v, want %+v", key, *item.Question, w.Question.Question)
					}
					seen[key] = true
				}
			}
			if len(seen) != len(want) {
				t.Errorf("%s, shuffle %q: %d items of %d", name, shuffle.Mode, len(seen), len(want))
			}
		}
	}
}

// Without a shuffle neighbours have the same image, and images come in the order of the samples.
func TestItemsLieTogether(t *testing.T) {
	d := vqaDataset(t)
	var samples []string
	for s, err := range d.Samples(t.Context(), loaders.SampleQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s.SampleID)
	}
	var drawn []string
	for _, b := range all(t, loader(t, d, Options{Kind: WholeItems, Partition: draw.Partition{Batch: 10}})) {
		for _, item := range b.Items {
			drawn = append(drawn, item.Sample)
		}
	}
	if got := slices.Compact(drawn); !slices.Equal(got, samples) {
		t.Errorf("samples are drawn as %v, want %v", got, samples)
	}
	one := loader(t, d, Options{Kind: WholeItems, Sample: samples[3], Partition: draw.Partition{Batch: 100}})
	if b := all(t, one); len(b) != 1 || b[0].Items[0].Sample != samples[3] || b[0].Stats.Read > 2*int64(len(b[0].Images.At(0)))+1000 {
		t.Errorf("the items of one sample: %d batches, %d bytes read", len(b), b[0].Stats.Read)
	}
}

// Decoded images are those of the encoded ones, for every item that has them, turned for each.
func TestItemsDecoded(t *testing.T) {
	d := vqaDataset(t)
	o := Options{Kind: WholeItems, Shuffle: draw.Shuffle{Mode: draw.ModeBuffered, Seed: seed(1), Block: 30, Buffer: 60}, Partition: draw.Partition{Batch: 16}}
	encoded := all(t, loader(t, d, o))
	o.Items.Decode = []int{20, 31}
	for k, b := range all(t, loader(t, d, o)) {
		if tensor := b.Tensors[0]; !slices.Equal(tensor.Shape, []int{len(b.Items), 20, 31, 3}) || tensor.Axes != "NYXC" || tensor.DType != "uint8" {
			t.Fatalf("%+v", tensor)
		}
		for i := range b.Items {
			want := make([]byte, 20*31*3)
			if err := picture.DecodeRGB(want, encoded[k].Images.At(i), 20, 31); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Tensors[0].place(i), want) {
				t.Fatalf("batch %d, item %d: the image is another", k, i)
			}
		}
	}
}

// An image that is damaged on disk fails by name, or its items are left out and named.
func TestItemsDamaged(t *testing.T) {
	dst := convertVQA(t)
	d := openDataset(t, dst)
	list := all(t, loader(t, d, Options{Kind: WholeItems, Partition: draw.Partition{Batch: 1000}}))[0]
	image, victim := list.Images.At(100), list.Items[100].Sample
	items := 0
	for _, item := range list.Items {
		if item.Sample == victim {
			items++
		}
	}
	shards, err := filepath.Glob(filepath.Join(dst, "samples", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range shards {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(data, image); at >= 0 {
			data[at+len(image)/2] ^= 1
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	d = openDataset(t, dst)
	for _, decode := range [][]int{nil, {8, 8}} {
		o := Options{Kind: WholeItems, Items: ItemOptions{Decode: decode}, Shuffle: draw.Shuffle{Mode: draw.ModeGlobal, Seed: seed(1)}, Partition: draw.Partition{Batch: 16}}
		var last error
		for _, err := range loader(t, d, o).Batches(t.Context()) {
			last = err
		}
		var damage *loaders.DamageError
		if !errors.As(last, &damage) || damage.Sample != victim || !strings.HasPrefix(damage.File, "samples/") {
			t.Errorf("decode %v: %v", decode, last)
		}
		skipped := make(chan Item, len(list.Items))
		o.OnError, o.OnSkipped = Skip, func(item Item, err error) { skipped <- item }
		n := 0
		for _, b := range all(t, loader(t, d, o)) {
			n += len(b.Items)
			if decode == nil && b.Images.Len() != len(b.Items) || decode != nil && b.Tensors[0].Shape[0] != len(b.Items) {
				t.Fatalf("%d items, %d images, %+v", len(b.Items), b.Images.Len(), b.Tensors)
			}
			for i, item := range b.Items {
				if decode == nil && len(b.Images.At(i)) == 0 || item.Sample == victim {
					t.Fatalf("item %d of %s was drawn", i, item.Sample)
				}
			}
		}
		if n != len(list.Items)-items || len(skipped) != items || (<-skipped).Sample != victim {
			t.Errorf("decode %v: %d items and %d skipped, want %d and %d", decode, n, len(skipped), len(list.Items)-items, items)
		}
	}
}

// Over HTTP images that lie together are one request, and what is drawn is the same.
func TestItemsOverHTTP(t *testing.T) {
	dst := convertVQA(t)
	var requests atomic.Int64
	files := http.FileServer(http.Dir(dst))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	local, remote := openDataset(t, dst), openDataset(t, server.URL)
	for _, shuffle := range []draw.Shuffle{{}, {Mode: draw.ModeGlobal, Seed: seed(1)}} {
		o := Options{Kind: WholeItems, Shuffle: shuffle, Partition: draw.Partition{Batch: 64}}
		l := loader(t, remote, o)
		all(t, l) // where pages lie stays in memory
		requests.Store(0)
		got, want := all(t, l), all(t, loader(t, local, o))
		if n := int(requests.Load()); n > 2*len(want) {
			t.Errorf("%d requests for %d batches of images that lie together", n, len(want))
		}
		for k := range want {
			if !bytes.Equal(got[k].Images.Data, want[k].Images.Data) || !slices.Equal(got[k].Images.Offsets, want[k].Images.Offsets) {
				t.Fatalf("shuffle %q: the images of batch %d differ", shuffle.Mode, k)
			}
		}
	}
}

func TestItemOptionErrors(t *testing.T) {
	d := vqaDataset(t)
	for name, change := range map[string]func(o *Options){
		"are for crops and tiles":        func(o *Options) { o.Arrays = []string{"raw"} },
		"want height and width":          func(o *Options) { o.Items.Decode = []int{8} },
		"want extents from 1":            func(o *Options) { o.Items.Decode = []int{8, 0} },
		"no question of kind \"riddle\"": func(o *Options) { o.Items.Kind = "riddle" },
		"pattern \"[\"":                  func(o *Options) { o.Sample = "[" },
		"give their height and width":    func(o *Options) { o.Transform.Range = []float64{0, 255} },
		"decode them":                    func(o *Options) { o.Transform.Flip = "X" },
		"whole items have none":          func(o *Options) { o.Transform.Instances = 3 },
		"percentiles are of arrays":      func(o *Options) { o.Transform.Percentiles, o.Items.Decode = []float64{1, 99}, []int{8, 8} },
		"needs a seed":                   func(o *Options) { o.Shuffle.Mode = draw.ModeGlobal },
		"2 numbers for 3 channels":       func(o *Options) { o.Transform.Offset, o.Items.Decode = []float64{1, 2}, []int{8, 8} },
	} {
		o := Options{Kind: WholeItems, Partition: draw.Partition{Batch: 4}}
		change(&o)
		if _, err := New(t.Context(), []Source{{Dataset: d}}, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
