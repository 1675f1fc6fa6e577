package rules_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

// manySamples shows n samples with made-up hashes: clusters of pictures that look alike, nine of ten in train, and
// some equal ones.
type manySamples int

func (n manySamples) Name() string { return "made up" }

func (n manySamples) Walk(ctx context.Context, p *validate.Pass) error {
	random := rand.New(rand.NewPCG(1, 2))
	centres := make([]uint64, int(n)/50+1)
	for i := range centres {
		centres[i] = random.Uint64()
	}
	set := "d"
	for i := range int(n) {
		s := &validate.Sample{Kind: validate.Question, Pixels: random.Uint64() | 1, Perceptual: centres[random.IntN(len(centres))]}
		for range random.IntN(14) {
			s.Perceptual ^= 1 << random.IntN(64)
		}
		if i%1000 == 0 {
			s.Pixels = 7
		}
		group, row := fmt.Sprintf("donor-%d", i/10), int64(i)
		s.SampleID = fmt.Sprintf("2c5e4a25-856e-9c87-51f4-%012x", i)
		s.Place = validate.Place{Target: "made up", Dataset: set, File: "samples/train-00000-of-00001.parquet", Row: &row, Sample: s.SampleID, Split: "train"}
		if random.IntN(10) == 0 {
			s.Place.Split = "test"
		}
		s.Sample.Split, s.Sample.Dataset, s.GroupID = s.Place.Split, &set, &group
		p.Sample(ctx, s)
	}
	return nil
}

// BenchmarkSplits looks for equal, near and grouped pictures among 10^6 samples.
func BenchmarkSplits(b *testing.B) {
	for _, ids := range [][]string{{"SP001"}, {"SP002"}, {"SP003"}, {"SP001", "SP002", "SP003", "QA004"}} {
		b.Run(fmt.Sprint(ids), func(b *testing.B) {
			var tuned []validate.Tuned
			for _, id := range ids {
				r, _ := rules.Named(id)
				tuned = append(tuned, r.Default())
			}
			for b.Loop() {
				r, err := validate.Run(b.Context(), []validate.Target{manySamples(1_000_000)}, validate.Options{Rules: tuned})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(r.Findings)), "findings")
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.HeapSys>>20), "MiB")
			}
		})
	}
}
