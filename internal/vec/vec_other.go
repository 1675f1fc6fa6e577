//go:build !amd64

package vec

// No turns: everything is left to the portable functions.

func max16(_, _ []uint16) int                                { return 0 }
func range16(_ []uint16, _ uint16, _, _ *uint16, _ *int) int { return 0 }
func range8(_ []uint8, _ uint8, _, _ *uint8, _ *int) int     { return 0 }
func interleave(_, _, _ []byte) int                          { return 0 }
func deinterleave(_, _, _ []byte) int                        { return 0 }
