package dataset

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// array is an array of a sample while its chunks are looked at.
type array struct {
	*validate.Array
	dtype  schemas.DType
	fill   []byte // one element
	labels bool   // it has elements that may name instances
	whole  bool   // its description can be understood: levels are there
	levels []*level

	once    sync.Once // of begin
	mu      sync.Mutex
	parts   map[object]mask.Mask // of level 0: runs, in any order
	runs    int64
	bad     mask.BadLabels // values of level 0 that name no instance
	ids     map[int64]bool // of level 0, where there are other levels
	lower   *lower         // what other levels should be, nil where there are none or they take too much memory
	tooMany bool
}

// object is how the elements of an instance are known: by their channel, 0 without such, and value.
type object struct {
	channel int32
	label   int64
}

func (o object) compare(p object) int {
	if o.channel != p.channel {
		return int(o.channel) - int(p.channel)
	}
	if o.label < p.label {
		return -1
	}
	return min(1, int(min(1, o.label-p.label)))
}

// level is what is known of the chunks of an array at a level.
type level struct {
	*grid
	seen    bits // rows that were there; nil where the grid has far more than the table has rows
	rows    int64
	known   int64    // rows whose elements are known
	digests []uint64 // of images of level 0, and of all other levels that are compared; by number in the grid
	newIDs  []int64  // of labels, that level 0 does not have
}

// newArrays prepares for the chunks of a sample.
func (w *walk) newArrays(v *validate.Sample) *sample {
	out := &sample{Sample: v}
	var image *validate.Array
	for _, d := range v.Arrays {
		a := &array{Array: &validate.Array{Place: v.Place, Array: d, Kind: v.Kind, PixelSizeUM: v.PixelSizeUM}}
		a.Place.Array = d.Name
		if d.Role == schemas.RoleImage && image == nil {
			image = a.Array
		}
		if err := w.describe(a); err != nil {
			a.Errs = append(a.Errs, &validate.SchemaError{Column: "arrays", Problem: fmt.Sprintf("describes array %s so that it cannot be: %v", d.Name, err)})
		}
		if slices.ContainsFunc(out.arrays, func(o *array) bool { return o.Name == d.Name }) {
			a.Errs = append(a.Errs, &validate.KeyError{Table: schemas.SamplesTable, Key: "arrays", Value: d.Name, Problem: "is taken twice", Row: *v.Row})
			continue
		}
		out.arrays = append(out.arrays, a)
	}
	for _, a := range out.arrays {
		if a.Role == schemas.RoleLabels {
			a.Image = image
		}
	}
	return out
}

// describe lays out the grids of an array.
func (w *walk) describe(a *array) (err error) {
	if a.dtype, err = schemas.ParseDType(a.DType); err != nil {
		return err
	}
	if a.Levels < 1 || a.Levels > maxLevels {
		return fmt.Errorf("%d levels", a.Levels)
	}
	a.fill = nd.Element(a.dtype, a.Fill)
	for n := range int(a.Levels) {
		g, err := newGrid(&a.Array.Array, n)
		if err != nil {
			return err
		}
		a.levels = append(a.levels, &level{grid: g})
	}
	a.whole = true
	a.labels = a.Role == schemas.RoleLabels && a.dtype.Label()
	return nil
}

// begin makes room for what is found, when the first chunk comes. rows is how many the table has, memory what
// lower levels may take.
func (a *array) begin(rows, memory int64) {
	for n, l := range a.levels {
		if l.grid.rows > 2*rows+64 {
			continue // of which most are missing: counting is enough
		}
		l.seen = newBits(l.grid.rows)
		if n == 0 && a.Role == schemas.RoleImage {
			l.digests = make([]uint64, l.grid.rows)
		}
	}
	if len(a.levels) > 1 {
		if a.labels {
			a.ids = map[int64]bool{}
		}
		a.lower = newLower(a, memory)
	}
}

// finish adds what was found of the whole array to its errors.
func (a *array) finish(chunksLost bool) {
	if !a.whole {
		return
	}
	for n, l := range a.levels {
		if missing := l.grid.rows - l.rows; missing > 0 && !chunksLost {
			a.Errs = append(a.Errs, l.missing(n, missing))
		}
		slices.Sort(l.newIDs)
		l.newIDs = slices.Compact(l.newIDs)
		var unknown []int64
		for _, id := range l.newIDs {
			if !a.ids[id] {
				unknown = append(unknown, id)
			}
		}
		if len(unknown) > 0 && a.complete() {
			a.Errs = append(a.Errs, &validate.PyramidError{Level: n, Problem: fmt.Sprintf("has %d ids that level 0 does not have, such as %v", len(unknown), unknown[:min(5, len(unknown))])})
		}
	}
	if a.lower != nil && a.complete() {
		a.Errs = append(a.Errs, a.lower.compare(a)...)
	}
	if a.tooMany {
		a.Errs = append(a.Errs, mask.ErrTooManyRuns)
	}
}

// complete reports whether all elements of level 0 are known.
func (a *array) complete() bool { return a.whole && a.levels[0].known == a.levels[0].grid.rows }

// missing says which chunks of a level have no row.
func (l *level) missing(n int, missing int64) error {
	if n > 0 && missing == l.grid.rows {
		return &validate.PyramidError{Level: n, Problem: "is missing: none of its chunks has a row"}
	}
	first := ""
	for i := int64(0); l.seen != nil && i < l.grid.rows; i++ {
		if !l.seen.has(i) {
			b := l.grid.box(i)
			first = ", the first of them at " + b.String()
			break
		}
	}
	return &validate.MissingError{What: fmt.Sprintf("%d of the %d chunks of level %d have no row%s", missing, l.grid.rows, n, first)}
}

// pixels is a digest of the elements of the array at level 0, 0 where some are not known.
func (a *array) pixels() uint64 {
	if !a.whole || a.levels[0].digests == nil || !a.complete() {
		return 0
	}
	h := xxhash.New()
	fmt.Fprint(h, a.Axes, a.Shape, a.Chunk, a.DType)
	var b [8]byte
	for _, d := range a.levels[0].digests {
		binary.LittleEndian.PutUint64(b[:], d)
		h.Write(b[:])
	}
	return h.Sum64()
}
