package rules

import (
	"slices"

	"github.com/micropq/micropq/validate"
)

// classRules are the rules CL of classes that are defined.
var classRules = []validate.Rule{{
	ID: "CL001", Severity: validate.Error, For: validate.AnyKind,
	Title:   "a class is not defined",
	Why:     "Code that looks the class up fails, or counts the instance as another class.",
	Example: "category_id 7, where the categories are 1 to 5; or AMF, where the classes are AM and NTM.",
	Mend:    "Correct the class, or define it: in the file's categories, or under classes in .micropq.yaml.",
	Looks:   validate.Looks{Instance: undefinedClass},
}}

func undefinedClass(s *validate.Scope, in *validate.Instance) {
	if in.Class == nil || in.Classes == nil || slices.Contains(in.Classes, *in.Class) {
		return
	}
	f := about(in, "its class, %q, is none of the %d that are defined", *in.Class, len(in.Classes))
	f.Value, f.Detail = *in.Class, *in.Class
	s.Report(f)
}
