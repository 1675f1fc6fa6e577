package rules_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

// plant is a defect for one rule. Both functions make files in a folder and open them as targets, so
// that what is tested is the whole way from bytes to the finding.
type plant struct {
	defect   func(t *testing.T, dir string) []validate.Target // the rule finds it
	nearMiss func(t *testing.T, dir string) []validate.Target // as near as can be, and the rule does not
}

// plants has every rule; each family adds its own in its file.
func plants() map[string]plant {
	all := map[string]plant{}
	for _, family := range []map[string]plant{datasetPlants, pyramidPlants, classMaskPlants, pixelPlants, labelPlants, shapePlants, overlapPlants, subsetPlants, agreementPlants, splitPlants, questionPlants} {
		maps.Copy(all, family)
	}
	return all
}

// tuned is all rules with their own limits, those that are off too.
func tuned() (ts []validate.Tuned) {
	for _, r := range rules.All() {
		ts = append(ts, r.Default())
	}
	return ts
}

// findings is how many a rule has in targets.
func findings(t *testing.T, rule string, all []validate.Tuned, targets []validate.Target) (n int) {
	t.Helper()
	result, err := validate.Run(t.Context(), targets, validate.Options{Rules: all})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Findings {
		if f.Rule == rule {
			n++
		}
	}
	return n
}

// TestCatalogue finds each rule's planted defect with the rule, does not find it without what the rule looks
// at, and finds nothing in the near miss.
func TestCatalogue(t *testing.T) {
	plants := plants()
	for _, r := range rules.All() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			p, ok := plants[r.ID]
			if !ok || p.defect == nil || p.nearMiss == nil {
				t.Fatal("no defect and near miss are planted for the rule")
			}
			targets := p.defect(t, t.TempDir())
			if findings(t, r.ID, tuned(), targets) == 0 {
				t.Error("the planted defect is not found")
			}
			without := tuned()
			i := slices.IndexFunc(without, func(o validate.Tuned) bool { return o.ID == r.ID })
			without[i].Looks, without[i].Across = validate.Looks{}, nil
			if findings(t, r.ID, without, targets) != 0 {
				t.Error("found without the rule's own looks")
			}
			if n := findings(t, r.ID, tuned(), p.nearMiss(t, t.TempDir())); n != 0 {
				t.Errorf("%d findings in the near miss", n)
			}
		})
	}
	for id := range plants {
		if _, ok := rules.Named(id); !ok {
			t.Errorf("%s is planted but no rule", id)
		}
	}
}

// TestRulesExplainThemselves keeps texts, limits and ids whole.
func TestRulesExplainThemselves(t *testing.T) {
	id := regexp.MustCompile(`^(DS|PX|LB|OV|CL|AG|SP|QA)\d{3}$`)
	all := rules.All()
	for i, r := range all {
		if !id.MatchString(r.ID) || slices.ContainsFunc(all[:i], func(o validate.Rule) bool { return o.ID == r.ID }) {
			t.Errorf("id %q is malformed or used twice", r.ID)
		}
		if r.Title == "" || r.Why == "" || r.Example == "" || r.Mend == "" || r.For == 0 || r.Severity == 0 {
			t.Errorf("%s does not explain itself", r.ID)
		}
		if looks := r.Looks; (looks.Evidence() == 0) == (r.Across == nil) {
			t.Errorf("%s: want looks or Across", r.ID)
		}
		for _, l := range r.Limits {
			if l.Name == "" || l.Doc == "" {
				t.Errorf("%s: limit %q lacks its name or meaning", r.ID, l.Name)
			}
		}
	}
}
