package store

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// checkKey refuses keys that could mean another object than the one they spell.
func checkKey(key string) error {
	if strings.ContainsRune(key, 0) {
		return fmt.Errorf("%w %q: it holds a NUL", ErrInvalidKey, key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%w %q: segment %q", ErrInvalidKey, key, segment)
		}
	}
	return nil
}

// checkPrefix accepts "" and the keys of folders with a slash behind them.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	folder, ok := strings.CutSuffix(prefix, "/")
	if !ok {
		return fmt.Errorf("%w prefix %q: it must end in a slash", ErrInvalidKey, prefix)
	}
	return checkKey(folder)
}

// checkRange reports a *RangeError unless n bytes from off lie within an object of the size.
func checkRange(key string, off, n, size int64) error {
	if off < 0 || n < 0 || off > size-n {
		return &RangeError{Key: key, Off: off, N: n, Size: size}
	}
	return nil
}

// checkLimit reports a *TooLargeError for a size over the limit, or over what memory can address.
func checkLimit(key string, size, limit int64) error {
	const addressable = min(math.MaxInt, 1<<46)
	if size > min(limit, addressable) {
		return &TooLargeError{Key: key, Size: size, Limit: min(limit, addressable)}
	}
	return nil
}

// extend lengthens dst by n bytes of any value and returns the whole and the new part.
func extend(dst []byte, n int64) (all, added []byte) {
	all = slices.Grow(dst, int(n))[:len(dst)+int(n)]
	return all, all[len(dst):]
}
