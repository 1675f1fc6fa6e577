package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/schemas"
)

func annotateAgreeCommand() *cli.Command {
	return &cli.Command{
		Name:      "agree",
		Usage:     "compare a second annotation with a reference",
		ArgsUsage: "A B",
		Description: `A is the reference, B the second annotation: label images (TIFF, npy, PNG) or label
arrays of data sets, of the same image. Instances are matched by intersection over union and by the rule
that NCL-SM published. Where B annotated a part of the image only, --coverage second counts
as missed what lies where B drew, and --region what lies in a box; the rest of A is listed as
outside coverage. docs/annotations.md has the definitions.

Examples:

   micropq annotate agree --coverage second S60.tiff S60_second.tiff
   micropq annotate agree --sample IF_S60 --array gt_instances --array-b second_annotation nclsm/ nclsm/ --json`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "coverage", Value: annotate.CoverAll, Usage: "where B looked: all, or second (about what B drew)"},
			&cli.StringFlag{Name: "region", Usage: "where B looked, as `SLICES` y0:y1,x0:x1 (with a z first in a volume), in place of --coverage"},
			&cli.IntFlag{Name: "margin", Usage: "`PIXELS` around what B drew that count as covered (default: a tenth of a median diameter)"},
			&cli.Float64Flag{Name: "iou", Value: 0.5, Usage: "least `IOU` of a match"},
			&cli.StringFlag{Name: "sample", Usage: "`ID` of the sample of a data set"},
			&cli.StringFlag{Name: "array", Usage: "`NAME` of the label array of a data set"},
			&cli.StringFlag{Name: "array-b", Usage: "`NAME` of B's label array (default: that of --array)"},
			&cli.BoolFlag{Name: "json", Usage: "print everything as JSON"},
			&cli.StringFlag{Name: "progress", Value: "auto", Usage: "auto, bar, lines, json or none"},
		},
		OnUsageError: onUsageError,
		Action:       runAnnotateAgree,
	}
}

// agreeFlags checks the command line.
func agreeFlags(c *cli.Context) (o annotate.AgreeOptions, p progress.Reporter, err error) {
	o = annotate.AgreeOptions{Coverage: c.String("coverage"), Margin: c.Int("margin"), MinIoU: c.Float64("iou")}
	var errs []error
	if o.Coverage != annotate.CoverAll && o.Coverage != annotate.CoverSecond {
		errs = append(errs, fmt.Errorf("--coverage %q: want all or second", o.Coverage))
	}
	if o.MinIoU <= 0 || o.MinIoU > 1 || math.IsNaN(o.MinIoU) {
		errs = append(errs, fmt.Errorf("--iou %v: want more than 0 and at most 1", o.MinIoU))
	}
	if o.Margin < 0 || o.Margin > math.MaxInt16 {
		errs = append(errs, fmt.Errorf("--margin %d: want 0 to %d pixels", o.Margin, math.MaxInt16))
	}
	if c.IsSet("margin") && o.Margin == 0 {
		o.Margin = -1
	}
	if c.IsSet("margin") && o.Coverage != annotate.CoverSecond {
		errs = append(errs, errors.New("--margin is for --coverage second"))
	}
	if c.IsSet("region") && c.IsSet("coverage") {
		errs = append(errs, errors.New("--region and --coverage exclude each other"))
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

func runAnnotateAgree(c *cli.Context) (err error) {
	paths, err := args(c, "A", "B")
	if err != nil {
		return err
	}
	o, p, err := agreeFlags(c)
	if err != nil {
		return err
	}
	second := c.String("array")
	if c.IsSet("array-b") {
		second = c.String("array-b")
	}
	var layers [2]*annotate.Layer
	for i, array := range []string{c.String("array"), second} {
		opened, openErr := annotate.Open(c.Context, paths[i], annotate.Select{Sample: c.String("sample"), Array: array})
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
		if len(opened.List) != 1 {
			return usagef("%s has %d label arrays: choose one with --sample and %s", paths[i], len(opened.List), []string{"--array", "--array-b"}[i])
		}
		layers[i] = opened.List[0]
	}
	if c.IsSet("region") {
		if o.Region, err = agreeRegion(c.String("region"), layers[0]); err != nil {
			return err
		}
		o.Coverage = annotate.CoverRegion
	}
	o.Progress = p.Add
	p.Start("comparing", layers[0].Bytes+layers[1].Bytes)
	a, err := annotate.Agree(c.Context, layers[0], layers[1], o)
	p.Stop()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, a)
	}
	return printAgreement(c.App.Writer, a)
}

