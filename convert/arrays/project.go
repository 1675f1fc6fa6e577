package arrays

import (
	"math"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/vec"
	"github.com/micropq/micropq/schemas"
)

// maxProjection bounds the extent of a projection along Y and X.
const maxProjection = 768

// Projection is the maximum of an array along T and Z, made smaller by an integer step
// along Y and X: a pixel is the maximum over its box. Of a label array it keeps the first
// object met in C order instead.
type Projection struct {
	Step          int
	Channels      int // 1 for label arrays
	Height, Width int
	Values        []float32 // image: (C, Y, X), -Inf where nothing was seen
	Objects       []Key     // labels: (Y, X), zero Label where there is none
}

// newProjection is an empty projection of an array.
func newProjection(a *Array) *Projection {
	g := newGrid(a, 0)
	p := &Projection{Step: max(1, ceilDiv(max(g.shape[axY], g.shape[axX]), maxProjection)), Channels: 1}
	p.Height, p.Width = ceilDiv(g.shape[axY], p.Step), ceilDiv(g.shape[axX], p.Step)
	if a.Role == schemas.RoleLabels {
		p.Objects = make([]Key, p.Height*p.Width)
		return p
	}
	p.Channels = g.shape[axC]
	p.Values = make([]float32, p.Channels*p.Height*p.Width)
	for i := range p.Values {
		p.Values[i] = float32(math.Inf(-1))
	}
	return p
}

// merge adds the projection of a later part of the same array.
func (p *Projection) merge(q *Projection) {
	for i, v := range q.Values {
		p.Values[i] = max(p.Values[i], v)
	}
	for i, k := range q.Objects {
		if p.Objects[i].Label == 0 {
			p.Objects[i] = k
		}
	}
}

// patch is the projection of one block: the box of the whole projection it touches.
type patch struct {
	y, x, h, w int
	values     []float32
}

// projectBlock projects a block of an image. What it needs it keeps in pt.
func projectBlock(pt *patch, p *Projection, data []byte, d schemas.DType, g *grid, b box) {
	pt.y, pt.x = b.origin[axY]/p.Step, b.origin[axX]/p.Step
	pt.h = (b.origin[axY]+b.shape[axY]-1)/p.Step - pt.y + 1
	pt.w = (b.origin[axX]+b.shape[axX]-1)/p.Step - pt.x + 1
	n := b.shape[axC] * pt.h * pt.w
	if cap(pt.values) < n {
		pt.values = make([]float32, n)
	}
	pt.values = pt.values[:n]
	for i := range pt.values {
		pt.values[i] = float32(math.Inf(-1))
	}
	switch d {
	case schemas.Bool, schemas.Uint8:
		project[uint8](pt, p.Step, data, g, b)
	case schemas.Int8:
		project[int8](pt, p.Step, data, g, b)
	case schemas.Uint16:
		project[uint16](pt, p.Step, data, g, b)
	case schemas.Int16:
		project[int16](pt, p.Step, data, g, b)
	case schemas.Uint32:
		project[uint32](pt, p.Step, data, g, b)
	case schemas.Int32:
		project[int32](pt, p.Step, data, g, b)
	case schemas.Uint64:
		project[uint64](pt, p.Step, data, g, b)
	case schemas.Int64:
		project[int64](pt, p.Step, data, g, b)
	case schemas.Float16:
		project[float32](pt, p.Step, elem.Widen(nil, data), g, b)
	case schemas.Float32:
		project[float32](pt, p.Step, data, g, b)
	case schemas.Float64:
		project[float64](pt, p.Step, data, g, b)
	}
}

func project[T elem.Number](pt *patch, step int, data []byte, g *grid, b box) {
	v, st := elem.As[T](data), g.strides(b)
	h, w := b.shape[axY], b.shape[axX]
	plane := make([]T, h*w)
	for c := range b.shape[axC] {
		// The maximum in the array's own type first: one conversion a pixel, not a voxel.
		for t := range b.shape[axT] {
			for z := range b.shape[axZ] {
				maxPlane(plane, v[t*st[axT]+c*st[axC]+z*st[axZ]:], h, w, st[axY], st[axX], t == 0 && z == 0)
			}
		}
		for y := range h {
			out := pt.values[(c*pt.h+(b.origin[axY]+y)/step-pt.y)*pt.w:]
			for x, m := range plane[y*w:][:w] {
				i := (b.origin[axX]+x)/step - pt.x
				if f := float32(m); f > out[i] {
					out[i] = f
				}
			}
		}
	}
}

// maxPlane raises a dense plane of h by w to that at v, whose strides are sy and sx; the
// first one it copies.
func maxPlane[T elem.Number](plane, v []T, h, w, sy, sx int, first bool) {
	if sx == 1 && sy == w {
		maxRow(plane, v, 1, first)
		return
	}
	for y := range h {
		maxRow(plane[y*w:][:w], v[y*sy:], sx, first)
	}
}

func maxRow[T elem.Number](row, v []T, stride int, first bool) {
	switch {
	case first && stride == 1:
		copy(row, v)
	case first:
		for x := range row {
			row[x] = v[x*stride]
		}
	case stride == 1:
		if row, ok := any(row).([]uint16); ok {
			vec.Max16(row, any(v).([]uint16))
			return
		}
		v = v[:len(row)]
		for x, m := range row {
			row[x] = max(m, v[x])
		}
	default:
		for x, m := range row {
			row[x] = max(m, v[x*stride])
		}
	}
}

// put merges a block's patch.
func (p *Projection) put(pt *patch) {
	for c := range p.Channels {
		for y := range pt.h {
			dst := p.Values[(c*p.Height+pt.y+y)*p.Width+pt.x:]
			for x, v := range pt.values[(c*pt.h+y)*pt.w:][:pt.w] {
				dst[x] = max(dst[x], v)
			}
		}
	}
}

// putObjects merges the objects of a block: the lowest plane wins, then the first channel.
func (p *Projection) putObjects(ps Parts) {
	for _, k := range ps.Keys() {
		runs := ps[k].Runs
		for i := 0; i < len(runs); i += 4 {
			row := p.Objects[int(runs[i+1])/p.Step*p.Width:]
			for x := int(runs[i+2]) / p.Step; x <= int(runs[i+2]+runs[i+3]-1)/p.Step; x++ {
				if row[x].Label == 0 {
					row[x] = k
				}
			}
		}
	}
}
