package labelimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
)

// openZarr opens the array at the root of a store, or the only one in it. Its axes are those of the attribute "axes", else YX, ZYX or CZYX by their number.
func (im *Image) openZarr(ctx context.Context, location string) (err error) {
	s, err := store.Open(ctx, location, store.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	a, err := zarr.OpenArray(ctx, s, "")
	if errors.Is(err, store.ErrNotExist) {
		a, err = onlyArray(ctx, s)
	}
	if err != nil {
		return err
	}
	im.close, im.DType = s.Close, a.DType()
	im.PixelSizeReason = "the zarr array holds no pixel size"
	if err := im.zarrAxes(a); err != nil {
		return err
	}
	im.Segment = int64(nd.Elements(a.Chunks())) * int64(a.DType().Size())
	im.rows = func(ctx context.Context, each Each) error { return im.zarrRows(ctx, a, each) }
	return nil
}

// onlyArray opens the array of a store that holds one.
func onlyArray(ctx context.Context, s store.Store) (found *zarr.Array, err error) {
	infos, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, i := range infos {
		folder, name := path.Split(i.Key)
		if name != ".zarray" && name != "zarr.json" {
			continue
		}
		a, err := zarr.OpenArray(ctx, s, strings.TrimSuffix(folder, "/"))
		switch {
		case err != nil && name == "zarr.json": // a group
		case err != nil:
			return nil, err
		case found != nil:
			return nil, fmt.Errorf("it holds several zarr arrays, %s and %s: name one of them", found.Path(), a.Path())
		default:
			found = a
		}
	}
	if found == nil {
		return nil, fmt.Errorf("it holds no zarr array: %w", ErrFormat)
	}
	return found, nil
}

func (im *Image) zarrAxes(a *zarr.Array) error {
	shape, axes := a.Shape(), ""
	if len(shape) >= 2 && len(shape) <= 4 {
		axes = "CZYX"[4-len(shape):]
	}
	if text, ok := a.Attrs()["axes"]; ok {
		if err := json.Unmarshal(text, &axes); err != nil {
			return fmt.Errorf("attribute axes: want a string such as ZYX: %w", err)
		}
	}
	if axes != "YX" && axes != "ZYX" && axes != "CYX" && axes != "CZYX" || len(axes) != len(shape) {
		return notLabels("it has shape %v and axes %q: a label image has axes YX or ZYX", shape, axes)
	}
	if _, ok := nd.CheckedElements(shape); !ok || slices.Max(shape) > math.MaxInt32 {
		return fmt.Errorf("shape %v: an axis has 2^31 elements or more, or all of them are too many", shape)
	}
	im.Axes = strings.TrimPrefix(axes, "C")
	for i, n := range shape {
		switch axes[i] {
		case 'C':
			im.Channels = n
		case 'Z':
			im.Depth = n
		case 'Y':
			im.Height = n
		default:
			im.Width = n
		}
	}
	return nil
}

// zarrRows reads rows of chunks.
func (im *Image) zarrRows(ctx context.Context, a *zarr.Array, each Each) error {
	channels := len(a.Shape()) > len(im.Axes)
	return a.EachBand(ctx, func(at []int, y int, rows []byte) error {
		c, z := 0, 0
		if channels {
			c, at = at[0], at[1:]
		}
		if len(at) > 0 {
			z = at[0]
		}
		return each(c, z, y, rows)
	})
}
