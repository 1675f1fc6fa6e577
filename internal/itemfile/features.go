package itemfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/micropq/micropq/schemas"
)

// member is a member of a JSON object whose order matters.
type member struct {
	name  string
	value json.RawMessage
}

// members are those of a JSON object in their order.
func members(data []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil {
		return nil, fmt.Errorf("want a JSON object: %w", err)
	} else if t != json.Delim('{') {
		return nil, errors.New("want a JSON object")
	}
	var out []member
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: t.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("the object does not end")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the object")
	}
	return out, nil
}

// applyFeatures marks the class labels among typed columns from the huggingface metadata of
// a file.
func applyFeatures(columns []schemas.Column, metadata []byte) error {
	var m struct {
		Info struct {
			Features json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if err := json.Unmarshal(metadata, &m); err != nil {
		return fmt.Errorf("huggingface metadata: %w", err)
	}
	if m.Info.Features == nil {
		return nil
	}
	features, err := members(m.Info.Features)
	if err != nil {
		return fmt.Errorf("huggingface metadata: features: %w", err)
	}
	for _, f := range features {
		for i := range columns {
			switch c := &columns[i]; {
			case c.Name != f.name:
			case c.Type == schemas.TypeInt64:
				c.Classes = classNames(f.value)
			case isImage(f.value) && c.Type == schemas.TypeStruct && Merge(*c, imageColumn(f.name), false).Type != TypeMixed:
				*c = imageColumn(f.name)
			}
		}
	}
	return nil
}

// classNames are the names of a ClassLabel feature, nil of any other.
func classNames(feature json.RawMessage) []string {
	var label struct {
		Type  string   `json:"_type"`
		Names []string `json:"names"`
	}
	if json.Unmarshal(feature, &label) != nil || label.Type != "ClassLabel" {
		return nil
	}
	return label.Names
}

func isImage(feature json.RawMessage) bool {
	var image struct {
		Type string `json:"_type"`
	}
	return json.Unmarshal(feature, &image) == nil && image.Type == "Image"
}

// featureTypes are the types of Value features.
var featureTypes = map[string]schemas.Type{
	"bool": schemas.TypeBool, "int8": schemas.TypeInt32, "int16": schemas.TypeInt32, "int32": schemas.TypeInt32,
	"uint8": schemas.TypeInt32, "uint16": schemas.TypeInt32, "uint32": schemas.TypeInt64,
	"int64": schemas.TypeInt64, "uint64": schemas.TypeUint64, "float16": schemas.TypeFloat32,
	"float32": schemas.TypeFloat32, "float64": schemas.TypeFloat64, "string": schemas.TypeString,
	"large_string": schemas.TypeString, "binary": schemas.TypeBinary, "large_binary": schemas.TypeBinary,
	"date32": schemas.TypeDate, "null": TypeNull,
}

// ParseFeatures reads the features of a dataset_info.json as columns.
func ParseFeatures(features []byte) ([]schemas.Column, error) {
	list, err := members(features)
	if err != nil {
		return nil, err
	}
	var columns []schemas.Column
	for _, f := range list {
		c, err := parseFeature(f.value)
		if err != nil {
			return nil, fmt.Errorf("feature %s: %w", f.name, err)
		}
		c.Name = f.name
		columns = append(columns, c)
	}
	return columns, nil
}

func parseFeature(text json.RawMessage) (schemas.Column, error) {
	c := schemas.Column{Nullable: true}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil {
		if len(list) != 1 {
			return c, errors.New("a list of one feature is wanted")
		}
		return listFeature(c, list[0])
	}
	// A column may be called _type: then the member is no text.
	var f struct {
		Type    string          `json:"_type"`
		DType   string          `json:"dtype"`
		Feature json.RawMessage `json:"feature"`
	}
	if json.Unmarshal(text, &f) != nil || f.Type == "" {
		fields, err := ParseFeatures(text)
		c.Type, c.Fields = schemas.TypeStruct, fields
		return c, err
	}
	switch f.Type {
	case "Value":
		var ok bool
		if c.Type, ok = featureTypes[f.DType]; !ok {
			return c, fmt.Errorf("type %s is not known", f.DType)
		}
	case "ClassLabel":
		c.Type, c.Classes = schemas.TypeInt64, classNames(text)
	case "Image":
		c = imageColumn("")
	case "List", "LargeList", "Sequence":
		return listFeature(c, f.Feature)
	default:
		return c, fmt.Errorf("%s is not known", f.Type)
	}
	return c, nil
}

func listFeature(c schemas.Column, element json.RawMessage) (schemas.Column, error) {
	e, err := parseFeature(element)
	c.Type, c.Elem = schemas.TypeList, &e
	return c, err
}

func imageColumn(name string) schemas.Column {
	return schemas.Column{Name: name, Type: schemas.TypeStruct, Nullable: true, Feature: schemas.FeatureImage, Fields: []schemas.Column{
		{Name: "bytes", Type: schemas.TypeBinary, Nullable: true, Payload: true},
		{Name: "path", Type: schemas.TypeString, Nullable: true},
	}}
}
