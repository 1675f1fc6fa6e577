package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/chisquare"
	"github.com/micropq/micropq/validate"
)

// answersRule is QA003.
var answersRule = validate.Rule{
	ID: "QA003", Severity: validate.Warning, For: validate.Question,
	Title: `the position of the right answer gives it away, "none of the above" is never right or out of place, or splits differ in their answers`,
	Why: "A model that always picks the same letter, or never the last one, scores above chance without looking at a picture. " +
		"Where the classes of train and test differ, the score says how they differ.",
	Example: `the right answers of "stain" with 4 options are not spread evenly over their positions: 410, 70, 66, 74`,
	Mend:    `Shuffle the options of each question, "none of the above" last; make it right now and then, or leave it out. Split by class.`,
	Limits: []validate.Limit{
		{Name: "significance", Default: 0.01, Unit: "probability", Doc: "by which a skew is no chance, over all tests of a run together (Bonferroni)"},
		{Name: "effect", Default: 0.1, Unit: "Cohen's w", Doc: "least skew of positions that matters: 0.1 is small, 0.3 medium, 0.5 large (Cohen 1988)"},
		{Name: "split_effect", Default: 0.3, Unit: "Cramér's V", Doc: "least difference between the answers of splits that matters"},
		{Name: "expected", Default: 5, Unit: "questions", Doc: "least that must be expected of every count for a test to be made (Cochran 1954)"},
	},
	Across: answersAcross,
}

// asked is a kind of question of a data set, or of all files of a run together.
type asked struct {
	dataset, kind, name string
	variant             int32 // -1 for none
}

func (a asked) String() string {
	name := a.name
	if name == "" {
		name = "unnamed"
	}
	if a.variant >= 0 {
		name = fmt.Sprintf("%s_%d", name, a.variant)
	}
	return a.kind + " " + name
}

// optionsOf is a kind of question with a number of options, "none of the above" not counted.
type optionsOf struct {
	asked
	options int
}

// noneOfAbove counts how often "none of the above" is an option.
type noneOfAbove struct {
	offered, right, last int64
	never                float64 // logarithm of the chance that it is never right
}

// maxAnswers is how many different answers of a kind of question are counted. Where there are more, they are free text.
const maxAnswers = 1000

// answerCounts are counts of questions by what is right.
type answerCounts struct {
	positions map[optionsOf][]int64
	none      map[asked]*noneOfAbove
	answers   map[asked]bySplit
	targets   map[string]string // the first of each data set
}

// bySplit are counts by answer and split; nil where there are too many answers.
type bySplit map[string]map[string]int64

func answersAcross(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	c := &answerCounts{map[optionsOf][]int64{}, map[asked]*noneOfAbove{}, map[asked]bySplit{}, map[string]string{}}
	return validate.Looks{Question: c.add}, c.report
}

func (c *answerCounts) add(s *validate.Scope, it *validate.Item) {
	a := asked{dataset: it.Place.Dataset, kind: it.Kind, variant: -1}
	if _, seen := c.targets[a.dataset]; !seen {
		c.targets[a.dataset] = it.Target
	}
	if it.Type != nil {
		a.name = *it.Type
	}
	c.addAnswer(a, it)
	if it.Variant != nil {
		a.variant = *it.Variant
	}
	if _, ok := rightOption(it); !ok {
		return
	}
	at := int(*it.AnswerIndex)
	k := len(it.Options)
	if none := slices.IndexFunc(it.Options, isNone); none >= 0 {
		if none != k-1 {
			s.Report(validate.Finding{
				Place: it.Place, Detail: "misplaced", Value: none, Limit: k - 1,
				Message: fmt.Sprintf("%s: %q is option %d of 0 to %d, not the last", it.QuestionID, it.Options[none], none, k-1),
			})
		}
		c.addNone(a, none == at, none == k-1, k)
		if none == at {
			return
		}
		if k--; none < at {
			at--
		}
	}
	key := optionsOf{a, k}
	if c.positions[key] == nil {
		c.positions[key] = make([]int64, k)
	}
	c.positions[key][at]++
}

func (c *answerCounts) addNone(a asked, right, last bool, options int) {
	n := c.none[a]
	if n == nil {
		n = &noneOfAbove{}
		c.none[a] = n
	}
	n.offered++
	if right {
		n.right++
	}
	if last {
		n.last++
	}
	n.never += math.Log1p(-1 / float64(options))
}

// addAnswer counts the answers of a type by split.
func (c *answerCounts) addAnswer(a asked, it *validate.Item) {
	split, right := splitOf(it.Split), rightText(it)
	if split == "" || right == "" {
		return
	}
	counts, seen := c.answers[a]
	if !seen {
		counts = bySplit{}
		c.answers[a] = counts
	}
	switch {
	case counts == nil:
	case counts[right] != nil:
		counts[right][split]++
	case len(counts) == maxAnswers:
		c.answers[a] = nil
	default:
		counts[strings.Clone(right)] = map[string]int64{split: 1}
	}
}

// isNone reports an option that says that no other is right.
func isNone(option string) bool {
	switch plain(option) {
	case "none of the above", "none of these", "none of the options", "none of the other options", "none of the others":
		return true
	}
	return false
}

