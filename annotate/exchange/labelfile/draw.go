package labelfile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// owned is a run and the id of its object.
type owned struct {
	mask.Run
	id int64
}

// Drawing is a label image that is drawn row by row.
type Drawing struct {
	Canvas  *exchange.Canvas
	DType   schemas.DType // of integers
	Objects int           // of which at least one voxel is drawn
	Lost    int64         // voxels that are not

	runs []owned // by row, then id
	next int
}

// NewDrawing prepares objects for drawing into the smallest of the element types that holds
// their ids. Losses are refused unless allowed.
func NewDrawing(format string, c *exchange.Canvas, objects []exchange.Object, lossy bool, types ...schemas.DType) (*Drawing, error) {
	d := &Drawing{Canvas: c, DType: types[0]}
	largest, area, tooLarge := limit(types[len(types)-1]), int64(0), int64(0)
	for i := range objects {
		o := &objects[i]
		n := o.Mask.Area()
		area += n
		if o.ID > largest {
			tooLarge += n
			continue
		}
		for o.ID > limit(d.DType) {
			d.DType = types[slices.Index(types, d.DType)+1]
		}
		for _, r := range o.Mask {
			d.runs = append(d.runs, owned{r, o.ID})
		}
	}
	slices.SortFunc(d.runs, func(a, b owned) int {
		return cmp.Or(cmp.Compare(a.Z, b.Z), cmp.Compare(a.Y, b.Y), cmp.Compare(a.id, b.id), cmp.Compare(a.X, b.X))
	})
	drawn := d.survey()
	d.Lost = area - drawn
	if lossy || d.Lost == 0 {
		return d, nil
	}
	reason := "objects overlap: take a format that holds masks, such as qupath, or coco for images"
	if tooLarge > 0 {
		reason = fmt.Sprintf("ids exceed %d: take a format with larger elements, such as tif or npy", largest)
	}
	return nil, &exchange.LossError{Format: format, Lost: d.Lost, Reason: reason}
}

// limit is the largest id that elements hold.
func limit(d schemas.DType) int64 {
	bits := 8 * d.Size()
	if d.Signed() || bits == 64 {
		bits--
	}
	return math.MaxInt64 >> (63 - bits)
}

// typesOf are the types of elements to choose from: the one that is wanted, or those of the format.
func typesOf(wanted schemas.DType, format ...schemas.DType) []schemas.DType {
	if wanted != "" {
		return []schemas.DType{wanted}
	}
	return format
}

// survey counts the voxels and objects that the drawing shows.
func (d *Drawing) survey() (drawn int64) {
	row := make([]int64, d.Canvas.X)
	seen := map[int64]bool{}
	for i := 0; i < len(d.runs); {
		from, to := int32(math.MaxInt32), int32(0)
		first := i
		for ; i < len(d.runs) && d.runs[i].Z == d.runs[first].Z && d.runs[i].Y == d.runs[first].Y; i++ {
			r := d.runs[i]
			from, to = min(from, r.X), max(to, r.End())
			for x := r.X; x < r.End(); x++ {
				row[x] = r.id
			}
		}
		last := int64(0)
		for x := from; x < to; x++ {
			if row[x] == 0 {
				continue
			}
			drawn++
			if row[x] != last {
				last = row[x]
				seen[last] = true
			}
		}
		clear(row[from:to])
	}
	d.Objects = len(seen)
	return drawn
}

// Report says what the drawing holds.
func (d *Drawing) Report() exchange.Report {
	return exchange.Report{Objects: d.Objects, Lost: d.Lost}
}

// RowBytes is the size of a row.
func (d *Drawing) RowBytes() int { return d.Canvas.X * d.DType.Size() }

// Row draws row y of plane z into dst, little-endian. Rows are drawn in order.
func (d *Drawing) Row(dst []byte, z, y int) {
	clear(dst)
	at := mask.Run{Z: int32(z), Y: int32(y)}
	for d.next < len(d.runs) && (d.runs[d.next].Z < at.Z || d.runs[d.next].Z == at.Z && d.runs[d.next].Y < at.Y) {
		d.next++
	}
	for ; d.next < len(d.runs) && d.runs[d.next].Z == at.Z && d.runs[d.next].Y == at.Y; d.next++ {
		r := d.runs[d.next]
		for x := int(r.X); x < int(r.End()); x++ {
			switch d.DType.Size() {
			case 1:
				dst[x] = byte(r.id)
			case 2:
				binary.LittleEndian.PutUint16(dst[2*x:], uint16(r.id))
			case 4:
				binary.LittleEndian.PutUint32(dst[4*x:], uint32(r.id))
			default:
				binary.LittleEndian.PutUint64(dst[8*x:], uint64(r.id))
			}
		}
	}
}

// Rewind lets rows be drawn from the first on again.
func (d *Drawing) Rewind() { d.next = 0 }

// Objects are the instances that a scanner has found.
func Objects(s *mask.Scanner) (objects []exchange.Object) {
	for id, m := range s.Instances() {
		objects = append(objects, exchange.Object{ID: id, Mask: m})
	}
	return objects
}

// checkShape compares the shape of an image, axes of extent 1 in front left out, with that
// of the canvas.
func checkShape(shape []int, c *exchange.Canvas) error {
	want := c.Shape()
	have := shape
	for len(have) > len(want) && have[0] == 1 {
		have = have[1:]
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("%w: the image has shape %v, the array %v (%s)", exchange.ErrInput, shape, want, c.Axes)
	}
	return nil
}
