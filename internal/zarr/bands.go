package zarr

import (
	"context"
	"slices"

	"github.com/micropq/micropq/internal/nd"
)

// EachBand reads all of an array of two axes or more, in bands of whole rows that follow the chunks, so that
// each chunk is decoded once. A band is given plane by plane: at are its indices along all axes but the last
// two, y is its first row; its dense rows, and at, hold until each returns. The memory is that of a row of
// chunks along the last axis, and of what decoding one takes.
func (a *Array) EachBand(ctx context.Context, each func(at []int, y int, rows []byte) error) error {
	n := len(a.shape)
	step := a.Chunks()
	step[n-1] = max(1, a.shape[n-1])
	if slices.Contains(a.shape, 0) {
		return nil
	}
	var data []byte
	for origin := make([]int, n); ; {
		box := nd.Region{Origin: origin, Shape: make([]int, n)}
		for i := range n {
			box.Shape[i] = min(step[i], a.shape[i]-origin[i])
		}
		size := box.Elements() * a.dtype.Size()
		data = slices.Grow(data[:0], size)[:size]
		if err := a.Read(ctx, box, nd.Dense(data, box.Shape, a.dtype.Size())); err != nil {
			return err
		}
		if err := planes(box, data, each); err != nil {
			return err
		}
		if !nextBox(origin, step, a.shape) {
			return nil
		}
	}
}

// planes hands out the planes of a dense box.
func planes(box nd.Region, data []byte, each func(at []int, y int, rows []byte) error) error {
	n := len(box.Shape)
	lead := box.Shape[:n-2]
	plane := len(data) / nd.Elements(lead)
	at := slices.Clone(box.Origin[:n-2])
	for ; len(data) > 0; data = data[plane:] {
		if err := each(at, box.Origin[n-2], data[:plane]); err != nil {
			return err
		}
		for i := n - 3; i >= 0; i-- {
			if at[i]++; at[i] < box.End(i) {
				break
			}
			at[i] = box.Origin[i]
		}
	}
	return nil
}

// nextBox moves an origin on by one step of the grid, the last axis first; false at the end.
func nextBox(origin, step, shape []int) bool {
	for i := len(origin) - 1; i >= 0; i-- {
		if origin[i] += step[i]; origin[i] < shape[i] {
			return true
		}
		origin[i] = 0
	}
	return false
}
