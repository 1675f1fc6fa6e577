package annotate

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// Coverages: where the second annotator looked.
const (
	CoverAll    = "all"    // everywhere
	CoverSecond = "second" // about what the second annotator drew, see [AgreeOptions]
	CoverRegion = "region" // in a box that is given
)

// AgreeOptions say how two layers are compared. The zero value works.
type AgreeOptions struct {
	// Coverage is CoverAll (the default), CoverSecond or CoverRegion.
	//
	// CoverSecond takes the union of the second's instances, grown along X and Y by Margin
	// pixels, its holes filled: what was drawn, the gaps between neighbours, and what they
	// enclose. An instance is covered where more than half of it lies in the region, or where
	// it is matched.
	Coverage string
	Margin   int           // of CoverSecond; 0: a tenth of the median equivalent diameter of the second's instances; negative: none
	Region   schemas.BBox  // of CoverRegion
	MinIoU   float64       // of a match; 0: 0.5
	Progress func(n int64) // may be nil; told of bytes read
}

// withDefaults fills in what is left out.
func (o AgreeOptions) withDefaults() AgreeOptions {
	if o.Coverage == "" {
		o.Coverage = CoverAll
	}
	if o.MinIoU == 0 {
		o.MinIoU = 0.5
	}
	return o
}

// Pair is an instance of the reference and one of the second layer that overlap.
type Pair struct {
	A       int64   `json:"a"` // instance ids
	B       int64   `json:"b"`
	IoU     float64 `json:"iou"`
	Greedy  bool    `json:"greedy"`  // in the greedy matching
	Optimal bool    `json:"optimal"` // in the optimal one
	// Centroid says that the published rule matches the pair, FilledIoU the score it gives it:
	// the intersection over union of the areas inside the outlines, see docs/annotations.md.
	Centroid  bool     `json:"centroid"`
	FilledIoU *float64 `json:"filled_iou"`
}

// Group is an instance of one layer and those of the other that it was split into, or that
// were merged in it.
type Group struct {
	ID    int64   `json:"instance_id"`
	Parts []int64 `json:"parts"`
}

// Score is agreement at one threshold of the IoU.
type Score struct {
	IoU       float64 `json:"iou"`
	TP        int     `json:"tp"`
	FP        int     `json:"fp"` // instances of the second without a partner
	FN        int     `json:"fn"` // of the reference
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	AP        float64 `json:"ap"` // TP / (TP + FP + FN)
}

// Agreement is what two layers have in common. Ids ascend.
type Agreement struct {
	A          string  `json:"a"`
	B          string  `json:"b"`
	InstancesA int     `json:"instances_a"`
	InstancesB int     `json:"instances_b"`
	Coverage   string  `json:"coverage"`
	Covered    int64   `json:"covered"` // pixels or voxels of the region; all of the image for all
	Margin     int     `json:"margin"`
	MinIoU     float64 `json:"min_iou"`
	Pairs      []Pair  `json:"pairs"` // of any matching
	Missed     []int64 `json:"missed"`
	Extra      []int64 `json:"extra"`
	Split      []Group `json:"split"`     // of the reference, into instances of the second
	Merged     []Group `json:"merged"`    // of the second, from instances of the reference
	OutsideA   []int64 `json:"outside_a"` // outside coverage: neither matched nor missed
	OutsideB   []int64 `json:"outside_b"`
	Greedy     int     `json:"matched_greedy"`
	Optimal    int     `json:"matched_optimal"`
	Centroid   int     `json:"matched_centroid"`
	MeanIoU    float64 `json:"mean_iou"` // of the optimal matching
	Scores     []Score `json:"scores"`   // at IoU 0.5, 0.55, ... 0.95
	MeanF1     float64 `json:"mean_f1"`
	MeanAP     float64 `json:"mean_ap"`
}

// annotations are the instances of a layer, by ascending id.
type annotations struct {
	layer *Layer
	ids   []int64
	masks []mask.Mask
	area  []int64
}

