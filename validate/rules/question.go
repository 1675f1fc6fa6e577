package rules

import "github.com/micropq/micropq/validate"

// questionRules are the rules QA: questions and their answers.
var questionRules = []validate.Rule{}
