package itemfile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/micropq/micropq/internal/arrowfile"
	"github.com/micropq/micropq/schemas"
)

const (
	// TypeNull is the type of a column without a value.
	TypeNull = arrowfile.TypeNull
	// TypeMixed is the type of an untyped column whose values have no type in common.
	TypeMixed schemas.Type = "mixed"
)

// Infer is the type of an untyped value.
func Infer(v any) schemas.Column {
	c := schemas.Column{Type: TypeNull, Nullable: true}
	switch v := v.(type) {
	case bool:
		c.Type = schemas.TypeBool
	case json.Number:
		c.Type = schemas.TypeFloat64
		if _, err := v.Int64(); err == nil {
			c.Type = schemas.TypeInt64
		}
	case string:
		c.Type = schemas.TypeString
	case []byte:
		c.Type = schemas.TypeBinary
	case []any:
		e := schemas.Column{Type: TypeNull, Nullable: true}
		for _, x := range v {
			e = Merge(e, Infer(x), true)
		}
		c.Type, c.Elem = schemas.TypeList, &e
	case map[string]any:
		c.Type = schemas.TypeStruct
		for _, name := range slices.Sorted(maps.Keys(v)) {
			f := Infer(v[name])
			f.Name = name
			c.Fields = append(c.Fields, f)
		}
		if len(c.Fields) == 0 { // Parquet has no struct without fields
			c.Type = TypeMixed
		}
	}
	return c
}

// Merge is the type that holds the values of both; TypeMixed where there is none. Untyped
// numbers may be integers by chance.
func Merge(a, b schemas.Column, untyped bool) schemas.Column {
	switch {
	case a.Type == TypeNull:
		b.Name = a.Name
		return b
	case b.Type == TypeNull:
		return a
	case a.Type == TypeMixed || b.Type == TypeMixed:
		return mixed(a)
	case a.Type != b.Type:
		return mergeNumbers(a, b, untyped)
	}
	switch a.Type {
	case schemas.TypeList:
		e := Merge(*a.Elem, *b.Elem, untyped)
		if e.Type == TypeMixed {
			return mixed(a)
		}
		a.Elem = &e
	case schemas.TypeStruct:
		fields, ok := mergeFields(a.Fields, b.Fields, untyped)
		if !ok {
			return mixed(a)
		}
		a.Fields = fields
	case schemas.TypeInt64:
		if a.Classes == nil {
			a.Classes = b.Classes
		} else if b.Classes != nil && !slices.Equal(a.Classes, b.Classes) {
			return mixed(a)
		}
	}
	return a
}

func mixed(c schemas.Column) schemas.Column {
	return schemas.Column{Name: c.Name, Type: TypeMixed, Nullable: true}
}

func mergeNumbers(a, b schemas.Column, untyped bool) schemas.Column {
	wider := map[[2]schemas.Type]schemas.Type{
		{schemas.TypeInt32, schemas.TypeInt64}:     schemas.TypeInt64,
		{schemas.TypeFloat32, schemas.TypeFloat64}: schemas.TypeFloat64,
		{schemas.TypeInt32, schemas.TypeFloat64}:   schemas.TypeFloat64,
	}
	if untyped {
		wider[[2]schemas.Type{schemas.TypeInt64, schemas.TypeFloat64}] = schemas.TypeFloat64
	}
	for _, pair := range [][2]schemas.Type{{a.Type, b.Type}, {b.Type, a.Type}} {
		if t, ok := wider[pair]; ok && a.Classes == nil && b.Classes == nil {
			a.Type = t
			return a
		}
	}
	return mixed(a)
}

// mergeFields unites fields in the order in which they first stand.
func mergeFields(a, b []schemas.Column, untyped bool) ([]schemas.Column, bool) {
	a = slices.Clone(a)
	for _, f := range b {
		i := slices.IndexFunc(a, func(c schemas.Column) bool { return c.Name == f.Name })
		if i < 0 {
			a = append(a, f)
			continue
		}
		if a[i] = Merge(a[i], f, untyped); a[i].Type == TypeMixed {
			return nil, false
		}
	}
	return a, true
}

// Storable makes a column one that a table can have: what is null everywhere becomes text,
// and no text.
func Storable(c schemas.Column) schemas.Column {
	c.Nullable = true
	switch c.Type {
	case TypeNull:
		c.Type = schemas.TypeString
	case schemas.TypeList:
		e := Storable(*c.Elem)
		c.Elem = &e
	case schemas.TypeStruct:
		c.Fields = slices.Clone(c.Fields)
		for i := range c.Fields {
			c.Fields[i] = Storable(c.Fields[i])
		}
	}
	return c
}

// Describe is a type for people.
func Describe(c schemas.Column) string {
	switch {
	case c.Classes != nil:
		return fmt.Sprintf("class label of %d names", len(c.Classes))
	case c.Type == schemas.TypeList:
		return "list of " + Describe(*c.Elem)
	case c.Type == schemas.TypeStruct:
		return fmt.Sprintf("struct of %d fields", len(c.Fields))
	}
	return string(c.Type)
}

