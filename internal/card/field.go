package card

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// field is a Field of Croissant: a column or, below it, a field of a struct.
type field struct {
	Type        string       `json:"@type"`
	ID          string       `json:"@id"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	DataType    string       `json:"dataType,omitempty"`
	IsArray     bool         `json:"isArray,omitempty"`
	ArrayShape  string       `json:"arrayShape,omitempty"` // "-1,-1": two dimensions of any extent
	Source      *fieldSource `json:"source,omitempty"`     // of a field without fields below it
	SubFields   []field      `json:"subField,omitempty"`
}

type fieldSource struct {
	FileSet   reference   `json:"fileSet"`
	Extract   extract     `json:"extract"`
	Transform []transform `json:"transform,omitempty"` // from the column's value down to the field's
}

type reference struct {
	ID string `json:"@id"`
}

type extract struct {
	Column       string `json:"column,omitempty"`
	FileProperty string `json:"fileProperty,omitempty"`
}

type transform struct {
	JSONPath string `json:"jsonPath,omitempty"`
	Regex    string `json:"regex,omitempty"`
}

// dataTypes are the types of scalar columns in Croissant, which has none for bytes: readers
// give those of a text as they are.
var dataTypes = map[schemas.Type]string{
	schemas.TypeBool:    "sc:Boolean",
	schemas.TypeInt32:   "cr:Int32",
	schemas.TypeInt64:   "cr:Int64",
	schemas.TypeUint64:  "cr:UInt64",
	schemas.TypeFloat32: "cr:Float32",
	schemas.TypeFloat64: "cr:Float64",
	schemas.TypeString:  "sc:Text",
	schemas.TypeBinary:  "sc:Text",
	schemas.TypeDate:    "sc:Date",
}

// fields are the columns of the table. One that has no column for the split has a field that
// takes it from the shard's name. Readers that are asked for one split turn the regular
// expression into a glob, of which they know .+ and no more.
func (t table) fields() []field {
	var fields []field
	hasSplit := false
	for i := range t.Columns {
		c := &t.Columns[i]
		hasSplit = hasSplit || c.Name == "split"
		source := fieldSource{FileSet: reference{t.fileSet()}, Extract: extract{Column: c.Name}}
		fields = append(fields, newField(c, t.Name, source))
	}
	if !hasSplit {
		fields = append(fields, field{
			Type: "cr:Field", ID: t.Name + "/split", Name: "split", DataType: "sc:Text",
			Description: "train, val, test: the split of the shard that holds the row",
			Source: &fieldSource{
				FileSet:   reference{t.fileSet()},
				Extract:   extract{FileProperty: "fullpath"},
				Transform: []transform{{Regex: `^` + t.Name + `/(.+)-.+-of-.+\.parquet$`}},
			},
		})
	}
	return fields
}

// newField describes a column, or a field of a struct, whose value the source gives.
func newField(c *schemas.Column, parent string, source fieldSource) field {
	f := field{
		Type: "cr:Field", ID: parent + "/" + url.PathEscape(c.Name), Name: c.Name, Description: c.Doc,
	}
	var shape []string
	for ; c.Elem != nil; c = c.Elem {
		shape = append(shape, "-1")
	}
	f.IsArray, f.ArrayShape = len(shape) > 0, strings.Join(shape, ",")
	switch {
	case c.Feature == schemas.FeatureImage:
		source = source.below("bytes")
		f.DataType, f.Source = "sc:ImageObject", &source
	case c.Type == schemas.TypeStruct:
		for i := range c.Fields {
			sub := &c.Fields[i]
			f.SubFields = append(f.SubFields, newField(sub, f.ID, source.below(sub.Name)))
		}
	default:
		f.DataType, f.Source = dataTypes[c.Type], &source
	}
	return f
}

// below is the source of the field of a struct whose source is s.
func (s fieldSource) below(name string) fieldSource {
	n := len(s.Transform)
	s.Transform = append(s.Transform[:n:n], transform{JSONPath: jsonPath(name)})
	return s
}

// plainName is a name that JSONPath takes as it is.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// jsonPath is the JSONPath of a member. Parent and where are words of the language.
func jsonPath(name string) string {
	if plainName.MatchString(name) && name != "parent" && name != "where" {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}
