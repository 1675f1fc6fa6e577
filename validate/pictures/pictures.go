// Package pictures draws findings: the instance with its outline over the image that it lies in.
//
// Words:
//
//   - A shot is the picture of one finding: its box with a margin around it. Of a box with depth it
//     is the maximum along Z, of the image and of the instance.
//   - The step of a shot is how far apart the elements are that it shows; it is more than 1 where the box is
//     too large for a picture. The scale is how many pixels an element becomes where it is small.
//
// Pictures are of findings with a box, in label images and in data sets. Other targets have no pixels.
package pictures

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// Options bound what is drawn. The zero value works.
type Options struct {
	Image string // file of the image that label images annotate, "" for none
	Most  int    // pictures; 0 for 50
	Group int    // pictures of one rule in one sample; 0 for 5
}

const (
	defaultMost  = 50
	defaultGroup = 5
	side         = 256 // elements that a shot shows along Y and X, at most
	leastMargin  = 8   // elements
	// maxCoordinate is past every image and leaves room for the margin.
	maxCoordinate = 1 << 30
)

// Draw writes a PNG for each of the first findings that can be shown into a folder, which it makes, and
// returns their files by fingerprint. It goes on where a target cannot be shown; that is an error, joined.
func Draw(ctx context.Context, dir string, findings []*validate.Finding, o Options) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	files := map[string]string{}
	var errs []error
	for _, group := range choose(findings, o) {
		if err := group.look(ctx, o); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			errs = append(errs, fmt.Errorf("no pictures of %s: %w", group.target, err))
			continue
		}
		for _, s := range group.shots {
			data, err := s.draw()
			if err != nil {
				return nil, err
			}
			file := filepath.Join(dir, s.finding.Rule+"-"+s.finding.Fingerprint+".png")
			if err := os.WriteFile(file, data, 0o666); err != nil {
				return nil, err
			}
			files[s.finding.Fingerprint] = file
		}
	}
	return files, errors.Join(errs...)
}

// shot is one picture in the making.
type shot struct {
	finding       *validate.Finding
	box           schemas.BBox // with the margin along Y and X
	step          int
	height, width int          // in steps
	image         [3][]float32 // red, green and blue, or grey in the first alone; nil for none
	object        []byte       // background, other or instance, of each step
}

// What a step shows.
const (
	background = iota
	other      // another instance
	instance   // that of the finding
)

// shots are those of one target.
type shots struct {
	target  string
	dataset bool
	shots   []*shot
}

// choose takes the worst findings that have a box, in groups by target.
func choose(findings []*validate.Finding, o Options) (groups []*shots) {
	type group struct{ rule, target, sample string }
	most, each := cmp.Or(o.Most, defaultMost), cmp.Or(o.Group, defaultGroup)
	taken := map[group]int{}
	targets, done := map[string]*shots{}, map[string]bool{}
	for _, f := range findings {
		g := group{f.Rule, f.Target, f.Sample}
		if most == 0 || f.BBox == nil || taken[g] == each || done[f.Fingerprint] {
			continue
		}
		most--
		taken[g]++
		done[f.Fingerprint] = true
		if targets[f.Target] == nil {
			targets[f.Target] = &shots{target: f.Target, dataset: f.Dataset != ""}
			groups = append(groups, targets[f.Target])
		}
		targets[f.Target].shots = append(targets[f.Target].shots, newShot(f))
	}
	return groups
}

// newShot has a margin of a quarter of the box.
func newShot(f *validate.Finding) *shot {
	b := *f.BBox
	for _, v := range []*int32{&b.Z0, &b.Y0, &b.X0, &b.Z1, &b.Y1, &b.X1} {
		*v = min(max(*v, 0), maxCoordinate) // a claim may be anything
	}
	my, mx := max(leastMargin, (b.Y1-b.Y0)/4), max(leastMargin, (b.X1-b.X0)/4)
	box := schemas.BBox{Z0: b.Z0, Y0: max(0, b.Y0-my), X0: max(0, b.X0-mx), Z1: b.Z1, Y1: b.Y1 + my, X1: b.X1 + mx}
	return &shot{finding: f, box: box}
}

// fit lays out a shot of what has the height and width.
func (s *shot) fit(height, width int) {
	b := &s.box
	b.Y1, b.X1 = min(b.Y1, int32(height)), min(b.X1, int32(width))
	b.Z1, b.Y1, b.X1 = max(b.Z1, b.Z0+1), max(b.Y1, b.Y0+1), max(b.X1, b.X0+1)
	h, w := int(b.Y1-b.Y0), int(b.X1-b.X0)
	s.step = max(1, (max(h, w)+side-1)/side)
	s.height, s.width = (h+s.step-1)/s.step, (w+s.step-1)/s.step
	s.object = make([]byte, s.height*s.width)
}

// look reads what the shots show.
func (g *shots) look(ctx context.Context, o Options) error {
	if g.dataset {
		return g.lookInDataset(ctx)
	}
	return g.lookInFiles(ctx, o.Image)
}

// row is where row y of plane z is in the shot, -1 where it is not shown.
func (s *shot) row(z, y int) int {
	dy := y - int(s.box.Y0)
	if z < int(s.box.Z0) || z >= int(s.box.Z1) || dy < 0 || dy%s.step != 0 || dy/s.step >= s.height {
		return -1
	}
	return dy / s.step
}

// putRow takes the elements of a row from column x0 on that the shot shows; put is given the place in the shot and in the row.
func (s *shot) putRow(row, x0, n int, put func(at, i int)) {
	for c := range s.width {
		if i := int(s.box.X0) + c*s.step - x0; i >= 0 && i < n {
			put(row*s.width+c, i)
		}
	}
}

// putImage takes a row of a channel of the image; channels past the third are not shown.
func (s *shot) putImage(channel, z, y, x0 int, elements []byte, d schemas.DType) {
	row := s.row(z, y)
	if row < 0 || channel >= len(s.image) {
		return
	}
	if s.image[channel] == nil {
		s.image[channel] = slices.Repeat([]float32{float32(math.Inf(-1))}, s.height*s.width)
	}
	size, to := d.Size(), s.image[channel]
	s.putRow(row, x0, len(elements)/size, func(at, i int) { to[at] = max(to[at], float32(elem.Float(elements[i*size:], d))) })
}
