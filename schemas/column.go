package schemas

import (
	"fmt"
	"reflect"
	"strings"
)

// Type is the type of a column's values.
type Type string

// The types a column may have.
const (
	TypeBool    Type = "bool"
	TypeInt32   Type = "int32"
	TypeInt64   Type = "int64"
	TypeUint64  Type = "uint64"
	TypeFloat32 Type = "float32"
	TypeFloat64 Type = "float64"
	TypeString  Type = "string" // UTF-8
	TypeBinary  Type = "binary"
	TypeDate    Type = "date" // days since 1970-01-01, an int32 in Go
	TypeList    Type = "list"
	TypeStruct  Type = "struct"
)

// FeatureImage marks a struct column laid out as [Image]: readers that know Hugging Face
// features show it as a picture.
const FeatureImage = "image"

// Column describes a column, a field of a struct column or the element of a list column.
type Column struct {
	Name     string   `json:"name,omitempty"` // empty for the element of a list
	Type     Type     `json:"type"`
	Nullable bool     `json:"nullable"`
	Doc      string   `json:"doc,omitempty"`
	Feature  string   `json:"feature,omitempty"` // FeatureImage or empty
	Classes  []string `json:"classes,omitempty"` // of an int64 column: the name of each value from 0
	Dict     bool     `json:"dict,omitempty"`    // few distinct values: worth a dictionary
	Payload  bool     `json:"payload,omitempty"` // bytes that are compressed already
	Fields   []Column `json:"fields,omitempty"`  // of a struct
	Elem     *Column  `json:"elem,omitempty"`    // of a list

	index []int // of the Go field that holds the value, nil for a column added by Table.With
}

// scalars maps the Go types of scalar columns.
var scalars = map[reflect.Type]Type{
	reflect.TypeFor[bool]():    TypeBool,
	reflect.TypeFor[int32]():   TypeInt32,
	reflect.TypeFor[int64]():   TypeInt64,
	reflect.TypeFor[uint64]():  TypeUint64,
	reflect.TypeFor[float32](): TypeFloat32,
	reflect.TypeFor[float64](): TypeFloat64,
	reflect.TypeFor[string]():  TypeString,
	reflect.TypeFor[[]byte]():  TypeBinary,
}

// columnsOf derives the columns of struct type t, the fields of embedded structs in the
// place where they are embedded. The index of t within the row's type is a prefix of theirs.
func columnsOf(t reflect.Type, prefix []int) ([]Column, error) {
	var columns []Column
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(prefix[:len(prefix):len(prefix)], i)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			embedded, err := columnsOf(f.Type, index)
			if err != nil {
				return nil, err
			}
			columns = append(columns, embedded...)
		case f.Anonymous || !f.IsExported():
			return nil, fmt.Errorf("%v.%s: want an exported field or an embedded struct", t, f.Name)
		default:
			c, err := columnOf(f)
			if err != nil {
				return nil, fmt.Errorf("%v.%s: %w", t, f.Name, err)
			}
			c.index = index
			columns = append(columns, c)
		}
	}
	return columns, nil
}

// columnOf derives the column of one struct field from its type and tags.
func columnOf(f reflect.StructField) (Column, error) {
	name, options, _ := strings.Cut(f.Tag.Get("parquet"), ",")
	c := Column{Name: name, Doc: f.Tag.Get("doc"), Feature: f.Tag.Get("hf")}
	list, date := false, false
	for _, option := range strings.Split(options, ",") {
		switch option {
		case "":
		case "optional":
			c.Nullable = true
		case "list":
			list = true
		case "date":
			date = true
		case "dict":
			c.Dict = true
		case "uncompressed":
			c.Payload = true
		default:
			return c, fmt.Errorf("parquet tag %q: unknown option %q", f.Tag.Get("parquet"), option)
		}
	}
	if err := c.setType(f.Type, list, date); err != nil {
		return c, err
	}
	return c, c.check()
}

// setType derives type, fields and element from Go type t.
func (c *Column) setType(t reflect.Type, list, date bool) error {
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	// A plain zero would be written as null, and a nil pointer has no value to write.
	if slice := t.Kind() == reflect.Slice; pointer && slice || !slice && pointer != c.Nullable {
		return fmt.Errorf("an optional column is a pointer or a slice, any other is neither pointer nor optional")
	}
	scalar, isScalar := scalars[t]
	switch {
	case date && scalar == TypeInt32:
		c.Type = TypeDate
	case date || list == isScalar && list:
		return fmt.Errorf("option date wants an int32, option list a slice other than []byte; the type is %v", t)
	case isScalar:
		c.Type = scalar
	case list && t.Kind() == reflect.Slice:
		c.Type, c.Elem = TypeList, &Column{}
		return c.Elem.setType(t.Elem(), t.Elem().Kind() == reflect.Slice && t.Elem().Elem().Kind() != reflect.Uint8, false)
	case !list && t.Kind() == reflect.Struct:
		c.Type = TypeStruct
		fields, err := columnsOf(t, nil)
		c.Fields = fields
		return err
	default:
		return fmt.Errorf("no column type for %v (a slice needs option list)", t)
	}
	return nil
}

// check reports what contradicts itself in the column or below it.
func (c *Column) check() error {
	leaf := c.Type != TypeList && c.Type != TypeStruct
	switch {
	case !validType(c.Type):
		return fmt.Errorf("column %q: unknown type %q", c.Name, c.Type)
	case (c.Elem != nil) != (c.Type == TypeList) || (len(c.Fields) > 0) != (c.Type == TypeStruct):
		return fmt.Errorf("column %q: a list has an element, a struct has fields, other types have neither", c.Name)
	case c.Feature != "" && (c.Feature != FeatureImage || !c.isImage()):
		return fmt.Errorf("column %q: feature %q wants a nullable struct of nullable binary bytes and string path", c.Name, c.Feature)
	case c.Classes != nil && (c.Type != TypeInt64 || !c.Nullable):
		// datasets takes a feature only for a nullable column.
		return fmt.Errorf("column %q: only a nullable int64 column has class names", c.Name)
	case c.Dict && !leaf || c.Payload && c.Type != TypeBinary:
		return fmt.Errorf("column %q: dict is for scalars, payload for binary", c.Name)
	}
	if c.Elem != nil {
		return c.Elem.check()
	}
	return checkColumns(c.Fields)
}

// checkColumns checks columns that stand side by side.
func checkColumns(columns []Column) error {
	seen := make(map[string]bool, len(columns))
	for i := range columns {
		c := &columns[i]
		if c.Name == "" || strings.Contains(c.Name, ",") {
			return fmt.Errorf("column %d: the name %q is empty or has a comma", i, c.Name)
		}
		if seen[c.Name] {
			return fmt.Errorf("column %q: the name is taken twice", c.Name)
		}
		seen[c.Name] = true
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

// isImage reports whether the column is laid out as an Image.
func (c *Column) isImage() bool {
	if c.Type != TypeStruct || !c.Nullable || len(c.Fields) != 2 {
		return false
	}
	b, p := c.Fields[0], c.Fields[1]
	return b.Name == "bytes" && b.Type == TypeBinary && b.Nullable &&
		p.Name == "path" && p.Type == TypeString && p.Nullable
}

func validType(t Type) bool {
	switch t {
	case TypeBool, TypeInt32, TypeInt64, TypeUint64, TypeFloat32, TypeFloat64,
		TypeString, TypeBinary, TypeDate, TypeList, TypeStruct:
		return true
	}
	return false
}
