package fisbegen

import "github.com/micropq/micropq/internal/nd"

// point is a position ZYX in sixteenths of a voxel. A voxel's centre has whole coordinates.
type point [3]int

const unit = 16 // sixteenths in a voxel

// segment is a tube of a neuron: all points within radius of the line from a to b.
type segment struct {
	a, b   point
	radius int // in sixteenths
}

// neuron is one annotated cell. It fills its ground truth channel with its id.
type neuron struct {
	id       int
	dim      bool
	colour   []int // brightness at the centre line in each raw channel
	segments []segment
}

const (
	step          = 4 * unit
	rootRadius    = 3 * unit
	minRadius     = unit * 5 / 4
	branchOneIn   = 12
	minBranch     = 8 // steps
	maxBranch     = 48
	voxelsPerUnit = 4000 // of volume for each voxel of a neuron's length, about 0.3 % filled
)

// tip is the growing end of a branch.
type tip struct {
	at     point
	dir    point // of length step
	radius int
}

// grow walks a neuron from root through a volume of shape ZYX until it is as long as
// neurons of such a volume are.
func grow(r *random, shape []int, root point) []segment {
	steps := (shape[0]*shape[1]*shape[2]/voxelsPerUnit + (shape[0]+shape[1]+shape[2])/2) * unit / step
	steps = max(steps, 4)
	tips := []tip{{root, r.direction(), rootRadius}}
	var segments []segment
	for len(segments) < steps {
		if len(tips) == 0 {
			from := segments[r.intn(len(segments))]
			tips = append(tips, tip{from.b, r.direction(), from.radius})
		}
		t := tips[len(tips)-1]
		tips = tips[:len(tips)-1]
		for n := r.between(minBranch, maxBranch); n > 0 && len(segments) < steps; n-- {
			next := t.advance(r, shape)
			segments = append(segments, segment{t.at, next.at, t.radius})
			t = next
			if r.intn(branchOneIn) == 0 {
				tips = append(tips, tip{t.at, r.direction(), max(t.radius*3/4, minRadius)})
			}
		}
	}
	return segments
}

// advance is the tip one step on, bent a little, turned back at the volume's faces.
func (t tip) advance(r *random, shape []int) tip {
	bend := r.direction()
	for i := range t.dir {
		t.dir[i] = t.dir[i]*3 + bend[i]
	}
	t.dir = t.dir.scaled(step)
	for i := range t.at {
		if next := t.at[i] + t.dir[i]; next < 0 || next > (shape[i]-1)*unit {
			t.dir[i] = -t.dir[i]
		}
		t.at[i] = min(max(t.at[i]+t.dir[i], 0), (shape[i]-1)*unit)
	}
	t.radius = max(t.radius-t.radius/24, minRadius)
	return t
}

// direction is a random vector of length step.
func (r *random) direction() point {
	for {
		p := point{r.between(-100, 100), r.between(-100, 100), r.between(-100, 100)}
		if d := p.squared(); d > 0 && d <= 100*100 {
			return p.scaled(step)
		}
	}
}

func (p point) minus(q point) point { return point{p[0] - q[0], p[1] - q[1], p[2] - q[2]} }
func (p point) dot(q point) int     { return p[0]*q[0] + p[1]*q[1] + p[2]*q[2] }
func (p point) squared() int        { return p.dot(p) }

func (p point) scaled(length int) point {
	n := max(isqrt(p.squared()), 1)
	return point{p[0] * length / n, p[1] * length / n, p[2] * length / n}
}

// isqrt is the integer part of the square root of n, by Newton's method.
func isqrt(n int) int {
	if n < 2 {
		return n
	}
	x := n
	for y := (x + 1) / 2; y < x; y = (x + n/x) / 2 {
		x = y
	}
	return x
}

// Closeness is how near a voxel lies to a neuron's centre line: whole there, edge at the
// neuron's surface, 0 at twice its radius, where its light ends.
const (
	whole = 256
	edge  = whole * 3 / 4
)

// closeness writes into dst, C order, the closeness of every voxel of the box, ZYX. It
// reports whether the neuron comes near the box.
func (n neuron) closeness(dst []uint16, box nd.Region) bool {
	clear(dst)
	near := false
	for _, s := range n.segments {
		near = s.paint(dst, box) || near
	}
	return near
}

// paint raises the closeness of the voxels around the segment, if the box has any.
func (s segment) paint(dst []uint16, box nd.Region) bool {
	var lo, hi [3]int // in voxels, relative to the box, half open
	for i := range lo {
		lo[i] = max((min(s.a[i], s.b[i])-2*s.radius)/unit-box.Origin[i], 0)
		hi[i] = min((max(s.a[i], s.b[i])+2*s.radius)/unit+1-box.Origin[i], box.Shape[i])
		if lo[i] >= hi[i] {
			return false
		}
	}
	for z := lo[0]; z < hi[0]; z++ {
		for y := lo[1]; y < hi[1]; y++ {
			row := dst[(z*box.Shape[1]+y)*box.Shape[2]:][:box.Shape[2]]
			p := point{(z + box.Origin[0]) * unit, (y + box.Origin[1]) * unit, 0}
			for x := lo[2]; x < hi[2]; x++ {
				p[2] = (x + box.Origin[2]) * unit
				c := whole - (whole-edge)*s.squaredDistance(p)/(s.radius*s.radius)
				if c > int(row[x]) {
					row[x] = uint16(c)
				}
			}
		}
	}
	return true
}

// squaredDistance is the square of p's distance from the segment's line, rounded down.
func (s segment) squaredDistance(p point) int {
	ab, ap := s.b.minus(s.a), p.minus(s.a)
	along, length := ap.dot(ab), ab.squared()
	switch {
	case along <= 0:
		return ap.squared()
	case along >= length:
		return p.minus(s.b).squared()
	default:
		return ap.squared() - along*along/length
	}
}
