package fisbe

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/micropq/micropq/internal/align"
	layout "github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// bytesOfRun is what a run takes while a scanner collects it.
const bytesOfRun = 32

// maxChannels bounds the neurons of a sample; published ones have some twenty.
const maxChannels = 1 << 12

// scan finds the neurons. There is no layer where the elements cannot be labels at all.
func (a *array) scan(ctx context.Context, p *validate.Pass) (*validate.Layer, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var bad mask.BadLabels
	limit := int(min(mask.MaxRuns, p.Memory()/bytesOfRun)) / (p.Jobs() * a.channels)
	scanners := make([]mask.Scanner, a.channels)
	for c := range scanners {
		scanners[c] = mask.Scanner{Limit: max(1<<20, limit), Bad: bad.Add}
	}
	err := a.rows(ctx, p, func(c, z, y int, rows []byte) error {
		return scanners[c].Rows(rows, a.DType(), a.zyx[2], z, y)
	})
	if err != nil {
		return nil, err
	}
	l := &validate.Layer{Place: a.evidence.Place, Kind: validate.Volume, Axes: "ZYX", Shape: a.zyx[:], DType: a.DType(), PixelSizeUM: a.evidence.PixelSizeUM, Errs: bad.Errs()}
	if a.channels > 1 || a.evidence.Axes[0] == 'C' {
		l.Channels = a.channels
	}
	for c := range scanners {
		for label, m := range scanners[c].Instances() {
			l.Instances = append(l.Instances, a.instance(int32(c), label, m))
		}
	}
	identify(l.Instances)
	return l, nil
}

// check refuses shapes that cannot be.
func (a *array) check() error {
	name := a.evidence.Name
	if err := nd.CheckClaim(a.Shape(), a.DType().Size(), a.volume.found.Stored[name]); err != nil {
		return fmt.Errorf("%s/%s: %w", layout.Volumes, name, err)
	}
	if a.channels > maxChannels {
		return fmt.Errorf("%s/%s has %d channels, at most %d are read", layout.Volumes, name, a.channels, maxChannels)
	}
	return nil
}

func (a *array) instance(channel int32, label int64, m mask.Mask) *validate.Instance {
	name, box := class, m.BBox()
	in := &validate.Instance{Place: a.evidence.Place, Kind: validate.Volume, Label: label, Mask: m, Channel: &channel, Class: &name, Shape: a.zyx, Axes: "ZYX"}
	in.Place.Instance, in.Place.BBox = &in.ID, &box
	return in
}

// identify gives the neurons of a sample, sorted by channel and label, their ids as the converter does, and
// sorts them by it.
func identify(all []*validate.Instance) {
	keys := make([]layout.Key, len(all))
	for i, in := range all {
		keys[i] = layout.Key{Channel: *in.Channel, Label: in.Label}
	}
	for i, id := range layout.Identify(keys) {
		all[i].ID = id
	}
	slices.SortFunc(all, func(a, b *validate.Instance) int { return cmp.Compare(a.ID, b.ID) })
}

// shift measures how the image lies beside the neurons, in the planes of Y and X.
func (a *array) shift(ctx context.Context, p *validate.Pass, l *validate.Layer) (*align.Shift, error) {
	if !p.WantsRule("LB012") || !slices.Equal(l.Shape, a.zyx[:]) {
		return nil, nil
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	masks := make([]mask.Mask, len(l.Instances))
	for i, in := range l.Instances {
		masks[i] = in.Mask
	}
	e := align.New(masks, a.channels, a.zyx[1], a.zyx[2])
	err := a.rows(ctx, p, func(c, z, y int, rows []byte) error {
		e.Rows(c, z, y, rows, schemas.DType(a.DType()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s, ok := e.Shift(); ok {
		return &s, nil
	}
	return nil, nil
}
