package zarr

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// codes are numpy's type codes.
var codes = map[string]schemas.DType{
	"b1": schemas.Bool, "i1": schemas.Int8, "i2": schemas.Int16, "i4": schemas.Int32, "i8": schemas.Int64,
	"u1": schemas.Uint8, "u2": schemas.Uint16, "u4": schemas.Uint32, "u8": schemas.Uint64,
	"f2": schemas.Float16, "f4": schemas.Float32, "f8": schemas.Float64,
}

// numpyType reads a numpy type: a type string such as "<u2", or, as the configuration of a
// filter may have it, one without a byte order or a name such as "uint16".
func numpyType(s string) (d schemas.DType, big bool, err error) {
	if s == "" {
		return "", false, fmt.Errorf("dtype %q", s)
	}
	code := s
	if strings.ContainsAny(s[:1], "<>|=") {
		code = s[1:]
	} else if d, err = schemas.ParseDType(s); err == nil {
		return d, false, nil
	}
	d, ok := codes[code]
	if !ok {
		return "", false, fmt.Errorf("dtype %q", s)
	}
	return d, s[0] == '>' && d.Size() > 1, nil
}

// swapBytes reverses the bytes of every element in place. What is left of a last element
// stays as it is.
func swapBytes(b []byte, size int) {
	le := binary.LittleEndian
	switch size {
	case 2:
		swapPairs(b)
	case 4:
		for len(b) >= 8 {
			le.PutUint64(b, bits.RotateLeft64(bits.ReverseBytes64(le.Uint64(b)), 32))
			b = b[8:]
		}
		if len(b) >= 4 {
			le.PutUint32(b, bits.ReverseBytes32(le.Uint32(b)))
		}
	case 8:
		for len(b) >= 8 {
			le.PutUint64(b, bits.ReverseBytes64(le.Uint64(b)))
			b = b[8:]
		}
	}
}

func swapPairs(b []byte) {
	const low = 0x00ff00ff00ff00ff
	le := binary.LittleEndian
	for len(b) >= 16 {
		v, w := le.Uint64(b), le.Uint64(b[8:])
		le.PutUint64(b, v>>8&low|v&low<<8)
		le.PutUint64(b[8:], w>>8&low|w&low<<8)
		b = b[16:]
	}
	for len(b) >= 2 {
		b[0], b[1] = b[1], b[0]
		b = b[2:]
	}
}
