package rules

import "github.com/micropq/micropq/validate"

// datasetRules are the rules DS: what makes a data set whole.
var datasetRules = []validate.Rule{}
