package rules

import "github.com/micropq/micropq/validate"

// labelRules are the rules LB: the shape of instances.
var labelRules = []validate.Rule{}
