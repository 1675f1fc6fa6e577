package rules

import "github.com/micropq/micropq/validate"

// pixelRules are the rules PX: arrays, their types and pixel sizes.
var pixelRules = []validate.Rule{}
