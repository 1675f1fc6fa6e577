package labelimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
)

// openZarr opens the array at the root of a store, or under the name of the archive that
// holds it. Its axes are those of the attribute "axes", else YX, ZYX or CZYX by their number.
func (im *Image) openZarr(ctx context.Context, path string) (err error) {
	s, err := store.Open(ctx, path, store.Options{})
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
		a, err = zarr.OpenArray(ctx, s, strings.TrimSuffix(filepath.Base(path), ".zip"))
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

// maxBand bounds the rows of an array that are read at once, all channels of them.
const maxBand = 256 << 20

// zarrRows reads bands of a row of chunks in all planes that they have, so that each chunk is
// decoded once unless that takes more than maxBand.
func (im *Image) zarrRows(ctx context.Context, a *zarr.Array, each Each) error {
	shape, chunks, size := a.Shape(), a.Chunks(), a.DType().Size()
	n := len(shape)
	row := im.Channels * im.Width * size
	if row == 0 || im.Height == 0 || im.Depth == 0 {
		return nil
	}
	rows, planes := min(chunks[n-2], im.Height), 1
	if strings.HasPrefix(im.Axes, "Z") {
		planes = min(chunks[n-3], im.Depth)
	}
	rows = min(rows, max(1, maxBand/row))
	planes = min(planes, max(1, maxBand/(row*rows)))
	buf, one := make([]byte, planes*rows*row), make([]byte, rows*row)
	for z := 0; z < im.Depth; z += planes {
		for y := 0; y < im.Height; y += rows {
			dz, dy := min(planes, im.Depth-z), min(rows, im.Height-y)
			box := nd.Region{Origin: []int{0, z, y, 0}, Shape: []int{im.Channels, dz, dy, im.Width}}
			view := nd.Dense(buf[:dz*dy*row], box.Shape, size)
			if err := a.Read(ctx, drop(box, a, im), dropView(view, a, im)); err != nil {
				return err
			}
			for k := range dz {
				plane := one[:dy*row]
				nd.Copy(nd.Dense(plane, []int{im.Channels, 1, dy, im.Width}, size),
					view.Slice(nd.Region{Origin: []int{0, k, 0, 0}, Shape: []int{im.Channels, 1, dy, im.Width}}))
				if err := each(z+k, y, plane); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// kept are the axes out of CZYX that an array has.
func kept(a *zarr.Array, im *Image) (axes []int) {
	n := len(a.Shape())
	if c := n - len(im.Axes); c > 0 {
		axes = append(axes, 0)
	}
	if im.Axes == "ZYX" {
		axes = append(axes, 1)
	}
	return append(axes, 2, 3)
}

// drop is a box of CZYX along the axes of an array.
func drop(r nd.Region, a *zarr.Array, im *Image) (out nd.Region) {
	for _, i := range kept(a, im) {
		out.Origin, out.Shape = append(out.Origin, r.Origin[i]), append(out.Shape, r.Shape[i])
	}
	return out
}

// dropView is a view of CZYX along the axes of an array.
func dropView(v nd.View, a *zarr.Array, im *Image) nd.View {
	out := nd.View{Data: v.Data, ItemSize: v.ItemSize}
	for _, i := range kept(a, im) {
		out.Shape, out.Strides = append(out.Shape, v.Shape[i]), append(out.Strides, v.Strides[i])
	}
	return out
}
