package vqa

import "github.com/micropq/micropq/internal/itemfile"

// Map says what the columns of a source are. Only Name is needed: a source may have
// images alone, or questions alone.
type Map = itemfile.Map

// QuestionMap says where questions of a kind are.
type QuestionMap = itemfile.QuestionMap

// AnnotationMap says that a column is a list of annotated objects. Lists of equal length
// are about the same objects.
type AnnotationMap = itemfile.AnnotationMap

// Maps lists the names of the maps that come with micropq.
func Maps() []string { return itemfile.Maps() }

// MapNamed is a map that comes with micropq.
func MapNamed(name string) (*Map, error) { return itemfile.MapNamed(name) }

// MapText is the text of a map that comes with micropq.
func MapText(name string) ([]byte, error) { return itemfile.MapText(name) }

// ParseMap reads a map, checked against its JSON Schema.
func ParseMap(name string, data []byte) (*Map, error) { return itemfile.ParseMap(name, data) }
