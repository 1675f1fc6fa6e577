package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/exchange/qupath"
	"github.com/micropq/micropq/annotate/exchange/table"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/loaders"
)

// formatNames are for help and errors.
func formatNames() string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.Name())
	}
	return strings.Join(names, ", ")
}

func annotateExportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write the annotations of an array for another program",
		ArgsUsage: "DST",
		Description: `The instances are those of the data set with the edits of its journal. The format is told
by the name of FILE: .tif, .png, .npy, .zarr (label images), _seg.npy (cellpose), .json
(COCO), .geojson (QuPath, with measurements), .csv (measurements). What a format cannot hold is an error, unless --lossy.

Examples:

   micropq annotate export ncl/ --sample S60 --array fibres --to S60.geojson
   micropq annotate export fisbe/ --sample S --array gt_instances --to labels.tif --lossy`,
		Flags: append(arrayFlags(),
			&cli.StringFlag{Name: "to", Usage: "`FILE` to write"},
			&cli.StringFlag{Name: "format", Usage: "one of " + formatNames() + " (default: by the name of FILE)"},
			&cli.BoolFlag{Name: "lossy", Usage: "leave out what the format cannot hold, and say how many voxels"},
			&cli.BoolFlag{Name: "with-rejected", Usage: "write instances whose status is rejected, too"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		),
		OnUsageError: onUsageError,
		Action:       runAnnotateExport,
	}
}

func runAnnotateExport(c *cli.Context) error {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	to := c.String("to")
	if to == "" {
		return usagef("--to is missing: want a file")
	}
	f, err := exchange.Find(formats(), c.String("format"), to)
	if err != nil {
		return usageFlag("to", err)
	}
	return withEditor(c, paths[0], func(e *edit.Editor) error {
		sample, array, err := pickArray(c, e)
		if err != nil {
			return err
		}
		canvas, err := canvasOf(c.Context, e, sample, array)
		if err != nil {
			return err
		}
		view, err := e.View(c.Context, sample, array)
		if err != nil {
			return err
		}
		objects, skipped, err := objectsOf(view, canvas, c.Bool("with-rejected"))
		if err != nil {
			return err
		}
		if f == (qupath.Format{}) {
			if err := table.Measure(c.Context, canvas, objects); err != nil {
				return err
			}
		}
		r, err := exchange.Export(c.Context, f, to, canvas, objects, exchange.Options{Lossy: c.Bool("lossy")})
		if err != nil {
			return err
		}
		return printExport(c, to, f, r, skipped)
	})
}

func printExport(c *cli.Context, to string, f exchange.Format, r exchange.Report, skipped int) error {
	if c.Bool("json") {
		return printJSON(c.App.Writer, struct {
			File   string `json:"file"`
			Format string `json:"format"`
			exchange.Report
			Rejected int `json:"rejected"`
		}{to, f.Name(), r, skipped})
	}
	text := fmt.Sprintf("%s: %d instances as %s", to, r.Objects, f.Name())
	if skipped > 0 {
		text += fmt.Sprintf(", %d rejected ones left out", skipped)
	}
	if r.Lost > 0 {
		text += fmt.Sprintf(", %d voxels lost", r.Lost)
	}
	_, err := fmt.Fprintln(c.App.Writer, text)
	return err
}

// objectsOf are instances as formats take them. One without a mask is an error: it would be
// missing from the file.
func objectsOf(view []*loaders.Instance, c *exchange.Canvas, rejected bool) (objects []exchange.Object, skipped int, err error) {
	for _, in := range view {
		o := exchange.Object{ID: in.InstanceID}
		if in.Class != nil {
			o.Class = *in.Class
		}
		if in.Status != nil {
			o.Status = *in.Status
		}
		if o.Status == edit.Rejected && !rejected {
			skipped++
			continue
		}
		if o.Mask, err = edit.Mask(&in.Instance, mask.OrderOf(c.Axes)); err != nil {
			return nil, 0, fmt.Errorf("%w: instance %d of array %s of sample %s: %w", loaders.ErrDamaged, o.ID, in.Array, in.SampleID, err)
		}
		if len(o.Mask) == 0 {
			return nil, 0, fmt.Errorf("instance %d of array %s of sample %s has no mask to export", o.ID, in.Array, in.SampleID)
		}
		objects = append(objects, o)
	}
	return objects, skipped, nil
}

// canvasOf is the canvas of an array.
func canvasOf(ctx context.Context, e *edit.Editor, sample, array string) (*exchange.Canvas, error) {
	axes, box, err := e.Axes(ctx, sample, array)
	if errors.Is(err, loaders.ErrNotFound) {
		return nil, usageFlag("array", err)
	}
	if err != nil {
		return nil, err
	}
	if box == nil {
		return nil, fmt.Errorf("%w: sample %s has no array %s that would say how large masks are", exchange.ErrInput, sample, array)
	}
	c := &exchange.Canvas{Sample: sample, Array: array, Axes: axes, Z: int(box.Z1), Y: int(box.Y1), X: int(box.X1)}
	s, err := e.Dataset.Sample(ctx, sample)
	if err != nil {
		return nil, err
	}
	if n := len(s.PixelSizeUM); n >= len(axes) {
		c.PixelSizeUM = s.PixelSizeUM[n-len(axes):]
	}
	return c, nil
}

func annotateImportCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "take the annotations of an array from a file of another program",
		ArgsUsage: "FILE DST",
		Description: `The file is compared with the instances as they are, and what differs becomes edits in the
journal of DST, all or none: an object whose id is known and whose mask or class differs
replaces them, one with a new id or without one is added. Instances that the file lacks
stay, unless --delete-missing. Formats are those of annotate export; of measurements there
is nothing to import.

Examples:

   micropq annotate import corrected.tif ncl/ --sample S60 --array fibres --author ann
   micropq annotate import S60.geojson ncl/ --sample S60 --array fibres --delete-missing`,
		Flags: append(append(arrayFlags(),
			&cli.StringFlag{Name: "format", Usage: "one of " + formatNames() + " (default: by the name of FILE)"},
			&cli.StringFlag{Name: "class", Usage: "`CLASS` of added instances where the file gives none"},
			&cli.BoolFlag{Name: "delete-missing", Usage: "delete instances that the file lacks; rejected ones stay"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would change and change nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		), byFlags()...),
		OnUsageError: onUsageError,
		Action:       runAnnotateImport,
	}
}

func runAnnotateImport(c *cli.Context) error {
	paths, err := args(c, "FILE", "DST")
	if err != nil {
		return err
	}
	f, err := exchange.Find(formats(), c.String("format"), paths[0])
	if err != nil {
		return usageFlag("format", err)
	}
	by, err := parseBy(c)
	if err != nil {
		return err
	}
	return withEditor(c, paths[1], func(e *edit.Editor) error {
		sample, array, err := pickArray(c, e)
		if err != nil {
			return err
		}
		canvas, err := canvasOf(c.Context, e, sample, array)
		if err != nil {
			return err
		}
		objects, err := exchange.Import(c.Context, f, paths[0], canvas)
		if err != nil {
			return err
		}
		view, err := e.View(c.Context, sample, array)
		if err != nil {
			return err
		}
		d := &difference{canvas: canvas, class: c.String("class"), deleteMissing: c.Bool("delete-missing"), version: e.Journal.Version}
		if err := d.compare(view, objects); err != nil {
			return err
		}
		if !c.Bool("dry-run") {
			if _, err := e.Apply(c.Context, by, d.requests); err != nil {
				return err
			}
		}
		return d.print(c, paths[0])
	})
}

// difference is what makes instances those of a file.
type difference struct {
	canvas        *exchange.Canvas
	class         string // of added instances without one
	deleteMissing bool
	version       func(journal.Key) int64

	requests []edit.Request
	Same     int `json:"same"`
	Added    int `json:"added"`
	Replaced int `json:"replaced"` // their masks
	Reclass  int `json:"reclassed"`
	Missing  int `json:"missing"` // known instances that the file lacks
	Deleted  int `json:"deleted"` // of them
}

func (d *difference) compare(view []*loaders.Instance, objects []exchange.Object) error {
	known := make(map[int64]*loaders.Instance, len(view))
	for _, in := range view {
		known[in.InstanceID] = in
	}
	for i := range objects {
		o := &objects[i]
		in := known[o.ID]
		if in == nil {
			d.add(o)
			continue
		}
		delete(known, o.ID)
		if err := d.change(in, o); err != nil {
			return err
		}
	}
	for _, in := range view {
		if known[in.InstanceID] == nil || in.Status != nil && *in.Status == edit.Rejected {
			continue
		}
		d.Missing++
		if d.deleteMissing {
			d.Deleted++
			d.request(journal.Delete, in.InstanceID)
		}
	}
	return nil
}

// request appends an edit, made against the instance as it was compared.
func (d *difference) request(op journal.Op, id int64) *edit.Request {
	q := edit.Request{Op: op, Sample: d.canvas.Sample, Array: d.canvas.Array, Instance: id}
	if id > 0 {
		v := d.version(journal.Key{Sample: q.Sample, Array: q.Array, Instance: id})
		q.Version = &v
	}
	d.requests = append(d.requests, q)
	return &d.requests[len(d.requests)-1]
}

func (d *difference) add(o *exchange.Object) {
	d.Added++
	q := d.request(journal.Add, o.ID)
	q.SetMask(o.Mask, mask.OrderOf(d.canvas.Axes))
	if class := o.Class; class != "" {
		q.Class = &class
	} else if d.class != "" {
		q.Class = &d.class
	}
}

func (d *difference) change(in *loaders.Instance, o *exchange.Object) error {
	m, err := edit.Mask(&in.Instance, mask.OrderOf(d.canvas.Axes))
	if err != nil {
		return fmt.Errorf("%w: instance %d of array %s of sample %s: %w", loaders.ErrDamaged, in.InstanceID, in.Array, in.SampleID, err)
	}
	same := true
	if !slices.Equal(m, o.Mask) {
		same = false
		d.Replaced++
		d.request(journal.Replace, o.ID).SetMask(o.Mask, mask.OrderOf(d.canvas.Axes))
	}
	if o.Class != "" && (in.Class == nil || *in.Class != o.Class) {
		same = false
		d.Reclass++
		d.request(journal.Reclass, o.ID).Class = &o.Class
	}
	if same {
		d.Same++
	}
	return nil
}

func (d *difference) print(c *cli.Context, file string) error {
	if c.Bool("json") {
		return printJSON(c.App.Writer, d)
	}
	text := fmt.Sprintf("%s: %d instances as they were, %d added, %d masks replaced, %d classes changed", file, d.Same, d.Added, d.Replaced, d.Reclass)
	if d.Deleted > 0 {
		text += fmt.Sprintf(", %d deleted", d.Deleted)
	} else if d.Missing > 0 {
		text += fmt.Sprintf("; %d that the file lacks stay (--delete-missing)", d.Missing)
	}
	_, err := fmt.Fprintln(c.App.Writer, text)
	return err
}
