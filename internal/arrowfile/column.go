package arrowfile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micropq/micropq/schemas"
)

// Columns are the columns of a file as micropq has them: small integers become int32,
// unsigned ones the next larger type, float16 float32. Every column may be null.
func Columns(s *arrow.Schema) ([]schemas.Column, error) {
	columns := make([]schemas.Column, s.NumFields())
	for i, f := range s.Fields() {
		c, err := columnOf(f)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		columns[i] = c
	}
	return columns, nil
}

var scalarTypes = map[arrow.Type]schemas.Type{
	arrow.BOOL: schemas.TypeBool,
	arrow.INT8: schemas.TypeInt32, arrow.INT16: schemas.TypeInt32, arrow.INT32: schemas.TypeInt32,
	arrow.UINT8: schemas.TypeInt32, arrow.UINT16: schemas.TypeInt32,
	arrow.UINT32: schemas.TypeInt64, arrow.INT64: schemas.TypeInt64, arrow.UINT64: schemas.TypeUint64,
	arrow.FLOAT16: schemas.TypeFloat32, arrow.FLOAT32: schemas.TypeFloat32, arrow.FLOAT64: schemas.TypeFloat64,
	arrow.STRING: schemas.TypeString, arrow.LARGE_STRING: schemas.TypeString,
	arrow.BINARY: schemas.TypeBinary, arrow.LARGE_BINARY: schemas.TypeBinary,
	arrow.DATE32: schemas.TypeDate,
}

// TypeNull is the type of a column without a value, of which nothing else is known.
const TypeNull schemas.Type = "null"

func columnOf(f arrow.Field) (schemas.Column, error) {
	c := schemas.Column{Name: f.Name, Nullable: true}
	if t, ok := scalarTypes[f.Type.ID()]; ok {
		c.Type = t
		return c, nil
	}
	switch t := f.Type.(type) {
	case *arrow.NullType:
		c.Type = TypeNull
		return c, nil
	case *arrow.StructType:
		c.Type = schemas.TypeStruct
		for _, sub := range t.Fields() {
			s, err := columnOf(sub)
			if err != nil {
				return c, fmt.Errorf("field %s: %w", sub.Name, err)
			}
			c.Fields = append(c.Fields, s)
		}
		return c, nil
	case *arrow.ListType:
		return listOf(c, t.ElemField())
	case *arrow.LargeListType:
		return listOf(c, t.ElemField())
	case *arrow.FixedSizeListType:
		return listOf(c, t.ElemField())
	}
	return c, fmt.Errorf("%w: Arrow type %s; write the column with a plain type", ErrUnsupported, f.Type)
}

func listOf(c schemas.Column, elem arrow.Field) (schemas.Column, error) {
	e, err := columnOf(elem)
	if err != nil {
		return c, fmt.Errorf("element: %w", err)
	}
	e.Name = ""
	c.Type, c.Elem = schemas.TypeList, &e
	return c, nil
}
