package schemas

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
)

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

// shredder takes the values of added columns apart into the leaves of a Parquet row, with
// the repetition and definition levels of the Dremel paper (Melnik et al., VLDB 2010).
// parquet-go would do it, but loses nulls that are elements of a list.
type shredder struct {
	first  int               // column index of the first leaf
	leaves [][]parquet.Value // of each leaf from there
}

// levels say where in a row a value stands: its repetition level, the number of lists
// around it, its definition level.
type levels struct{ repetition, lists, definition int }

// shred takes apart a value that checkValue has accepted; its first leaf is leaves[leaf].
func (s *shredder) shred(c *Column, leaf int, v any, at levels) {
	if c.Nullable {
		if v == nil {
			s.absent(c, leaf, at)
			return
		}
		at.definition++
	}
	switch c.Type {
	case TypeList:
		list := v.([]any)
		if len(list) == 0 {
			s.absent(c, leaf, at)
			return
		}
		at.lists++
		at.definition++
		for _, e := range list {
			s.shred(c.Elem, leaf, e, at)
			at.repetition = at.lists
		}
	case TypeStruct:
		for i := range c.Fields {
			f := &c.Fields[i]
			s.shred(f, leaf, v.(map[string]any)[f.Name], at)
			leaf += f.leafCount()
		}
	default:
		s.add(leaf, parquet.ValueOf(v), at)
	}
}

// absent marks that there is nothing below c at this place.
func (s *shredder) absent(c *Column, leaf int, at levels) {
	for i := range c.leafCount() {
		s.add(leaf+i, parquet.NullValue(), at)
	}
}

func (s *shredder) add(leaf int, v parquet.Value, at levels) {
	s.leaves[leaf] = append(s.leaves[leaf], v.Level(at.repetition, at.definition, s.first+leaf))
}

// leafCount is the number of Parquet columns that hold the column.
func (c *Column) leafCount() int {
	switch c.Type {
	case TypeList:
		return c.Elem.leafCount()
	case TypeStruct:
		n := 0
		for i := range c.Fields {
			n += c.Fields[i].leafCount()
		}
		return n
	}
	return 1
}
