package rules

import (
	"fmt"
	"strings"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// published is what was published of a source.
type published struct {
	name    string // for people
	parts   string // option of its conversion that chooses among subsets, "" where there is none
	samples map[string]int64
	objects map[string]int64 // of subset/array
	classes map[string]int64 // instances of all subsets
	total   int64            // samples of all subsets, where there are none
}

// publishedOf are the totals by the name of the source.
var publishedOf = map[string]published{
	// Mais et al., CVPR 2024 (arXiv 2404.00130).
	"fisbe": {
		name: "FISBe", parts: "subset",
		samples: map[string]int64{"completely": 30, "partly": 71},
		objects: map[string]int64{"completely/gt_instances": 139, "partly/gt_instances": 451},
	},
	// Khan et al. (arXiv 2311.15113): 30,794 AM, 18,102 NTM and 1,538 FAM are the 50,434 myofibres; FR are regions.
	"nclsm": {
		name: "NCL-SM", parts: "technique",
		samples: map[string]int64{"IMC": 27, "IF": 19},
		objects: map[string]int64{"IMC/gt_instances": 22979, "IF/gt_instances": 27455},
		classes: map[string]int64{"AM": 30794, "NTM": 18102, "FAM": 1538, "FR": 405},
	},
	// Lozano et al. (arXiv 2407.01791): the perception part.
	"ubench": {name: "mu-Bench", total: 17315},
}

// publishedTotals compares the counts of a data set that claims to be whole: one finding lists all that differ.
// What the options of the conversion left out on purpose is not missed.
func publishedTotals(s *validate.Scope, d *validate.Dataset) {
	if d.Manifest == nil {
		return
	}
	p, ok := publishedOf[d.Manifest.Source.Name]
	if !ok {
		return
	}
	chosen, some := chosenParts(d.Manifest, p.parts)
	if some {
		return // of single samples
	}
	var differ []string
	compare := func(found, want int64, what string) {
		if found != want {
			differ = append(differ, fmt.Sprintf("%d %s, not %d", found, what, want))
		}
	}
	wanted := func(subset string) bool { return len(chosen) == 0 || chosen[subset] }
	for _, subset := range sortedKeys(p.samples) {
		if wanted(subset) {
			compare(d.Totals.BySubset[subset], p.samples[subset], "samples of "+subset)
		}
	}
	for _, key := range sortedKeys(p.objects) {
		if subset, _, _ := strings.Cut(key, "/"); wanted(subset) {
			compare(d.Totals.Objects[key], p.objects[key], "instances of "+subset)
		}
	}
	for _, class := range sortedKeys(p.classes) {
		if len(chosen) == 0 {
			compare(d.Totals.ByClass[class], p.classes[class], "instances of class "+class)
		}
	}
	if p.total > 0 {
		compare(d.Totals.Samples, p.total, "samples")
	}
	if len(differ) > 0 {
		s.Report(validate.Finding{
			Message: fmt.Sprintf("it is not %s as it was published: it has %s", p.name, strings.Join(differ, "; ")),
			Place:   inFile(d.Place, schemas.ManifestName), Value: d.Totals.Samples,
		})
	}
}

// chosenParts are the subsets that a conversion was told to take, none for all; some reports that it was told to
// take single samples.
func chosenParts(m *schemas.Manifest, option string) (chosen map[string]bool, some bool) {
	for name, value := range m.Options {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			continue
		}
		switch name {
		case option:
			chosen = map[string]bool{}
			for _, v := range list {
				chosen[fmt.Sprint(v)] = true
			}
		case "section", "sections", "sample", "samples", "split":
			some = true
		}
	}
	return chosen, some
}