// skew is a test that was made, and what to say where it finds something.
type skew struct {
	p       float64
	enough  bool // the effect matters
	finding validate.Finding
}

// report makes all tests first: how many there are decides by how much each is held.
func (c *answerCounts) report(s *validate.Scope) {
	var tests []skew
	for _, tested := range [][]skew{c.positionTests(s), c.noneTests(), c.splitTests(s)} {
		tests = append(tests, tested...)
	}
	limit, word := s.Limit("significance"), "tests"
	if len(tests) == 1 {
		word = "test"
	}
	for _, t := range tests {
		if t.enough && t.p < limit/float64(len(tests)) {
			t.finding.Message += fmt.Sprintf("; limit %g over %d %s)", limit, len(tests), word)
			t.finding.Limit = limit / float64(len(tests))
			s.Report(t.finding)
		}
	}
}

func (c *answerCounts) place(a asked) validate.Place {
	return validate.Place{Target: c.targets[a.dataset], Dataset: a.dataset}
}

func (c *answerCounts) positionTests(s *validate.Scope) (tests []skew) {
	for key, counts := range c.positions {
		t := chisquare.Uniform(counts)
		if t.DF < 1 || t.Least < s.Limit("expected") {
			continue
		}
		tests = append(tests, skew{t.P, t.Effect >= s.Limit("effect"), validate.Finding{
			Place: c.place(key.asked), Value: counts, Detail: fmt.Sprintf("positions %s %d", key.asked, key.options),
			Message: fmt.Sprintf("the right answers of %s with %d options are not spread evenly over their positions: %s (chi-square test of goodness of fit: X2 = %.1f, %d degrees of freedom, p = %.1g, w = %.2f",
				key.asked, key.options, strings.Trim(fmt.Sprint(counts), "[]"), t.X2, t.DF, t.P, t.Effect),
		}})
	}
	return tests
}

func (c *answerCounts) noneTests() (tests []skew) {
	for a, n := range c.none {
		if n.right > 0 {
			continue
		}
		always := ""
		if n.last == n.offered {
			always = ", always as the last option"
		}
		tests = append(tests, skew{math.Exp(n.never), true, validate.Finding{
			Place: c.place(a), Value: n.offered, Detail: "never " + a.String(),
			Message: fmt.Sprintf("\"none of the above\" is offered by %d of %s%s, and never right (chance of that with all options alike: p = %.1g",
				n.offered, a, always, math.Exp(n.never)),
		}})
	}
	return tests
}

// splitTests compare the answers of splits.
func (c *answerCounts) splitTests(s *validate.Scope) (tests []skew) {
	for a, answers := range c.answers {
		splits, columns, table := answers.table(s.Limit("expected"))
		t := chisquare.Homogeneity(table)
		if t.DF < 1 || len(columns) == 0 {
			continue
		}
		tests = append(tests, skew{t.P, t.Effect >= s.Limit("split_effect"), validate.Finding{
			Place: c.place(a), Value: t.Effect, Detail: "splits " + a.String(),
			Message: fmt.Sprintf("the answers of %s differ between splits, most of all %s (chi-square test of homogeneity: X2 = %.1f, %d degrees of freedom, p = %.1g, V = %.2f",
				a, widest(splits, columns, table), t.X2, t.DF, t.P, t.Effect),
		}})
	}
	return tests
}

// table has a row a split and a column an answer. Answers of which less than expected are to be expected in the
// smallest split are counted together in the last column.
func (b bySplit) table(expected float64) (splits, answers []string, table [][]int64) {
	ofSplit, ofAnswer := map[string]int64{}, map[string]int64{}
	total := int64(0)
	for answer, counts := range b {
		for split, n := range counts {
			ofSplit[split] += n
			ofAnswer[answer] += n
			total += n
		}
	}
	splits = slices.SortedFunc(maps.Keys(ofSplit), compareSplits)
	if len(splits) < 2 {
		return nil, nil, nil
	}
	least := float64(expected) * float64(total) / float64(slices.Min(slices.Collect(maps.Values(ofSplit))))
	for _, answer := range slices.Sorted(maps.Keys(ofAnswer)) {
		if float64(ofAnswer[answer]) >= least {
			answers = append(answers, answer)
		}
	}
	table = make([][]int64, len(splits))
	for i, split := range splits {
		rest := ofSplit[split]
		for _, answer := range answers {
			n := b[answer][split]
			table[i] = append(table[i], n)
			rest -= n
		}
		table[i] = append(table[i], rest)
	}
	return splits, answers, table
}

// widest tells the answer whose share differs most between two splits.
func widest(splits, answers []string, table [][]int64) string {
	best, text := -1.0, ""
	for j, answer := range answers {
		lo, hi := math.Inf(1), math.Inf(-1)
		var parts []string
		for i, row := range table {
			n := int64(0)
			for _, k := range row {
				n += k
			}
			share := float64(row[j]) / float64(n)
			lo, hi = min(lo, share), max(hi, share)
			parts = append(parts, fmt.Sprintf("%.0f %% of %s", 100*share, splits[i]))
		}
		if hi-lo > best {
			best, text = hi-lo, fmt.Sprintf("%q: %s", answer, enumerate(parts))
		}
	}
	return text
}
