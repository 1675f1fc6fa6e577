package align

import "math"

// Shift is what the rows that were looked at tell; ok is false where that is too little: fewer than
// eight instances with edges, or no edge that the image shows.
func (e *Estimator) Shift() (best Shift, ok bool) {
	for c := range e.channels {
		y, okY := along(&e.channels[c][upper], &e.channels[c][lower])
		x, okX := along(&e.channels[c][left], &e.channels[c][right])
		r := min(y.correlation, x.correlation)
		if okY && okX && (!ok || r > best.Correlation) {
			best, ok = Shift{Y: y.shift, X: x.shift, ErrorY: y.error, ErrorX: x.error, Correlation: r, Channel: c, Edges: y.edges + x.edges}, true
		}
	}
	return best, ok
}

// estimate is a shift along one axis.
type estimate struct {
	shift, error, correlation float64
	edges                     int64
}

// along compares the profiles of opposite sides.
func along(a, b *[groups]sums) (estimate, bool) {
	sumA, sumB := add(a, -1), add(b, -1)
	lag, r, ok := distance(&sumA, &sumB)
	if !ok {
		return estimate{}, false
	}
	var shifts []float64
	for g := range groups {
		if a[g].n == 0 && b[g].n == 0 {
			continue
		}
		restA, restB := add(a, g), add(b, g)
		if without, _, ok := distance(&restA, &restB); ok {
			shifts = append(shifts, without/2)
		}
	}
	if len(shifts) < minGroups {
		return estimate{}, false
	}
	return estimate{shift: lag / 2, error: jackknife(shifts), correlation: r, edges: sumA.n + sumB.n}, true
}

// add is the profile of all groups but one.
func add(s *[groups]sums, without int) (out sums) {
	for g := range s {
		if g == without {
			continue
		}
		out.n += s[g].n
		for k, v := range s[g].profile {
			out.profile[k] += v
		}
	}
	return out
}

// distance is how far a lies behind b where they correlate most, and how much they do there.
func distance(a, b *sums) (lag, r float64, ok bool) {
	if a.n == 0 || b.n == 0 {
		return 0, 0, false
	}
	var at [2*maxLag + 3]float64 // one more to either side, for the parabola
	best := -1
	for i := range at {
		if at[i], ok = correlation(a, b, i-maxLag-1); !ok {
			return 0, 0, false
		}
		if i > 0 && i < len(at)-1 && (best < 0 || at[i] > at[best]) {
			best = i
		}
	}
	lag = float64(best - maxLag - 1)
	if below, peak, above := at[best-1], at[best], at[best+1]; below <= peak && above <= peak && below+above < 2*peak {
		lag += (below - above) / (2 * (below + above - 2*peak))
	}
	return lag, at[best], true
}

// correlation is Pearson's of a[k] and b[k-lag]; ok is false where one of them is flat.
func correlation(a, b *sums, lag int) (float64, bool) {
	from, to := max(0, lag), min(2*reach, 2*reach+lag)
	n := float64(to - from)
	var sa, sb, saa, sbb, sab float64
	for k := from; k < to; k++ {
		va, vb := a.profile[k]/float64(a.n), b.profile[k-lag]/float64(b.n)
		sa, sb = sa+va, sb+vb
		saa, sbb, sab = saa+va*va, sbb+vb*vb, sab+va*vb
	}
	da, db := saa-sa*sa/n, sbb-sb*sb/n
	if da <= 1e-12*saa || db <= 1e-12*sbb {
		return 0, false
	}
	return (sab - sa*sb/n) / math.Sqrt(da*db), true
}

// jackknife is the standard error of an estimate from those without one group each.
func jackknife(without []float64) float64 {
	n, mean, sum := float64(len(without)), 0.0, 0.0
	for _, v := range without {
		mean += v / n
	}
	for _, v := range without {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt((n - 1) / n * sum)
}
