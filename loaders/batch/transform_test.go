package batch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/labels"
	"github.com/micropq/micropq/convert/nclsm"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/schemas"
)

// described is a tensor in a file, as testdata/transform.py reads it.
type described struct {
	File  string        `json:"file"`
	DType schemas.DType `json:"dtype"`
	Shape []int         `json:"shape"`
	Axes  string        `json:"axes"`
}

// transformCase is what becomes of a tensor by a transform.
type transformCase struct {
	Name          string              `json:"name"`
	Before        described           `json:"before"`
	After         described           `json:"after"`
	Turns         []int               `json:"turns"`
	Flips         []string            `json:"flips"`
	Normalisation *Normalisation      `json:"normalisation,omitempty"`
	Classes       []string            `json:"classes,omitempty"`
	ClassOf       []map[string]string `json:"class_of,omitempty"`
	Instances     int                 `json:"instances,omitempty"`
	IDs           [][]int64           `json:"ids,omitempty"`   // of all masks before
	Drawn         [][]int64           `json:"drawn,omitempty"` // of the masks after
}

// judged collects what the oracle is to judge.
type judged struct {
	dir  string
	list []transformCase
}

func (c *judged) tensor(t *testing.T, tensor Tensor) described {
	t.Helper()
	d := described{fmt.Sprintf("%d-%d.bin", len(c.list), len(tensor.Data)), tensor.DType, tensor.Shape, tensor.Axes}
	for k := 0; ; k++ { // before and after may be of one size
		if _, err := os.Stat(filepath.Join(c.dir, d.File)); err != nil {
			break
		}
		d.File = fmt.Sprintf("%d-%d.bin", len(c.list), k)
	}
	if err := os.WriteFile(filepath.Join(c.dir, d.File), tensor.Data, 0o666); err != nil {
		t.Fatal(err)
	}
	return d
}

func (c *judged) judge(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(c.list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.dir, "cases.json")
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cases: %s", len(c.list), oracle.Run(t, oracle.Python(t), "testdata/transform.py", path))
}

// first is the first batch of a loader, and again without its transform.
func first(t *testing.T, d *loaders.Dataset, o Options) (l *Loader, raw, out *Batch) {
	t.Helper()
	l = loader(t, d, o)
	out = all(t, l)[0]
	o.Transform = Transform{}
	raw = all(t, loader(t, d, o))[0]
	for i := range raw.Items {
		if raw.Items[i].Sample != out.Items[i].Sample || !slices.Equal(raw.Items[i].Origin, out.Items[i].Origin) {
			t.Fatalf("a transform changes what is drawn: %+v, %+v", raw.Items[i], out.Items[i])
		}
	}
	return l, raw, out
}

func turnsOf(b *Batch) (turns []int, flips []string) {
	for _, item := range b.Items {
		turns, flips = append(turns, item.Turns), append(flips, item.Flips)
	}
	return turns, flips
}

