package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate"
	"github.com/micropq/micropq/internal/measure"
	"github.com/micropq/micropq/internal/progress"
)

func annotateMeasureCommand() *cli.Command {
	return &cli.Command{
		Name:      "measure",
		Usage:     "measure every instance",
		ArgsUsage: "MASK|DST",
		Description: `MASK is a label image (TIFF, npy, PNG; each value other than 0 is an instance), DST a
data set, whose instances are measured array by array. The table begins with the columns that
NCL-SM publishes, under its names and computed as its authors do; the standard ones follow.
Specks are left out and listed. docs/annotations.md has every formula.

Examples:

   micropq annotate measure S60.tiff --csv S60.csv --rule ntm
   micropq annotate measure nclsm/ --sample IF_S60 --array gt_instances --json`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "csv", Usage: "write the table to `FILE`, - for standard output"},
			&cli.BoolFlag{Name: "json", Usage: "print everything as JSON"},
			&cli.StringFlag{Name: "rule", Usage: "ntm: derive passes_shape_rule, which NCL-SM publishes as NTM"},
			&cli.Int64Flag{Name: "speck-area", Value: measure.SpeckArea, Usage: "leave out instances of `N` pixels or fewer; 0 for none"},
			&cli.Float64Flag{Name: "pixel-size", Usage: "side of a pixel in `MICROMETRES` (default: as MASK or DST says)"},
			&cli.StringFlag{Name: "sample", Usage: "`ID` of the sample of DST (default: all)"},
			&cli.StringFlag{Name: "array", Usage: "`NAME` of the label array of DST (default: those with instances)"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "processors to use (default: all)"},
			&cli.StringFlag{Name: "progress", Value: "auto", Usage: "auto, bar, lines, json or none"},
		},
		OnUsageError: onUsageError,
		Action:       runAnnotateMeasure,
	}
}

