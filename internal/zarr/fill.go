package zarr

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/half"
	"github.com/micropq/micropq/schemas"
)

// fillV2 makes one little-endian element of a v2 fill value. A null leaves what is not there
// undefined (specification v2, "fill_value"); here it is zero.
func fillV2(d schemas.DType, v json.RawMessage) ([]byte, error) {
	if isNull(v) {
		return make([]byte, d.Size()), nil
	}
	return fill(d, v, false)
}

// fillV3 makes one little-endian element of a v3 fill value, which has to be there.
func fillV3(d schemas.DType, v json.RawMessage) ([]byte, error) {
	if isNull(v) {
		return nil, fmt.Errorf("there is none, of a %s array", d)
	}
	return fill(d, v, true)
}

// fill reads a value as v2 and v3 write it; only v3 has hexadecimal floats.
func fill(d schemas.DType, v json.RawMessage, hex bool) ([]byte, error) {
	word, err := fillBits(d, string(bytes.TrimSpace(v)), hex)
	if err != nil {
		var number *strconv.NumError
		if errors.As(err, &number) { // which repeats the value
			err = number.Err
		}
		return nil, fmt.Errorf("%.100s is no %s: %w", v, d, err)
	}
	return binary.LittleEndian.AppendUint64(nil, word)[:d.Size()], nil
}

func fillBits(d schemas.DType, v string, hex bool) (uint64, error) {
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
		return floatBits(d, v, hex)
	case d.Signed():
		n, err := strconv.ParseInt(integral(v), 10, 8*d.Size())
		return uint64(n), err
	}
	return strconv.ParseUint(integral(v), 10, 8*d.Size())
}

// integral spells an integer that a writer put down as a float, such as 1e3 or 0.0, without
// fraction and exponent.
func integral(v string) string {
	if !strings.ContainsAny(v, ".eE") {
		return v
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return v
	}
	return strconv.FormatInt(int64(f), 10)
}

// The NaN that "NaN" spells (core specification v3, "Permitted fill values"): positive, only
// the first bit of its fraction set. Go's is another.
const canonicalNaN = 0x7ff8 << 48

func floatBits(d schemas.DType, v string, hex bool) (uint64, error) {
	if digits, ok := strings.CutPrefix(strings.Trim(v, `"`), "0x"); ok && hex && v[0] == '"' {
		if len(digits) != 2*d.Size() {
			return 0, fmt.Errorf("want %d hexadecimal digits", 2*d.Size())
		}
		return strconv.ParseUint(digits, 16, 8*d.Size())
	}
	var f float64
	switch v {
	case `"NaN"`:
		f = math.Float64frombits(canonicalNaN)
	case `"Infinity"`:
		f = math.Inf(1)
	case `"-Infinity"`:
		f = math.Inf(-1)
	default:
		if strings.ContainsAny(v, `"xX_npaNPA`) { // not JSON numbers, though Go reads them
			return 0, strconv.ErrSyntax
		}
		var err error
		if f, err = strconv.ParseFloat(v, 64); err != nil {
			return 0, err
		}
	}
	switch d {
	case schemas.Float16:
		return uint64(half.FromFloat64(f)), nil
	case schemas.Float32:
		return uint64(float32Bits(f)), nil
	}
	return math.Float64bits(f), nil
}

func float32Bits(f float64) uint32 { return math.Float32bits(float32(f)) }

// isNull reports a JSON null or an absent value.
func isNull(v json.RawMessage) bool {
	v = bytes.TrimSpace(v)
	return len(v) == 0 || string(v) == "null"
}
