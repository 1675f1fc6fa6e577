package rules

import "github.com/micropq/micropq/validate"

// splitRules are the rules SP: what must not cross splits.
var splitRules = []validate.Rule{}
