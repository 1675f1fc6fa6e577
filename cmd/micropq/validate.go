package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/config"
	"github.com/micropq/micropq/validate/report"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target"
	"github.com/micropq/micropq/validate/target/dataset"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "find what is wrong with annotations and data sets",
		ArgsUsage: "TARGET...",
		Description: `TARGET is a data set, an instance label image (TIFF, PNG, npy, zarr), COCO JSON, GeoJSON,
questions (JSON Lines, Parquet, Arrow), a zarr of FISBe or its list of samples. What it is is
guessed where that is plain. micropq rules lists what is looked for.

Rules, their limits and exceptions are set in .micropq.yaml, which is looked for in the folder of
the targets and upward. A baseline lists findings that are known: only new ones fail.

A report goes to standard output, or to a file that is replaced as a whole. Several may be
written at once: --report text --report sarif=findings.sarif.

The exit code is 0 where no finding is at the --fail-level or above it, 1 where one is, 2 for a
command line that cannot be meant, 4 where a target cannot be read, 5 after an interrupt. The
form of the report does not change it.

Examples:

   micropq validate masks/*.tiff
   micropq validate --select LB,PX004 --fail-level warning nclsm/
   micropq validate --as coco annotations.json --report jsonl=findings.jsonl
   micropq validate --write-baseline known.json masks/*.tiff
   micropq validate --baseline known.json masks/*.tiff`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "as", Usage: "`KIND` of the targets: " + strings.Join(target.Kinds(), ", ") + " (default: guessed)"},
			&cli.StringFlag{Name: "image", Usage: "`FILE` of the image that a label image or GeoJSON annotates"},
			&cli.StringFlag{Name: "second", Usage: "`FILE` of a second annotation of the same image"},
			&cli.StringFlag{Name: "class-map", Usage: "YAML `FILE` with the classes that those of a data set are to become, as in AM: fibre; it must name them all (CL005)"},
			&cli.StringFlag{Name: "coverage", Usage: "where the second annotator looked: all, second (about what was drawn), or a region as 0:512,100:300"},
			&cli.StringSliceFlag{Name: "select", Usage: "`RULES` to look with, by id or beginning of it (default: all that are on)"},
			&cli.StringSliceFlag{Name: "ignore", Usage: "`RULES` to leave out, by id or beginning of it"},
			&cli.StringFlag{Name: "fail-level", Usage: "lowest severity that makes the exit code 1: error, warning, info or none (default: error, or what the configuration says)"},
			&cli.StringFlag{Name: "config", Usage: "`FILE` with rules, limits and exceptions (default: .micropq.yaml, found upward)"},
			&cli.BoolFlag{Name: "no-config", Usage: "look for no configuration"},
			&cli.StringFlag{Name: "baseline", Usage: "`FILE` of known findings: only others fail"},
			&cli.BoolFlag{Name: "prune", Usage: "take out of the baseline what is found no more"},
			&cli.StringFlag{Name: "write-baseline", Usage: "`FILE` to write all findings to, as known ones"},
			&cli.StringFlag{Name: "pictures", Usage: "`DIR` to draw findings of label images and data sets into, as RULE-FINGERPRINT.png: the worst 50, at most 5 of a rule in a sample"},
			&cli.BoolFlag{Name: "fix", Usage: "mend in the files what can be mended without losing anything, and validate again"},
			&cli.StringFlag{Name: "patch", Usage: "`FILE` to write edits to that mend findings of a data set, for micropq annotate apply"},
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

// validation is what a command line asks for.
type validation struct {
	locations     []string
	options       validate.Options
	target        target.Options
	config        *config.Config
	exceptions    *config.Exceptions // of the run
	fail          validate.Severity  // 0 for none
	outputs       []reportOutput
	baseline      string // file to compare with
	writeBaseline string // file to write
	prune         bool
	fix           bool
	pictures      string // folder to draw into
	patch         string // file of edits to write
	progress      progress.Reporter
	base          string // the working folder
	now           time.Time
}

// reportOutput is a report to be written.
type reportOutput struct {
	format report.Format
	file   string // "" for standard output
	append bool   // to what the file has, rather than replace it
}

// envSummary names the file that GitHub Actions shows as the summary of a job.
const envSummary = "GITHUB_STEP_SUMMARY"

