package itemfile

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/yamlfile"
	"github.com/micropq/micropq/schemas"
)

// Map says what the columns of a source are. Only Name is needed: a source may have
// images alone, or questions alone.
type Map struct {
	Name        string   `yaml:"name,omitempty"` // of the data set
	Title       string   `yaml:"title,omitempty"`
	Description string   `yaml:"description,omitempty"`
	Licence     string   `yaml:"licence,omitempty"` // SPDX identifier
	Citation    string   `yaml:"citation,omitempty"`
	DOI         string   `yaml:"doi,omitempty"`
	URL         string   `yaml:"url,omitempty"`
	Tags        []string `yaml:"tags,omitempty"`

	Split       string          `yaml:"split,omitempty"`        // of files whose names tell none
	ID          string          `yaml:"id,omitempty"`           // column of sample ids; without it files and rows are counted
	Dataset     string          `yaml:"dataset,omitempty"`      // column
	Group       string          `yaml:"group,omitempty"`        // column: what must not cross splits
	Image       string          `yaml:"image,omitempty"`        // column: image, path, or a list of these
	PixelSize   string          `yaml:"pixel_size,omitempty"`   // column: micrometres per pixel
	ItemLicence string          `yaml:"item_licence,omitempty"` // column
	Categories  []string        `yaml:"categories,omitempty"`   // text columns with few distinct values
	Questions   []QuestionMap   `yaml:"questions,omitempty"`
	Objects     []AnnotationMap `yaml:"objects,omitempty"`
}

// QuestionMap says where questions of a kind are: in the fields of a struct column, each a
// question whose type and variant are in the field's name (modality_0), or in the columns
// of the item itself. The other members name fields of each question, or columns.
type QuestionMap struct {
	Kind        string `yaml:"kind,omitempty"` // question or caption
	Each        string `yaml:"each,omitempty"` // struct column; empty where the item itself is a question
	ID          string `yaml:"id,omitempty"`
	Type        string `yaml:"type,omitempty"` // without each
	Question    string `yaml:"question,omitempty"`
	Options     string `yaml:"options,omitempty"`
	Answer      string `yaml:"answer,omitempty"`
	AnswerIndex string `yaml:"answer_index,omitempty"`
	Tags        string `yaml:"tags,omitempty"`
}

// AnnotationMap says that a column is a list of annotated objects. Lists of equal length
// are about the same objects.
type AnnotationMap struct {
	Column string `yaml:"column,omitempty"`
	Shape  string `yaml:"shape,omitempty"` // box, polygon, point, or mixed: told by each object
	Box    string `yaml:"box,omitempty"`   // of boxes given as four numbers: xyxy (default) or xywh
}

// Shapes of annotated objects.
const (
	ShapeBox     = "box"
	ShapePolygon = "polygon"
	ShapePoint   = "point"
	ShapeMixed   = "mixed"
	BoxXYWH      = "xywh"
)

//go:embed maps
var files embed.FS

// Maps lists the names of the maps that come with micropq.
func Maps() []string {
	entries, _ := files.ReadDir("maps")
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}

// MapNamed is a map that comes with micropq.
func MapNamed(name string) (*Map, error) {
	data, err := MapText(name)
	if err != nil {
		return nil, err
	}
	return ParseMap(name+".yaml", data)
}

// MapText is the text of a map that comes with micropq.
func MapText(name string) ([]byte, error) {
	if !slices.Contains(Maps(), name) {
		return nil, fmt.Errorf("no map %q: want one of %s, or a file", name, strings.Join(Maps(), ", "))
	}
	return files.ReadFile("maps/" + name + ".yaml")
}

// ParseMap reads a map, checked against [MapSchema].
func ParseMap(name string, data []byte) (*Map, error) {
	var m Map
	if err := yamlfile.Load(name, data, MapSchema(), &m); err != nil {
		return nil, err
	}
	if m.Split != "" {
		if err := schemas.CheckSplit(m.Split); err != nil {
			return nil, &yamlfile.Error{File: name, Path: "/split", Err: err}
		}
	}
	return &m, nil
}

// MapSchema is the JSON Schema (draft 2020-12) of a map.
func MapSchema() []byte {
	b, err := files.ReadFile("maps/map.schema.json")
	if err != nil {
		panic(err) // it is embedded
	}
	return b
}

// Names are the columns that the map gives a meaning, in its order.
func (m *Map) Names() []string {
	names := []string{m.ID, m.Dataset, m.Group, m.Image}
	for _, q := range m.Questions {
		if q.Each != "" {
			names = append(names, q.Each)
			continue
		}
		names = append(names, q.FieldNames()...)
		names = append(names, q.Type)
	}
	for _, o := range m.Objects {
		names = append(names, o.Column)
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// FieldNames are the names that q gives a meaning within a question.
func (q *QuestionMap) FieldNames() []string {
	return slices.DeleteFunc([]string{q.ID, q.Question, q.Options, q.Answer, q.AnswerIndex, q.Tags},
		func(n string) bool { return n == "" })
}
