// Package rules is the catalogue of validation rules, a file a family.
//
// An id is stable once released, and one that is retired is never used again.
package rules

import (
	"slices"

	"github.com/micropq/micropq/validate"
)

// All is the catalogue in the order of families and ids.
func All() []validate.Rule {
	return slices.Concat(datasetRules, pixelRules, labelRules, overlapRules, classRules, subsetRules, agreementRules, splitRules, questionRules)
}

// Named is the rule of an id.
func Named(id string) (validate.Rule, bool) {
	for _, r := range All() {
		if r.ID == id {
			return r, true
		}
	}
	return validate.Rule{}, false
}
