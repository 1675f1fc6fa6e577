package batch

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/micropq/micropq/loaders"
)

// Of 10,000 crops of one voxel half are labelled by choice, and of the others as many as of the
// volumes; each neuron is drawn as often as the others. Bounds are five standard deviations of
// the binomial distribution, and the chi-square quantile that is as far out.
func TestForegroundIsBalanced(t *testing.T) {
	d := small(t)
	const count = 10_000
	o := options(Crops)
	o.Arrays, o.Size, o.Count, o.Foreground, o.Partition.Batch = []string{"gt_instances"}, []int{1, 1, 1}, count, 0.5, 100
	drawn, centred, labelled := map[string]int{}, 0, 0
	for _, b := range all(t, loader(t, d, o)) {
		for i, item := range b.Items {
			background := bytes.Equal(b.Tensors[0].Data[4*i:][:4], make([]byte, 4))
			if !background {
				labelled++
			}
			if item.Instance == 0 {
				continue
			}
			centred++
			drawn[fmt.Sprint(item.Sample, item.Instance)]++
			if background {
				t.Fatalf("the crop of one voxel at the centre of %+v is background", item)
			}
		}
	}
	within := func(what string, got int, p float64) {
		t.Helper()
		t.Logf("%s: %d of %d, expected %.0f", what, got, count, count*p)
		if sigma := math.Sqrt(count * p * (1 - p)); math.Abs(float64(got)-count*p) > 5*sigma {
			t.Errorf("%s: %d of %d, want %.0f within %.0f", what, got, count, count*p, 5*sigma)
		}
	}
	within("centred", centred, 0.5)
	within("labelled", labelled, 0.5+0.5*labelledShare(t, d))
	if len(drawn) != 12 {
		t.Fatalf("%d neurons were drawn, there are 12", len(drawn))
	}
	want, square := float64(centred)/12, 0.0
	for _, n := range drawn {
		square += (float64(n) - want) * (float64(n) - want) / want
	}
	// Wilson and Hilferty, PNAS 17 (1931): the quantile of 11 degrees of freedom.
	const k = 11.0
	bound := k * math.Pow(1-2/(9*k)+5*math.Sqrt(2/(9*k)), 3)
	t.Logf("chi-square of the 12 neurons: %.1f, bound %.1f", square, bound)
	if square > bound {
		t.Errorf("neurons were drawn %v times", drawn)
	}
}

// labelledShare is the share of voxels of all samples that are labelled.
func labelledShare(t *testing.T, d *loaders.Dataset) float64 {
	t.Helper()
	n, all := 0, 0
	for s, err := range d.Samples(t.Context(), loaders.SampleQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		v := whole(t, d, s.SampleID, Tensor{Name: "gt_instances"}, 0)
		for i := 0; i < len(v.Data); i += 4 {
			all++
			if !bytes.Equal(v.Data[i:i+4], make([]byte, 4)) {
				n++
			}
		}
	}
	return float64(n) / float64(all)
}
