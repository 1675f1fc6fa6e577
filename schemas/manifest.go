package schemas

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ManifestName is the file name of the manifest in a data set.
const ManifestName = "manifest.json"

// ManifestFormat is the value of a manifest's format.
const ManifestFormat = "micropq"

// Manifest lists the files of a data set, which exists exactly when its manifest does.
type Manifest struct {
	Format  string `json:"format"`  // ManifestFormat
	Version string `json:"version"` // format version
	Name    string `json:"name"`    // of the data set
	// Revision is nil for a data set as it was converted.
	Revision *Revision `json:"revision,omitempty"`

	Source  Source         `json:"source"`
	Plan    string         `json:"plan,omitempty"` // digest of the conversion plan: equal plans give equal bytes
	Options map[string]any `json:"options"`        // what the conversion was told, JSON values; a number read is a json.Number
	Splits  []string       `json:"splits"`         // those of the shards
	Shards  []Shard        `json:"shards"`
	// Partial is nil where every row of the source is in the data set.
	Partial *Partial `json:"partial,omitempty"`
	// Repairs counts the values that were put right, by the column that holds them beside
	// the source's own.
	Repairs map[string]int64 `json:"repairs,omitempty"`
}

// RejectedName is the file name of the list of rows that a partial data set lacks.
const RejectedName = "rejected.jsonl"

// Partial says which rows of the source a data set lacks because they could not be
// converted: a JSON object a line, with the members file, row, rows (absent for one),
// offset, sample, where and error.
type Partial struct {
	Rejected int64  `json:"rejected"` // rows of the source that are left out, as far as known
	Path     string `json:"path"`     // RejectedName
	Bytes    int64  `json:"bytes"`    // of that file
	SHA256   string `json:"sha256"`   // of that file, lower-case hexadecimal
}

// Source says what a data set was made from.
type Source struct {
	Name     string `json:"name"`     // of the source data set, such as fisbe
	Title    string `json:"title"`    // its full title
	Licence  string `json:"licence"`  // SPDX identifier
	Citation string `json:"citation"` // how to cite it
	DOI      string `json:"doi,omitempty"`
	URL      string `json:"url,omitempty"`
	// Location is the last element of the path or URL that was converted. The rest is left
	// out: the bytes of a data set do not depend on where its source lay.
	Location string `json:"location,omitempty"`
}

// Shard is one Parquet file of a data set.
type Shard struct {
	Path   string `json:"path"` // as ShardPath makes it
	Table  string `json:"table"`
	Split  string `json:"split"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`  // of the file
	SHA256 string `json:"sha256"` // of the file, lower-case hexadecimal
}

// ManifestError is a manifest that breaks the format. Err joins every problem found.
type ManifestError struct{ Err error }

func (e *ManifestError) Error() string { return ManifestName + " is not valid: " + e.Err.Error() }

// Unwrap is the joined problems.
func (e *ManifestError) Unwrap() error { return e.Err }

// Encode is the manifest as JSON, in the version that this code writes whatever Format and
// Version say, splits and shards sorted by name. Equal manifests give equal bytes. A
// manifest that [ParseManifest] would refuse is an error.
func (m *Manifest) Encode() ([]byte, error) {
	out := *m
	out.Format, out.Version = ManifestFormat, FormatVersion()
	if out.Options == nil {
		out.Options = map[string]any{}
	}
	out.Splits = append([]string{}, m.Splits...)
	slices.Sort(out.Splits)
	out.Shards = append([]Shard{}, m.Shards...)
	slices.SortFunc(out.Shards, func(a, b Shard) int { return cmp.Compare(a.Path, b.Path) })
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(&out); err != nil {
		return nil, &ManifestError{err}
	}
	if _, err := ParseManifest(b.Bytes()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ParseManifest reads a manifest and checks it against the JSON Schema of [ManifestSchema]
// and for what a schema cannot say: shard names that contradict table and split, shards
// named twice or missing from a count. It reports every problem it finds in a
// *[ManifestError]; a version that cannot be read is a *[VersionError] instead.
func ParseManifest(data []byte) (*Manifest, error) {
	if err := checkManifestJSON(data); err != nil {
		return nil, err
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return nil, &ManifestError{err}
	}
	// What was decoded is checked again: encoding/json also takes "Rows" for "rows", which
	// is another member to the schema and so went unchecked.
	decoded, err := json.Marshal(&m)
	if err != nil {
		return nil, &ManifestError{err}
	}
	if err := checkManifestJSON(decoded); err != nil {
		return nil, err
	}
	if err := errors.Join(append(m.shardProblems(), m.splitProblems()...)...); err != nil {
		return nil, &ManifestError{err}
	}
	return &m, nil
}

// shardProblems checks each shard's name, and that the shards of a table and split are all
// there, each once.
func (m *Manifest) shardProblems() []error {
	var problems []error
	seen := make(map[string]bool, len(m.Shards))
	type set struct{ table, split string }
	counts := make(map[set]int)
	have := make(map[set]int)
	var sets []set
	for k, s := range m.Shards {
		table, split, _, n, err := ParseShardPath(s.Path)
		key := set{table, split}
		switch {
		case err != nil:
		case seen[s.Path]:
			err = fmt.Errorf("%s is listed twice", s.Path)
		case table != s.Table || split != s.Split:
			err = fmt.Errorf("%s is said to be of table %q, split %q", s.Path, s.Table, s.Split)
		case counts[key] != 0 && counts[key] != n:
			err = fmt.Errorf("%s: another shard of the split counts %d", s.Path, counts[key])
		case counts[key] == 0:
			sets = append(sets, key)
			counts[key] = n
			have[key]++
		default:
			have[key]++
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("shards[%d]: %w", k, err))
		}
		seen[s.Path] = true
	}
	for _, key := range sets {
		if have[key] != counts[key] {
			problems = append(problems, fmt.Errorf("shards: %d of the %d of %s/%s are listed", have[key], counts[key], key.table, key.split))
		}
	}
	return problems
}

// splitProblems checks that splits are exactly those of the shards, each once.
func (m *Manifest) splitProblems() []error {
	var problems []error
	listed := make(map[string]bool, len(m.Splits))
	for _, split := range m.Splits {
		if listed[split] {
			problems = append(problems, fmt.Errorf("splits: %q is listed twice", split))
		}
		listed[split] = true
		if !slices.ContainsFunc(m.Shards, func(s Shard) bool { return s.Split == split }) {
			problems = append(problems, fmt.Errorf("splits: %q has no shard", split))
		}
	}
	for k, s := range m.Shards {
		if !listed[s.Split] {
			problems = append(problems, fmt.Errorf("shards[%d]: split %q is not in splits", k, s.Split))
		}
	}
	return problems
}

// ShardsOf lists the shards of a table and split in the manifest's order; an empty split
// stands for all.
func (m *Manifest) ShardsOf(table, split string) []Shard {
	var shards []Shard
	for _, s := range m.Shards {
		if s.Table == table && (split == "" || s.Split == split) {
			shards = append(shards, s)
		}
	}
	return shards
}

// Rows is the number of rows of a table over all splits.
func (m *Manifest) Rows(table string) int64 {
	var rows int64
	for _, s := range m.ShardsOf(table, "") {
		rows += s.Rows
	}
	return rows
}

// Bytes is the size of all shards.
func (m *Manifest) Bytes() int64 {
	var bytes int64
	for _, s := range m.Shards {
		bytes += s.Bytes
	}
	return bytes
}
