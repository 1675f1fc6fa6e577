package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/mask"
)

func annotateEditCommand() *cli.Command {
	return &cli.Command{
		Name:      "edit",
		Usage:     "change an annotated instance, in the data set's journal",
		ArgsUsage: "DST",
		Description: `DST is a folder. Its files are not changed: the edit is appended to the journal in
DST/annotations, from which annotate publish makes a new revision. Say one thing to do.
MASKFILE is a file of any format that annotate import reads, as large as the array.

Examples:

   micropq annotate edit ncl/ --sample S60 --array fibres --instance 12 --reclass NTM --reason oblique
   micropq annotate edit ncl/ --sample S60 --array fibres --instance 12 --merge 13,14 --author ann
   micropq annotate edit ncl/ --sample S60 --array fibres --add new.png --class AM`,
		Flags: append(append(arrayFlags(),
			&cli.Int64Flag{Name: "instance", Usage: "`ID` of the instance"},
			&cli.StringFlag{Name: "reclass", Usage: "give it another `CLASS`"},
			&cli.StringFlag{Name: "reject", Usage: "mark it as rejected, for this `REASON`"},
			&cli.BoolFlag{Name: "accept", Usage: "mark it as accepted"},
			&cli.BoolFlag{Name: "delete", Usage: "remove it"},
			&cli.StringFlag{Name: "merge", Usage: "give it the masks of these `IDS`, such as 13,14, and remove them"},
			&cli.StringFlag{Name: "replace", Usage: "give it the mask in `MASKFILE`"},
			&cli.StringFlag{Name: "add", Usage: "add an instance with the mask in `MASKFILE`"},
			&cli.StringSliceFlag{Name: "reason", Usage: "`WHY`, for --reclass and --add"},
			&cli.StringFlag{Name: "class", Usage: "`CLASS` of what --add adds"},
			&cli.StringFlag{Name: "format", Usage: "of MASKFILE (default: by its name)"},
			&cli.Int64Flag{Name: "version", Usage: "refuse where the instance has another version than this, as annotate log shows it"},
			&cli.BoolFlag{Name: "json", Usage: "print the entries as JSON"},
		), byFlags()...),
		OnUsageError: onUsageError,
		Action:       runAnnotateEdit,
	}
}

// editVerbs are the flags that say what to do.
var editVerbs = []string{"reclass", "reject", "accept", "delete", "merge", "replace", "add"}

func runAnnotateEdit(c *cli.Context) error {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	q, maskFile, err := parseEdit(c)
	if err != nil {
		return err
	}
	by, err := parseBy(c)
	if err != nil {
		return err
	}
	return withEditor(c, paths[0], func(e *edit.Editor) error {
		if q.Sample, q.Array, err = pickArray(c, e); err != nil {
			return err
		}
		if maskFile != "" {
			m, axes, err := readMask(c, e, q.Sample, q.Array, maskFile)
			if err != nil {
				return err
			}
			q.SetMask(m, mask.OrderOf(axes))
		}
		entries, err := e.Apply(c.Context, by, []edit.Request{q})
		if err != nil {
			return err
		}
		return printEntries(c, entries)
	})
}

// parseEdit makes a request of the flags, but for its mask, whose file it names.
func parseEdit(c *cli.Context) (q edit.Request, maskFile string, err error) {
	var errs []error
	for _, v := range editVerbs {
		if !c.IsSet(v) {
			continue
		}
		if q.Op != "" {
			errs = append(errs, fmt.Errorf("--%s and --%s exclude each other", q.Op, v))
		}
		q.Op = journal.Op(v)
	}
	if q.Op == "" {
		errs = append(errs, fmt.Errorf("want one of --reclass, --reject, --accept, --delete, --merge, --replace and --add"))
	}
	q.Instance = c.Int64("instance")
	if q.Instance < 1 && (q.Op != journal.Add || c.IsSet("instance")) {
		errs = append(errs, errors.New("--instance is missing or not positive: micropq annotate export and the instances table name them"))
	}
	if reasons := c.StringSlice("reason"); len(reasons) > 0 {
		q.Reasons = reasons
	}
	if c.IsSet("version") {
		v := c.Int64("version")
		q.Version = &v
	}
	switch q.Op {
	case journal.Reclass:
		class := c.String("reclass")
		q.Class = &class
	case journal.Reject:
		q.Reasons = []string{c.String("reject")}
	case journal.Merge:
		if q.With, err = parseIDs(c.String("merge")); err != nil {
			errs = append(errs, fmt.Errorf("--merge: %w", err))
		}
	case journal.Replace:
		maskFile = c.String("replace")
	case journal.Add:
		maskFile = c.String("add")
		if class := c.String("class"); class != "" {
			q.Class = &class
		}
	}
	if c.IsSet("class") && q.Op != journal.Add {
		errs = append(errs, errors.New("--class goes with --add: to change a class, use --reclass"))
	}
	if err := errors.Join(errs...); err != nil {
		return q, "", &usageError{err}
	}
	return q, maskFile, nil
}

// readMask reads a file that holds one object.
func readMask(c *cli.Context, e *edit.Editor, sample, array, file string) (m mask.Mask, axes string, err error) {
	canvas, err := canvasOf(c.Context, e, sample, array)
	if err != nil {
		return nil, "", err
	}
	f, err := exchange.Find(formats(), c.String("format"), file)
	if err != nil {
		return nil, "", &usageError{err}
	}
	objects, err := exchange.Import(c.Context, f, file, canvas)
	if err != nil {
		return nil, "", err
	}
	if len(objects) != 1 {
		return nil, "", fmt.Errorf("%w: %s holds %d objects, want one: annotate import takes them all", exchange.ErrInput, file, len(objects))
	}
	return objects[0].Mask, canvas.Axes, nil
}
