package arrays

import (
	"fmt"
	"slices"

	"github.com/micropq/micropq/internal/nd"
)

// A shape is believed up to claimFree bytes, and past that up to claimRatio times what the
// source keeps for the array. Neither gzip (1032:1, RFC 1951's longest match in its shortest
// code) nor sparse labels with absent chunks come near it; a few bytes of metadata that
// would keep the machine busy for days do.
const (
	claimFree  = 16 << 30
	claimRatio = 1 << 20
)

// CheckShape refuses an array that is empty, or whose shape is beyond what can be addressed
// or far beyond what the source keeps for it.
func (a *Array) CheckShape() error {
	shape := a.Source.Shape()
	if slices.Contains(shape, 0) {
		return fmt.Errorf("shape %v: the array is empty", shape)
	}
	if _, ok := nd.CheckedElements(shape); !ok || slices.Max(shape) > 1<<31-1 {
		return fmt.Errorf("shape %v is beyond what can be addressed", shape)
	}
	if size := int64(nd.Elements(shape)) * int64(a.Source.DType().Size()); size > claimFree && a.Stored > 0 && size/a.Stored > claimRatio {
		return fmt.Errorf("shape %v takes %d bytes and the source keeps %d for it: the shape in its metadata is wrong", shape, size, a.Stored)
	}
	return nil
}
