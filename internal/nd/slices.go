package nd

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseRegion reads a region written as numpy slices an array of the shape: "0:3,10:20,:,5",
// negative numbers counting from the end, axes left out at the end being whole. Unlike numpy
// it keeps an axis that has one index, with extent 1, and refuses what leaves the array or
// is empty.
func ParseRegion(text, axes string, shape []int) (Region, error) {
	r := Region{Origin: make([]int, len(shape)), Shape: append([]int(nil), shape...)}
	if strings.TrimSpace(text) == "" {
		return r, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > len(shape) {
		return r, fmt.Errorf("region %q has %d axes, the array has %d (%s)", text, len(parts), len(shape), axes)
	}
	for i, part := range parts {
		lo, hi, err := parseSlice(part, shape[i])
		if err != nil {
			return r, fmt.Errorf("region %q, axis %c of extent %d: %w", text, axes[i], shape[i], err)
		}
		r.Origin[i], r.Shape[i] = lo, hi-lo
	}
	return r, nil
}

// parseSlice reads a:b, a:, :b, : or one index, of an axis of n elements.
func parseSlice(s string, n int) (lo, hi int, err error) {
	first, last, isRange := strings.Cut(strings.TrimSpace(s), ":")
	if strings.Contains(last, ":") {
		return 0, 0, fmt.Errorf("%q: a step is not supported", s)
	}
	if lo, err = parseIndex(first, 0, n); err != nil {
		return 0, 0, err
	}
	if !isRange {
		if first == "" {
			return 0, 0, fmt.Errorf("%q: want a:b, a:, :b, : or an index", s)
		}
		hi = lo + 1
	} else if hi, err = parseIndex(last, n, n); err != nil {
		return 0, 0, err
	}
	switch {
	case lo < 0 || lo > n || hi > n || hi < 0:
		return 0, 0, fmt.Errorf("%q leaves the array", s)
	case hi <= lo:
		return 0, 0, fmt.Errorf("%q is empty", s)
	}
	return lo, hi, nil
}

// parseIndex reads one bound; empty stands for def, negative counts from n.
func parseIndex(s string, def, n int) (int, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return def, nil
	}
	i, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not an index", s)
	}
	if i < 0 {
		if i < -n {
			return 0, fmt.Errorf("%q leaves the array", s)
		}
		i += n
	}
	return i, nil
}
