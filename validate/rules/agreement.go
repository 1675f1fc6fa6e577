package rules

import "github.com/micropq/micropq/validate"

// agreementRules are the rules AG: second annotations.
var agreementRules = []validate.Rule{}
