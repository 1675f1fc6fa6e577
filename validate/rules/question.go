package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/micropq/micropq/validate"
)

// Kinds of questions.
const (
	kindQuestion = "question"
	kindCaption  = "caption"
)

// questionRules are the rules QA: questions and their answers.
var questionRules = []validate.Rule{
	{
		ID: "QA001", Severity: validate.Error, For: validate.Question,
		Title:   "a question, option or answer that is null or empty",
		Why:     "It cannot be asked or scored. Code that formats prompts writes the word None in its place, and the score of the benchmark counts it.",
		Example: "question, options and answer of questions.stain are null or empty",
		Mend:    "Fill in what is missing, or leave out the question: a question that is not there is null as a whole.",
		Looks:   validate.Looks{Question: nothingMissing},
	},
	{
		ID: "QA002", Severity: validate.Error, For: validate.Question,
		Title:   "the answer is not among the options, is there twice, or is not the one at answer_index",
		Why:     "A right reply is scored as wrong, or there are two right ones.",
		Example: `questions.classification: the answer is "monocyte" and answer_index 2 is "platelet"`,
		Mend:    "Correct answer_index (it counts from 0) or the answer, and make the options different from each other.",
		Looks:   validate.Looks{Question: answerIsAnOption},
	},
	answersRule,
	metadataRule,
}

// nothingMissing is QA001.
func nothingMissing(s *validate.Scope, it *validate.Item) {
	var missing []string
	if blank(it.Question.Question) && !badField(it, "question") {
		missing = append(missing, "question")
	}
	hasIndex := it.AnswerIndex != nil || badField(it, "answer_index")
	for _, err := range it.Errs {
		var field *validate.FieldError
		if asField(err, &field) && field.Field != "answer_index" {
			s.Report(validate.Finding{Place: it.Place, Message: it.QuestionID + ": " + field.Error(), Value: field.Value, Detail: field.Field})
		}
	}
	if len(it.Options) == 0 && (hasIndex || it.Kind == kindQuestion && blank(it.Answer)) {
		missing = append(missing, "options")
	}
	for i, o := range it.Options {
		if strings.TrimSpace(o) == "" && !badField(it, fmt.Sprintf("options[%d]", i)) {
			missing = append(missing, fmt.Sprintf("option %d", i))
		}
	}
	// A caption may be a statement that nobody asks about.
	if !hasIndex && blank(it.Answer) && (it.Kind != kindCaption || len(it.Options) > 0) || it.Answer != nil && blank(it.Answer) {
		missing = append(missing, "answer")
	}
	if len(missing) == 0 {
		return
	}
	verb := "is"
	if len(missing) > 1 {
		verb = "are"
	}
	s.Report(validate.Finding{
		Place: it.Place, Value: missing, Detail: strings.Join(missing, ","),
		Message: fmt.Sprintf("%s of %s %s null or empty", enumerate(missing), it.QuestionID, verb),
	})
}

func blank(s *string) bool { return s == nil || strings.TrimSpace(*s) == "" }

// asField is errors.As for an error that is not wrapped.
func asField(err error, field **validate.FieldError) (ok bool) {
	*field, ok = err.(*validate.FieldError)
	return ok
}

// badField reports a field that holds something, but not what it should.
func badField(it *validate.Item, name string) bool {
	return slices.ContainsFunc(it.Errs, func(err error) bool {
		var field *validate.FieldError
		return asField(err, &field) && field.Field == name
	})
}

// enumerate joins words as a sentence does.
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// answerIsAnOption is QA002.
func answerIsAnOption(s *validate.Scope, it *validate.Item) {
	report := func(detail string, value any, format string, args ...any) {
		s.Report(validate.Finding{Place: it.Place, Detail: detail, Value: value, Message: it.QuestionID + ": " + fmt.Sprintf(format, args...)})
	}
	for _, err := range it.Errs {
		var field *validate.FieldError
		if asField(err, &field) && field.Field == "answer_index" {
			report("index", field.Value, "%s", field.Error())
		}
	}
	if len(it.Options) == 0 {
		return
	}
	right, known := rightOption(it)
	switch {
	case it.AnswerIndex != nil && !known:
		report("index", *it.AnswerIndex, "answer_index is %d, of %d options", *it.AnswerIndex, len(it.Options))
	case it.AnswerIndex != nil && !blank(it.Answer) && *it.Answer != right:
		report("differ", *it.AnswerIndex, "the answer is %q and answer_index %d is %q", *it.Answer, *it.AnswerIndex, right)
	}
	if right == "" && it.Answer != nil {
		right = *it.Answer
	}
	if strings.TrimSpace(right) == "" {
		return
	}
	var at []int
	for i, o := range it.Options {
		if o == right {
			at = append(at, i)
		}
	}
	switch {
	case len(at) == 0 && slices.ContainsFunc(it.Options, func(o string) bool { return plain(o) == plain(right) }):
		report("absent", right, "the answer %q is not among the options, but for case, spaces or marks", right)
	case len(at) == 0:
		report("absent", right, "the answer %q is not among the %d options", right, len(it.Options))
	case len(at) > 1:
		report("twice", at, "the answer %q stands at options %s", right, joined(at))
	}
}

func joined(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return enumerate(words)
}

// rightOption is the option at answer_index.
func rightOption(it *validate.Item) (option string, ok bool) {
	if it.AnswerIndex == nil || *it.AnswerIndex < 0 || int(*it.AnswerIndex) >= len(it.Options) {
		return "", false
	}
	return it.Options[*it.AnswerIndex], true
}

// rightText is the text of the right answer, "" where there is none.
func rightText(it *validate.Item) string {
	if right, ok := rightOption(it); ok {
		return right
	}
	if it.Answer != nil {
		return *it.Answer
	}
	return ""
}

// plain is a text without case, marks and runs of spaces, so that light_microscopy is Light microscopy.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}
