package rules

import "github.com/micropq/micropq/validate"

// classRules are the rules CL: classes of instances.
var classRules = []validate.Rule{}
