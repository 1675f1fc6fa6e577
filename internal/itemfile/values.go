package itemfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// Text is a scalar as text, nil for null and for what is no scalar.
func Text(v any) *string {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = string(v)
	case int32, int64, uint64, bool:
		s = fmt.Sprint(v)
	case float32:
		s = strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		s = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return nil
	}
	return &s
}

// Plain is a value that must be text, nil for null; a number is taken as its digits.
func Plain(v any) (*string, error) {
	if s := Text(v); s != nil || v == nil {
		return s, nil
	}
	return nil, fmt.Errorf("want text, have %s", Describe(Infer(v)))
}

// Number is a number as such.
func Number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case float32:
		return shortest(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// shortest is the number that a float32 was written for: 0.25, not 0.25000000372529.
func shortest(v float32) float64 {
	f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return float64(v)
	}
	return f
}

var variantName = regexp.MustCompile(`^(.+)_([0-9]{1,9})$`)

// Variant takes the name of a question's field apart: modality_0 is the variant 0 of type modality.
func Variant(name string) (kind *string, n *int32) {
	m := variantName.FindStringSubmatch(name)
	if m == nil {
		return &name, nil
	}
	i, err := strconv.ParseInt(m[2], 10, 32)
	if err != nil {
		return &name, nil
	}
	v := int32(i)
	return &m[1], &v
}
