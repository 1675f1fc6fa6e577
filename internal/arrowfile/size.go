package arrowfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// size is about how many bytes the values of n rows take, by their offsets alone.
func (r *reader) size(v *vector, at, n int64) (int64, error) {
	if at+n > v.length {
		return 0, fmt.Errorf("row %d of %d", at+n-1, v.length)
	}
	total := n * 16 // of an any
	switch {
	case v.kind == arrow.STRUCT:
		for _, c := range v.children {
			size, err := r.size(c, at, n)
			if err != nil {
				return 0, err
			}
			total += size
		}
	case v.kind == arrow.FIXED_SIZE_LIST:
		size, err := r.size(v.children[0], at*v.width, n*v.width)
		return total + size, err
	case v.offsets != nil:
		lo, hi, err := r.ends(v, at, n)
		if err != nil {
			return 0, err
		}
		if v.data != nil {
			return total + hi - lo, nil
		}
		if hi-lo > r.limit {
			return hi - lo, nil
		}
		size, err := r.size(v.children[0], lo, hi-lo)
		return total + size, err
	}
	return total, nil
}

// offsetWidth is the size of an offset of a type.
func offsetWidth(t arrow.Type) int64 {
	if t == arrow.LARGE_STRING || t == arrow.LARGE_BINARY || t == arrow.LARGE_LIST {
		return 8
	}
	return 4
}

func offsetAt(p []byte, width, i int64) int64 {
	if width == 8 {
		return int64(binary.LittleEndian.Uint64(p[8*i:]))
	}
	return int64(int32(binary.LittleEndian.Uint32(p[4*i:])))
}

// ends is the first and last of the offsets of n rows. What they point at exists.
func (r *reader) ends(v *vector, at, n int64) (lo, hi int64, err error) {
	if n == 0 {
		return 0, 0, nil
	}
	w := offsetWidth(v.kind)
	first, err := r.slice(v.offsets, at*w, w)
	if err != nil {
		return 0, 0, err
	}
	last, err := r.slice(v.offsets, (at+n)*w, w)
	if err != nil {
		return 0, 0, err
	}
	return r.checkEnds(v, offsetAt(first, w, 0), offsetAt(last, w, 0))
}

func (r *reader) checkEnds(v *vector, lo, hi int64) (int64, int64, error) {
	end := int64(0)
	if v.data != nil {
		if v.data.packed {
			if err := r.unpack(v.data); err != nil {
				return 0, 0, err
			}
		}
		end = v.data.length
	} else {
		end = v.children[0].length
	}
	if lo < 0 || hi < lo || hi > end {
		return 0, 0, fmt.Errorf("offsets %d to %d of %d", lo, hi, end)
	}
	return lo, hi, nil
}

// offsets reads the offsets of n rows, n+1 of them, which do not fall.
func (r *reader) offsets(v *vector, at, n int64) ([]int64, error) {
	if n == 0 {
		return []int64{0}, nil
	}
	w := offsetWidth(v.kind)
	p, err := r.slice(v.offsets, at*w, (n+1)*w)
	if err != nil {
		return nil, err
	}
	out := make([]int64, n+1)
	for i := range out {
		out[i] = offsetAt(p, w, int64(i))
	}
	if !slices.IsSorted(out) {
		return nil, errors.New("offsets that fall")
	}
	_, _, err = r.checkEnds(v, out[0], out[n])
	return out, err
}
