// Package npy writes and reads the header of .npy files, which numpy.load reads: a magic number, a
// version, a Python dictionary with element type and shape, then the elements in C order.
//
// The layout is that of NEP 1 (numpy.lib.format), version 1.0.
package npy

import (
	"fmt"
	"math"
	"strings"

	"github.com/micropq/micropq/schemas"
)

const (
	magic = "\x93NUMPY\x01\x00"
	// align is what the length of a header is a multiple of, so that elements can be mapped.
	align = 64
)

// Header is the header of a file that holds little-endian elements of the type in C order.
func Header(d schemas.DType, shape []int) ([]byte, error) {
	descr, err := descriptor(d)
	if err != nil {
		return nil, err
	}
	var dims strings.Builder
	for _, n := range shape {
		if n < 0 {
			return nil, fmt.Errorf("npy: shape %v has a negative extent", shape)
		}
		fmt.Fprintf(&dims, "%d, ", n)
	}
	tuple := strings.TrimSuffix(dims.String(), " ")
	if len(shape) > 1 {
		tuple = strings.TrimSuffix(tuple, ",")
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	size := len(magic) + 2 + len(dict) + 1
	dict += strings.Repeat(" ", (align-size%align)%align) + "\n"
	if len(dict) > math.MaxUint16 {
		return nil, fmt.Errorf("npy: %d axes are too many", len(shape))
	}
	return append([]byte(magic), append([]byte{byte(len(dict)), byte(len(dict) >> 8)}, dict...)...), nil
}

// descriptor is numpy's array-protocol type string.
func descriptor(d schemas.DType) (string, error) {
	kind := byte('u')
	switch {
	case d.Size() == 0:
		return "", fmt.Errorf("npy: unknown dtype %q", d)
	case d == schemas.Bool:
		kind = 'b'
	case d.Float():
		kind = 'f'
	case d.Signed():
		kind = 'i'
	}
	order := byte('<')
	if d.Size() == 1 {
		order = '|'
	}
	return fmt.Sprintf("%c%c%d", order, kind, d.Size()), nil
}
