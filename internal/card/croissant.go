package card

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/micropq/micropq/schemas"
)

// croissantVersion is the specification that the file follows: 1.1 is the first in which a
// field can be an array.
const croissantVersion = "http://mlcommons.org/croissant/1.1"

// parquetFormat is the media type by which readers of Croissant know Parquet.
const parquetFormat = "application/x-parquet"

// croissantContext is the @context: the terms of the specification, version 1.1.
//
//go:embed context.json
var croissantContext []byte

type croissant struct {
	Context      json.RawMessage `json:"@context"`
	Type         string          `json:"@type"`
	ConformsTo   string          `json:"conformsTo"`
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	Licence      string          `json:"license,omitempty"`
	CiteAs       string          `json:"citeAs,omitempty"`
	URL          string          `json:"url,omitempty"`
	IsBasedOn    string          `json:"isBasedOn,omitempty"`
	Version      string          `json:"version"`
	Keywords     []string        `json:"keywords,omitempty"`
	Distribution []file          `json:"distribution"`
	RecordSets   []recordSet     `json:"recordSet"`
}

// file is a FileObject, which has a digest, or a FileSet, which has a pattern.
type file struct {
	Type           string `json:"@type"`
	ID             string `json:"@id"`
	Name           string `json:"name"`
	Description    string `json:"description,omitempty"`
	ContentURL     string `json:"contentUrl,omitempty"`
	ContentSize    string `json:"contentSize,omitempty"`
	EncodingFormat string `json:"encodingFormat"`
	SHA256         string `json:"sha256,omitempty"`
	Includes       string `json:"includes,omitempty"`
}

type recordSet struct {
	Type        string  `json:"@type"`
	ID          string  `json:"@id"`
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Fields      []field `json:"field"`
}

// Croissant is the croissant.json of the data set. Every shard is a file with its digest;
// the records of a table are read through a pattern that holds its shards, relative to the
// folder of croissant.json. The data set's version is that of its format, and it has no
// date of publication, for none is known here.
func Croissant(d Dataset) ([]byte, error) {
	tables, err := d.tables()
	if err != nil {
		return nil, err
	}
	source := d.Manifest.Source
	c := croissant{
		Context:      croissantContext,
		Type:         "sc:Dataset",
		ConformsTo:   croissantVersion,
		Name:         d.Manifest.Name,
		Description:  d.description(),
		Licence:      source.Licence,
		CiteAs:       source.Citation,
		URL:          d.landing(),
		IsBasedOn:    d.doiURL(),
		Version:      schemas.FormatVersion() + ".0",
		Keywords:     d.Tags,
		Distribution: []file{},
		RecordSets:   []recordSet{},
	}
	if url := licenceURL(source.Licence); url != "" {
		c.Licence = url
	}
	for _, t := range tables {
		c.Distribution = append(c.Distribution, t.files()...)
		c.RecordSets = append(c.RecordSets, recordSet{
			Type: "cr:RecordSet", ID: t.Name, Name: t.Name, Description: t.Doc, Fields: t.fields(),
		})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	return b.Bytes(), nil
}

// fileSet is the id of the table's set of shards.
func (t table) fileSet() string { return t.Name + "-shards" }

func (t table) files() []file {
	files := []file{{
		Type: "cr:FileSet", ID: t.fileSet(), Name: t.fileSet(), Description: "all shards of " + t.Name,
		EncodingFormat: parquetFormat, Includes: t.Name + "/*.parquet",
	}}
	for _, s := range t.splits {
		for _, shard := range s.shards {
			files = append(files, file{
				Type: "cr:FileObject", ID: shard.Path, Name: shard.Path,
				ContentURL: shard.Path, ContentSize: fmt.Sprintf("%d B", shard.Bytes),
				EncodingFormat: parquetFormat, SHA256: shard.SHA256,
			})
		}
	}
	return files
}
