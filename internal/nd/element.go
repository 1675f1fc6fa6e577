package nd

import (
	"encoding/binary"
	"math"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/schemas"
)

// Element is one element of type d and value v, little-endian.
func Element(d schemas.DType, v float64) []byte {
	b := make([]byte, 8)
	le := binary.LittleEndian
	switch {
	case d == schemas.Float16:
		le.PutUint16(b, half.FromFloat64(v))
	case d == schemas.Float32:
		le.PutUint32(b, math.Float32bits(float32(v)))
	case d == schemas.Float64:
		le.PutUint64(b, math.Float64bits(v))
	case d == schemas.Uint64:
		le.PutUint64(b, uint64(v))
	default:
		le.PutUint64(b, uint64(int64(v)))
	}
	return b[:d.Size()]
}
