package card

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/micropq/micropq/schemas"
)

//go:embed readme.md.tmpl
var readmeText string

// quote is for YAML and Python too: both read every escape that Go writes, and Go escapes
// whatever YAML does not allow as it is.
var readmeTemplate = template.Must(template.New("readme").
	Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(readmeText))

// readme is what the template shows.
type readme struct {
	Source       schemas.Source
	Title        string
	Description  string
	Version      string // of the format
	Licence      string // as the hub names it
	LicenceURL   string
	Landing, DOI string
	SizeCategory string
	Tags         []string
	Tables       []readmeTable
	Configs      []readmeTable // those of Tables that have rows
	Example      *readmeTable  // one of Configs
	Payload      string        // path of a shard with payloads, if there is one
}

type readmeTable struct {
	Name     string
	Default  bool
	Markdown string
	Features string // as YAML
	Bytes    int64  // of its shards
	Splits   []readmeSplit
	Loadable []readmeSplit // those with rows: datasets cannot load a split that has none
}

type readmeSplit struct {
	Name, Pattern string
	Rows, Bytes   int64
	Files         int
}

// Readme is the README.md of the data set, a Hugging Face dataset card. The samples are the
// default config.
func Readme(d Dataset) ([]byte, error) {
	tables, err := d.tables()
	if err != nil {
		return nil, err
	}
	source := d.Manifest.Source
	r := readme{
		Source:       source,
		Title:        oneLine(source.Title),
		Description:  strings.TrimSpace(d.description()),
		Version:      schemas.FormatVersion(),
		Licence:      hubLicence(source.Licence),
		LicenceURL:   licenceURL(source.Licence),
		Landing:      source.URL,
		DOI:          d.doiURL(),
		SizeCategory: sizeCategory(d.Manifest.Rows(schemas.SamplesTable)),
		Tags:         d.Tags,
	}
	for _, t := range tables {
		rt, err := newReadmeTable(t)
		if err != nil {
			return nil, err
		}
		r.Tables = append(r.Tables, rt)
		if len(rt.Loadable) > 0 {
			r.Configs = append(r.Configs, rt)
		}
		if t.Name == schemas.ChunksTable {
			r.Payload = firstWithRows(t)
		}
	}
	for i := range r.Configs {
		if r.Example == nil || r.Configs[i].Default {
			r.Example = &r.Configs[i]
		}
	}
	var b bytes.Buffer
	if err := readmeTemplate.Execute(&b, r); err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	return b.Bytes(), nil
}

func newReadmeTable(t table) (readmeTable, error) {
	markdown, err := t.Describe(schemas.AsMarkdown)
	if err != nil {
		return readmeTable{}, fmt.Errorf("card: %w", err)
	}
	r := readmeTable{Name: t.Name, Default: t.Name == schemas.SamplesTable, Markdown: markdown, Features: features(t.Columns, "  ")}
	r.count(t.splits)
	return r, nil
}

// count adds up what the shards of each split hold.
func (r *readmeTable) count(splits []split) {
	for _, s := range splits {
		rs := readmeSplit{Name: s.name, Pattern: r.Name + "/" + s.name + "-*.parquet", Files: len(s.shards)}
		for _, shard := range s.shards {
			rs.Rows += shard.Rows
			rs.Bytes += shard.Bytes
			r.Bytes += shard.Bytes
		}
		r.Splits = append(r.Splits, rs)
		if rs.Rows > 0 {
			r.Loadable = append(r.Loadable, rs)
		}
	}
}

// firstWithRows is the path of the table's first shard that has rows, or empty.
func firstWithRows(t table) string {
	for _, s := range t.splits {
		for _, shard := range s.shards {
			if shard.Rows > 0 {
				return shard.Path
			}
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// sizeCategory is the hub's category of a number of samples.
func sizeCategory(n int64) string {
	limits := []string{"1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"}
	if n < 1000 {
		return "n<" + limits[0]
	}
	bound := int64(10_000)
	for i := 1; i < len(limits); i++ {
		if n < bound {
			return limits[i-1] + "<n<" + limits[i]
		}
		bound *= 10
	}
	return "n>" + limits[len(limits)-1]
}
