package npy

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/schemas"
)

func TestReadHeader(t *testing.T) {
	for _, shape := range [][]int{nil, {7}, {3, 0, 5}, {12, 34}} {
		for _, d := range schemas.DTypes {
			h, err := Header(d, shape)
			if err != nil {
				t.Fatal(err)
			}
			l, err := ReadHeader(bytes.NewReader(append(h, 1, 2, 3)))
			if err != nil || l.DType != d || !slices.Equal(l.Shape, shape) || l.Fortran || l.BigEndian || l.Size != int64(len(h)) {
				t.Errorf("%s %v: %+v, %v", d, shape, l, err)
			}
		}
	}
}

// versioned is a header of a version with the dictionary as it stands.
func versioned(major byte, dict string) []byte {
	b := append([]byte(Magic), major, 0, byte(len(dict)), byte(len(dict)>>8))
	if major > 1 {
		b = append(b, 0, 0)
	}
	return append(b, dict...)
}

func TestReadHeaderOfOthers(t *testing.T) {
	l, err := ReadHeader(bytes.NewReader(versioned(2, "{'descr': '>i4', 'fortran_order': True, 'shape': (3L, 4L), }\n")))
	if err != nil || l.DType != schemas.Int32 || !l.BigEndian || !l.Fortran || !slices.Equal(l.Shape, []int{3, 4}) {
		t.Errorf("%+v, %v", l, err)
	}
}

var malformed = map[string][]byte{
	"empty":         nil,
	"not npy":       []byte("PK\x03\x04 and more of it"),
	"version 9":     versioned(9, "{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }"),
	"cut":           versioned(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }")[:30],
	"claims 4 GiB":  append([]byte(Magic), 2, 0, 255, 255, 255, 255, '{'),
	"complex":       versioned(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }"),
	"float of 3":    versioned(1, "{'descr': '<f3', 'fortran_order': False, 'shape': (3,), }"),
	"bool of 2":     versioned(1, "{'descr': '|b2', 'fortran_order': False, 'shape': (3,), }"),
	"structured":    versioned(1, "{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (3,), }"),
	"no shape":      versioned(1, "{'descr': '<u2', 'fortran_order': False, }"),
	"shape too big": versioned(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
	"shape past 64": versioned(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
	"negative":      versioned(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (-3,), }"),
}

func TestReadHeaderRefuses(t *testing.T) {
	for name, data := range malformed {
		l, err := ReadHeader(bytes.NewReader(data))
		if err == nil {
			t.Errorf("%s: taken as %+v", name, l)
		} else if want := name == "not npy" || name == "empty"; errors.Is(err, ErrFormat) != want || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	for _, data := range malformed {
		f.Add(data)
	}
	h, _ := Header(schemas.Uint16, []int{3, 4})
	f.Add(h)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ReadHeader(bytes.NewReader(data))
		if err != nil {
			return
		}
		if l.Size > int64(len(data)) || l.DType.Size() == 0 {
			t.Fatalf("%+v of %d bytes", l, len(data))
		}
		for _, n := range l.Shape {
			if n < 0 {
				t.Fatalf("%+v", l)
			}
		}
	})
}
