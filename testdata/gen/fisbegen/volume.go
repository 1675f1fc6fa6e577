package fisbegen

import (
	"encoding/binary"

	"github.com/micropq/micropq/internal/nd"
)

// MaxIntensity is the largest value of volumes/raw: the camera has 12 bits.
const MaxIntensity = 4095

// Volume is one sample's content: what its arrays hold at any region.
type Volume struct {
	Shape      []int // of volumes/raw, CZYX
	LabelShape []int // of volumes/gt_instances, CZYX
	LabelSize  int   // bytes of a label

	seed    uint64
	ids     bool
	neurons map[int]neuron // by ground truth channel
}

// newVolume grows a sample's neurons.
func newVolume(seed uint64, o Options) *Volume {
	channels := o.Neurons + o.Empty
	v := &Volume{
		Shape:      o.Shape,
		LabelShape: append([]int{channels}, o.Shape[1:]...),
		LabelSize:  labelTypes[o.LabelType].size,
		seed:       seed,
		ids:        o.IDs,
		neurons:    make(map[int]neuron, o.Neurons),
	}
	r := random(derive(seed, 0))
	space := o.Shape[1:]
	root := point{r.intn(space[0]) * unit, r.intn(space[1]) * unit, r.intn(space[2]) * unit}
	empty := o.Empty
	for channel := range channels {
		if r.intn(channels-channel) < empty {
			empty--
			continue
		}
		n := neuron{id: channel + 1, segments: grow(&r, space, root)}
		// At least one of a sample's neurons is dim: the first. Others are by chance.
		n.dim = len(v.neurons) == 0 || r.intn(5) == 0
		n.colour = v.colour(&r, n.dim)
		v.neurons[channel] = n
		// The next neuron crosses this one here.
		root = n.segments[r.intn(len(n.segments))].a
	}
	return v
}

// colour is a neuron's brightness in each raw channel: one leads, as in a multicolour stain.
func (v *Volume) colour(r *random, dim bool) []int {
	bright := r.between(700, 2600)
	if dim {
		bright /= 8
	}
	lead := r.intn(v.Shape[0])
	colour := make([]int, v.Shape[0])
	for c := range colour {
		colour[c] = bright
		if c != lead {
			colour[c] = bright * r.intn(50) / 100
		}
	}
	return colour
}

// DimNeurons lists the ids of the sample's dim neurons, ascending. A neuron's id is its
// channel plus one.
func (v *Volume) DimNeurons() []int {
	dim := []int{}
	for channel := range v.LabelShape[0] {
		if n, ok := v.neurons[channel]; ok && n.dim {
			dim = append(dim, n.id)
		}
	}
	return dim
}

// Labels are the ground truth's values in a region CZYX, C order, little endian.
func (v *Volume) Labels(r nd.Region) []byte {
	box := spatial(r)
	n := box.Elements()
	out := make([]byte, r.Shape[0]*n*v.LabelSize)
	near := make([]uint16, n)
	for c := range r.Shape[0] {
		cell, ok := v.neurons[r.Origin[0]+c]
		if !ok || !cell.closeness(near, box) {
			continue
		}
		id := 1
		if v.ids {
			id = cell.id
		}
		var value [4]byte
		binary.LittleEndian.PutUint32(value[:], uint32(id))
		plane := out[c*n*v.LabelSize:][:n*v.LabelSize]
		for i, near := range near {
			if near >= edge {
				copy(plane[i*v.LabelSize:][:v.LabelSize], value[:])
			}
		}
	}
	return out
}

// Raw are the intensities in a region CZYX as uint16, C order, little endian.
func (v *Volume) Raw(r nd.Region) []byte {
	box := spatial(r)
	n := box.Elements()
	light := v.light(r, box)
	out := make([]byte, r.Shape[0]*n*2)
	for c := range r.Shape[0] {
		plane := plane{seed: derive(v.seed, 1+r.Origin[0]+c), box: box, exposure: exposure(r.Origin[0] + c)}
		plane.expose(out[c*n*2:][:n*2], light[c])
	}
	return out
}

// light is the light of all neurons in each channel of the region.
func (v *Volume) light(r, box nd.Region) [][]int32 {
	light := make([][]int32, r.Shape[0])
	for c := range light {
		light[c] = make([]int32, box.Elements())
	}
	near := make([]uint16, box.Elements())
	for channel := range v.LabelShape[0] {
		cell, ok := v.neurons[channel]
		if !ok || !cell.closeness(near, box) {
			continue
		}
		for c := range light {
			colour := int32(cell.colour[r.Origin[0]+c])
			for i, near := range near {
				if near != 0 {
					light[c][i] += int32(near) * int32(near) / whole * colour / whole
				}
			}
		}
	}
	return light
}

// spatial is the box ZYX of a region CZYX.
func spatial(r nd.Region) nd.Region { return nd.Region{Origin: r.Origin[1:], Shape: r.Shape[1:]} }