func load(ctx context.Context, l *Layer, progress func(int64)) (*annotations, error) {
	var all []Instance
	for in, err := range l.Instances(ctx, progress) {
		if err != nil {
			return nil, err
		}
		if len(in.Mask) > 0 {
			all = append(all, in)
		}
	}
	slices.SortFunc(all, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	out := &annotations{layer: l}
	for i, in := range all {
		if i > 0 && all[i-1].ID == in.ID {
			return nil, fmt.Errorf("%s: instance %d is there twice", l, in.ID)
		}
		out.ids, out.masks, out.area = append(out.ids, in.ID), append(out.masks, in.Mask), append(out.area, in.Mask.Area())
	}
	return out, nil
}

// Agree compares the second layer with the reference. Both must be of the same size.
func Agree(ctx context.Context, reference, second *Layer, o AgreeOptions) (*Agreement, error) {
	o = o.withDefaults()
	if reference.Axes != second.Axes || reference.Box() != second.Box() {
		return nil, fmt.Errorf("%s is %s, %s is %s: only annotations of the same image can be compared", reference, extents(reference), second, extents(second))
	}
	a, err := load(ctx, reference, o.Progress)
	if err != nil {
		return nil, err
	}
	b, err := load(ctx, second, o.Progress)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c := &comparison{a: a, b: b, options: o, pairs: candidates(a.masks, b.masks)}
	return c.run(), nil
}

func extents(l *Layer) string {
	if l.Volume() {
		return fmt.Sprintf("%dx%dx%d", l.Depth, l.Height, l.Width)
	}
	return fmt.Sprintf("%dx%d", l.Height, l.Width)
}

// comparison is an agreement in the making.
type comparison struct {
	a, b    *annotations
	options AgreeOptions
	pairs   []candidate

	insideA, insideB []bool
	out              *Agreement
}

func (c *comparison) run() *Agreement {
	o := c.options
	c.out = &Agreement{
		A: c.a.layer.String(), B: c.b.layer.String(), InstancesA: len(c.a.ids), InstancesB: len(c.b.ids),
		Coverage: o.Coverage, MinIoU: o.MinIoU,
		Pairs: []Pair{}, Split: []Group{}, Merged: []Group{},
	}
	good := atLeast(c.pairs, o.MinIoU)
	best, published := optimal(good), c.published()
	c.cover(best)
	c.matched(greedy(good), best, published)
	c.unmatched(best)
	c.groups()
	c.scores()
	return c.out
}

// atLeast are the pairs with an IoU from least on. A pair whose IoU is the threshold but for
// the last bits counts.
func atLeast(pairs []candidate, least float64) (out []candidate) {
	for _, p := range pairs {
		if p.iou >= least-1e-12 {
			out = append(out, p)
		}
	}
	return out
}

// matched lists the pairs of all matchings.
func (c *comparison) matched(greedy, best []candidate, published map[[2]int]float64) {
	found := map[[2]int]*Pair{}
	var order []candidate
	pair := func(p candidate) *Pair {
		key := [2]int{p.a, p.b}
		if found[key] == nil {
			found[key] = &Pair{A: c.a.ids[p.a], B: c.b.ids[p.b], IoU: p.iou}
			order = append(order, p)
		}
		return found[key]
	}
	for _, p := range greedy {
		pair(p).Greedy = true
	}
	sum := 0.0
	for _, p := range best {
		pair(p).Optimal = true
		sum += p.iou
	}
	for key, score := range published {
		p := pair(candidate{a: key[0], b: key[1], iou: mask.IoU(c.a.masks[key[0]], c.b.masks[key[1]])})
		p.Centroid, p.FilledIoU = true, &score
	}
	slices.SortFunc(order, byInstance)
	for _, p := range order {
		c.out.Pairs = append(c.out.Pairs, *found[[2]int{p.a, p.b}])
	}
	c.out.Greedy, c.out.Optimal, c.out.Centroid = len(greedy), len(best), len(published)
	if len(best) > 0 {
		c.out.MeanIoU = sum / float64(len(best))
	}
}

// unmatched lists the instances that a matching leaves over.
func (c *comparison) unmatched(best []candidate) {
	takenA, takenB := map[int]bool{}, map[int]bool{}
	for _, p := range best {
		takenA[p.a], takenB[p.b] = true, true
	}
	c.out.Missed, c.out.OutsideA = leftOver(c.a.ids, takenA, c.insideA)
	c.out.Extra, c.out.OutsideB = leftOver(c.b.ids, takenB, c.insideB)
}

func leftOver(ids []int64, taken map[int]bool, inside []bool) (left, outside []int64) {
	left, outside = []int64{}, []int64{}
	for i, id := range ids {
		switch {
		case taken[i]:
		case inside[i]:
			left = append(left, id)
		default:
			outside = append(outside, id)
		}
	}
	return left, outside
}

// groups finds instances that were split or merged: two or more of the other layer have more
// than half of their area in it.
func (c *comparison) groups() {
	inA, inB := map[int][]int64{}, map[int][]int64{}
	for _, p := range c.pairs {
		if 2*p.common > c.b.area[p.b] {
			inA[p.a] = append(inA[p.a], c.b.ids[p.b])
		}
		if 2*p.common > c.a.area[p.a] {
			inB[p.b] = append(inB[p.b], c.a.ids[p.a])
		}
	}
	c.out.Split, c.out.Merged = several(c.a.ids, inA), several(c.b.ids, inB)
}

func several(ids []int64, parts map[int][]int64) []Group {
	out := []Group{}
	for i, id := range ids {
		if len(parts[i]) > 1 {
			out = append(out, Group{id, parts[i]})
		}
	}
	return out
}

// scores counts matches at each threshold among the instances inside coverage.
func (c *comparison) scores() {
	inside := slices.DeleteFunc(slices.Clone(c.pairs), func(p candidate) bool { return !c.insideA[p.a] || !c.insideB[p.b] })
	n, m := count(c.insideA), count(c.insideB)
	for k := range 10 {
		s := Score{IoU: float64(50+5*k) / 100}
		s.TP = len(optimal(atLeast(inside, s.IoU)))
		s.FP, s.FN = m-s.TP, n-s.TP
		s.Precision, s.Recall = ratio(s.TP, m), ratio(s.TP, n)
		s.F1, s.AP = ratio(2*s.TP, n+m), ratio(s.TP, s.TP+s.FP+s.FN)
		c.out.MeanF1 += s.F1
		c.out.MeanAP += s.AP
		c.out.Scores = append(c.out.Scores, s)
	}
	c.out.MeanF1 /= 10
	c.out.MeanAP /= 10
}

func count(flags []bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// ratio is a/b, and 0 for 0/0: nothing was there to agree on.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
