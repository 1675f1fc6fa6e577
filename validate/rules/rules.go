// Package rules is the catalogue of validation rules, a file a family.
//
// An id is stable once released, and one that is retired is never used again.
package rules

import (
	"cmp"
	"slices"

	"github.com/micropq/micropq/validate"
)

// All is the catalogue in the order of families and ids.
func All() []validate.Rule {
	return slices.Concat(datasetRules, family(pixelRules, pyramidRules), family(labelRules, shapeRules), overlapRules, family(classRules, classMaskRules, subsetRules), agreementRules, splitRules, questionRules)
}

// family is the rules of several lists in order of their ids.
func family(lists ...[]validate.Rule) []validate.Rule {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b validate.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return all
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
