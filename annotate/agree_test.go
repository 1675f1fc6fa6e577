package annotate

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

func agreed(t *testing.T, a, b string, o AgreeOptions) *Agreement {
	t.Helper()
	out, err := Agree(t.Context(), open(t, a), open(t, b), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The published agreement of a real section: exactly its 13 pairs, each with its score.
func TestPublishedAgreement(t *testing.T) {
	f, err := os.Open(oracle.Sample(t, "nclsm/S60_agreement.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]float64{}
	for _, row := range rows[1:] {
		if row[1] == "not_found" {
			continue
		}
		fibre, errID := strconv.ParseInt(row[0], 10, 64)
		iou, errIoU := strconv.ParseFloat(row[4], 64)
		if errID != nil || errIoU != nil {
			t.Fatalf("row %v", row)
		}
		want[fibre+1] = iou // Fibre_GT counts from 0
	}
	got := agreed(t, oracle.Sample(t, "nclsm/S60_groundtruth.tiff"), oracle.Sample(t, "nclsm/S60_second_annotation.tiff"), AgreeOptions{Coverage: CoverSecond})
	if len(got.Pairs) != 13 || len(want) != 13 {
		t.Fatalf("%d pairs, want 13", len(got.Pairs))
	}
	for _, p := range got.Pairs {
		if !p.Centroid || !p.Optimal || !p.Greedy {
			t.Errorf("pair %+v is not in every matching", p)
		}
		if iou, ok := want[p.A]; !ok || math.Abs(p.IoU-iou) > 0.002 || math.Abs(*p.FilledIoU-iou) > 1e-9 {
			t.Errorf("fibre %d: IoU %v, filled %v, want %v", p.A, p.IoU, *p.FilledIoU, iou)
		}
	}
	if len(got.OutsideA) != 573 || len(got.Missed)+len(got.Extra)+len(got.OutsideB) != 0 {
		t.Errorf("%d outside coverage, %d missed, %d extra", len(got.OutsideA), len(got.Missed), len(got.Extra))
	}
	all := agreed(t, oracle.Sample(t, "nclsm/S60_groundtruth.tiff"), oracle.Sample(t, "nclsm/S60_second_annotation.tiff"), AgreeOptions{})
	if len(all.Missed) != 573 || len(all.OutsideA) != 0 || all.Scores[0].FN != 573 {
		t.Errorf("with all covered: %d missed, %d outside, %+v", len(all.Missed), len(all.OutsideA), all.Scores[0])
	}
}

// reference and second show every outcome: 1 agrees, 2 is split, 3 and 4 are merged, 5 is
// missed in the middle, 6 lies apart, and the second has 7 on its own.
var reference = []string{
	"1111.22222222.33344...........",
	"1111.22222222.33344...........",
	"1111.22222222.33344...........",
	"..............................",
	".....55................666....",
	"..............................",
	"1111..........................",
}

var second = []string{
	"1111.22223333.44444...........",
	"1111.22223333.44444...........",
	"1111.22223333.44444...........",
	"..............................",
	"..............................",
	"..............................",
	"1..........777................",
}

func TestAgreementOutcomes(t *testing.T) {
	a, b := drawn(t, "a.npy", reference...), drawn(t, "b.npy", second...)
	got := agreed(t, a, b, AgreeOptions{MinIoU: 0.45})
	if want := []Group{{2, []int64{2, 3}}}; !reflect.DeepEqual(got.Split, want) {
		t.Errorf("split %v, want %v", got.Split, want)
	}
	if want := []Group{{4, []int64{3, 4}}}; !reflect.DeepEqual(got.Merged, want) {
		t.Errorf("merged %v, want %v", got.Merged, want)
	}
	// 2 agrees as well with either half, 3 with more than half of 4.
	if got.Optimal != 3 || got.Greedy != 3 || !slices.Equal(got.Missed, []int64{4, 5, 6}) || !slices.Equal(got.Extra, []int64{3, 7}) {
		t.Errorf("optimal %d, greedy %d, missed %v, extra %v", got.Optimal, got.Greedy, got.Missed, got.Extra)
	}
	s := got.Scores[0] // at 0.5
	if s.TP != 3 || s.FP != 2 || s.FN != 3 || s.Precision != 3./5 || s.Recall != 3./6 || s.F1 != 6./11 || s.AP != 3./8 {
		t.Errorf("scores %+v", s)
	}
}

func TestCoverage(t *testing.T) {
	a, b := drawn(t, "a.npy", reference...), drawn(t, "b.npy", second...)
	got := agreed(t, a, b, AgreeOptions{Coverage: CoverSecond, Margin: 1})
	if !slices.Equal(got.Missed, []int64{4}) || !slices.Equal(got.OutsideA, []int64{5, 6}) || len(got.OutsideB) != 0 {
		t.Errorf("within what was drawn: missed %v, outside %v and %v", got.Missed, got.OutsideA, got.OutsideB)
	}
	if got.Covered <= 40 || got.Margin != 1 {
		t.Errorf("covered %d with margin %d", got.Covered, got.Margin)
	}
	got = agreed(t, a, b, AgreeOptions{Coverage: CoverRegion, Region: schemas.BBox{Z1: 1, Y1: 6, X1: 20}})
	if !slices.Equal(got.Missed, []int64{4, 5}) || !slices.Equal(got.OutsideA, []int64{6}) || !slices.Equal(got.OutsideB, []int64{7}) {
		t.Errorf("within a box: missed %v, outside %v and %v", got.Missed, got.OutsideA, got.OutsideB)
	}
	// What the second's instances enclose counts as seen.
	ring := []string{"....22222...", "....2...2...", "....2...2...", "....2...2...", "....22222..."}
	inner := []string{"............", "............", "...... 3....", "..........3.", "............"}
	inner[2] = "......1....."
	got = agreed(t, drawn(t, "i.npy", inner...), drawn(t, "r.npy", ring...), AgreeOptions{Coverage: CoverSecond, Margin: -1})
	if !slices.Equal(got.Missed, []int64{1}) || !slices.Equal(got.OutsideA, []int64{3}) {
		t.Errorf("in a ring: missed %v, outside %v", got.Missed, got.OutsideA)
	}
}

func TestAgreeRefusesOtherSizes(t *testing.T) {
	a, b := drawn(t, "a.npy", "11", "22"), drawn(t, "b.npy", "11")
	_, err := Agree(t.Context(), open(t, a), open(t, b), AgreeOptions{})
	if err == nil || !strings.Contains(err.Error(), "2x2") || !strings.Contains(err.Error(), "1x2") {
		t.Errorf("error %v", err)
	}
}

func TestAgreeWithNothing(t *testing.T) {
	a, empty := drawn(t, "a.npy", "11", "22"), drawn(t, "b.npy", "..", "..")
	for _, coverage := range []string{CoverAll, CoverSecond} {
		got := agreed(t, a, empty, AgreeOptions{Coverage: coverage})
		if got.Optimal != 0 || got.MeanAP != 0 || len(got.Missed)+len(got.OutsideA) != 2 {
			t.Errorf("%s: %+v", coverage, got)
		}
	}
}

// The optimal matching against a search over all of them.
func TestOptimalIsOptimal(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		n, m := 1+r.IntN(6), 1+r.IntN(6)
		var pairs []candidate
		for a := range n {
			for b := range m {
				if r.IntN(3) > 0 {
					pairs = append(pairs, candidate{a: a, b: b, iou: float64(1+r.IntN(20)) / 20})
				}
			}
		}
		got, sum := optimal(pairs), 0.0
		takenA, takenB := map[int]bool{}, map[int]bool{}
		for _, p := range got {
			if takenA[p.a] || takenB[p.b] {
				t.Fatalf("seed %d: %v matches an instance twice", seed, got)
			}
			takenA[p.a], takenB[p.b] = true, true
			sum += p.iou
		}
		if want := bestSum(pairs, map[int]bool{}); math.Abs(sum-want) > 1e-9 {
			t.Fatalf("seed %d: %v sums to %v, the best to %v", seed, got, sum, want)
		}
	}
}

// bestSum tries to take and to leave each pair.
func bestSum(pairs []candidate, taken map[int]bool) float64 {
	if len(pairs) == 0 {
		return 0
	}
	p, rest := pairs[0], pairs[1:]
	best := bestSum(rest, taken)
	if a, b := p.a, -1-p.b; !taken[a] && !taken[b] {
		taken[a], taken[b] = true, true
		best = max(best, p.iou+bestSum(rest, taken))
		taken[a], taken[b] = false, false
	}
	return best
}

func TestGreedyIsNotOptimal(t *testing.T) {
	pairs := []candidate{{a: 0, b: 0, iou: .6}, {a: 0, b: 1, iou: .5}, {a: 1, b: 0, iou: .55}}
	if g, o := greedy(pairs), optimal(pairs); len(g) != 1 || len(o) != 2 {
		t.Errorf("greedy %v, optimal %v", g, o)
	}
}

// A chain of many overlapping instances must not cost its square.
func BenchmarkOptimalChain(b *testing.B) {
	var pairs []candidate
	for a := range 20000 {
		pairs = append(pairs, candidate{a: a, b: a, iou: .8})
		if a > 0 {
			pairs = append(pairs, candidate{a: a, b: a - 1, iou: .1})
			slices.SortFunc(pairs[len(pairs)-2:], byInstance)
		}
	}
	for b.Loop() {
		if len(optimal(pairs)) != 20000 {
			b.Fatal("a pair is missing")
		}
	}
}
