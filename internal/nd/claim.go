package nd

import (
	"fmt"
	"slices"
)

// A shape is believed up to claimFree bytes, and past that up to claimRatio times what the
// source keeps for the array. Neither gzip (1032:1, RFC 1951's longest match in its shortest
// code) nor sparse labels with absent chunks come near it; a few bytes of metadata that
// would keep the machine busy for days do.
const (
	claimFree  = 16 << 30
	claimRatio = 1 << 20
)

// CheckClaim refuses the shape of an array of elements of so many bytes that is empty, or that is
// beyond what can be addressed or far beyond the stored bytes that the source keeps for it, 0
// where that is not known.
func CheckClaim(shape []int, itemSize int, stored int64) error {
	if slices.Contains(shape, 0) {
		return fmt.Errorf("shape %v: the array is empty", shape)
	}
	n, ok := CheckedElements(shape)
	if !ok || len(shape) > 0 && slices.Max(shape) > 1<<31-1 {
		return fmt.Errorf("shape %v is beyond what can be addressed", shape)
	}
	if size := int64(n) * int64(itemSize); size > claimFree && stored > 0 && size/stored > claimRatio {
		return fmt.Errorf("shape %v takes %d bytes and the source keeps %d for it: the shape in its metadata is wrong", shape, size, stored)
	}
	return nil
}
