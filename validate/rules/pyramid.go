package rules

import "github.com/micropq/micropq/validate"

// pyramidRules is the rule PX007: lower resolutions.
var pyramidRules = []validate.Rule{{
	ID: "PX007", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "a lower resolution has new ids, is missing, or is not what level 0 makes",
	Why:     "Labels that were averaged or interpolated name objects that do not exist; a viewer and a training run at low resolution see other things than at full.",
	Example: "Level 2 of gt_instances has the id 7, which lies between 5 and 9; level 0 does not have it.",
	Mend:    "Make the pyramid again: labels by their most frequent value, never by a mean. micropq convert --levels does.",
	Looks: validate.Looks{Array: func(s *validate.Scope, a *validate.Array) {
		for _, err := range a.Errs {
			if e, ok := as[*validate.PyramidError](err); ok {
				p := a.Place
				p.Level = e.Level
				s.Report(validate.Finding{Message: e.Error(), Place: p, Detail: e.Problem})
			}
		}
	}},
}}
