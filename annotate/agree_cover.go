package annotate

import (
	"math"
	"slices"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// cover finds which instances lie inside coverage. Matched ones do: the second annotator
// drew them.
func (c *comparison) cover(best []candidate) {
	c.insideA, c.insideB = make([]bool, len(c.a.ids)), make([]bool, len(c.b.ids))
	switch c.options.Coverage {
	case CoverSecond:
		region := c.drawn()
		c.out.Covered = region.Area()
		mostly(c.insideA, c.a, region)
		fill(c.insideB, true)
	case CoverRegion:
		region := mask.Box(c.options.Region)
		c.out.Covered = region.Area()
		mostly(c.insideA, c.a, region)
		mostly(c.insideB, c.b, region)
	default:
		c.out.Covered, _ = mask.Volume(c.a.layer.Box())
		fill(c.insideA, true)
		fill(c.insideB, true)
	}
	for _, p := range best {
		c.insideA[p.a], c.insideB[p.b] = true, true
	}
}

func fill(flags []bool, v bool) {
	for i := range flags {
		flags[i] = v
	}
}

// mostly marks the instances with more than half of their area in a region.
func mostly(inside []bool, of *annotations, region mask.Mask) {
	for _, o := range mask.Overlaps(of.masks, []mask.Mask{region}) {
		inside[o.A] = 2*o.Area > of.area[o.A]
	}
}

// drawn is the region about what the second annotator drew.
func (c *comparison) drawn() mask.Mask {
	margin := c.options.Margin
	if margin == 0 {
		margin = c.margin()
	}
	c.out.Margin = max(0, margin)
	var runs []mask.Run
	for _, m := range c.b.masks {
		runs = append(runs, m...)
	}
	region := mask.Of(runs).Dilate(int32(c.out.Margin), c.a.layer.Box())
	return region.Fill(mask.Faces)
}

// margin is a tenth of the median equivalent diameter of the second's instances: more than
// the tissue between neighbours, less than would reach across one.
func (c *comparison) margin() int {
	if len(c.b.area) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(c.b.area))
	median := float64(sorted[len(sorted)/2])
	diameter := math.Sqrt(4 * median / math.Pi)
	if c.b.layer.Volume() {
		diameter = math.Cbrt(6 * median / math.Pi)
	}
	return int(math.Ceil(diameter / 10))
}

// published matches by the rule that NCL-SM publishes with its second annotations, and gives
// each pair its score. An instance of the reference is matched with the first of the second,
// by id, whose centroid, cut to whole pixels, lies inside its outline; the score is the IoU
// of the areas inside the outlines. An outline is the line of pixels just outside, as
// cv2.findContours finds it on the inverted mask, and counts as inside when it is filled.
// It is for two dimensions; volumes have no published rule.
func (c *comparison) published() map[[2]int]float64 {
	if c.a.layer.Volume() {
		return nil
	}
	type centre struct{ y, x int32 }
	filledB := make([]mask.Mask, len(c.b.masks))
	centres := make([]centre, len(c.b.masks))
	for j, m := range c.b.masks {
		filledB[j] = m.Fill(mask.Faces)
		p := filledB[j].Centroid()
		centres[j] = centre{int32(p.Y), int32(p.X)}
	}
	found := map[[2]int]float64{}
	box := c.a.layer.Box()
	for i, m := range c.a.masks {
		bounds := m.BBox()
		var filled mask.Mask
		for j, p := range centres {
			if !within(bounds, p.y, p.x) {
				continue
			}
			if filled == nil {
				filled = m.Fill(mask.Faces)
			}
			if filled.Contains(0, p.y, p.x) {
				found[[2]int{i, j}] = mask.IoU(outlined(filled, box), outlined(filledB[j], box))
				break
			}
		}
	}
	return found
}

// outlined is a mask and the pixels just outside of it.
func outlined(m mask.Mask, box schemas.BBox) mask.Mask { return m.Grow(box).Fill(mask.Faces) }

func within(b schemas.BBox, y, x int32) bool {
	return y >= b.Y0 && y < b.Y1 && x >= b.X0 && x < b.X1
}
