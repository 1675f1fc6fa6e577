package batch

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// readBox fills dst, which is dense, with a box of an array: the part inside the array as it is stored, the
// rest with the fill value. Labels are merged to instance ids.
func readBox(ctx context.Context, a *loaders.Array, l *layout, origin, size []int, dst nd.View) (loaders.Stats, error) {
	shape := a.Shape()
	region := nd.Region{Origin: make([]int, 0, len(shape)), Shape: make([]int, 0, len(shape))}
	k, inside := 0, true
	for i, axis := range a.Axes() {
		if axis == 'C' {
			if l.role != schemas.RoleLabels {
				region.Origin, region.Shape = append(region.Origin, 0), append(region.Shape, shape[i])
			}
			continue
		}
		n := max(0, min(size[k], shape[i]-origin[k]))
		inside = inside && n == size[k]
		region.Origin, region.Shape = append(region.Origin, origin[k]), append(region.Shape, n)
		k++
	}
	if !inside && l.role == schemas.RoleLabels {
		nd.Fill(dst, make([]byte, dst.ItemSize))
	} else if !inside {
		nd.Fill(dst, a.Fill())
	}
	part := dst.Slice(nd.Region{Origin: make([]int, len(region.Shape)), Shape: region.Shape})
	if l.role != schemas.RoleLabels {
		return a.Read(ctx, region, part)
	}
	ids := make([]int32, region.Elements())
	stats, err := loaders.ReadLabels(ctx, a, region, ids)
	if err != nil {
		return stats, err
	}
	if inside {
		appendIDs(dst.Data[:0], ids) // dst is dense, and whole
	} else {
		nd.Copy(part, nd.Dense(appendIDs(nil, ids), region.Shape, 4))
	}
	return stats, nil
}

// appendIDs appends ids, little-endian.
func appendIDs(b []byte, ids []int32) []byte {
	b = slices.Grow(b, 4*len(ids))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return b
}
