package rules

import "github.com/micropq/micropq/validate"

// overlapRules are the rules OV: instances and each other.
var overlapRules = []validate.Rule{}
