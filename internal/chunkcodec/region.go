package chunkcodec

import (
	"github.com/micropq/micropq/internal/blosc/shuffle"
	"github.com/micropq/micropq/internal/nd"
)

// unshuffleBox restores the elements of a box straight into dst, run by run. The planes are
// those of a chunk of the shape, strides those of one plane.
func unshuffleBox(dst nd.View, planes []byte, shape, strides []int, box nd.Region) {
	if box.Elements() == 0 {
		return
	}
	first := 0
	for i, o := range box.Origin {
		first += o * strides[i]
	}
	run, outer := runOf(dst, shape)
	unshuffleRuns(dst.Data, planes, dst.Strides[:outer], strides[:outer], dst.Shape[:outer], first, run, dst.ItemSize)
}

// runOf counts the elements that lie next to each other both in dst and in a chunk of the
// shape it is a box of; outer is the number of axes before them.
func runOf(dst nd.View, shape []int) (run, outer int) {
	run, outer = 1, len(shape)
	for outer > 0 {
		i := outer - 1
		if dst.Shape[i] != 1 && dst.Strides[i] != run*dst.ItemSize {
			break
		}
		run *= dst.Shape[i]
		outer--
		if dst.Shape[i] != shape[i] { // the next row of the chunk begins outside the box
			break
		}
	}
	return run, outer
}

// unshuffleRuns restores run elements at every position of the outer axes: those of dst are
// ds bytes apart, those of a plane ps elements; first is the element to begin with.
func unshuffleRuns(dst, planes []byte, ds, ps, shape []int, first, run, itemSize int) {
	if len(shape) == 0 {
		shuffle.UnshuffleRange(dst[:run*itemSize], planes, itemSize, first)
		return
	}
	for i := range shape[0] {
		unshuffleRuns(dst[i*ds[0]:], planes, ds[1:], ps[1:], shape[1:], first+i*ps[0], run, itemSize)
	}
}
