package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/exchange/cellpose"
	"github.com/micropq/micropq/annotate/exchange/coco"
	"github.com/micropq/micropq/annotate/exchange/labelfile"
	"github.com/micropq/micropq/annotate/exchange/qupath"
	"github.com/micropq/micropq/annotate/exchange/table"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// editCommands are the commands of the annotate group that edit, import and export.
func editCommands() []*cli.Command {
	return []*cli.Command{
		annotateImportCommand(),
		annotateExportCommand(),
		annotateEditCommand(),
		annotateLogCommand(),
		annotateApplyCommand(),
		annotateUndoCommand(),
		annotateRedoCommand(),
		annotatePublishCommand(),
	}
}

// envAuthor names the author of edits where no flag does.
const envAuthor = "MICROPQ_AUTHOR"

// byFlags say who edits and when.
func byFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "author", EnvVars: []string{envAuthor}, Usage: "`NAME` of who edits (default: the user)"},
		&cli.StringFlag{Name: "time", Usage: "when the edit was made, as 2006-01-02T15:04:05Z (default: now)"},
	}
}

func parseBy(c *cli.Context) (by edit.By, err error) {
	by = edit.By{Author: c.String("author"), Time: time.Now()}
	if by.Author == "" {
		if u, err := user.Current(); err == nil {
			by.Author = cmp.Or(u.Name, u.Username)
		}
	}
	if by.Author == "" {
		return by, usagef("--author is missing: the user has no name")
	}
	if text := c.String("time"); text != "" {
		if by.Time, err = time.Parse(time.RFC3339, text); err != nil {
			return by, usageFlag("time", err)
		}
	}
	return by, nil
}

// arrayFlags name an array of a sample.
func arrayFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "sample", Usage: "`ID` of the sample (default: the only one)"},
		&cli.StringFlag{Name: "array", Usage: "`NAME` of the label array (default: the only one)"},
	}
}

// formats are those of annotate import and export.
func formats() []exchange.Format {
	return []exchange.Format{
		labelfile.TIFF{}, labelfile.PNG{}, cellpose.Format{}, labelfile.NPY{}, labelfile.Zarr{}, coco.Format{}, qupath.Format{}, table.Format{},
	}
}

// withEditor opens the data set of the one argument for editing.
func withEditor(c *cli.Context, dir string, do func(*edit.Editor) error) (err error) {
	if fi, err := os.Stat(dir); err == nil && !fi.IsDir() {
		return usagef("%s is no folder: annotations are edited in a folder", dir)
	}
	e, err := edit.Open(c.Context, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if e.Journal.Torn() {
		fmt.Fprintln(c.App.ErrWriter, "the journal ends in an entry that was never finished; it does not count, and the next edit removes it")
	}
	return do(e)
}

// pickArray finds the array that the flags name, or the only one there is.
func pickArray(c *cli.Context, e *edit.Editor) (sample, array string, err error) {
	sample, array = c.String("sample"), c.String("array")
	if sample == "" {
		if sample, err = onlySample(c.Context, e.Dataset); err != nil {
			return "", "", err
		}
	}
	s, err := e.Dataset.Sample(c.Context, sample)
	if errors.Is(err, loaders.ErrNotFound) {
		return "", "", usageFlag("sample", err)
	}
	if err != nil || array != "" {
		return sample, array, err
	}
	for _, a := range s.Arrays {
		if a.Role != schemas.RoleLabels {
			continue
		}
		if array != "" {
			return "", "", usagef("--array is missing: sample %s has the label arrays %s, %s, ...", sample, array, a.Name)
		}
		array = a.Name
	}
	if array == "" {
		return "", "", usagef("--array is missing: sample %s has no label array", sample)
	}
	return sample, array, nil
}

func onlySample(ctx context.Context, d *loaders.Dataset) (id string, err error) {
	for s, err := range d.Samples(ctx, loaders.SampleQuery{}) {
		if err != nil {
			return "", err
		}
		if id != "" {
			return "", usagef("--sample is missing: the data set has %s, %s, ...", id, s.SampleID)
		}
		id = s.SampleID
	}
	if id == "" {
		return "", usagef("the data set has no sample")
	}
	return id, nil
}

// printEntries tells what was written to the journal.
func printEntries(c *cli.Context, entries []journal.Entry) error {
	if c.Bool("json") {
		if entries == nil {
			entries = []journal.Entry{}
		}
		for i := range entries {
			entries[i].Before, entries[i].After = short(entries[i].Before), short(entries[i].After)
		}
		return printJSON(c.App.Writer, entries)
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintln(c.App.Writer, "nothing changes: it is so already")
		return err
	}
	for i := range entries {
		if _, err := fmt.Fprintln(c.App.Writer, entryLine(&entries[i])); err != nil {
			return err
		}
	}
	return nil
}

// short is a state without its run lengths, which are long and told by the journal.
func short(s *journal.State) *journal.State {
	if s == nil || s.Shape == nil {
		return s
	}
	out, shape := *s, *s.Shape
	shape.RLE = nil
	out.Shape = &shape
	return &out
}