// Difference finds where in two columns that cannot be united their types differ, and how.
func Difference(name string, a, b schemas.Column, untyped bool) (at, one, other string) {
	if a.Type == b.Type {
		switch a.Type {
		case schemas.TypeList:
			return Difference(name+"[]", *a.Elem, *b.Elem, untyped)
		case schemas.TypeStruct:
			for _, f := range b.Fields {
				i := slices.IndexFunc(a.Fields, func(c schemas.Column) bool { return c.Name == f.Name })
				if i >= 0 && Merge(a.Fields[i], f, untyped).Type == TypeMixed {
					return Difference(name+"."+f.Name, a.Fields[i], f, untyped)
				}
			}
		}
	}
	if a.Classes != nil && b.Classes != nil {
		for i := range min(len(a.Classes), len(b.Classes)) {
			if a.Classes[i] != b.Classes[i] {
				return name, fmt.Sprintf("a class label whose class %d is %q", i, a.Classes[i]), fmt.Sprintf("one whose class %d is %q", i, b.Classes[i])
			}
		}
	}
	return name, Describe(a), Describe(b)
}

// Coerce makes a value one of a column's type, as schemas.Table.Row wants it, or says why
// it is none.
func Coerce(c *schemas.Column, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.Type {
	case schemas.TypeList:
		list, ok := v.([]any)
		if !ok {
			return nil, wrong(c, v)
		}
		out := make([]any, len(list))
		for i, e := range list {
			var err error
			if out[i], err = Coerce(c.Elem, e); err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
		}
		return out, nil
	case schemas.TypeStruct:
		return coerceStruct(c, v)
	case schemas.TypeInt64:
		if name, ok := v.(string); ok && c.Classes != nil {
			if i := slices.Index(c.Classes, name); i >= 0 {
				return int64(i), nil
			}
			return nil, fmt.Errorf("%q is none of the %d class names", name, len(c.Classes))
		}
	}
	return coerceScalar(c, v)
}

func coerceStruct(c *schemas.Column, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrong(c, v)
	}
	out := make(map[string]any, len(m))
	for i := range c.Fields {
		f := &c.Fields[i]
		value, err := Coerce(f, m[f.Name])
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
		out[f.Name] = value
	}
	for name := range m {
		if _, known := out[name]; !known {
			return nil, fmt.Errorf("field %s is not one of the column's", name)
		}
	}
	return out, nil
}

func coerceScalar(c *schemas.Column, v any) (any, error) {
	switch v := v.(type) {
	case bool:
		if c.Type == schemas.TypeBool {
			return v, nil
		}
	case string:
		if c.Type == schemas.TypeString {
			return v, nil
		}
		if c.Type == schemas.TypeBinary {
			return base64.StdEncoding.DecodeString(v)
		}
	case []byte:
		if c.Type == schemas.TypeBinary {
			return v, nil
		}
	case json.Number:
		return coerceNumber(c, v)
	case int32:
		switch c.Type {
		case schemas.TypeInt32, schemas.TypeDate:
			return v, nil
		case schemas.TypeInt64:
			return int64(v), nil
		case schemas.TypeFloat64:
			return float64(v), nil
		}
	case int64:
		if c.Type == schemas.TypeInt64 {
			return v, nil
		}
	case uint64:
		if c.Type == schemas.TypeUint64 {
			return v, nil
		}
	case float32:
		switch c.Type {
		case schemas.TypeFloat32:
			return v, nil
		case schemas.TypeFloat64:
			return float64(v), nil
		}
	case float64:
		if c.Type == schemas.TypeFloat64 {
			return v, nil
		}
	}
	return nil, wrong(c, v)
}

func coerceNumber(c *schemas.Column, n json.Number) (v any, err error) {
	switch c.Type {
	case schemas.TypeInt32, schemas.TypeDate:
		var i int64
		i, err = strconv.ParseInt(string(n), 10, 32)
		v = int32(i)
	case schemas.TypeInt64:
		v, err = strconv.ParseInt(string(n), 10, 64)
	case schemas.TypeUint64:
		v, err = strconv.ParseUint(string(n), 10, 64)
	case schemas.TypeFloat32:
		var f float64
		f, err = strconv.ParseFloat(string(n), 32)
		v = float32(f)
	case schemas.TypeFloat64:
		v, err = strconv.ParseFloat(string(n), 64)
	default:
		return nil, wrong(c, n)
	}
	if err != nil {
		return nil, wrong(c, n)
	}
	return v, nil
}

func wrong(c *schemas.Column, v any) error {
	switch v := v.(type) {
	case string, json.Number:
		return fmt.Errorf("want %s, have %q", Describe(*c), v)
	case []any:
		return fmt.Errorf("want %s, have a list", Describe(*c))
	case map[string]any:
		return fmt.Errorf("want %s, have a struct", Describe(*c))
	}
	return fmt.Errorf("want %s, have %v", Describe(*c), v)
}

// ToJSON is a value as JSON, bytes in base64. Infinities and NaN, which JSON lacks, are
// text.
func ToJSON(v any) string {
	b, err := json.Marshal(finite(v))
	if err != nil {
		return "null" // no value that is read has another type than JSON knows
	}
	return string(b)
}

func finite(v any) any {
	switch v := v.(type) {
	case float32:
		return finite(float64(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = finite(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = finite(v[k])
		}
		return out
	}
	return v
}
