package mask

// Intersect is the mask of the elements that are in both.
func Intersect(a, b Mask) Mask {
	var out Mask
	overlap(a, b, func(r Run) { out = append(out, r) })
	return out
}

// IntersectionArea is the number of elements that are in both.
func IntersectionArea(a, b Mask) (n int64) {
	overlap(a, b, func(r Run) { n += int64(r.N) })
	return n
}

// IoU is the intersection over union of two masks: 0 where both are empty.
func IoU(a, b Mask) float64 {
	common := IntersectionArea(a, b)
	if common == 0 {
		return 0
	}
	return float64(common) / float64(a.Area()+b.Area()-common)
}

// overlap hands out the stretches that a and b have in common, in order.
func overlap(a, b Mask, found func(Run)) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		r, s := a[i], b[j]
		if !r.sameRow(s) {
			if r.compare(s) < 0 {
				i++
			} else {
				j++
			}
			continue
		}
		if x0, x1 := max(r.X, s.X), min(r.End(), s.End()); x0 < x1 {
			found(Run{r.Z, r.Y, x0, x1 - x0})
		}
		if r.End() <= s.End() {
			i++
		} else {
			j++
		}
	}
}

// Union is the mask of the elements that are in either.
func Union(a, b Mask) Mask {
	out := make(Mask, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		var r Run
		if len(b) == 0 || len(a) > 0 && a[0].compare(b[0]) <= 0 {
			r, a = a[0], a[1:]
		} else {
			r, b = b[0], b[1:]
		}
		if n := len(out) - 1; n >= 0 && out[n].sameRow(r) && r.X <= out[n].End() {
			out[n].N = max(out[n].End(), r.End()) - out[n].X
			continue
		}
		out = append(out, r)
	}
	return out
}

// Subtract is the mask of the elements of a that are not in b.
func Subtract(a, b Mask) Mask {
	var out Mask
	j := 0
	for _, r := range a {
		for j < len(b) && (b[j].compare(r) < 0 && !(b[j].sameRow(r) && b[j].End() > r.X)) {
			j++
		}
		x := r.X
		for k := j; k < len(b) && b[k].sameRow(r) && b[k].X < r.End(); k++ {
			if b[k].X > x {
				out = append(out, Run{r.Z, r.Y, x, b[k].X - x})
			}
			x = b[k].End()
		}
		if x < r.End() {
			out = append(out, Run{r.Z, r.Y, x, r.End() - x})
		}
	}
	return out
}