// Transforms of images of volumes are what numpy makes of them.
func TestImageTransforms(t *testing.T) {
	c, d := &judged{dir: t.TempDir()}, small(t)
	for name, tr := range map[string]Transform{
		"range":                  {Range: []float64{0, 1500}},
		"range, float16":         {Range: []float64{10, 900}, DType: schemas.Float16},
		"percentiles":            {Percentiles: []float64{1, 99.8}},
		"mean and deviation":     {Offset: []float64{100, 200.5, 30}, Scale: []float64{55.5, 3, 7}},
		"to bytes, saturated":    {Scale: []float64{5.5}, DType: schemas.Uint8},
		"to int8":                {Offset: []float64{700}, DType: schemas.Int8},
		"cast":                   {DType: schemas.Float64},
		"flips":                  {Flip: "ZYX"},
		"flips along one":        {Flip: "X"},
		"rotations":              {Rotate: true},
		"flips and rotations":    {Flip: "YZ", Rotate: true},
		"all":                    {Flip: "ZYX", Rotate: true, Range: []float64{0, 1500}},
		"all, as it was":         {Flip: "ZYX", Rotate: true, DType: schemas.Uint16},
		"all of it, other types": {Flip: "ZYX", Rotate: true, Offset: []float64{1}, DType: schemas.Int64},
	} {
		o := options(Crops)
		o.Size, o.Count, o.Partition.Batch, o.Transform = []int{7, 12, 12}, 24, 24, tr
		if name == "all" {
			o.Size = []int{30, 44, 44} // beyond the border
		}
		l, raw, out := first(t, d, o)
		turns, flips := turnsOf(out)
		this := transformCase{Name: name, Before: c.tensor(t, raw.Tensors[0]), After: c.tensor(t, out.Tensors[0]), Turns: turns, Flips: flips}
		if all := l.Normalisations(); len(all) == 1 {
			this.Normalisation = &all[0]
		} else if tr.images() && name != "all, as it was" {
			t.Errorf("%s: %d normalisations", name, len(all))
		}
		c.list = append(c.list, this, transformCase{Name: name + ", labels", Before: c.tensor(t, raw.Tensors[1]), After: c.tensor(t, out.Tensors[1]), Turns: turns, Flips: flips})
	}
	c.judge(t)
}

// The same for decoded images, whose channels are last.
func TestDecodedTransforms(t *testing.T) {
	c, d := &judged{dir: t.TempDir()}, vqaDataset(t)
	for name, tr := range map[string]Transform{
		"mean and deviation":  {Offset: []float64{123.675, 116.28, 103.53}, Scale: []float64{58.395, 57.12, 57.375}},
		"flips and rotations": {Flip: "XY", Rotate: true},
		"all":                 {Flip: "X", Rotate: true, Range: []float64{0, 255}, DType: schemas.Float16},
	} {
		o := Options{Kind: WholeItems, Items: ItemOptions{Decode: []int{21, 21}}, Shuffle: draw.Shuffle{Seed: seed(1)}, Partition: draw.Partition{Batch: 40}, Transform: tr}
		l, raw, out := first(t, d, o)
		turns, flips := turnsOf(out)
		this := transformCase{Name: name, Before: c.tensor(t, raw.Tensors[0]), After: c.tensor(t, out.Tensors[0]), Turns: turns, Flips: flips}
		if all := l.Normalisations(); len(all) == 1 {
			this.Normalisation = &all[0]
		}
		c.list = append(c.list, this)
	}
	c.judge(t)
}

// Masks are those of the largest instances, overlaps kept; the oracle has the masks of all instances.
func TestInstanceMasks(t *testing.T) {
	c, d := &judged{dir: t.TempDir()}, small(t)
	for _, tt := range []struct {
		instances int
		size      []int
		transform Transform
	}{{2, []int{10, 20, 20}, Transform{}}, {6, []int{20, 40, 50}, Transform{}}, {3, []int{25, 45, 45}, Transform{Flip: "ZX", Rotate: true}}} {
		o := options(Crops)
		o.Arrays, o.Size, o.Count, o.Partition.Batch, o.Foreground = []string{"gt_instances"}, tt.size, 20, 20, 0.7
		o.Transform = tt.transform
		o.Transform.Instances = tt.instances
		out := all(t, loader(t, d, o))[0]
		if masks, ids := out.Tensors[0], out.Tensors[1]; masks.Axes != "NMZYX" || ids.Name != "gt_instances_ids" || !slices.Equal(ids.Shape, []int{20, tt.instances}) {
			t.Fatalf("%+v", out.Tensors)
		}
		turns, flips := turnsOf(out)
		this := transformCase{Name: fmt.Sprint(tt), After: c.tensor(t, out.Tensors[0]), Turns: turns, Flips: flips, Instances: tt.instances}
		before := Tensor{Axes: "NMZYX", DType: schemas.Uint8, Shape: append([]int{len(out.Items), 4}, tt.size...)}
		for i, item := range out.Items {
			ids, masks := allMasks(t, d, item, tt.size)
			before.Data = append(before.Data, masks...)
			this.IDs = append(this.IDs, ids)
			var drawn []int64
			for b := out.Tensors[1].place(i); len(b) > 0; b = b[8:] {
				drawn = append(drawn, int64(binary.LittleEndian.Uint64(b)))
			}
			this.Drawn = append(this.Drawn, drawn)
		}
		this.Before = c.tensor(t, before)
		c.list = append(c.list, this)
	}
	c.judge(t)
}

