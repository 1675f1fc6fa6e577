package dataset_test

import (
	"os"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/dataset"
)

func BenchmarkWalk(b *testing.B) {
	dir := os.Getenv("PROF_DIR")
	if dir == "" {
		b.Skip()
	}
	var tuned []validate.Tuned
	sel, _ := validate.Select(rules.All(), nil, nil)
	for _, r := range sel {
		tuned = append(tuned, r.Default())
	}
	for b.Loop() {
		if _, err := validate.Run(b.Context(), []validate.Target{dataset.New(dir, dataset.Options{})}, validate.Options{Rules: tuned, Jobs: 2}); err != nil {
			b.Fatal(err)
		}
	}
}
