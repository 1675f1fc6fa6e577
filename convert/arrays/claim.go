package arrays

import "github.com/micropq/micropq/internal/nd"

// CheckShape refuses an array that is empty, or whose shape is beyond what can be addressed
// or far beyond what the source keeps for it.
func (a *Array) CheckShape() error {
	return nd.CheckClaim(a.Source.Shape(), a.Source.DType().Size(), a.Stored)
}
