package arrays

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// Key names an object of a label array: labels of different channels are different objects.
type Key struct {
	Channel int32
	Label   int64
}

func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Channel, o.Channel), cmp.Compare(k.Label, o.Label))
}

// Part is an object, or what some chunks hold of it. Coordinates are of level 0.
type Part struct {
	Voxels int64
	Shared int64 // voxels that belong to an object of another channel as well
	Min    [3]int32
	Max    [3]int32 // inclusive
	Sum    [3]int64 // of the coordinates z, y, x of its voxels
	Runs   []int32  // z, y, x, length of each run along x
}

// add counts a run.
func (p *Part) add(z, y, x, n int32) {
	if p.Voxels == 0 {
		p.Min, p.Max = [3]int32{z, y, x}, [3]int32{z, y, x + n - 1}
	}
	p.Voxels += int64(n)
	p.Min = [3]int32{min(p.Min[0], z), min(p.Min[1], y), min(p.Min[2], x)}
	p.Max = [3]int32{max(p.Max[0], z), max(p.Max[1], y), max(p.Max[2], x+n-1)}
	p.Sum[0] += int64(n) * int64(z)
	p.Sum[1] += int64(n) * int64(y)
	p.Sum[2] += int64(n) * (2*int64(x) + int64(n) - 1) / 2
	p.Runs = append(p.Runs, z, y, x, n)
}

// merge adds what other chunks hold of the object.
func (p *Part) merge(q *Part) {
	if p.Voxels == 0 {
		runs := append(p.Runs[:0], q.Runs...)
		*p = *q
		p.Runs = runs
		return
	}
	p.Voxels += q.Voxels
	p.Shared += q.Shared
	for i := range 3 {
		p.Min[i], p.Max[i] = min(p.Min[i], q.Min[i]), max(p.Max[i], q.Max[i])
		p.Sum[i] += q.Sum[i]
	}
	p.Runs = append(p.Runs, q.Runs...)
}

// Parts are the objects of an array by key.
type Parts map[Key]*Part

func (ps Parts) part(k Key) *Part {
	p := ps[k]
	if p == nil {
		p = &Part{}
		ps[k] = p
	}
	return p
}

func (ps Parts) merge(qs Parts) {
	for k, q := range qs {
		ps.part(k).merge(q)
	}
}

// Keys are the objects in order of channel and label.
func (ps Parts) Keys() []Key {
	return slices.SortedFunc(maps.Keys(ps), Key.compare)
}

// LabelError is a value that cannot name an instance.
type LabelError struct {
	Value            string
	Channel, Z, Y, X int
}

func (e *LabelError) Error() string {
	return fmt.Sprintf("label %s at channel %d, z %d, y %d, x %d: labels are integers from 0 to 2^63-1", e.Value, e.Channel, e.Z, e.Y, e.X)
}

// labelScan finds the objects of one block.
type labelScan struct {
	parts  Parts
	counts []uint8 // per spatial voxel of the block, the channels that hold an object there
}

// zero is the background of any label type.
var zero [8]byte

// block scans a block of labels: data is dense in the order of the grid's axes, X last.
func (ls *labelScan) block(data []byte, d schemas.DType, g *grid, b box) (err error) {
	ls.parts = Parts{}
	st := g.strides(b)
	size := d.Size()
	for c := range b.shape[axC] {
		for t := range b.shape[axT] {
			for z := range b.shape[axZ] {
				if st[axY] == b.shape[axX] {
					off := (c*st[axC] + t*st[axT] + z*st[axZ]) * size
					if plane := data[off : off+b.shape[axY]*b.shape[axX]*size]; elem.Uniform(plane, zero[:size]) {
						continue // as most are
					}
				}
				for y := range b.shape[axY] {
					off := (c*st[axC] + t*st[axT] + z*st[axZ] + y*st[axY]) * size
					row := data[off : off+b.shape[axX]*size]
					at := position{int32(b.origin[axC] + c), int32(b.origin[axZ] + z), int32(b.origin[axY] + y), int32(b.origin[axX])}
					if err := ls.row(row, d, at); err != nil {
						return err
					}
				}
			}
		}
	}
	ls.share(b)
	return nil
}

// position is the first voxel of a row.
type position struct{ c, z, y, x int32 }

