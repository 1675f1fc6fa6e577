// Package card writes what a data set says of itself to others: the dataset card that
// Hugging Face reads, and the metadata of MLCommons Croissant.
//
// The words it uses:
//
//   - A card is a README.md with a YAML header. The header lists configs: each is a table,
//     and its data files are given split by split, so that load_dataset(DIR, "samples",
//     split="train") finds them.
//   - A Croissant file is JSON-LD. Its distribution lists files, and sets of files by
//     pattern; a record set is a table, and its fields say which column they come from.
//
// Both are derived from the manifest and the tables alone: equal data sets have equal cards.
// The features of the columns stand in the card as they do in the shards themselves: the hub
// shows them before it opens one.
package card

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/micropq/micropq/schemas"
)

// Dataset is a data set to describe.
type Dataset struct {
	Manifest *schemas.Manifest
	// Tables are the tables of the shards, with the columns that the converter added. Those
	// without a shard are left out of the cards.
	Tables      []*schemas.Table
	Description string // a sentence or two in Markdown; the source's title if empty
	Tags        []string
}

// table is a table that has shards.
type table struct {
	*schemas.Table
	splits []split
}

// split is the part of a table that is in one split.
type split struct {
	name   string
	shards []schemas.Shard // sorted by path
}

// tables groups the shards by table, in the order of d.Tables, and by split, in the order
// of their names.
func (d Dataset) tables() ([]table, error) {
	if d.Manifest == nil {
		return nil, errors.New("card: no manifest")
	}
	shards := slices.SortedFunc(slices.Values(d.Manifest.Shards), func(a, b schemas.Shard) int {
		return cmp.Or(cmp.Compare(a.Split, b.Split), cmp.Compare(a.Path, b.Path))
	})
	var tables []table
	for _, t := range d.Tables {
		if slices.ContainsFunc(shards, func(s schemas.Shard) bool { return s.Table == t.Name }) {
			tables = append(tables, table{Table: t})
		}
	}
	for _, s := range shards {
		i := slices.IndexFunc(tables, func(t table) bool { return t.Name == s.Table })
		if i < 0 {
			return nil, fmt.Errorf("card: %s is a shard of table %q, which is not among the tables given", s.Path, s.Table)
		}
		t := &tables[i]
		if n := len(t.splits); n == 0 || t.splits[n-1].name != s.Split {
			t.splits = append(t.splits, split{name: s.Split})
		}
		last := &t.splits[len(t.splits)-1]
		last.shards = append(last.shards, s)
	}
	return tables, nil
}

// description is never empty for a manifest that has a title.
func (d Dataset) description() string { return cmp.Or(d.Description, d.Manifest.Source.Title) }

// landing is the page about the source, if any is known.
func (d Dataset) landing() string { return cmp.Or(d.Manifest.Source.URL, d.doiURL()) }

func (d Dataset) doiURL() string {
	if d.Manifest.Source.DOI == "" {
		return ""
	}
	return "https://doi.org/" + d.Manifest.Source.DOI
}
