package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/report"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "find what is wrong with annotations and data sets",
		ArgsUsage: "TARGET...",
		Description: `TARGET is a data set, an instance label image (TIFF, PNG, npy, zarr), COCO JSON, GeoJSON,
questions (JSON Lines, Parquet, Arrow), or a zarr of FISBe. What it is is guessed where that is
plain. micropq rules lists what is looked for.

A report goes to standard output, or to a file that is replaced as a whole. Several may be
written at once: --report text --report sarif=findings.sarif.

The exit code is 0 where no finding is at the --fail-level or above it, 1 where one is, 2 for a
command line that cannot be meant, 4 where a target cannot be read, 5 after an interrupt. The
form of the report does not change it.

Examples:

   micropq validate masks/*.tiff
   micropq validate --select LB,PX004 --fail-level warning nclsm/
   micropq validate --as coco annotations.json --report jsonl=findings.jsonl`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "as", Usage: "`KIND` of the targets: " + strings.Join(target.Kinds(), ", ") + " (default: guessed)"},
			&cli.StringSliceFlag{Name: "select", Usage: "`RULES` to look with, by id or beginning of it (default: all that are on)"},
			&cli.StringSliceFlag{Name: "ignore", Usage: "`RULES` to leave out, by id or beginning of it"},
			&cli.StringFlag{Name: "fail-level", Value: validate.Error.String(), Usage: "lowest severity that makes the exit code 1: error, warning, info or none"},
			&cli.StringSliceFlag{Name: "report", Usage: "`FORMAT[=FILE]`: " + strings.Join(report.Formats(), ", ") + " (default: text)"},
			&cli.BoolFlag{Name: "json", Usage: "the same as --report json"},
			&cli.IntFlag{Name: "show", Value: 5, Usage: "findings of a rule in a sample that text lists, -1 for all"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "processors to use", DefaultText: "all"},
			&cli.StringFlag{Name: "memory", Value: "512MiB", Usage: "memory for buffers"},
			&cli.StringFlag{Name: "progress", Value: "auto", Usage: "auto, bar, lines, json or none"},
		},
		OnUsageError: onUsageError,
		Action:       runValidate,
	}
}

// validation is what the flags ask for.
type validation struct {
	options  validate.Options
	fail     validate.Severity // 0 for none
	outputs  []reportOutput
	progress progress.Reporter
}

// reportOutput is a report to be written.
type reportOutput struct {
	format report.Format
	file   string // "" for standard output
}

// errFindings ends a run that found what must not be there. It is not printed: the report is.
var errFindings = errors.New("findings")

func runValidate(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("%s takes TARGET..., got none: see %s --help", c.Command.HelpName, c.Command.HelpName)
	}
	v, err := validateFlags(c)
	if err != nil {
		return err
	}
	locations := c.Args().Slice()
	limitHeap(v.options.Memory)
	v.progress.Start("validating", 0)
	result, err := validate.Run(c.Context, openTargets(c.Context, locations, c.String("as")), v.options)
	v.progress.Stop()
	if result == nil {
		return err
	}
	r := &report.Report{
		Version: version, Targets: locations, Rules: result.Rules, Findings: result.Findings,
		Cut: result.Cut, Seen: result.Seen, Unreadable: targetErrors(err),
	}
	if err := errors.Join(err, v.write(c.App.Writer, r)); err != nil {
		return err
	}
	if v.fail != 0 && r.Worst() >= v.fail {
		return errFindings
	}
	return nil
}

