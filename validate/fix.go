package validate

import (
	"context"
	"errors"
	"slices"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/journal"
)

// Fix says how a finding may be mended.
type Fix struct {
	Doc string // what is done, in a few words
	// Safe says that nothing is lost, so that --fix does it.
	Safe bool
	// Edits are what mends it in a data set, for annotate apply.
	Edits []edit.Request
}

// Fixer is a target that can mend its own files.
type Fixer interface {
	Target
	// Fix mends findings whose fix is safe and reports how many it did; a file is replaced as a
	// whole or not at all.
	Fix(ctx context.Context, findings []*Finding) (int, error)
}

// Patch is the edits of findings, for annotate apply. Several rules may ask for the rejection of one instance:
// that becomes one edit with all reasons. Of other edits of one instance the first is taken, that of the worst finding.
func Patch(findings []*Finding) (requests []edit.Request) {
	type key struct {
		sample, array string
		instance      int64
	}
	at := map[key]int{}
	for _, f := range findings {
		if f.Fix == nil {
			continue
		}
		for _, r := range f.Fix.Edits {
			k := key{r.Sample, r.Array, r.Instance}
			i, ok := at[k]
			if !ok {
				at[k] = len(requests)
				r.Reasons = slices.Clone(r.Reasons)
				requests = append(requests, r)
				continue
			}
			if first := &requests[i]; first.Op == journal.Reject && r.Op == journal.Reject {
				first.Reasons = append(first.Reasons, r.Reasons...)
			}
		}
	}
	return requests
}

// Mend has targets mend what they safely can, and reports what was done. It goes on with the other targets
// where one fails.
func Mend(ctx context.Context, targets []Target, findings []*Finding) (done []*Finding, err error) {
	var errs []error
	for _, t := range targets {
		fixer, ok := t.(Fixer)
		if !ok {
			continue
		}
		safe := slices.DeleteFunc(slices.Clone(findings), func(f *Finding) bool {
			return f.Fix == nil || !f.Fix.Safe || f.Target != t.Name()
		})
		if len(safe) == 0 {
			continue
		}
		n, err := fixer.Fix(ctx, safe)
		if err != nil {
			errs = append(errs, &TargetError{t.Name(), err})
			continue
		}
		done = append(done, safe[:min(n, len(safe))]...)
	}
	return done, errors.Join(errs...)
}