// parseValidation checks the command line and the configuration. It reports every problem.
func parseValidation(c *cli.Context) (*validation, error) {
	if c.NArg() == 0 {
		return nil, usagef("%s takes TARGET..., got none: see %s --help", c.Command.HelpName, c.Command.HelpName)
	}
	v := &validation{locations: distinct(c.Args().Slice()), now: time.Now(),
		baseline: c.String("baseline"), writeBaseline: c.String("write-baseline"), prune: c.Bool("prune"),
		pictures: c.String("pictures"), fix: c.Bool("fix"), patch: c.String("patch"),
		target: target.Options{As: c.String("as"), Image: c.String("image"), Second: c.String("second"), Coverage: c.String("coverage")}}
	var err error
	if v.base, err = os.Getwd(); err != nil {
		return nil, err
	}
	var errs []error
	bad := func(flag string, err error) {
		if err != nil {
			errs = append(errs, usageFlag(flag, err))
		}
	}
	if as := v.target.As; as != "" && !slices.Contains(target.Kinds(), as) {
		bad("as", fmt.Errorf("%q: want one of %s", as, strings.Join(target.Kinds(), ", ")))
	}
	for _, flag := range []string{"image", "second", "coverage", "patch"} {
		if c.IsSet(flag) && len(v.locations) > 1 {
			bad(flag, fmt.Errorf("is for one target, got %d", len(v.locations)))
		}
	}
	if v.options.Jobs = c.Int("jobs"); v.options.Jobs < 0 || c.IsSet("jobs") && v.options.Jobs == 0 {
		bad("jobs", fmt.Errorf("%d: want at least 1", v.options.Jobs))
	}
	if v.options.Memory, err = parseBytes(c.String("memory")); err != nil || v.options.Memory < 16<<20 {
		bad("memory", fmt.Errorf("%s: want a size of at least 16MiB", c.String("memory")))
	}
	if v.prune && v.baseline == "" {
		bad("prune", errors.New("is for --baseline"))
	}
	if file := c.String("class-map"); file != "" {
		v.target.Classes, err = dataset.ReadClassMap(file)
		bad("class-map", err)
	}
	mode, err := progress.ParseMode(c.String("progress"))
	bad("progress", err)
	v.progress = progress.New(c.App.ErrWriter, mode, isTerminal(c.App.ErrWriter))
	v.options.Progress = v.progress.Add
	v.outputs, err = reportOutputs(c)
	bad("report", err)
	if err := v.configure(c); err != nil {
		errs = append(errs, &usageError{err})
	}
	return v, errors.Join(errs...)
}

// distinct leaves out what stands twice.
func distinct(locations []string) (out []string) {
	for _, l := range locations {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// configure reads the configuration and lets flags have the last word.
func (v *validation) configure(c *cli.Context) error {
	set, err := loadConfig(c, v.locations)
	if err != nil {
		return err
	}
	if v.options.Rules, err = set.Tune(rules.All(), c.StringSlice("select"), c.StringSlice("ignore")); err != nil {
		return fmt.Errorf("--select or --ignore: %w", err)
	}
	v.config, v.options.Classes = set, set.Classes
	if level := cmp.Or(c.String("fail-level"), set.FailLevel, validate.Error.String()); level != "none" {
		if v.fail, err = validate.ParseSeverity(level); err != nil {
			return fmt.Errorf("--fail-level %q: want error, warning, info or none", level)
		}
	}
	return nil
}

func loadConfig(c *cli.Context, locations []string) (*config.Config, error) {
	file := c.String("config")
	if c.Bool("no-config") {
		if file != "" {
			return nil, errors.New("--config and --no-config exclude each other")
		}
		return &config.Config{}, nil
	}
	if file == "" {
		var err error
		if file, err = config.Find(locations); err != nil || file == "" {
			return &config.Config{}, err
		}
	}
	return config.Load(file, rules.All())
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
		if err := checkReportFile(file); named && err != nil {
			return nil, fmt.Errorf("%q: %w", spec, err)
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
		outputs = append(outputs, reportOutput{format: f, file: file})
		if summary := os.Getenv(envSummary); name == "github" && summary != "" {
			f, err := report.New("markdown", o)
			if err != nil {
				return nil, err
			}
			outputs = append(outputs, reportOutput{format: f, file: summary, append: true})
		}
	}
	return outputs, nil
}

// checkReportFile tells before work that may take long that a file cannot be written.
func checkReportFile(file string) error {
	if file == "" {
		return errors.New("the name of the file is missing")
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return errors.New("is a folder: want a file")
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s", filepath.Dir(file))
	}
	return nil
}
