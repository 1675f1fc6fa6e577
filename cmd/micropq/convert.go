package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/schemas"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:            "convert",
		Usage:           "turn a source into a data set",
		HideHelpCommand: true,
		Action:          noCommand,
		OnUsageError:    onUsageError,
		Subcommands: []*cli.Command{
			convertFisbeCommand(), convertNCLSMCommand(), convertUbenchCommand(),
			convertLabelsCommand(), convertVQACommand(),
		},
	}
}

// engineFlags are the flags of every converter.
func engineFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "shard-size", Value: "256MiB", Usage: "target size of a shard"},
		&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "processors to use", DefaultText: "all"},
		&cli.StringFlag{Name: "memory", Value: "1GiB", Usage: "memory for buffers"},
		&cli.BoolFlag{Name: "overwrite", Usage: "replace what an earlier conversion left at DST"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the plan and write nothing"},
		&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		&cli.StringFlag{Name: "progress", Value: "auto", Usage: "auto, bar, lines, json or none"},
	}
}

// runConvert serves every converter: it plans, shows or carries out the plan, and reports.
func runConvert(c *cli.Context, src convert.Source, dst string) error {
	o, err := engineOptions(c)
	if err != nil {
		return err
	}
	plan, err := src.Plan(c.Context)
	if err != nil {
		return err
	}
	for _, n := range plan.Notes {
		o.Progress.Note(n)
	}
	if c.Bool("dry-run") {
		return printPlan(c.App.Writer, plan, c.Bool("json"))
	}
	limitHeap(o.Memory)
	start := time.Now()
	res, err := convert.RunPlan(c.Context, src, plan, dst, o)
	if err != nil {
		if c.Context.Err() != nil {
			o.Progress.Note("what is written so far is kept: run the same command again to go on")
		}
		return err
	}
	if res.Report != nil {
		for _, n := range res.Report.Notes {
			o.Progress.Note(n)
		}
	}
	return printResult(c.App.Writer, dst, res, time.Since(start), c.Bool("json"))
}

// heapOverhead is what a conversion holds besides the buffers that --memory bounds: the row
// groups being written, encoders, facts, and garbage.
const heapOverhead = 192 << 20

// limitHeap has garbage collected before the heap outgrows --memory by more than the
// overhead; left alone, the collector waits until it has doubled. A limit that the user gave
// the runtime stands.
func limitHeap(memory int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory + heapOverhead)
	}
}

func engineOptions(c *cli.Context) (o convert.Options, err error) {
	var errs []error
	o.Overwrite = c.Bool("overwrite")
	if o.Jobs = c.Int("jobs"); o.Jobs < 0 || c.IsSet("jobs") && o.Jobs == 0 {
		errs = append(errs, fmt.Errorf("--jobs %d: want at least 1", o.Jobs))
	}
	if o.Memory, err = parseBytes(c.String("memory")); err != nil || o.Memory < 16<<20 {
		errs = append(errs, fmt.Errorf("--memory %s: want a size of at least 16MiB", c.String("memory")))
	}
	mode, err := progress.ParseMode(c.String("progress"))
	if err != nil {
		errs = append(errs, fmt.Errorf("--progress: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return o, &usageError{err}
	}
	o.Progress = progress.New(c.App.ErrWriter, mode, isTerminal(c.App.ErrWriter))
	return o, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// byteUnits are the suffixes parseBytes knows, longest first.
var byteUnits = []struct {
	suffix string
	factor float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
}

// parseBytes reads a size such as 256MiB, 1.5GB or 4096.
func parseBytes(s string) (int64, error) {
	for _, u := range byteUnits {
		num, ok := strings.CutSuffix(strings.TrimSpace(s), u.suffix)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
		if err != nil || f < 0 || f*u.factor > 1<<60 {
			break
		}
		return int64(f * u.factor), nil
	}
	return 0, fmt.Errorf("size %q: want a number with KiB, MiB, GiB, kB, MB or GB", s)
}

// formatBytes writes a size for people.
func formatBytes(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

func printPlan(w io.Writer, p *convert.Plan, asJSON bool) error {
	if asJSON {
		return printJSON(w, struct {
			Name    string         `json:"name"`
			Source  schemas.Source `json:"source"`
			Options map[string]any `json:"options"`
			Tasks   []convert.Task `json:"tasks"`
			Notes   []string       `json:"notes"`
		}{p.Name, p.Source, p.Options, p.Tasks, append([]string{}, p.Notes...)})
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SHARD\tREADS\tHOLDS")
	for _, t := range p.Tasks {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", t.Path(), formatBytes(t.Work), describeTask(t))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d shards from %s of decoded source data\n", len(p.Tasks), formatBytes(p.Work()))
	return err
}

// describeTask says in short what goes into a shard.
func describeTask(t convert.Task) string {
	var parts []string
	if d, err := arrays.ParseDetail(t); err == nil && len(d.Spans) > 0 {
		for _, s := range d.Spans {
			parts = append(parts, fmt.Sprintf("%s %s level %d blocks %d-%d", s.Sample, s.Array, s.Level, s.First, s.First+s.Blocks-1))
		}
	} else {
		var rows struct {
			Samples []string
			Parts   []struct {
				Input string
				Rows  int64
			}
		}
		if json.Unmarshal(t.Detail, &rows) == nil {
			parts = rows.Samples
			for _, p := range rows.Parts {
				parts = append(parts, fmt.Sprintf("%d items of %s", p.Rows, p.Input))
			}
		}
	}
	const shown = 3
	if len(parts) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(parts[:shown], ", "), len(parts)-shown)
	}
	return strings.Join(parts, ", ")
}

func printResult(w io.Writer, dst string, r *convert.Result, took time.Duration, asJSON bool) error {
	rows, size := map[string]int64{}, int64(0)
	for _, s := range r.Manifest.Shards {
		rows[s.Table] += s.Rows
		size += s.Bytes
	}
	if asJSON {
		return printJSON(w, struct {
			Dataset string           `json:"dataset"`
			Rows    map[string]int64 `json:"rows"`
			Bytes   int64            `json:"bytes"`
			Shards  int              `json:"shards"`
			Written int              `json:"written"`
			Kept    int              `json:"kept"`
			Seconds float64          `json:"seconds"`
			Partial *schemas.Partial `json:"partial,omitempty"`
			Repairs map[string]int64 `json:"repairs,omitempty"`
		}{dst, rows, size, len(r.Manifest.Shards), r.Written, r.Kept, took.Seconds(), r.Manifest.Partial, r.Manifest.Repairs})
	}
	if r.Written == 0 {
		fmt.Fprintf(w, "%s is already complete\n", dst)
	}
	for _, t := range schemas.Tables() {
		if n, ok := rows[t.Name]; ok {
			fmt.Fprintf(w, "%-10s %8d rows\n", t.Name, n)
		}
	}
	for _, column := range slices.Sorted(maps.Keys(r.Manifest.Repairs)) {
		fmt.Fprintf(w, "%-10s %8d rows repaired, the source's value is beside it\n", column, r.Manifest.Repairs[column])
	}
	if p := r.Manifest.Partial; p != nil {
		fmt.Fprintf(w, "partial: %d items could not be converted and are listed in %s\n", p.Rejected, p.Path)
	}
	_, err := fmt.Fprintf(w, "%s: %d shards, %s, in %s\n", dst, len(r.Manifest.Shards), formatBytes(size), took.Round(10*time.Millisecond))
	return err
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
