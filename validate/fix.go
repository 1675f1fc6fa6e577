package validate

import (
	"context"

	"github.com/micropq/micropq/annotate/edit"
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