// validateFlags checks the flags.
func validateFlags(c *cli.Context) (*validation, error) {
	v := &validation{}
	var errs []error
	var err error
	bad := func(flag string, err error) {
		if err != nil {
			errs = append(errs, usageFlag(flag, err))
		}
	}
	if level := c.String("fail-level"); level != "none" {
		v.fail, err = validate.ParseSeverity(level)
		if err != nil {
			bad("fail-level", fmt.Errorf("%q: want error, warning, info or none", level))
		}
	}
	selected, err := validate.Select(rules.All(), c.StringSlice("select"), c.StringSlice("ignore"))
	if err != nil {
		errs = append(errs, usagef("--select or --ignore: %w", err))
	}
	for _, r := range selected {
		v.options.Rules = append(v.options.Rules, r.Default())
	}
	if as := c.String("as"); as != "" && !isKind(as) {
		bad("as", fmt.Errorf("%q: want one of %s", as, strings.Join(target.Kinds(), ", ")))
	}
	if v.options.Jobs = c.Int("jobs"); v.options.Jobs < 0 || c.IsSet("jobs") && v.options.Jobs == 0 {
		bad("jobs", fmt.Errorf("%d: want at least 1", v.options.Jobs))
	}
	if v.options.Memory, err = parseBytes(c.String("memory")); err != nil || v.options.Memory < 16<<20 {
		bad("memory", fmt.Errorf("%s: want a size of at least 16MiB", c.String("memory")))
	}
	mode, err := progress.ParseMode(c.String("progress"))
	bad("progress", err)
	v.progress = progress.New(c.App.ErrWriter, mode, isTerminal(c.App.ErrWriter))
	v.options.Progress = v.progress.Add
	v.outputs, err = reportOutputs(c)
	bad("report", err)
	return v, errors.Join(errs...)
}

func isKind(name string) bool {
	for _, k := range target.Kinds() {
		if k == name {
			return true
		}
	}
	return false
}

// reportOutputs reads --report and --json. Only one report can have standard output.
func reportOutputs(c *cli.Context) (outputs []reportOutput, err error) {
	specs := c.StringSlice("report")
	if c.Bool("json") {
		specs = append(specs, "json")
	}
	if len(specs) == 0 {
		specs = []string{"text"}
	}
	files := map[string]bool{}
	for _, spec := range specs {
		name, file, named := strings.Cut(spec, "=")
		if named && file == "" {
			return nil, fmt.Errorf("%q: the name of the file is missing", spec)
		}
		if files[file] {
			return nil, fmt.Errorf("%q: another report goes there: want FORMAT=FILE for all but one", spec)
		}
		files[file] = true
		o := report.Options{Show: c.Int("show"), Color: file == "" && isTerminal(c.App.Writer) && os.Getenv("NO_COLOR") == ""}
		f, err := report.New(name, o)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, reportOutput{f, file})
	}
	return outputs, nil
}

// write writes every report, those that can be even where one cannot.
func (v *validation) write(stdout io.Writer, r *report.Report) error {
	var errs []error
	for _, o := range v.outputs {
		if o.file == "" {
			errs = append(errs, o.format.Write(stdout, r))
			continue
		}
		errs = append(errs, writeReport(o, r))
	}
	return errors.Join(errs...)
}

func writeReport(o reportOutput, r *report.Report) error {
	out, err := createOutput(o.file)
	if err != nil {
		return err
	}
	if err := o.format.Write(out.file, r); err != nil {
		return errors.Join(err, out.abort())
	}
	return out.finish(nil)
}

// openTargets opens locations. One that cannot be opened says so when its turn comes, so that the others
// are validated all the same.
func openTargets(ctx context.Context, locations []string, as string) (targets []validate.Target) {
	for _, location := range locations {
		t, err := target.Open(ctx, location, target.Options{As: as})
		if err != nil {
			t = closedTarget{location, err}
		}
		targets = append(targets, t)
	}
	return targets
}

// closedTarget is a target that could not be opened.
type closedTarget struct {
	location string
	err      error
}

func (t closedTarget) Name() string                               { return t.location }
func (t closedTarget) Walk(context.Context, *validate.Pass) error { return t.err }

// targetErrors takes the errors of targets out of what Run returns.
func targetErrors(err error) (all []*validate.TargetError) {
	var one *validate.TargetError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, targetErrors(err)...)
		}
	} else if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}