// allMasks are the masks of all instances of a box, beyond the border too.
func allMasks(t *testing.T, d *loaders.Dataset, item Item, size []int) (ids []int64, masks []byte) {
	t.Helper()
	a, err := d.Array(t.Context(), item.Sample, "gt_instances", 0)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err = a.InstanceIDs(t.Context()); err != nil {
		t.Fatal(err)
	}
	part := []int{len(ids)}
	for i, n := range a.LabelShape() {
		part = append(part, min(size[i], n-item.Origin[i]))
	}
	masks = make([]byte, len(ids)*nd.Elements(size))
	whole := nd.Dense(masks, append([]int{len(ids)}, size...), 1)
	nd.Copy(whole.Slice(nd.Whole(part)), nd.Dense(masksOf(t, a, item.Origin, size, ids), part, 1))
	return ids, masks
}

// smallestSections converts the committed sections: their fibres have classes.
func smallestSections(t *testing.T) *loaders.Dataset {
	t.Helper()
	s, err := store.Open(t.Context(), "../../testdata/nclsm", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, err := labels.Open(s, "nclsm", nclsm.Kind(), labels.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(t.TempDir(), "out")
	if _, err := convert.Run(t.Context(), src, dst, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	return openDataset(t, dst)
}

// Labels become the classes of their instances; without "*" a class that is not listed is an error.
func TestClassMaps(t *testing.T) {
	c, d := &judged{dir: t.TempDir()}, smallestSections(t)
	for _, classes := range [][]string{{"AM", "NTM", "FAM"}, {"NTM", "*"}} {
		o := Options{Arrays: []string{"gt_instances"}, Kind: Tiles, Size: []int{20, 33}, Partition: draw.Partition{Batch: 100}, Transform: Transform{Classes: classes}}
		_, raw, out := first(t, d, o)
		if tensor := out.Tensors[0]; tensor.DType != schemas.Uint8 || tensor.Axes != "NYX" || len(out.Tensors) != 1 {
			t.Fatalf("%+v", out.Tensors)
		}
		turns, flips := turnsOf(out)
		this := transformCase{Name: fmt.Sprint(classes), Before: c.tensor(t, raw.Tensors[0]), After: c.tensor(t, out.Tensors[0]), Turns: turns, Flips: flips, Classes: classes}
		for _, item := range out.Items {
			of := map[string]string{}
			for k, err := range d.InstanceKeys(t.Context(), "", "gt_instances") {
				if err != nil {
					t.Fatal(err)
				}
				if k.SampleID == item.Sample {
					of[fmt.Sprint(k.InstanceID)] = *k.Class
				}
			}
			this.ClassOf = append(this.ClassOf, of)
		}
		c.list = append(c.list, this)

		o.Transform.Instances = 4
		masks := all(t, loader(t, d, o))[0]
		if ids, of := masks.Tensors[1], masks.Tensors[2]; of.Name != "gt_instances_classes" || len(of.Data) != 4*len(masks.Items) {
			t.Errorf("%+v", of)
		} else {
			for i, item := range masks.Items {
				for m, class := range of.place(i) {
					id := binary.LittleEndian.Uint64(ids.place(i)[8*m:])
					want, listed := 0, this.ClassOf[i][fmt.Sprint(id)]
					if id > 0 {
						want = max(slices.Index(classes, listed), slices.Index(classes, "*")) + 1
						if k := slices.Index(classes, listed); k >= 0 {
							want = k + 1
						}
					}
					if int(class) != want {
						t.Errorf("mask %d of %+v is of instance %d, %s, and class %d, want %d", m, item, id, listed, class, want)
					}
				}
			}
		}
	}
	c.judge(t)
	o := Options{Arrays: []string{"gt_instances"}, Kind: Tiles, Size: []int{20, 33}, Partition: draw.Partition{Batch: 4}, Transform: Transform{Classes: []string{"AM", "NTM"}}}
	if _, err := New(t.Context(), []Source{{Dataset: d}}, o); err == nil || !strings.Contains(err.Error(), "FAM (2)") {
		t.Errorf("fibres of class FAM: %v", err)
	}
}

func TestPercentile(t *testing.T) {
	values := []float64{1, 2, 2, 7}
	for p, want := range map[float64]float64{0: 1, 25: 1, 25.1: 2, 75: 2, 75.1: 7, 100: 7} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v of %v is %v, want %v", p, values, got, want)
		}
	}
}

// Percentiles of sampled chunks are near to those of all elements, and the same for every loader.
func TestPercentilesOfChunks(t *testing.T) {
	d := small(t)
	o := options(Crops)
	o.Transform.Percentiles = []float64{5, 95}
	n := loader(t, d, o).Normalisations()[0]
	if again := loader(t, d, o).Normalisations()[0]; !slices.Equal(again.Low, n.Low) || !slices.Equal(again.High, n.High) {
		t.Errorf("%+v, then %+v", n, again)
	}
	for c := range 3 {
		var values []float64
		for s, err := range d.Samples(t.Context(), loaders.SampleQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			v := whole(t, d, s.SampleID, Tensor{Name: "raw"}, 0)
			for plane := v.Data[c*v.Strides[0]:][:v.Strides[0]]; len(plane) > 0; plane = plane[2:] {
				values = append(values, float64(binary.LittleEndian.Uint16(plane)))
			}
		}
		slices.Sort(values)
		for p, got := range map[float64]float64{5: n.Low[c], 95: n.High[c]} {
			// The share of elements below it, not its value: that is what a sample of elements bounds.
			below, _ := slices.BinarySearch(values, got)
			above, _ := slices.BinarySearch(values, got+1)
			if lo, hi := 100*float64(below)/float64(len(values)), 100*float64(above)/float64(len(values)); p < lo-2 || p > hi+2 {
				t.Errorf("channel %d: %v, taken for percentile %v, is percentile %.2f to %.2f", c, got, p, lo, hi)
			}
		}
	}
}

func TestTransformErrors(t *testing.T) {
	d := small(t)
	for name, tr := range map[string]Transform{
		"dtype \"complex\"":               {DType: "complex"},
		"dtype \"bool\"":                  {DType: "bool"},
		"range [3 3]":                     {Range: []float64{3, 3}},
		"percentiles [1 101]":             {Percentiles: []float64{1, 101}},
		"give one of them":                {Range: []float64{0, 1}, Offset: []float64{1}},
		"numbers other than 0":            {Scale: []float64{1, 0, 1}},
		"2 numbers for 3 channels":        {Offset: []float64{1, 2}},
		"offset [NaN]":                    {Offset: []float64{math.NaN()}},
		"flip \"XX\"":                     {Flip: "XX"},
		"flip \"C\"":                      {Flip: "C"},
		"they have 12 and 10":             {Rotate: true},
		"-1 instances":                    {Instances: -1},
		"class \"a\" is given twice":      {Classes: []string{"a", "a"}},
		"must be the last":                {Classes: []string{"*", "a"}},
		"instances of other classes than": {Classes: []string{"glia"}},
		"want 255 at most":                {Classes: strings.Split(strings.Repeat("c,", 300), ",")},
	} {
		o := options(Crops)
		o.Transform = tr
		if _, err := New(t.Context(), []Source{{Dataset: d}}, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := options(Tiles)
	o.Transform.Flip = "Z"
	if err := o.Validate(); !errors.Is(err, draw.ErrNoSeed) {
		t.Errorf("flips without a seed: %v", err)
	}
}
