package hamming

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// brute finds the distance to the nearest hash of lower rank, -1 where there is none.
func brute(hashes []uint64, ranks []uint8, limit int) []int32 {
	out := make([]int32, len(hashes))
	for i := range hashes {
		out[i] = -1
		for j := range hashes {
			d := int32(bits.OnesCount64(hashes[i] ^ hashes[j]))
			if ranks[j] < ranks[i] && d <= int32(limit) && (out[i] < 0 || d < out[i]) {
				out[i] = d
			}
		}
	}
	return out
}

// clustered are hashes of which many are near each other: of centres, each with a few bits changed.
func clustered(random *rand.Rand, n, centres, flips int) []uint64 {
	at := make([]uint64, centres)
	for i := range at {
		at[i] = random.Uint64()
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = at[random.IntN(centres)]
		for range random.IntN(flips + 1) {
			out[i] ^= 1 << random.IntN(64)
		}
	}
	return out
}

func ranksOf(random *rand.Rand, n, splits int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(random.IntN(splits))
	}
	return out
}

// TestNearest compares with looking at all pairs.
func TestNearest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dense := make([]uint64, 1500) // all pairs differ in 11 bits at most, and share words
	for i := range dense {
		dense[i] = uint64(i) * 0x0100000000000001 & 0x07ff
	}
	for name, hashes := range map[string][]uint64{
		"random":    clustered(random, 2000, 2000, 0),
		"clustered": clustered(random, 2000, 60, 14),
		"near":      clustered(random, 1000, 3, 9),
		"dense":     dense,
		"equal":     clustered(random, 1000, 2, 0),
		"one":       {7},
		"none":      {},
	} {
		for _, splits := range []int{1, 2, 5} {
			ranks := ranksOf(random, len(hashes), splits)
			for distance := range MaxDistance + 1 {
				near, cut, err := Nearest(t.Context(), hashes, ranks, Options{Distance: distance, Jobs: 2})
				if err != nil || cut != 0 {
					t.Fatalf("%s: %v, %d cut", name, err, cut)
				}
				for i, want := range brute(hashes, ranks, distance) {
					got := near[i]
					if (want < 0) != (got.Index < 0) {
						t.Fatalf("%s, %d splits, distance %d: hash %d: %+v, want distance %d", name, splits, distance, i, got, want)
					}
					if want < 0 {
						continue
					}
					d := int32(bits.OnesCount64(hashes[i] ^ hashes[got.Index]))
					if got.Distance != want || d != want || ranks[got.Index] >= ranks[i] {
						t.Fatalf("%s, %d splits, distance %d: hash %d: %+v, want distance %d", name, splits, distance, i, got, want)
					}
				}
			}
		}
	}
}

func TestNearestIsTheSameForAnyJobs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	hashes := clustered(random, 20_000, 50, 16)
	ranks := ranksOf(random, len(hashes), 3)
	want, wantCut, err := Nearest(t.Context(), hashes, ranks, Options{Distance: 8, Jobs: 1, Work: 2_000_000})
	if err != nil || wantCut == 0 {
		t.Fatalf("%d cut, %v: want some", wantCut, err)
	}
	got, cut, err := Nearest(t.Context(), hashes, ranks, Options{Distance: 8, Jobs: 4, Work: 2_000_000})
	if err != nil || cut != wantCut || !slices.Equal(got, want) {
		t.Errorf("%d cut, %v: want %d", cut, err, wantCut)
	}
}

// TestNearestIsBounded gives hashes that all lie in few buckets.
func TestNearestIsBounded(t *testing.T) {
	n := 1 << 17
	hashes, ranks := make([]uint64, n), make([]uint8, n)
	for i := range hashes {
		v := uint64(i) << 3 // 17 bits and their parity: all pairs differ in two bits or more
		hashes[i] = v | uint64(bits.OnesCount64(v)&1)
		ranks[i] = uint8(i % 2)
	}
	begin := time.Now()
	_, cut, err := Nearest(t.Context(), hashes, ranks, Options{Distance: 1, Jobs: 2, Work: 50_000_000})
	if err != nil || cut == 0 {
		t.Errorf("%d cut, %v", cut, err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestNearestRefuses(t *testing.T) {
	for _, distance := range []int{-1, MaxDistance + 1} {
		if _, _, err := Nearest(t.Context(), nil, nil, Options{Distance: distance}); err == nil {
			t.Errorf("distance %d is taken", distance)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	random := rand.New(rand.NewPCG(5, 6))
	hashes := clustered(random, 5000, 5000, 0)
	if _, _, err := Nearest(ctx, hashes, ranksOf(random, 5000, 2), Options{Distance: 4, Jobs: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWord(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 1000 {
		h := random.Uint64()
		for w := range words {
			var want uint16
			for b := range wordBits {
				want |= uint16(h>>(4*b+w)&1) << b
			}
			if got := word(h, w); got != want {
				t.Fatalf("word %d of %016x: %04x, want %04x", w, h, got, want)
			}
		}
	}
}

// BenchmarkNear looks up half of 10^6 hashes among the other half.
func BenchmarkNear(b *testing.B) {
	const n = 1_000_000
	random := rand.New(rand.NewPCG(9, 10))
	different := make([]uint64, n)
	for i := range different {
		different[i] = random.Uint64()
	}
	for name, hashes := range map[string][]uint64{
		"random":    different,
		"clustered": clustered(random, n, 20_000, 16), // 50 alike pictures of each thing
		"alike":     clustered(random, n, 200, 30),
	} {
		ranks := ranksOf(random, n, 2)
		for distance, suffix := range map[int]string{4: "/4", 8: "/8"} {
			b.Run(name+suffix, func(b *testing.B) {
				for b.Loop() {
					near, cut, err := Nearest(b.Context(), hashes, ranks, Options{Distance: distance, Jobs: runtime.GOMAXPROCS(0)})
					if err != nil {
						b.Fatal(err)
					}
					found := 0
					for _, m := range near {
						if m.Index >= 0 {
							found++
						}
					}
					b.ReportMetric(float64(found), "near")
					b.ReportMetric(float64(cut), "cut")
				}
			})
		}
	}
}
