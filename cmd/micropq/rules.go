package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

func rulesCommand() *cli.Command {
	return &cli.Command{
		Name:  "rules",
		Usage: "list what micropq validate looks for",
		Description: `Examples:

   micropq rules
   micropq rules explain LB004`,
		HideHelpCommand: true,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print everything as JSON"},
			&cli.BoolFlag{Name: "markdown", Usage: "print a table in Markdown, with limits"},
		},
		Action:       runRules,
		OnUsageError: onUsageError,
		Subcommands: []*cli.Command{
			{
				Name:      "explain",
				Usage:     "say why a rule matters, what it finds and how to mend it",
				ArgsUsage: "RULE",
				Description: `Example:

   micropq rules explain LB004`,
				OnUsageError: onUsageError,
				Action:       explainRule,
			},
		},
	}
}

// ruleText is a rule as JSON has it.
type ruleText struct {
	ID       string            `json:"id"`
	Severity validate.Severity `json:"severity"`
	For      []string          `json:"for"`
	Off      bool              `json:"off,omitempty"`
	Fix      bool              `json:"fix,omitempty"`
	Title    string            `json:"title"`
	Why      string            `json:"why"`
	Example  string            `json:"example"`
	Mend     string            `json:"mend"`
	Limits   []validate.Limit  `json:"limits"`
}

func runRules(c *cli.Context) error {
	if c.NArg() > 0 {
		return noCommand(c)
	}
	if c.Bool("json") {
		all := []ruleText{}
		for _, r := range rules.All() {
			all = append(all, ruleText{r.ID, r.Severity, strings.Split(r.For.String(), ", "), r.Off, r.SafeFix,
				r.Title, r.Why, r.Example, r.Mend, append([]validate.Limit{}, r.Limits...)})
		}
		return printJSON(c.App.Writer, all)
	}
	if c.Bool("markdown") {
		return printRulesMarkdown(c.App.Writer)
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tSEVERITY\tFOR\tTITLE")
	for _, r := range rules.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.ID, r.Severity, forText(r.For), r.Title+marks(r))
	}
	return w.Flush()
}

// printRulesMarkdown is the table of docs/validation.md.
func printRulesMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| rule | severity | for | what is wrong | limits |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range rules.All() {
		var limits []string
		for _, l := range r.Limits {
			limits = append(limits, strings.TrimSpace(fmt.Sprintf("`%s` %s %s", l.Name, plainNumber(l.Default), l.Unit)))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Severity, forText(r.For), r.Title+marks(r), strings.Join(limits, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plainNumber is a number as a configuration would have it.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func forText(k validate.Kind) string {
	if k == validate.AnyKind {
		return "all"
	}
	return k.String()
}

// marks say what is special about a rule.
func marks(r validate.Rule) string {
	var m []string
	if r.Off {
		m = append(m, "off by default")
	}
	if r.SafeFix {
		m = append(m, "--fix mends it")
	}
	if len(m) == 0 {
		return ""
	}
	return " (" + strings.Join(m, "; ") + ")"
}

func explainRule(c *cli.Context) error {
	ids, err := args(c, "RULE")
	if err != nil {
		return err
	}
	r, ok := rules.Named(ids[0])
	if !ok {
		return usagef("no rule is named %q: see micropq rules", ids[0])
	}
	return printRule(c.App.Writer, r)
}

func printRule(w io.Writer, r validate.Rule) error {
	fmt.Fprintf(w, "%s: %s\n\nseverity  %s%s\nlooks at  %s\n", r.ID, r.Title, r.Severity, marks(r), r.For)
	for _, s := range [][2]string{{"Why it matters", r.Why}, {"Example", r.Example}, {"How to mend it", r.Mend}} {
		fmt.Fprintf(w, "\n%s\n\n%s\n", s[0], indent(s[1]))
	}
	if len(r.Limits) == 0 {
		return nil
	}
	fmt.Fprint(w, "\nLimits, as .micropq.yaml sets them\n\n")
	for _, l := range r.Limits {
		fmt.Fprintf(w, "  %s\n%s\n", strings.TrimSpace(fmt.Sprintf("%s: %s %s", l.Name, plainNumber(l.Default), l.Unit)), indentBy("      ", l.Doc))
	}
	return nil
}

// indent sets a text apart by two spaces, broken to lines of a terminal's width.
func indent(text string) string { return indentBy("  ", text) }

func indentBy(margin, text string) string {
	const width = 78
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := margin
		for _, word := range strings.Fields(paragraph) {
			if len(line)+1+len(word) > width && line != margin {
				lines, line = append(lines, line), margin
			}
			if line != margin {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
