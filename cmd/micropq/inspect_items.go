package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// partialText says that rows of the source are missing.
func partialText(p *schemas.Partial) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d items of the source are left out, listed in %s", p.Rejected, p.Path)
}

// printItems counts the items of a data set with questions.
func printItems(w io.Writer, s *loaders.Summary) {
	name := func(s string) string { return cmp.Or(s, "(null)") }
	fmt.Fprintln(w, "DATASET\tSAMPLES\tQUESTIONS")
	for _, c := range s.Items.Datasets {
		fmt.Fprintf(w, "%s\t%d\t%d\n", name(c.Name), c.Samples, c.Questions)
	}
	if len(s.Items.Modalities) > 0 {
		fmt.Fprintln(w, "\nMODALITY\tSAMPLES")
		for _, c := range s.Items.Modalities {
			fmt.Fprintf(w, "%s\t%d\n", name(c.Name), c.Samples)
		}
	}
	fmt.Fprintln(w, "\nKIND\tTYPE\tROWS")
	for _, c := range s.Items.Questions {
		fmt.Fprintf(w, "%s\t%s\t%d\n", c.Kind, name(c.Name), c.Questions)
	}
	if len(s.Repairs) > 0 {
		fmt.Fprintln(w, "\nREPAIRED\tROWS")
		for _, column := range slices.Sorted(maps.Keys(s.Repairs)) {
			fmt.Fprintf(w, "%s\t%d\n", column, s.Repairs[column])
		}
	}
}
