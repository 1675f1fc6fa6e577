package pickle

import (
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/npy"
)

// ErrFormat is wrapped by every error of a pickle that is damaged or not of plain data.
var ErrFormat = errors.New("pickle")

// Tuple is a Python tuple.
type Tuple []any

// List is a Python list.
type List struct{ Items []any }

// Dict is a Python dictionary with keys of text, the only ones that are read.
type Dict struct{ Items map[string]any }

// DType is a numpy dtype: of plain elements, or O for objects.
type DType struct {
	Descr string // kind and size, such as u2
	Big   bool
}

// Array is a numpy array.
type Array struct {
	DType   *DType
	Shape   []int
	Fortran bool
	Data    []byte // of plain elements
	Objects []any  // of dtype O
}

// Layout says how Data lies.
func (a *Array) Layout() (*npy.Layout, error) {
	d, err := npy.ParseDescr(a.DType.Descr)
	if err != nil {
		return nil, err
	}
	l := &npy.Layout{DType: d, BigEndian: a.DType.Big, Fortran: a.Fortran, Shape: a.Shape}
	if n, ok := nd.CheckedElements(a.Shape); !ok || len(a.Data)/d.Size() != n || len(a.Data)%d.Size() != 0 {
		return nil, fmt.Errorf("%w: %d bytes for an array of %v %s", ErrFormat, len(a.Data), a.Shape, d)
	}
	return l, nil
}

// global names a function or class that reduce may call.
type global string

const (
	globalReconstruct global = "_reconstruct" // numpy's: an array to be built
	globalScalar      global = "scalar"
	globalFromBuffer  global = "_frombuffer" // protocol 5
	globalArray       global = "ndarray"
	globalDType       global = "dtype"
	globalEncode      global = "encode" // protocol 2: bytes as text in Latin-1
)

// globals are what numpy calls its own, before version 2 and since.
var globals = map[string]global{
	"numpy.core.multiarray _reconstruct":  globalReconstruct,
	"numpy._core.multiarray _reconstruct": globalReconstruct,
	"numpy.core.multiarray scalar":        globalScalar,
	"numpy._core.multiarray scalar":       globalScalar,
	"numpy.core.numeric _frombuffer":      globalFromBuffer,
	"numpy._core.numeric _frombuffer":     globalFromBuffer,
	"numpy ndarray":                       globalArray,
	"numpy dtype":                         globalDType,
	"_codecs encode":                      globalEncode,
}

// call does what calling a global would.
func (g global) call(args Tuple) (any, error) {
	switch g {
	case globalReconstruct:
		if len(args) == 3 && args[0] == any(globalArray) {
			return &Array{}, nil
		}
	case globalDType:
		if len(args) >= 1 {
			if s, ok := args[0].(string); ok {
				return &DType{Descr: s}, nil
			}
		}
	case globalScalar:
		if len(args) == 2 {
			return scalar(args[0], args[1])
		}
	case globalFromBuffer:
		if len(args) == 4 {
			return fromBuffer(args)
		}
	case globalEncode:
		if len(args) == 2 && args[1] == any("latin1") {
			if s, ok := args[0].(string); ok {
				return latin1(s)
			}
		}
	}
	return nil, fmt.Errorf("%s of %d arguments", g, len(args))
}

func latin1(s string) ([]byte, error) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, errors.New("text is not Latin-1")
		}
		b = append(b, byte(r))
	}
	return b, nil
}

// scalar is a numpy scalar, as an array without axes.
func scalar(d, data any) (any, error) {
	dtype, ok := d.(*DType)
	b, ok2 := data.([]byte)
	if !ok || !ok2 {
		return nil, errors.New("scalar without dtype and bytes")
	}
	return &Array{DType: dtype, Shape: []int{}, Data: b}, nil
}

func fromBuffer(args Tuple) (any, error) {
	data, ok := args[0].([]byte)
	d, ok2 := args[1].(*DType)
	shape, err := shapeOf(args[2])
	order, ok3 := args[3].(string)
	if !ok || !ok2 || !ok3 || err != nil {
		return nil, errors.Join(errors.New("array from a buffer"), err)
	}
	return &Array{DType: d, Shape: shape, Data: data, Fortran: order == "F"}, nil
}

func shapeOf(v any) ([]int, error) {
	t, ok := v.(Tuple)
	if !ok || len(t) > nd.MaxDims {
		return nil, errors.New("shape is no tuple, or too long")
	}
	shape := make([]int, len(t))
	for i := range t {
		n, ok := t[i].(int64)
		if !ok || n < 0 {
			return nil, errors.New("shape is not of integers")
		}
		shape[i] = int(n)
	}
	if _, ok := nd.CheckedElements(shape); !ok {
		return nil, fmt.Errorf("shape %v is too large", shape)
	}
	return shape, nil
}

// build gives a value its state.
func build(v, state any) error {
	s, ok := state.(Tuple)
	if !ok {
		return errors.New("state is no tuple")
	}
	switch v := v.(type) {
	case *DType:
		// (version, byte order, subdtype, names, fields, size, alignment, flags)
		if len(s) < 5 || s[2] != nil || s[3] != nil || s[4] != nil {
			return errors.New("dtype with fields")
		}
		v.Big = s[1] == any(">")
		return nil
	case *Array:
		// (version, shape, dtype, Fortran order, data)
		if len(s) != 5 {
			break
		}
		shape, err := shapeOf(s[1])
		if err != nil {
			return err
		}
		d, ok := s[2].(*DType)
		fortran, ok2 := s[3].(bool)
		if !ok || !ok2 {
			break
		}
		v.Shape, v.DType, v.Fortran = shape, d, fortran
		switch data := s[4].(type) {
		case []byte:
			v.Data = data
		case *List:
			v.Objects = data.Items
		default:
			return errors.New("array without data")
		}
		return nil
	}
	return fmt.Errorf("state of %d items for a %T", len(s), v)
}
