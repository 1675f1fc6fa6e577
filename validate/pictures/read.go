package pictures

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// lookInFiles reads a label image, and the image, once each.
func (g *shots) lookInFiles(ctx context.Context, image string) error {
	err := eachRow(ctx, g.target, func(im *labelimage.Image) {
		for _, s := range g.shots {
			s.fit(im.Height, im.Width)
		}
	}, func(_, z, y int, row []byte, d schemas.DType) {
		for _, s := range g.shots {
			s.putLabels(z, y, row, d)
		}
	})
	if err != nil || image == "" {
		return err
	}
	return eachRow(ctx, image, func(*labelimage.Image) {}, func(c, z, y int, row []byte, d schemas.DType) {
		for _, s := range g.shots {
			s.putImage(c, z, y, 0, row, d)
		}
	})
}

// eachRow reads a file row by row; begin is called first.
func eachRow(ctx context.Context, path string, begin func(*labelimage.Image), each func(c, z, y int, row []byte, d schemas.DType)) (err error) {
	im, err := labelimage.OpenAny(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, im.Close()) }()
	begin(im)
	n := im.Width * im.DType.Size()
	return im.Rows(ctx, func(c, z, y int, rows []byte) error {
		for ; len(rows) >= n && n > 0; rows, y = rows[n:], y+1 {
			each(c, z, y, rows[:n], im.DType)
		}
		return nil
	})
}

// putLabels takes a row of ids.
func (s *shot) putLabels(z, y int, elements []byte, d schemas.DType) {
	row := s.row(z, y)
	if row < 0 {
		return
	}
	id := math.NaN()
	if s.finding.Instance != nil {
		id = float64(*s.finding.Instance)
	}
	size := d.Size()
	s.putRow(row, 0, len(elements)/size, func(at, i int) {
		mark := byte(other)
		switch elem.Float(elements[i*size:], d) {
		case 0:
			return
		case id:
			mark = instance
		}
		s.object[at] = max(s.object[at], mark)
	})
}

// lookInDataset reads the boxes of shots, from the first image of their samples, and the masks of the
// instances table.
func (g *shots) lookInDataset(ctx context.Context) (err error) {
	d, err := loaders.Open(ctx, g.target, loaders.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, s := range g.shots {
		sample, err := d.Sample(ctx, s.finding.Sample)
		if errors.Is(err, loaders.ErrNotFound) {
			s.fit(math.MaxInt32, math.MaxInt32)
			continue
		}
		if err == nil {
			s.fit(extent(sample, s.finding.Array))
			err = errors.Join(s.readImage(ctx, d, sample), s.readMasks(ctx, d, sample))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// extent is the height and width of an array of a sample.
func extent(sample *loaders.Sample, array string) (height, width int) {
	for _, a := range sample.Arrays {
		if n := len(a.Shape); a.Name == array && n >= 2 && strings.HasSuffix(a.Axes, "YX") {
			return int(a.Shape[n-2]), int(a.Shape[n-1])
		}
	}
	return math.MaxInt32, math.MaxInt32
}

// readImage reads the box of a shot from the first array of its sample that is an image. There may be none.
func (s *shot) readImage(ctx context.Context, d *loaders.Dataset, sample *loaders.Sample) error {
	if s.finding.Level > 0 { // the box is in elements of the level, images are shown at level 0
		return nil
	}
	for _, a := range sample.Arrays {
		if a.Role != schemas.RoleImage || !strings.HasSuffix(a.Axes, "YX") {
			continue
		}
		array, err := d.Array(ctx, sample.SampleID, a.Name, 0)
		if err != nil {
			return err
		}
		return s.readArray(ctx, array)
	}
	return nil
}

// readMasks marks the instances of the table that lie in the box.
func (s *shot) readMasks(ctx context.Context, d *loaders.Dataset, sample *loaders.Sample) error {
	for _, a := range sample.Arrays {
		if a.Name != s.finding.Array {
			continue
		}
		for in, err := range d.Instances(ctx, sample.SampleID, a.Name) {
			if err != nil {
				return err
			}
			s.paint(&in.Instance, mask.OrderOf(a.Axes))
		}
	}
	return nil
}

// bandBytes is about how much of an array is held.
const bandBytes = 4 << 20

// maxPlanes are read of an image of a data set: so many show what there is.
const maxPlanes = 32

// readArray reads planes by bands of rows.
func (s *shot) readArray(ctx context.Context, a *loaders.Array) error {
	r, channels, ok := s.region(a)
	if !ok {
		return nil // the image ends before: it is not of the shape of its labels
	}
	z, y := strings.IndexByte(a.Axes(), 'Z'), len(r.Shape)-2
	planes := 1
	if z >= 0 {
		planes, r.Shape[z] = r.Shape[z], 1
	}
	size := a.DType().Size()
	row, height := r.Shape[y+1]*size, r.Shape[y]
	step, rows := (planes+maxPlanes-1)/maxPlanes, max(1, bandBytes/(row*channels))
	for plane := 0; plane < planes; plane += step {
		if z >= 0 {
			r.Origin[z] = int(s.box.Z0) + plane
		}
		for top := 0; top < height; top += rows {
			r.Origin[y], r.Shape[y] = int(s.box.Y0)+top, min(rows, height-top)
			data := make([]byte, nd.Elements(r.Shape)*size)
			if _, err := a.Read(ctx, r, nd.Dense(data, r.Shape, size)); err != nil {
				return err
			}
			for i := 0; len(data) > 0; i, data = i+1, data[row:] {
				s.putImage(i/r.Shape[y], int(s.box.Z0)+plane, r.Origin[y]+i%r.Shape[y], int(s.box.X0), data[:row], a.DType())
			}
		}
	}
	return nil
}

// region is the box in an array, with its first channels and its first time.
func (s *shot) region(a *loaders.Array) (r loaders.Region, channels int, ok bool) {
	channels = 1
	for i, axis := range a.Axes() {
		from, to := 0, 1
		switch axis {
		case 'C':
			to = min(a.Shape()[i], len(s.image))
			channels = to
		case 'Z':
			from, to = int(s.box.Z0), int(s.box.Z1)
		case 'Y':
			from, to = int(s.box.Y0), int(s.box.Y1)
		case 'X':
			from, to = int(s.box.X0), int(s.box.X1)
		}
		if to = min(to, a.Shape()[i]); from >= to {
			return r, 0, false
		}
		r.Origin, r.Shape = append(r.Origin, from), append(r.Shape, to-from)
	}
	return r, channels, true
}

// paint marks an instance of the table. One whose mask cannot be had is not shown.
func (s *shot) paint(in *schemas.Instance, o mask.Order) {
	b := in.BBox
	if b == nil || b.Z0 >= s.box.Z1 || b.Z1 <= s.box.Z0 || b.Y0 >= s.box.Y1 || b.Y1 <= s.box.Y0 || b.X0 >= s.box.X1 || b.X1 <= s.box.X0 {
		return
	}
	m, err := mask.FromCounts(in.RLE, *b, o)
	if err != nil {
		return
	}
	mark := byte(other)
	if s.finding.Instance != nil && *s.finding.Instance == in.InstanceID {
		mark = instance
	}
	for _, run := range m {
		if row := s.row(int(run.Z), int(run.Y)); row >= 0 {
			s.putRow(row, int(run.X), int(run.N), func(at, _ int) { s.object[at] = max(s.object[at], mark) })
		}
	}
}
