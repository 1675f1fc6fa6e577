package coco_test

import (
	"os"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/coco"
)

// BenchmarkFile validates the file that MICROPQ_BENCH_COCO names, such as one that bench/coco.py makes, with all rules.
func BenchmarkFile(b *testing.B) {
	path := os.Getenv("MICROPQ_BENCH_COCO")
	if path == "" {
		b.Skip("MICROPQ_BENCH_COCO names no file")
	}
	var tuned []validate.Tuned
	for _, r := range rules.All() {
		tuned = append(tuned, r.Default())
	}
	for b.Loop() {
		if _, err := validate.Run(b.Context(), []validate.Target{coco.New(path)}, validate.Options{Rules: tuned}); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
}
