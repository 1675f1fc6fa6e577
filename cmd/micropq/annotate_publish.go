package main

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/publish"
)

func annotatePublishCommand() *cli.Command {
	return &cli.Command{
		Name:      "publish",
		Usage:     "make a data set of the edited annotations",
		ArgsUsage: "DST NEWDST",
		Description: `NEWDST becomes a data set of its own, a revision of DST: its instances are those of DST with
the edits of the journal, and its manifest names its parent. DST stays as it is. Files that
do not change are linked, not copied, where the file system can do so.

Example:

   micropq annotate publish ncl/ ncl-r1/`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "copy", Usage: "copy the files that do not change"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		},
		OnUsageError: onUsageError,
		Action:       runAnnotatePublish,
	}
}

func runAnnotatePublish(c *cli.Context) error {
	paths, err := args(c, "DST", "NEWDST")
	if err != nil {
		return err
	}
	return withEditor(c, paths[0], func(e *edit.Editor) error {
		r, err := publish.Publish(c.Context, e, paths[0], filepath.Clean(paths[1]), publish.Options{Copy: c.Bool("copy")})
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printJSON(c.App.Writer, r)
		}
		v := r.Manifest.Revision
		_, err = fmt.Fprintf(c.App.Writer, "%s: revision %d of %s (manifest %.12s), with %d entries of its journal\n"+
			"instances: %d changed, %d added, %d deleted; shards: %d written, %d linked, %d copied\n",
			paths[1], v.Number, r.Manifest.Name, v.Parent, v.Entries, r.Changed, r.Added, r.Deleted, r.Written, r.Linked, r.Copied)
		return err
	})
}
