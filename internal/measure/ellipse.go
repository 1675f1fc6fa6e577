package measure

import "math"

// minContour is the fewest points of a contour that NCL-SM fits an ellipse to.
const minContour = 10

// fitEllipse fits a conic to points by least squares and returns the full lengths of the
// minor and major axis, as cv2.fitEllipse does: the general conic gives the centre, a second
// fit around it the axes (Fitzgibbon and Fisher, BMVC 1995, "LIN"). ok is false where the
// points lie on a line or no axis comes out finite.
func fitEllipse(points []point) (minor, major float64, ok bool) {
	var c, spread struct{ x, y float64 }
	n := float64(len(points))
	for _, p := range points {
		c.x += float64(p.x) / n
		c.y += float64(p.y) / n
	}
	for _, p := range points {
		spread.x += math.Abs(float64(p.x)-c.x) / n
		spread.y += math.Abs(float64(p.y)-c.y) / n
	}
	scale := 1 / (spread.x + spread.y) // coordinates about 1 keep the equations well conditioned
	at := func(p point) (x, y float64) { return (float64(p.x) - c.x) * scale, (float64(p.y) - c.y) * scale }

	var conic normal
	for _, p := range points {
		x, y := at(p)
		conic.add([5]float64{-x * x, -y * y, -x * y, x, y})
	}
	g, ok := conic.solve(5)
	if !ok {
		return 0, 0, false
	}
	det := 4*g[0]*g[1] - g[2]*g[2]
	x0, y0 := (2*g[1]*g[3]-g[2]*g[4])/det, (2*g[0]*g[4]-g[2]*g[3])/det

	var centred normal
	for _, p := range points {
		x, y := at(p)
		x, y = x-x0, y-y0
		centred.add([5]float64{x * x, y * y, x * y})
	}
	if g, ok = centred.solve(3); !ok {
		return 0, 0, false
	}
	t := g[1] - g[0]
	if angle := math.Atan2(g[2], t); math.Abs(g[2]) > 1e-8 {
		t = g[2] / math.Sin(angle)
	}
	axis := func(v float64) float64 { return 2 * math.Sqrt(2/math.Abs(v)) / scale }
	minor, major = axis(g[0]+g[1]-t), axis(g[0]+g[1]+t)
	if minor > major {
		minor, major = major, minor
	}
	return minor, major, major < math.MaxInt32 // false for NaN
}

// normal are the normal equations of a least squares fit of linear terms to 1.
type normal struct {
	a [5][5]float64
	b [5]float64
}

func (q *normal) add(row [5]float64) {
	for i, v := range row {
		for j := range i + 1 {
			q.a[i][j] += v * row[j]
		}
		q.b[i] += v
	}
}

// solve solves the equations of the first n terms by Cholesky decomposition; ok is false
// where they are singular.
func (q *normal) solve(n int) (x [5]float64, ok bool) {
	l := q.a
	for i := range n {
		for j := range i + 1 {
			sum := l[i][j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i != j {
				l[i][j] = sum / l[j][j]
				continue
			}
			if !(sum > 1e-13*q.a[i][i]) {
				return x, false
			}
			l[i][i] = math.Sqrt(sum)
		}
	}
	for i := range n {
		x[i] = q.b[i]
		for k := range i {
			x[i] -= l[i][k] * x[k]
		}
		x[i] /= l[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= l[k][i] * x[k]
		}
		x[i] /= l[i][i]
	}
	return x, true
}
