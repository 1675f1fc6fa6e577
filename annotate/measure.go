package annotate

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/measure"
	"github.com/micropq/micropq/schemas"
)

// RuleNTM names the published rule of NCL-SM that tells fibres cut across from others.
const RuleNTM = "ntm"

// MeasureOptions say how a layer is measured. The zero value works.
type MeasureOptions struct {
	SpeckArea   int64            // instances of so many pixels or fewer are specks; 0: [measure.SpeckArea], negative: none
	PixelSizeUM float64          // of a square pixel, in micrometres, in place of what the layer says
	Jobs        int              // measured at once; 0: as many as there are processors
	Progress    func(done int64) // may be nil; told of bytes of the layer that are read
}

// Measured is an instance and what was measured of it: Flat in two dimensions, Solid in three.
type Measured struct {
	ID       int64
	BBox     schemas.BBox
	Centroid schemas.Point
	Flat     *measure.Measurements
	Solid    *measure.Solid
}

// Area is the number of pixels or voxels.
func (m *Measured) Area() int64 {
	if m.Solid != nil {
		return m.Solid.Voxels
	}
	return m.Flat.Area
}

// Speck is an instance that was left out.
type Speck struct {
	ID   int64 `json:"instance_id"`
	Area int64 `json:"area"`
}

// MeasuredLayer is what was measured of a layer, by ascending id.
type MeasuredLayer struct {
	Layer       *Layer
	PixelSizeUM float64 // of a square pixel; 0 where it is not known or pixels are not square
	Instances   []Measured
	Specks      []Speck
}

// Measure reads a layer once and measures its instances. Beside the masks of the layer, which
// are runs, it holds what the instances under way need: a bit for each pixel of their boxes.
func Measure(ctx context.Context, l *Layer, o MeasureOptions) (*MeasuredLayer, error) {
	if o.SpeckArea == 0 {
		o.SpeckArea = measure.SpeckArea
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	out := &MeasuredLayer{Layer: l, PixelSizeUM: squarePixel(l, o.PixelSizeUM)}
	var lock sync.Mutex
	var group errgroup.Group
	group.SetLimit(o.Jobs)
	seen := map[int64]bool{}
	err := func() error {
		for in, err := range l.Instances(ctx, o.Progress) {
			switch area := in.Mask.Area(); {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case seen[in.ID]:
				return fmt.Errorf("%s: instance %d is there twice", l, in.ID)
			case area <= o.SpeckArea:
				out.Specks = append(out.Specks, Speck{in.ID, area})
				continue
			}
			seen[in.ID] = true
			group.Go(func() error {
				m := out.measure(in)
				lock.Lock()
				defer lock.Unlock()
				out.Instances = append(out.Instances, m)
				return nil
			})
		}
		return nil
	}()
	group.Wait() // its functions do not fail
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out.Instances, func(a, b Measured) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(out.Specks, func(a, b Speck) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// squarePixel is the size of a pixel whose sides are alike to one part in a thousand.
func squarePixel(l *Layer, told float64) float64 {
	if told > 0 {
		return told
	}
	y, x := l.PixelSizeUM[1], l.PixelSizeUM[2]
	if x > 0 && y > 0 && max(x, y) <= 1.001*min(x, y) {
		return x
	}
	return 0
}

func (o *MeasuredLayer) measure(in Instance) Measured {
	l := o.Layer
	m := Measured{ID: in.ID, BBox: in.Mask.BBox(), Centroid: in.Mask.Centroid()}
	if l.Volume() {
		size := l.PixelSizeUM
		if o.PixelSizeUM > 0 && size[1]*size[2] == 0 {
			size = [3]float64{o.PixelSizeUM, o.PixelSizeUM, o.PixelSizeUM}
		}
		s := measure.SolidOf(in.Mask, l.Depth, l.Height, l.Width, size)
		m.Solid = &s
		return m
	}
	f := measure.Of(in.Mask, measure.Image{Height: l.Height, Width: l.Width, PixelSizeUM: o.PixelSizeUM})
	m.Flat = &f
	return m
}
