package batch

import (
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders/draw"
)

// turn draws how an item is turned, whatever of it is asked for: so that what is drawn for flips does not
// depend on whether there are rotations.
func (t *Transform) turn(seed uint64, axes string, epoch int64, item *Item) {
	r := draw.NewRandom(seed, epoch, item.Position, tagTurn)
	turns, flips := int(r.Below(4)), ""
	for i := range "ZYX" {
		if reversed := r.Below(2) == 1; reversed && strings.Contains(t.Flip, "ZYX"[i:i+1]) && strings.Contains(axes, "ZYX"[i:i+1]) {
			flips += "ZYX"[i : i+1]
		}
	}
	if t.Rotate {
		item.Turns = turns
	}
	item.Flips = flips
}

// turned copies src to dst, both dense, with the last axes Z, Y and X, as an item is turned. An
// element is ItemSize bytes; axes before the spatial ones stay.
func turned(dst, src nd.View, spatial int, item *Item) {
	shape := src.Shape[len(src.Shape)-spatial:]
	z, h, w := 1, shape[spatial-2], shape[spatial-1]
	if spatial == 3 {
		z = shape[0]
	}
	flip := func(axis string, i, n int) int {
		if strings.Contains(item.Flips, axis) {
			return n - 1 - i
		}
		return i
	}
	// at is where element (y, x) of a plane of the result comes from. It is linear in both.
	at := func(y, x int) int {
		y, x = flip("Y", y, h), flip("X", x, w)
		switch item.Turns {
		case 1:
			y, x = x, w-1-y
		case 2:
			y, x = h-1-y, w-1-x
		case 3:
			y, x = h-1-x, y
		}
		return y*w + x
	}
	size := src.ItemSize
	first, down, along := at(0, 0)*size, 0, 0
	if h > 1 {
		down = at(1, 0)*size - first
	}
	if w > 1 {
		along = at(0, 1)*size - first
	}
	plane := h * w * size
	for p := range len(src.Data) / max(1, plane) {
		from := src.Data[(p/z*z+flip("Z", p%z, z))*plane:][:plane]
		to := dst.Data[p*plane:][:plane]
		for y := range h {
			gather(to[y*w*size:][:w*size], from, first+y*down, along, size)
		}
	}
}

// gather fills dst with elements of src that lie step bytes apart.
func gather(dst, src []byte, at, step, size int) {
	switch {
	case step == size:
		copy(dst, src[at:])
	case size == 1:
		for i := range dst {
			dst[i] = src[at]
			at += step
		}
	case size == 2:
		for i := 0; i+2 <= len(dst); i += 2 {
			*(*[2]byte)(dst[i:]) = *(*[2]byte)(src[at:])
			at += step
		}
	case size == 4:
		for i := 0; i+4 <= len(dst); i += 4 {
			*(*[4]byte)(dst[i:]) = *(*[4]byte)(src[at:])
			at += step
		}
	default:
		for i := 0; i+size <= len(dst); i += size {
			copy(dst[i:i+size], src[at:])
			at += step
		}
	}
}
