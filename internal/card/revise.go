package card

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/micropq/micropq/schemas"
)

// Revise is the cards of a data set brought up to date with a revision of it, whose tables
// have the same columns: the sizes in readme, sizes and digests in croissant. What is not
// where the cards were written with it is left alone.
func Revise(readme, croissant []byte, before, after *schemas.Manifest) (newReadme, newCroissant []byte) {
	for _, split := range after.Splits {
		readme = swap(readme, sizesOf(before, split), sizesOf(after, split))
	}
	readme = swap(readme, infoOf(before), infoOf(after))
	old := map[string]schemas.Shard{}
	for _, s := range before.Shards {
		old[s.Path] = s
	}
	for _, s := range after.Shards {
		croissant = swap(croissant, digestOf(old[s.Path]), digestOf(s))
	}
	return readme, croissant
}

// swap replaces text that is there exactly once.
func swap(b []byte, old, new string) []byte {
	if old == "" || bytes.Count(b, []byte(old)) != 1 {
		return b
	}
	return bytes.Replace(b, []byte(old), []byte(new), 1)
}

// sizesOf is the row of instances in the table of sizes.
func sizesOf(m *schemas.Manifest, split string) string {
	shards := m.ShardsOf(schemas.InstancesTable, split)
	var rows, size int64
	for _, s := range shards {
		rows += s.Rows
		size += s.Bytes
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d |", schemas.InstancesTable, split, rows, len(shards), size)
}

// infoOf is what dataset_info says of the sizes of instances.
func infoOf(m *schemas.Manifest) string {
	of := *m
	of.Shards = slices.DeleteFunc(slices.Clone(m.Shards), func(s schemas.Shard) bool { return s.Table != schemas.InstancesTable })
	tables, err := Dataset{Manifest: &of, Tables: []*schemas.Table{schemas.Instances}}.tables()
	if err != nil || len(tables) == 0 {
		return ""
	}
	t := readmeTable{Name: schemas.InstancesTable}
	t.count(tables[0].splits)
	var b bytes.Buffer
	if err := readmeTemplate.ExecuteTemplate(&b, "sizes", t); err != nil {
		return ""
	}
	return b.String()
}

// digestOf is how a shard's size and digest stand in croissant.json.
func digestOf(s schemas.Shard) string {
	if s.Path == "" {
		return ""
	}
	return fmt.Sprintf("\"contentUrl\": %q,\n      \"contentSize\": \"%d B\",\n      \"encodingFormat\": %q,\n      \"sha256\": %q",
		s.Path, s.Bytes, parquetFormat, s.SHA256)
}
