package schemas

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// group is a Parquet group that keeps the order of its fields; parquet.Group sorts them by
// name.
type group struct {
	parquet.Group // empty: what does not depend on the fields
	fields        []parquet.Field
}

func (g *group) Fields() []parquet.Field { return g.fields }
func (g *group) GoType() reflect.Type    { return reflect.TypeFor[map[string]any]() }

// field is a named node that finds its value in that of its parent.
type field struct {
	parquet.Node
	name  string
	index []int
}

func (f *field) Name() string { return f.name }

// Value finds the field in a struct (by index), a map (by name) or a record.
func (f *field) Value(base reflect.Value) reflect.Value {
	for base.Kind() == reflect.Interface || base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	switch {
	case !base.IsValid():
		return base
	case base.Type() == reflect.TypeFor[record]():
		r := base.Addr().Interface().(*record)
		if f.index != nil {
			return r.row.FieldByIndex(f.index)
		}
		return reflect.ValueOf(r.added[f.name])
	case base.Kind() == reflect.Map:
		return mapValue(base, f.name)
	}
	return base.FieldByIndex(f.index)
}

func mapValue(m reflect.Value, key string) reflect.Value {
	v := m.MapIndex(reflect.ValueOf(key))
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

// record is a row with the values of its added columns.
type record struct {
	row   reflect.Value
	added map[string]any
}

func rootNode(columns []Column) parquet.Node {
	g := &group{fields: make([]parquet.Field, len(columns))}
	for i := range columns {
		c := &columns[i]
		g.fields[i] = &field{Node: c.node(), name: c.Name, index: c.index}
	}
	return g
}

// node is the Parquet node of the column.
func (c *Column) node() parquet.Node {
	n := c.requiredNode()
	if c.Dict {
		n = parquet.Encoded(n, &parquet.RLEDictionary)
	}
	if c.Payload {
		n = parquet.Compressed(n, &parquet.Uncompressed)
	}
	if c.Nullable {
		n = parquet.Optional(n)
	}
	return n
}

func (c *Column) requiredNode() parquet.Node {
	switch c.Type {
	case TypeBool:
		return parquet.Leaf(parquet.BooleanType)
	case TypeInt32:
		return parquet.Int(32)
	case TypeInt64:
		return parquet.Int(64)
	case TypeUint64:
		return parquet.Uint(64)
	case TypeFloat32:
		return parquet.Leaf(parquet.FloatType)
	case TypeFloat64:
		return parquet.Leaf(parquet.DoubleType)
	case TypeString:
		return parquet.String()
	case TypeBinary:
		return parquet.Leaf(parquet.ByteArrayType)
	case TypeDate:
		return parquet.Date()
	case TypeList:
		return parquet.List(c.Elem.node())
	}
	return rootNode(c.Fields) // a struct: check has refused any other type
}

// goTypes are the Go types of the values of added scalar columns.
var goTypes = func() map[Type]reflect.Type {
	m := map[Type]reflect.Type{TypeDate: reflect.TypeFor[int32]()}
	for g, t := range scalars {
		m[t] = g
	}
	return m
}()

// checkValue checks that v is a value of the column, as Table.Row describes them.
func (c *Column) checkValue(v any) error {
	if v == nil {
		if !c.Nullable {
			return fmt.Errorf("%s is not nullable, the value is null", c.Type)
		}
		return nil
	}
	switch c.Type {
	case TypeList:
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("want []any for a list, have %T", v)
		}
		for i, e := range list {
			if err := c.Elem.checkValue(e); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
	case TypeStruct:
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("want map[string]any for a struct, have %T", v)
		}
		for i := range c.Fields {
			if err := c.Fields[i].checkValue(m[c.Fields[i].Name]); err != nil {
				return fmt.Errorf("field %s: %w", c.Fields[i].Name, err)
			}
		}
		for name := range m {
			if !slices.ContainsFunc(c.Fields, func(f Column) bool { return f.Name == name }) {
				return fmt.Errorf("field %s: the column has no such field", name)
			}
		}
	default:
		if have := reflect.TypeOf(v); have != goTypes[c.Type] {
			return fmt.Errorf("want %v for %s, have %v", goTypes[c.Type], c.Type, have)
		}
	}
	return nil
}
