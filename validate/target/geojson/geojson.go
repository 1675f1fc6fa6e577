// Package geojson shows what is in a file of GeoJSON (RFC 7946), in the dialect of QuPath, to a validation.
//
// A feature is an annotated object in pixels, its row the index in the file. All features are one layer; planes of one
// object, as QuPath has them in a volume, are one instance. A feature without an id of ours is numbered by
// its row, from 1. The file says nothing of the image: how far it reaches is known where the image is given.
//
// The file is read once. Features are decoded in parallel, as package annotate/exchange/qupath does it: of a polygon the pixels
// whose centre it holds.
package geojson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/micropq/micropq/internal/jsonscan"
	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/validate"
)

// Options say more about a file than it does itself.
type Options struct {
	Image string // file of the image that was annotated, "" for none
}

// Target is a file of GeoJSON.
type Target struct {
	path    string
	options Options
}

// New is the target of the file at a path.
func New(path string, o Options) *Target { return &Target{path, o} }

// Name implements validate.Target.
func (t *Target) Name() string { return t.path }

// Walk implements validate.Target. A feature that cannot be read is part of the error, and those after it are looked at.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) error {
	file, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := &walk{target: t, pass: p, budget: p.Memory() / 2}
	if t.options.Image != "" {
		if err := w.openImage(ctx, t.options.Image); err != nil {
			return err
		}
	}
	// One feature may take an eighth of memory, for it is there as text and as numbers.
	err = w.read(ctx, jsonscan.NewReader(file, int(min(p.Memory()/8, 1<<30))))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.show(ctx)
	p.File(ctx, &validate.File{Place: w.place(), Format: "GeoJSON", Keys: w.keys})
	return errors.Join(append(w.broken, err)...)
}

func (w *walk) place() validate.Place { return validate.Place{Target: w.target.path} }

// openImage takes extents and pixel size of the image.
func (w *walk) openImage(ctx context.Context, path string) error {
	im, err := labelimage.OpenAny(ctx, path)
	if err != nil {
		return err
	}
	w.shape = [3]int{im.Depth, im.Height, im.Width}
	w.volume = strings.Contains(im.Axes, "Z")
	if size := im.PixelSizeUM[3-len(im.Axes):]; im.PixelSizeUM[1] > 0 && im.PixelSizeUM[2] > 0 {
		w.pixelSize = append(w.pixelSize, size...)
	}
	return im.Close()
}

// read decodes the features of a collection, an array, or a file that is one feature.
func (w *walk) read(ctx context.Context, r *jsonscan.Reader) error {
	b, err := r.Peek()
	if err != nil {
		return err
	}
	if b == '[' {
		return w.end(ctx, r, w.features(ctx, r))
	}
	kind, collected := "", false
	single := []byte("{") // the members of a file that is one feature
	err = r.Object(func(name string) error {
		if name == "features" {
			if b, err := r.Peek(); err != nil {
				return err
			} else if b == '[' {
				collected = true
				return w.features(ctx, r)
			}
		}
		return r.Value(func(c *jsonscan.Cursor) error {
			mark := c.Mark()
			raw, err := c.Raw()
			if err != nil {
				return err
			}
			switch name {
			case "type":
				c.Reset(mark)
				kind, _, err = c.TryString()
			case "id", "geometry", "properties":
			default:
				return nil
			}
			if len(single) > 1 {
				single = append(single, ',')
			}
			single = fmt.Appendf(single, "%q:%s", name, raw)
			return err
		})
	})
	if err == nil && kind == "Feature" && !collected {
		w.add(append(single, '}'))
		collected = true
	}
	if err == nil && !collected {
		return fmt.Errorf("this is no GeoJSON of features: its type is %q", kind)
	}
	return w.end(ctx, r, err)
}

// end decodes what is left, and looks at what comes after the features.
func (w *walk) end(ctx context.Context, r *jsonscan.Reader, err error) error {
	if err == nil {
		err = r.End()
	}
	if errors.Is(err, jsonscan.ErrTooLong) {
		err = fmt.Errorf("%w: raise --memory", err)
	}
	if err != nil {
		err = fmt.Errorf("%w; what comes after is not looked at", err)
	}
	return errors.Join(err, w.decode(ctx))
}

// features collects the features of an array.
func (w *walk) features(ctx context.Context, r *jsonscan.Reader) error {
	return r.Array(func(c *jsonscan.Cursor) error {
		raw, err := c.Raw()
		if err != nil {
			return err
		}
		w.add(raw)
		if w.pending < batchBytes {
			return nil
		}
		return w.decode(ctx)
	})
}
