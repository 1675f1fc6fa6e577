package schemas

import (
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// group is a Parquet group that keeps the order of its fields; parquet.Group sorts them by
// name.
type group struct {
	parquet.Group // empty: what does not depend on the fields
	fields        []parquet.Field
}

func (g *group) Fields() []parquet.Field { return g.fields }

// field is a named node that finds its value in that of its parent.
type field struct {
	parquet.Node
	name  string
	index []int
}

func (f *field) Name() string { return f.name }

// Value finds the field in a struct. A column added by Table.With has no place in one.
func (f *field) Value(base reflect.Value) reflect.Value {
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	return base.FieldByIndex(f.index)
}

// groupNode is a group of columns that stand side by side.
func groupNode(columns []Column) parquet.Node {
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
	return groupNode(c.Fields) // a struct: check has refused any other type
}
