package labelfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/exchange/labelfile"
	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/validate"
)

// gaps is the rule whose finding is mended: instances are numbered from 1 in the order of their ids.
const gaps = "LB002"

// writer is the format that writes a file again without losing anything, nil where there is none.
func writer(im *labelimage.Image) exchange.Format {
	switch {
	case !im.Rewritable || im.CheckLabels() != nil:
		return nil
	case im.Format == labelimage.TIFF:
		return labelfile.TIFF{DType: im.DType, Description: im.Description, Software: im.Software}
	}
	return labelfile.NPY{DType: im.DType}
}

// Fix implements validate.Fixer. It numbers instances of TIFF and .npy files anew.
func (t *Target) Fix(ctx context.Context, findings []*validate.Finding) (fixed int, err error) {
	for _, path := range []string{t.path, t.options.Second} {
		for _, f := range findings {
			if path == "" || f.Rule != gaps || f.Fix == nil || !f.Fix.Safe || f.Target != place(path).Target {
				continue
			}
			if err := renumber(ctx, path); err != nil {
				return fixed, err
			}
			fixed++
		}
	}
	return fixed, nil
}

// renumber replaces a file by one whose instances are numbered from 1.
func renumber(ctx context.Context, path string) (err error) {
	// The file is replaced where it lies, not a link to it.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	im, err := labelimage.Open(ctx, path)
	if err != nil {
		return err
	}
	format := writer(im)
	var s mask.Scanner
	err = im.Scan(ctx, &s, nil)
	if err = errors.Join(err, im.Close()); err != nil {
		return err
	}
	if format == nil {
		return fmt.Errorf("%s: it holds more than can be written again, and is left as it is", path)
	}
	c := &exchange.Canvas{Axes: im.Axes, Z: im.Depth, Y: im.Height, X: im.Width}
	if size := im.PixelSizeUM[3-len(im.Axes):]; im.PixelSizeUM[1] > 0 && im.PixelSizeUM[2] > 0 {
		c.PixelSizeUM = size
	}
	objects := labelfile.Objects(&s)
	for i := range objects {
		objects[i].ID = int64(i + 1)
	}
	if _, err := exchange.Export(ctx, format, path, c, objects, exchange.Options{}); err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm())
}