// agreeRegion reads a region as `micropq read` does.
func agreeRegion(s string, l *annotate.Layer) (b schemas.BBox, err error) {
	shape := []int{l.Height, l.Width}
	if l.Volume() {
		shape = append([]int{l.Depth}, shape...)
	}
	r, err := nd.ParseRegion(s, l.Axes, shape)
	if err != nil {
		return b, usageFlag("region", err)
	}
	n := len(shape)
	b = schemas.BBox{Z1: 1, Y0: int32(r.Origin[n-2]), Y1: int32(r.End(n - 2)), X0: int32(r.Origin[n-1]), X1: int32(r.End(n - 1))}
	if l.Volume() {
		b.Z0, b.Z1 = int32(r.Origin[0]), int32(r.End(0))
	}
	return b, nil
}

func printAgreement(w io.Writer, a *annotate.Agreement) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "A\tB\tIOU\tFILLED IOU\tMATCHED BY")
	for _, p := range a.Pairs {
		filled, by := "-", []string{}
		if p.FilledIoU != nil {
			filled, by = strconv.FormatFloat(*p.FilledIoU, 'f', 4, 64), append(by, "centroid")
		}
		if p.Greedy {
			by = append(by, "greedy")
		}
		if p.Optimal {
			by = append(by, "optimal")
		}
		fmt.Fprintf(tw, "%d\t%d\t%.4f\t%s\t%s\n", p.A, p.B, p.IoU, filled, strings.Join(by, ", "))
	}
	fmt.Fprintln(tw, "\nAT IOU\tTP\tFP\tFN\tPRECISION\tRECALL\tF1\tAP")
	for _, s := range a.Scores {
		fmt.Fprintf(tw, "%.2f\t%d\t%d\t%d\t%.4f\t%.4f\t%.4f\t%.4f\n", s.IoU, s.TP, s.FP, s.FN, s.Precision, s.Recall, s.F1, s.AP)
	}
	fmt.Fprintf(tw, "mean\t\t\t\t\t\t%.4f\t%.4f\n\n", a.MeanF1, a.MeanAP)
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "A %s: %d instances, B %s: %d instances\n", a.A, a.InstancesA, a.B, a.InstancesB)
	fmt.Fprintf(w, "matched at IoU %g: %d (greedy %d, centroid rule %d), mean IoU %.4f\n", a.MinIoU, a.Optimal, a.Greedy, a.Centroid, a.MeanIoU)
	fmt.Fprintf(w, "missed %s\nextra %s\n", idList(a.Missed), idList(a.Extra))
	fmt.Fprintf(w, "split %s\nmerged %s\n", groupList(a.Split), groupList(a.Merged))
	_, err := fmt.Fprintf(w, "outside coverage (%s): %d of A, %d of B\n", a.Coverage, len(a.OutsideA), len(a.OutsideB))
	return err
}

// listed is how many ids or groups a line names.
const listed = 20

func idList(ids []int64) string {
	if len(ids) == 0 {
		return "0"
	}
	return fmt.Sprintf("%d: %s%s", len(ids), joinInts(ids[:min(listed, len(ids))]), more(len(ids)))
}

func groupList(groups []annotate.Group) string {
	if len(groups) == 0 {
		return "0"
	}
	parts := []string{}
	for _, g := range groups[:min(listed, len(groups))] {
		parts = append(parts, fmt.Sprintf("%d (%s)", g.ID, joinInts(g.Parts)))
	}
	return fmt.Sprintf("%d: %s%s", len(groups), strings.Join(parts, ", "), more(len(groups)))
}

func more(n int) string {
	if n <= listed {
		return ""
	}
	return fmt.Sprintf(" and %d more", n-listed)
}
