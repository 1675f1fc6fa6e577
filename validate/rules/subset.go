package rules

import (
	"fmt"

	"github.com/micropq/micropq/validate"
)

// subsetRules is the rule CL006: whether all of a volume was labelled.
var subsetRules = []validate.Rule{{
	ID: "CL006", Severity: validate.Error, For: validate.Volume,
	Title:   "nothing says whether a volume is labelled completely or partly",
	Why:     "In a volume that is labelled partly, what has no label is not background: training and scores must leave it out.",
	Example: "A FISBe sample lies in neither a folder completely nor partly.",
	Mend:    "Keep samples below completely/ or partly/ as the release has them; in a data set, subset says it.",
	Looks:   validate.Looks{Sample: completeness},
}}

func completeness(s *validate.Scope, sample *validate.Sample) {
	// Samples of unknown kind are no volumes as far as anyone knows.
	if sample.Kind&validate.Volume == 0 {
		return
	}
	subset := ""
	if sample.Subset != nil {
		subset = *sample.Subset
	}
	switch subset {
	case "completely", "partly":
	case "":
		s.Report(validate.Finding{Message: "nothing says whether the volume is labelled completely or partly", Place: sample.Place})
	default:
		s.Report(validate.Finding{
			Message: fmt.Sprintf("the subset is %q, which does not say whether the volume is labelled completely or partly", subset),
			Place:   sample.Place, Value: subset,
		})
	}
}
