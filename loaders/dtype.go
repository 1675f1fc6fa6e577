package loaders

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/float16"

	"github.com/micropq/micropq/schemas"
)

// Number is any element type a region can be read into. The elements of a float16 array
// are a float16.Num of arrow-go.
type Number interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float16.Num | float32 | float64
}

// ID is any type that instance ids can be read into.
type ID interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func init() {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		panic("micropq: data is little-endian and so must be the machine")
	}
}

// dtypeOf is the element type that T holds.
func dtypeOf[T Number]() schemas.DType {
	var zero T
	if _, ok := any(zero).(float16.Num); ok {
		return schemas.Float16
	}
	return schemas.DType(fmt.Sprintf("%T", zero))
}

// asBytes sees elements as their bytes.
func asBytes[T Number](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}

// label is element i of a label array as an id; bools are 0 and 1.
func label(data []byte, d schemas.DType, i int) int64 {
	le := binary.LittleEndian
	switch d {
	case schemas.Int8:
		return int64(int8(data[i]))
	case schemas.Uint16:
		return int64(le.Uint16(data[2*i:]))
	case schemas.Int16:
		return int64(int16(le.Uint16(data[2*i:])))
	case schemas.Uint32:
		return int64(le.Uint32(data[4*i:]))
	case schemas.Int32:
		return int64(int32(le.Uint32(data[4*i:])))
	case schemas.Uint64, schemas.Int64:
		return int64(le.Uint64(data[8*i:]))
	}
	return int64(data[i])
}
