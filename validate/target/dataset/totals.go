package dataset

import (
	"sync"

	"github.com/micropq/micropq/validate"
)

// totals are what was counted.
type totals struct {
	mu sync.Mutex
	validate.Totals
}

func (t *totals) init() {
	t.ByArray, t.ByClass, t.BySubset, t.Objects = map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
}

func (t *totals) sample(v *validate.Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Samples++
	t.Arrays += int64(len(v.Arrays))
	t.BySubset[textOf(v.Subset)]++
}

func (t *totals) instance(subset, array string, class *string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Totals.Instances++
	t.ByArray[array]++
	t.Objects[subset+"/"+array]++
	t.ByClass[textOf(class)]++
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
