package fisbegen

import (
	"encoding/binary"

	"github.com/micropq/micropq/internal/nd"
)

// plane is one raw channel of a box: tissue that glows a little, unevenly, and the noise of
// the camera.
type plane struct {
	seed     uint64
	box      nd.Region // ZYX
	exposure int       // brightness of the tissue in percent
}

// exposure is darker for later channels, as in the published crop.
func exposure(channel int) int { return []int{100, 55, 40}[min(channel, 2)] }

// The sizes of the tissue's structures, as powers of two voxels.
const (
	coarse = 5
	medium = 3
	fine   = 1
)

// expose writes the plane's intensities, uint16 little endian, given the neurons' light.
func (p plane) expose(dst []byte, light []int32) {
	width := p.box.Shape[2]
	rows := [3][]int{make([]int, width), make([]int, width), make([]int, width)}
	i := 0
	for z := range p.box.Shape[0] {
		for y := range p.box.Shape[1] {
			at := [3]int{z + p.box.Origin[0], y + p.box.Origin[1], p.box.Origin[2]}
			for k, size := range []int{coarse, medium, fine} {
				lattice(rows[k], derive(p.seed, k), at, size)
			}
			noise := p.seed ^ mix(uint64(at[0])<<32|uint64(at[1]))
			for x := range width {
				tissue := p.tissue(rows[0][x], rows[1][x])
				// Light is not even along a tube: the fine structure changes it too.
				signal := (tissue + int(light[i])) * (128 + rows[2][x]) >> 8
				h := mix(noise + uint64(at[2]+x)*0x9e3779b97f4a7c15)
				binary.LittleEndian.PutUint16(dst[2*i:], uint16(shot(signal, h)))
				i++
			}
		}
	}
}

// tissue is the background of two structures of [0, 256): mostly dark, with a bright tail.
func (p plane) tissue(a, b int) int {
	n := a * b >> 8
	return (5 + n*n>>8 + n*n*n>>19*n>>3) * p.exposure / 100
}

// gain is what one photon adds to the intensity.
const gain = 2

// shot is a signal as the camera sees it: photon noise, whose variance is gain times the
// signal, and read noise below one step, in 12 bits.
func shot(signal int, h uint64) int {
	signal = min(max(signal, 0), MaxIntensity)
	v := (signal*rounding + deviation[signal]*normal(h)/normalUnit + rounding/2) / rounding
	return min(max(v, 0), MaxIntensity)
}

// rounding is the fixed point of a deviation.
const rounding = 64

// deviation is the noise of each signal.
var deviation = func() (t [MaxIntensity + 1]int) {
	for s := range t {
		t[s] = isqrt((gain*s + 1) * rounding * rounding)
	}
	return t
}()

// lattice writes a row of smooth noise of [0, 256) that begins at a position ZYX: random
// values on a grid of 1<<size voxels, interpolated linearly.
func lattice(row []int, seed uint64, at [3]int, size int) {
	cell := 1 << size
	z, fz := at[0]>>size, at[0]&(cell-1)
	y, fy := at[1]>>size, at[1]&(cell-1)
	node := func(x int) int {
		v := func(z, y int) int {
			return int(mix(seed^mix(uint64(z)<<42|uint64(y)<<21|uint64(x))) >> 56)
		}
		near := v(z, y)*(cell-fy) + v(z, y+1)*fy
		far := v(z+1, y)*(cell-fy) + v(z+1, y+1)*fy
		return near*(cell-fz) + far*fz
	}
	x := at[2] >> size
	left, right := node(x), node(x+1)
	for i := range row {
		if next := (at[2] + i) >> size; next != x {
			x, left, right = next, right, node(next+1)
		}
		fx := (at[2] + i) & (cell - 1)
		row[i] = (left*(cell-fx) + right*fx) >> (3 * size)
	}
}
