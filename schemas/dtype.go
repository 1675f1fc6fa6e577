package schemas

import "fmt"

// DType names an element type as numpy does ("uint16", "float32"). Elements are
// little-endian wherever micropq writes or returns bytes; bool is one byte, 0 or 1.
type DType string

// The element types a data set may hold.
const (
	Bool    DType = "bool"
	Int8    DType = "int8"
	Int16   DType = "int16"
	Int32   DType = "int32"
	Int64   DType = "int64"
	Uint8   DType = "uint8"
	Uint16  DType = "uint16"
	Uint32  DType = "uint32"
	Uint64  DType = "uint64"
	Float16 DType = "float16"
	Float32 DType = "float32"
	Float64 DType = "float64"
)

// DTypes lists every element type, in the order of the constants.
var DTypes = []DType{Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float16, Float32, Float64}

// ParseDType checks that s names an element type.
func ParseDType(s string) (DType, error) {
	d := DType(s)
	if d.Size() == 0 {
		return "", fmt.Errorf("unknown dtype %q: want one of %v", s, DTypes)
	}
	return d, nil
}

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case Bool, Int8, Uint8:
		return 1
	case Int16, Uint16, Float16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Float64:
		return 8
	}
	return 0
}

// Float reports whether d is a floating-point type.
func (d DType) Float() bool { return d == Float16 || d == Float32 || d == Float64 }

// Signed reports whether d is a signed integer type.
func (d DType) Signed() bool { return d == Int8 || d == Int16 || d == Int32 || d == Int64 }

// Label reports whether d can hold instance ids: an integer, signed or not, or a mask of bools.
func (d DType) Label() bool { return d.Size() > 0 && !d.Float() }