// measureFlags checks the command line.
func measureFlags(c *cli.Context) (o annotate.MeasureOptions, p progress.Reporter, err error) {
	var errs []error
	o = annotate.MeasureOptions{SpeckArea: c.Int64("speck-area"), PixelSizeUM: c.Float64("pixel-size"), Jobs: c.Int("jobs")}
	if o.SpeckArea < 0 {
		errs = append(errs, fmt.Errorf("--speck-area %d: want 0 or more", o.SpeckArea))
	}
	if o.SpeckArea == 0 {
		o.SpeckArea = -1
	}
	if c.IsSet("pixel-size") && !(o.PixelSizeUM > 0 && o.PixelSizeUM < 1e6) {
		errs = append(errs, fmt.Errorf("--pixel-size %v: want micrometres, more than 0", o.PixelSizeUM))
	}
	if o.Jobs < 0 || c.IsSet("jobs") && o.Jobs == 0 {
		errs = append(errs, fmt.Errorf("--jobs %d: want at least 1", o.Jobs))
	}
	if rule := c.String("rule"); rule != "" && rule != annotate.RuleNTM {
		errs = append(errs, fmt.Errorf("--rule %q: the one there is is %s", rule, annotate.RuleNTM))
	}
	if c.String("csv") == "-" && c.Bool("json") {
		errs = append(errs, errors.New("--csv - and --json both want standard output"))
	}
	mode, err := progress.ParseMode(c.String("progress"))
	if err != nil {
		errs = append(errs, fmt.Errorf("--progress: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return o, nil, &usageError{err}
	}
	return o, progress.New(c.App.ErrWriter, mode, isTerminal(c.App.ErrWriter)), nil
}

func runAnnotateMeasure(c *cli.Context) (err error) {
	paths, err := args(c, "MASK|DST")
	if err != nil {
		return err
	}
	o, p, err := measureFlags(c)
	if err != nil {
		return err
	}
	layers, err := annotate.Open(c.Context, paths[0], annotate.Select{Sample: c.String("sample"), Array: c.String("array")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, layers.Close()) }()
	if i := slices.IndexFunc(layers.List, func(l *annotate.Layer) bool { return l.Volume() != layers.List[0].Volume() }); i > 0 && c.IsSet("csv") {
		return usagef("%s has axes %s and %s has %s: one table holds one kind, choose with --sample and --array",
			layers.List[0], layers.List[0].Axes, layers.List[i], layers.List[i].Axes)
	}
	o.Progress = p.Add
	var measured []*annotate.MeasuredLayer
	for _, l := range layers.List {
		p.Start("measuring "+l.String(), l.Bytes)
		m, err := annotate.Measure(c.Context, l, o)
		p.Stop()
		if err != nil {
			return err
		}
		measured = append(measured, m)
	}
	return printMeasured(c, measured)
}

// printMeasured writes the table where one is wanted, and what is to be said of it.
func printMeasured(c *cli.Context, layers []*annotate.MeasuredLayer) error {
	rule, said := c.String("rule"), c.App.Writer
	if path := c.String("csv"); path != "" {
		out, err := createOutput(path)
		if err != nil {
			return err
		}
		if err := annotate.WriteCSV(out.file, layers, rule); err != nil {
			return errors.Join(err, out.abort())
		}
		if err := out.finish(c.App.Writer); err != nil {
			return err
		}
		if path == "-" {
			said = c.App.ErrWriter
		}
	}
	if c.Bool("json") {
		return printJSON(said, measuredJSON(layers))
	}
	return summarize(said, layers, rule)
}

// layerJSON is a measured layer as JSON.
type layerJSON struct {
	Name        string              `json:"name"`
	Array       string              `json:"array,omitempty"`
	Axes        string              `json:"axes"`
	Shape       []int               `json:"shape"`
	PixelSizeUM *float64            `json:"pixel_size_um"`
	Instances   []annotate.Measured `json:"instances"`
	Specks      []annotate.Speck    `json:"specks"`
}

func measuredJSON(layers []*annotate.MeasuredLayer) []layerJSON {
	out := make([]layerJSON, len(layers))
	for i, m := range layers {
		l := m.Layer
		out[i] = layerJSON{Name: l.Name, Array: l.Array, Axes: l.Axes, Shape: []int{l.Height, l.Width},
			Instances: append([]annotate.Measured{}, m.Instances...), Specks: append([]annotate.Speck{}, m.Specks...)}
		if l.Volume() {
			out[i].Shape = []int{l.Depth, l.Height, l.Width}
		}
		if m.PixelSizeUM > 0 {
			out[i].PixelSizeUM = &m.PixelSizeUM
		}
	}
	return out
}

// summarize says what was measured, a line a layer, and which specks were left out.
func summarize(w io.Writer, layers []*annotate.MeasuredLayer, rule string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "LAYER\tINSTANCES\tAREA MIN\tMEDIAN\tMAX\tON BORDER\tPIXEL SIZE"
	if rule == annotate.RuleNTM {
		head += "\tPASS SHAPE RULE"
	}
	fmt.Fprintln(tw, head)
	for _, m := range layers {
		fmt.Fprintln(tw, summaryLine(m, rule))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, m := range layers {
		if len(m.Specks) > 0 {
			if _, err := fmt.Fprintf(w, "%s: left out %s\n", m.Layer, describeSpecks(m.Specks)); err != nil {
				return err
			}
		}
	}
	return nil
}

func summaryLine(m *annotate.MeasuredLayer, rule string) string {
	areas, border, passes := make([]int64, len(m.Instances)), 0, 0
	for i := range m.Instances {
		in := &m.Instances[i]
		areas[i] = in.Area()
		if in.Flat != nil && in.Flat.OnBorder || in.Solid != nil && in.Solid.OnBorder {
			border++
		}
		if in.Flat != nil && in.Flat.PassesShapeRule {
			passes++
		}
	}
	line := fmt.Sprintf("%s\t%d\t-\t-\t-\t-", m.Layer, len(areas))
	if n := len(areas); n > 0 {
		slices.Sort(areas)
		line = fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d", m.Layer, n, areas[0], areas[n/2], areas[n-1], border)
	}
	size := "unknown"
	if m.PixelSizeUM > 0 {
		size = fmt.Sprintf("%g um", m.PixelSizeUM)
	}
	line += "\t" + size
	if rule == annotate.RuleNTM {
		line += fmt.Sprintf("\t%d", passes)
	}
	return line
}

// describeSpecks names specks, the first of them where there are many.
func describeSpecks(specks []annotate.Speck) string {
	const shown = 20
	parts := make([]string, 0, shown)
	for _, s := range specks[:min(shown, len(specks))] {
		parts = append(parts, fmt.Sprintf("%d (%d px)", s.ID, s.Area))
	}
	more := ""
	if len(specks) > shown {
		more = fmt.Sprintf(" and %d more", len(specks)-shown)
	}
	noun := "specks"
	if len(specks) == 1 {
		noun = "speck"
	}
	return fmt.Sprintf("%d %s: %s%s", len(specks), noun, strings.Join(parts, ", "), more)
}
