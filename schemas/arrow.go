package schemas

import "github.com/apache/arrow-go/v18/arrow"

// Arrow is the Arrow schema: what pyarrow makes of a shard's columns.
func (t *Table) Arrow() *arrow.Schema {
	return arrow.NewSchema(arrowFields(t.Columns), nil)
}

func arrowFields(columns []Column) []arrow.Field {
	fields := make([]arrow.Field, len(columns))
	for i := range columns {
		fields[i] = columns[i].arrowField(columns[i].Name)
	}
	return fields
}

func (c *Column) arrowField(name string) arrow.Field {
	return arrow.Field{Name: name, Type: c.arrowType(), Nullable: c.Nullable}
}

func (c *Column) arrowType() arrow.DataType {
	switch c.Type {
	case TypeBool:
		return arrow.FixedWidthTypes.Boolean
	case TypeInt32:
		return arrow.PrimitiveTypes.Int32
	case TypeInt64:
		return arrow.PrimitiveTypes.Int64
	case TypeUint64:
		return arrow.PrimitiveTypes.Uint64
	case TypeFloat32:
		return arrow.PrimitiveTypes.Float32
	case TypeFloat64:
		return arrow.PrimitiveTypes.Float64
	case TypeString:
		return arrow.BinaryTypes.String
	case TypeBinary:
		return arrow.BinaryTypes.Binary
	case TypeDate:
		return arrow.FixedWidthTypes.Date32
	case TypeList:
		// "element" is the name that the Parquet specification gives it.
		return arrow.ListOfField(c.Elem.arrowField("element"))
	}
	return arrow.StructOf(arrowFields(c.Fields)...) // a struct: check has refused any other type
}
