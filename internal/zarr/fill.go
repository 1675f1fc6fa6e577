package zarr

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/float16"

	"github.com/micropq/micropq/schemas"
)

// parseFill makes one little-endian element of a fill value. A null stands for zero.
func parseFill(d schemas.DType, v json.RawMessage) ([]byte, error) {
	out := make([]byte, 8)
	if isNull(v) {
		return out[:d.Size()], nil
	}
	bits, err := fillBits(d, strings.TrimSpace(string(v)))
	if err != nil {
		return nil, fmt.Errorf("%s is no %s: %w", v, d, err)
	}
	binary.LittleEndian.PutUint64(out, bits)
	return out[:d.Size()], nil
}

func fillBits(d schemas.DType, v string) (uint64, error) {
	bits := 8 * d.Size()
	switch {
	case d == schemas.Bool:
		switch v {
		case "true", "1":
			return 1, nil
		case "false", "0":
			return 0, nil
		}
		return 0, strconv.ErrSyntax
	case d.Float():
		return floatBits(d, v)
	case d.Signed():
		n, err := strconv.ParseInt(integral(v), 10, bits)
		return uint64(n), err
	}
	return strconv.ParseUint(integral(v), 10, bits)
}

// integral drops the fraction of an integer that a writer put down as a float.
func integral(v string) string {
	if whole, frac, ok := strings.Cut(v, "."); ok && strings.Trim(frac, "0") == "" {
		return whole
	}
	return v
}

func floatBits(d schemas.DType, v string) (uint64, error) {
	if hex, ok := strings.CutPrefix(strings.Trim(v, `"`), "0x"); ok {
		return strconv.ParseUint(hex, 16, 8*d.Size())
	}
	var f float64
	switch v {
	case `"NaN"`:
		f = math.NaN()
	case `"Infinity"`:
		f = math.Inf(1)
	case `"-Infinity"`:
		f = math.Inf(-1)
	default:
		var err error
		if f, err = strconv.ParseFloat(v, 64); err != nil {
			return 0, err
		}
	}
	switch d {
	case schemas.Float16:
		return uint64(float16.New(float32(f)).Uint16()), nil
	case schemas.Float32:
		return uint64(math.Float32bits(float32(f))), nil
	}
	return math.Float64bits(f), nil
}
