package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "say what is in a data set",
		ArgsUsage: "DST",
		Description: `DST is a folder, a zip of one, or an HTTP(S) URL of either. Only footers and small
columns are read. Facts of elements are of level 0, sizes of all levels.

Example:

   micropq inspect fisbe/`,
		Flags:        []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		OnUsageError: onUsageError,
		Action:       runInspect,
	}
}

func runInspect(c *cli.Context) (err error) {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	d, err := loaders.Open(c.Context, paths[0], loaders.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	s, err := d.Summary(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, s)
	}
	return printSummary(c.App.Writer, s)
}

func printSummary(w io.Writer, s *loaders.Summary) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"name", s.Name},
		{"format", s.Version},
		{"revision", revisionText(s.Revision)},
		{"source", cmp.Or(s.Source.Title, s.Source.Name)},
		{"licence", s.Source.Licence},
		{"doi", s.Source.DOI},
		{"url", s.Source.URL},
		{"size", fmt.Sprintf("%s in %d shards", formatBytes(s.Bytes), s.Shards)},
		{"partial", partialText(s.Partial)},
	} {
		if line[1] != "" {
			fmt.Fprintf(tw, "%s\t%s\n", line[0], line[1])
		}
	}
	fmt.Fprintln(tw)
	printTables(tw, s.Tables)
	// Objects annotated on plain images are of no array.
	s.Arrays = slices.DeleteFunc(s.Arrays, func(a loaders.ArraySummary) bool { return a.Samples == 0 && a.Chunks == 0 })
	if len(s.Arrays) > 0 {
		fmt.Fprintln(tw)
		printShapes(tw, s.Arrays)
		fmt.Fprintln(tw)
		printContents(tw, s.Arrays)
	}
	if s.Items != nil {
		fmt.Fprintln(tw)
		printItems(tw, s)
	}
	return tw.Flush()
}

// revisionText is empty for a data set as it was converted.
func revisionText(r *schemas.Revision) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%d, with %d edits of the data set with manifest %.12s", r.Number, r.Entries, r.Parent)
}

func printTables(w io.Writer, tables []loaders.TableSummary) {
	fmt.Fprintln(w, "TABLE\tSPLIT\tROWS\tSHARDS\tSIZE")
	for _, t := range tables {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", t.Table, t.Split, t.Rows, t.Shards, formatBytes(t.Bytes))
	}
}

func printShapes(w io.Writer, arrays []loaders.ArraySummary) {
	fmt.Fprintln(w, "ARRAY\tSPLIT\tROLE\tSAMPLES\tAXES\tSHAPE\tDTYPE\tCHUNK\tLEVELS\tDECODED\tSTORED\tRATIO")
	for i := range arrays {
		a := &arrays[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", a.Array, a.Split, a.Role, a.Samples,
			a.Axes, shapeRange(a.MinShape, a.MaxShape), a.DType, joinInts(a.Chunk), a.Levels,
			formatBytes(a.Decoded), formatBytes(a.Stored), formatRatio(a.Ratio()))
	}
}

func printContents(w io.Writer, arrays []loaders.ArraySummary) {
	fmt.Fprintln(w, "ARRAY\tSPLIT\tCHUNKS\tEMPTY\tFOREGROUND\tMIN\tMAX\tINSTANCES\tIDS")
	for i := range arrays {
		a := &arrays[i]
		instances, ids := "-", "-"
		if a.Role == schemas.RoleLabels {
			instances = strconv.FormatInt(a.Instances, 10)
		}
		if a.MinID != nil {
			ids = fmt.Sprintf("%d-%d", *a.MinID, *a.MaxID)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Array, a.Split, a.Chunks,
			percent(a.Empty, a.Chunks), percent(a.Foreground, a.Elements), formatValue(a.Min), formatValue(a.Max), instances, ids)
	}
}

// shapeRange writes the shape that all have, or the range along each axis.
func shapeRange(lo, hi []int64) string {
	if slices.Equal(lo, hi) {
		return joinInts(lo)
	}
	parts := make([]string, len(lo))
	for i := range lo {
		parts[i] = strconv.FormatInt(lo[i], 10)
		if hi[i] != lo[i] {
			parts[i] += "-" + strconv.FormatInt(hi[i], 10)
		}
	}
	return strings.Join(parts, ",")
}

func joinInts[T int | int64](v []T) string {
	parts := make([]string, len(v))
	for i := range v {
		parts[i] = strconv.FormatInt(int64(v[i]), 10)
	}
	return strings.Join(parts, ",")
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

func formatRatio(r float64) string {
	if r == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", r)
}

func formatValue(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'g', 6, 64)
}