func (ls *labelScan) row(row []byte, d schemas.DType, at position) error {
	switch d {
	case schemas.Bool, schemas.Uint8:
		return scanRow(ls, elem.As[uint8](row), row, at)
	case schemas.Int8:
		return scanRow(ls, elem.As[int8](row), row, at)
	case schemas.Uint16:
		return scanRow(ls, elem.As[uint16](row), row, at)
	case schemas.Int16:
		return scanRow(ls, elem.As[int16](row), row, at)
	case schemas.Uint32:
		return scanRow(ls, elem.As[uint32](row), row, at)
	case schemas.Int32:
		return scanRow(ls, elem.As[int32](row), row, at)
	case schemas.Uint64:
		return scanRow(ls, elem.As[uint64](row), row, at)
	case schemas.Int64:
		return scanRow(ls, elem.As[int64](row), row, at)
	}
	return fmt.Errorf("dtype %s cannot hold labels", d)
}

// scanRow adds the runs of a row. Background is most of what there is, so it is skipped
// eight bytes at a time.
func scanRow[T uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64](ls *labelScan, v []T, raw []byte, at position) error {
	per := len(raw) / max(1, len(v))
	step := 8 / max(1, per)
	for i := 0; i < len(v); {
		if v[i] == 0 {
			for i+step <= len(v) && binary.LittleEndian.Uint64(raw[i*per:]) == 0 {
				i += step
			}
			for i < len(v) && v[i] == 0 {
				i++
			}
			continue
		}
		x, label := i, v[i]
		for i < len(v) && v[i] == label {
			i++
		}
		if label < 0 || uint64(label) > math.MaxInt64 {
			return &LabelError{Value: fmt.Sprint(label), Channel: int(at.c), Z: int(at.z), Y: int(at.y), X: int(at.x) + x}
		}
		ls.parts.part(Key{at.c, int64(label)}).add(at.z, at.y, at.x+int32(x), int32(i-x))
	}
	return nil
}

// share counts, for each object, the voxels that objects of other channels hold too. All
// channels of a block are at hand, so this needs no second look at the array.
func (ls *labelScan) share(b box) {
	channels := map[int32]bool{}
	for k := range ls.parts {
		channels[k.Channel] = true
	}
	if len(channels) < 2 {
		return
	}
	h, w := b.shape[axY], b.shape[axX]
	n := b.shape[axZ] * h * w
	if cap(ls.counts) < n {
		ls.counts = make([]uint8, n)
	}
	ls.counts = ls.counts[:n]
	clear(ls.counts)
	for _, p := range ls.parts {
		for i := 0; i < len(p.Runs); i += 4 {
			stretch := ls.run(b, p.Runs[i:])
			for j, c := range stretch {
				stretch[j] = min(c+1, 2)
			}
		}
	}
	for _, p := range ls.parts {
		for i := 0; i < len(p.Runs); i += 4 {
			for _, c := range ls.run(b, p.Runs[i:]) {
				if c > 1 {
					p.Shared++
				}
			}
		}
	}
}

// run is the stretch of counts that a run covers.
func (ls *labelScan) run(b box, r []int32) []uint8 {
	z, y, x := int(r[0])-b.origin[axZ], int(r[1])-b.origin[axY], int(r[2])-b.origin[axX]
	o := (z*b.shape[axY]+y)*b.shape[axX] + x
	return ls.counts[o : o+int(r[3])]
}

// ids are the labels present in channels [c0, c1), ascending.
func (ps Parts) ids(c0, c1 int) []int64 {
	ids := []int64{}
	for k := range ps {
		if int(k.Channel) >= c0 && int(k.Channel) < c1 {
			ids = append(ids, k.Label)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// stats are those of chunk c of the block, for a fill of 0: what is no object is background.
func (ps Parts) stats(c box) (s elem.Stats) {
	lo, hi := int64(math.MaxInt64), int64(0)
	for k, p := range ps {
		if int(k.Channel) >= c.origin[axC] && int(k.Channel) < c.origin[axC]+c.shape[axC] {
			s.Foreground += p.Voxels
			lo, hi = min(lo, k.Label), max(hi, k.Label)
		}
	}
	if s.Foreground < int64(c.elements()) {
		lo = 0
	}
	s.Min, s.Max, s.Valid = float64(lo), float64(hi), true
	return s
}

// Mask is the object's shape. Runs that a chunk boundary cut are joined.
func (p *Part) Mask() mask.Mask { return mask.FromQuads(p.Runs) }

// BBox is the smallest box that holds the object.
func (p *Part) BBox() schemas.BBox {
	return schemas.BBox{
		Z0: p.Min[0], Y0: p.Min[1], X0: p.Min[2],
		Z1: p.Max[0] + 1, Y1: p.Max[1] + 1, X1: p.Max[2] + 1,
	}
}

// Centroid is the mean position of the object's voxels.
func (p *Part) Centroid() schemas.Point {
	n := float64(p.Voxels)
	return schemas.Point{Z: float64(p.Sum[0]) / n, Y: float64(p.Sum[1]) / n, X: float64(p.Sum[2]) / n}
}
