package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

func previewCommand() *cli.Command {
	return &cli.Command{
		Name:      "preview",
		Usage:     "write the previews of samples as PNG files",
		ArgsUsage: "DST",
		Description: `DST is a folder, a zip of one, or an HTTP(S) URL of either. The preview of a sample
becomes DIR/SAMPLE.png; characters of its id that a file name cannot have are written as
%XX. Of a data set with questions a contact sheet is written instead: DIR/contact-sheet.png
shows images with their questions, the right option in blue.

Example:

   micropq preview fisbe/ --sample 'VT0*' -o previews/`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`DIR` to write to"},
			&cli.StringFlag{Name: "sample", Usage: "`GLOB` of sample ids (default: all)"},
			&cli.StringFlag{Name: "split", Usage: "train, val, test (default: all)"},
			&cli.IntFlag{Name: "limit", Value: 24, Usage: "images on a contact sheet"},
			&cli.StringFlag{Name: "progress", Value: "auto", Usage: "auto, bar, lines, json or none"},
		},
		OnUsageError: onUsageError,
		Action:       runPreview,
	}
}

func runPreview(c *cli.Context) (err error) {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	dir, glob := c.String("output"), c.String("sample")
	if dir == "" {
		return usagef("-o is missing: want a folder")
	}
	if _, err := path.Match(glob, ""); err != nil {
		return usagef("--sample %q: %w", glob, err)
	}
	mode, err := progress.ParseMode(c.String("progress"))
	if err != nil {
		return usageFlag("progress", err)
	}
	d, err := loaders.Open(c.Context, paths[0], loaders.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if d.Manifest().Rows(schemas.QuestionsTable) > 0 {
		return previewItems(c, d, root)
	}
	report := progress.New(c.App.ErrWriter, mode, isTerminal(c.App.ErrWriter))
	report.Start("writing previews", 0)
	defer report.Stop()
	written, without := 0, 0
	for s, err := range d.Samples(c.Context, loaders.SampleQuery{Split: c.String("split"), Glob: glob, Pictures: true}) {
		if err != nil {
			return err
		}
		if s.Preview == nil || len(s.Preview.Bytes) == 0 {
			without++
			continue
		}
		if err := writePreview(root, s.SampleID, s.Preview.Bytes); err != nil {
			return err
		}
		written++
		report.Add(int64(len(s.Preview.Bytes)))
	}
	if written+without == 0 {
		return usagef("no sample matches --sample %q --split %q", glob, c.String("split"))
	}
	report.Stop()
	_, err = fmt.Fprintf(c.App.Writer, "%d previews in %s%s\n", written, dir, withoutPreview(without))
	return err
}

// previewItems writes the contact sheet of a data set with questions.
func previewItems(c *cli.Context, d *loaders.Dataset, root *os.Root) error {
	limit := c.Int("limit")
	if limit < 1 || limit > 1000 {
		return usagef("--limit %d: want 1 to 1000", limit)
	}
	q := loaders.SampleQuery{Split: c.String("split"), Glob: c.String("sample")}
	n, err := writeSheet(c.Context, d, root, q, limit)
	if err != nil {
		return err
	}
	if n == 0 {
		return usagef("no sample matches --sample %q --split %q", q.Glob, q.Split)
	}
	_, err = fmt.Fprintf(c.App.Writer, "%d images with their questions in %s\n", n, filepath.Join(c.String("output"), sheetName))
	return err
}

// withoutPreview is told rather than passed over.
func withoutPreview(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d samples have none", n)
}

// writePreview writes a file that gets its name when it is whole. The escape keeps ids
// apart and within one name; root keeps everything inside the folder.
func writePreview(root *os.Root, sample string, data []byte) (err error) {
	name := url.PathEscape(sample) + ".png"
	part := "." + name + ".part"
	if err := root.WriteFile(part, data, 0o666); err != nil {
		return errors.Join(err, root.Remove(part))
	}
	return root.Rename(part, name)
}
