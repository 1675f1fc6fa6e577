package nclsmgen

// The classes of myofibres.
const (
	classAM = iota
	classNTM
	classFAM
)

// Tissue is the content of one section. Myofibres lie on a jittered lattice: a pixel is of
// the fibre whose centre is nearest, or of the membrane between two that are about as near.
type Tissue struct {
	Height, Width int
	seed          uint64
	cell          int // pitch of the lattice
	rows, columns int // cells
	fold          box // of the folded region, an ellipse; empty for none
}

type box struct{ y0, x0, y1, x1 int }

// speck is a fibre of one pixel, as the published masks have some.
const speckEvery = 23

// newTissue lays a section out over fibres cells about.
func newTissue(seed uint64, height, width, cell int) *Tissue {
	t := &Tissue{Height: height, Width: width, seed: seed, cell: cell}
	t.rows, t.columns = (height+cell-1)/cell, (width+cell-1)/cell
	if h := hash(seed, 1); h%4 != 0 {
		fh, fw := max(2, height/5), max(2, width/6)
		y, x := below(mix(h), max(1, height-fh)), below(mix(h+1), max(1, width-fw))
		t.fold = box{y, x, y + fh, x + fw}
	}
	return t
}

// Fibres is the largest id.
func (t *Tissue) Fibres() int { return t.rows * t.columns }

// centre is where the fibre of a lattice cell lies.
func (t *Tissue) centre(row, column int) (y, x int) {
	h := hash(t.seed, row, column)
	return row*t.cell + t.cell/4 + below(h, t.cell/2), column*t.cell + t.cell/4 + below(mix(h), t.cell/2)
}

func (t *Tissue) id(row, column int) uint32 { return uint32(row*t.columns+column) + 1 }

// class is that of a fibre.
func (t *Tissue) class(id uint32) int {
	row, column := int(id-1)/t.columns, int(id-1)%t.columns
	h := below(hash(t.seed, 2, int(id)), 100)
	switch {
	case row == 0 || column == 0 || row == t.rows-1 || column == t.columns-1 || h < 20:
		return classNTM
	case h < 30:
		return classFAM
	}
	return classAM
}

// candidate is a fibre near a pixel.
type candidate struct {
	id       uint32
	distance int // squared
}

// nearest are the nearest fibre of a pixel and the next.
func (t *Tissue) nearest(y, x int) (a, b candidate) {
	a.distance, b.distance = 1<<60, 1<<60
	row, column := y/t.cell, x/t.cell
	for r := max(0, row-1); r <= min(t.rows-1, row+1); r++ {
		for c := max(0, column-1); c <= min(t.columns-1, column+1); c++ {
			cy, cx := t.centre(r, c)
			d := candidate{t.id(r, c), (y-cy)*(y-cy) + (x-cx)*(x-cx)}
			if d.distance < a.distance {
				a, b = d, a
			} else if d.distance < b.distance {
				b = d
			}
		}
	}
	return a, b
}

// IDs writes the ids of a row of pixels, 0 for none.
func (t *Tissue) IDs(y int, ids []uint32) {
	for x := range ids {
		ids[x] = t.at(y, x)
	}
}

func (t *Tissue) at(y, x int) uint32 {
	a, b := t.nearest(y, x)
	id := a.id
	gap := t.cell * t.cell / 12
	if hash(t.seed, 3, int(min(a.id, b.id)), int(max(a.id, b.id)))%5 == 0 {
		gap = 0 // these two touch
	}
	cy, cx := t.centre(int(id-1)/t.columns, int(id-1)%t.columns)
	switch h := hash(t.seed, 4, int(id)); {
	case b.distance-a.distance < gap || t.Folded(y, x):
		return 0
	case h%speckEvery == 0 && a.distance > 0:
		return 0
	case h%11 == 1 && a.distance <= 2: // a hole
		return 0
	case h%13 == 2 && (y == cy || x == cx): // four pieces
		return 0
	}
	return id
}

// Folded reports whether a pixel is of the folded region.
func (t *Tissue) Folded(y, x int) bool {
	f := t.fold
	h, w := f.y1-f.y0, f.x1-f.x0
	dy, dx := 2*(y-f.y0)-h, 2*(x-f.x0)-w
	return h > 0 && w > 0 && dy*dy*w*w+dx*dx*h*h < h*h*w*w
}

// Second is the id another annotator gives a pixel: some fibres only, drawn a pixel lower
// and numbered anew.
func (t *Tissue) Second(y, x int) uint32 {
	if y == 0 {
		return 0
	}
	id := t.at(y-1, x)
	if id == 0 || hash(t.seed, 5, int(id))%7 != 0 {
		return 0
	}
	return 1000 + id
}

// Image writes a row of the image: RGB.
func (t *Tissue) Image(y int, rgb []uint8) {
	for x := range t.Width {
		a, b := t.nearest(y, x)
		noise := below(hash(t.seed, 6, y, x), 24)
		edge := (b.distance - a.distance) * 12 / max(1, t.cell*t.cell)
		membrane := max(0, 190-90*min(edge, 2)) + noise
		mass := 40 + below(hash(t.seed, 7, int(a.id)), 150) + noise/2
		if edge == 0 {
			mass /= 3
		}
		rgb[3*x], rgb[3*x+1], rgb[3*x+2] = uint8(min(membrane, 255)), uint8(min(mass, 255)), 0
	}
}
