package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/journal"
)

func annotateLogCommand() *cli.Command {
	return &cli.Command{
		Name:      "log",
		Usage:     "list the edits of a data set",
		ArgsUsage: "DST",
		Description: `The number of an entry is the version of the instance it changed. With --json each entry
is a line of JSON, with the states before and after it, that annotate apply reads.

Example:

   micropq annotate log ncl/ --json > edits.jsonl`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print the journal itself, one JSON object a line"},
		},
		OnUsageError: onUsageError,
		Action:       runAnnotateLog,
	}
}

func runAnnotateLog(c *cli.Context) error {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	return withEditor(c, paths[0], func(e *edit.Editor) error {
		if c.Bool("json") {
			return e.Journal.Save(c.App.Writer)
		}
		active := e.Journal.Active()
		for entry, err := range e.Journal.Entries(c.Context) {
			if err != nil {
				return err
			}
			line := entryLine(entry)
			if !active[entry.Group] && entry.Of == 0 {
				line += "  (undone)"
			}
			if _, err := fmt.Fprintln(c.App.Writer, line); err != nil {
				return err
			}
		}
		return nil
	})
}

// entryLine says what an entry did.
func entryLine(e *journal.Entry) string {
	op := string(e.Op)
	if e.Of != 0 {
		op = fmt.Sprintf("%s of %d", e.Op, e.Of)
	}
	return fmt.Sprintf("%d  %s  %s  %s  %s/%s/%d: %s", e.Seq, e.Time.Format(time.RFC3339), e.Author, op,
		e.Sample, e.Array, e.Instance, changeOf(e.Before, e.After))
}

// changeOf says in what two states differ.
func changeOf(b, a *journal.State) string {
	switch {
	case b == nil:
		return "new, " + sizeOf(a.Shape)
	case a == nil:
		return "gone, " + sizeOf(b.Shape)
	}
	var parts []string
	differ := func(name, before, after string) {
		if before != after {
			parts = append(parts, fmt.Sprintf("%s %s -> %s", name, before, after))
		}
	}
	differ("class", textOf(b.Class), textOf(a.Class))
	differ("status", textOf(b.Status), textOf(a.Status))
	differ("reasons", strings.Join(b.Reasons, "; "), strings.Join(a.Reasons, "; "))
	if a.Shape != nil {
		parts = append(parts, fmt.Sprintf("mask %s -> %s", sizeOf(b.Shape), sizeOf(a.Shape)))
	}
	return strings.Join(parts, ", ")
}

func textOf(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func sizeOf(s *journal.Shape) string {
	if s == nil || s.Area == nil {
		return "no mask"
	}
	return fmt.Sprintf("%d elements", *s.Area)
}

func annotateApplyCommand() *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Usage:     "make the edits of a file, all or none",
		ArgsUsage: "DST PATCH.jsonl",
		Description: `PATCH.jsonl has a JSON object a line: op (reclass, reject, accept, add, delete, replace,
merge), sample, array, instance, and what the op needs: class, reasons, with, bbox and rle
as in the instances table. It may say author, time, and the version it was made against.
The journal of another copy of the data set is a patch too: edits made in both are merged,
and one that meets another state than it was made in is a conflict.

Examples:

   micropq annotate apply ncl/ patch.jsonl --author ann
   micropq annotate apply ncl/ colleague/ncl/annotations/journal.jsonl`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print the entries as JSON"},
		}, byFlags()...),
		OnUsageError: onUsageError,
		Action:       runAnnotateApply,
	}
}

func runAnnotateApply(c *cli.Context) error {
	paths, err := args(c, "DST", "PATCH.jsonl")
	if err != nil {
		return err
	}
	by, err := parseBy(c)
	if err != nil {
		return err
	}
	requests, err := edit.ReadPatch(c.Context, paths[1])
	if err != nil {
		return err
	}
	return withEditor(c, paths[0], func(e *edit.Editor) error {
		entries, err := e.Apply(c.Context, by, requests)
		if err != nil {
			return err
		}
		return printEntries(c, entries)
	})
}

func annotateUndoCommand() *cli.Command {
	return &cli.Command{
		Name:      "undo",
		Usage:     "take back the last edit",
		ArgsUsage: "DST",
		Description: `The journal only grows: an undo is an entry of its own. What one command did is undone as
one: a merge, an import.

Example:

   micropq annotate undo ncl/ -n 2`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "n", Value: 1, Usage: "how many edits"},
			&cli.StringFlag{Name: "of", Usage: "take back the last edit of this `AUTHOR`, unless someone edited the same instance since"},
			&cli.BoolFlag{Name: "json", Usage: "print the entries as JSON"},
		}, byFlags()...),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return runTurn(c, func(e *edit.Editor, by edit.By) ([]journal.Entry, error) {
				_, entries, err := e.Journal.Undo(c.Context, by.Author, c.String("of"), by.Time)
				return entries, err
			})
		},
	}
}

func annotateRedoCommand() *cli.Command {
	return &cli.Command{
		Name:      "redo",
		Usage:     "make the edit undone last again",
		ArgsUsage: "DST",
		Description: `An edit after an undo ends what can be made again.

Example:

   micropq annotate redo ncl/`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "n", Value: 1, Usage: "how many edits"},
			&cli.BoolFlag{Name: "json", Usage: "print the entries as JSON"},
		}, byFlags()...),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return runTurn(c, func(e *edit.Editor, by edit.By) ([]journal.Entry, error) {
				_, entries, err := e.Journal.Redo(c.Context, by.Author, by.Time)
				return entries, err
			})
		},
	}
}

// runTurn undoes or redoes as many edits as asked for, or as there are.
func runTurn(c *cli.Context, turn func(*edit.Editor, edit.By) ([]journal.Entry, error)) error {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	if c.Int("n") < 1 {
		return usagef("-n %d: want 1 or more", c.Int("n"))
	}
	by, err := parseBy(c)
	if err != nil {
		return err
	}
	return withEditor(c, paths[0], func(e *edit.Editor) error {
		var all []journal.Entry
		for range c.Int("n") {
			entries, err := turn(e, by)
			if errors.Is(err, journal.ErrNothing) && len(all) > 0 {
				break
			}
			if err != nil {
				return errors.Join(err, printDone(c, all))
			}
			all = append(all, entries...)
		}
		return printEntries(c, all)
	})
}

// printDone tells what was done before an error.
func printDone(c *cli.Context, entries []journal.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return printEntries(c, entries)
}
