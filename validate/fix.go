package validate

import (
	"context"
	"errors"
	"fmt"
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
	// whole or not at all. It passes over findings of other targets.
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

// Mended is what a target did to its files.
type Mended struct {
	Target   string
	Findings []*Finding // that it was asked to mend
	Fixed    int        // how many of them it did
}

// Mend has targets mend what they safely can. It goes on with the other targets where one fails.
func Mend(ctx context.Context, targets []Target, findings []*Finding) (all []Mended, err error) {
	var errs []error
	for _, t := range targets {
		fixer, ok := t.(Fixer)
		if !ok {
			continue
		}
		// A finding may be of a file that belongs to the target and has another name.
		safe := slices.DeleteFunc(slices.Clone(findings), func(f *Finding) bool {
			return f.Fix == nil || !f.Fix.Safe || f.Target != t.Name() && named(targets, f.Target)
		})
		if len(safe) == 0 {
			continue
		}
		n, err := fixer.Fix(ctx, safe)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is not mended: %w", t.Name(), err))
		}
		if n > 0 {
			all = append(all, Mended{t.Name(), safe, n})
		}
	}
	return all, errors.Join(errs...)
}

func named(targets []Target, name string) bool {
	return slices.ContainsFunc(targets, func(t Target) bool { return t.Name() == name })
}
