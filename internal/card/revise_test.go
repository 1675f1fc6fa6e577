package card

import (
	"testing"

	"github.com/micropq/micropq/schemas"
)

// TestRevise brings cards up to date: they are then what they would have been written as.
func TestRevise(t *testing.T) {
	manifest := func(rows, bytes int64, sum string) *schemas.Manifest {
		shard := func(table string, rows, bytes int64, sum string) schemas.Shard {
			return schemas.Shard{Path: schemas.ShardPath(table, "train", 0, 1), Table: table, Split: "train", Rows: rows, Bytes: bytes, SHA256: sum}
		}
		return &schemas.Manifest{
			Name: "fixture", Splits: []string{"train"}, Source: schemas.Source{Name: "fixture", Title: "Fixture", Licence: "CC0-1.0", Citation: "none"},
			Shards: []schemas.Shard{shard(schemas.SamplesTable, 3, 99, "aa"), shard(schemas.InstancesTable, rows, bytes, sum)},
		}
	}
	write := func(m *schemas.Manifest) (readme, croissant string) {
		d := Dataset{Manifest: m, Tables: []*schemas.Table{schemas.Samples, schemas.Instances}}
		r, err := Readme(d)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Croissant(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(r), string(c)
	}
	before, after := manifest(7, 1234, "bb"), manifest(9, 1300, "cc")
	readme, croissant := write(before)
	wantReadme, wantCroissant := write(after)
	if readme == wantReadme || croissant == wantCroissant {
		t.Fatal("the cards do not tell the revisions apart")
	}
	r, c := Revise([]byte(readme), []byte(croissant), before, after)
	if string(r) != wantReadme || string(c) != wantCroissant {
		t.Errorf("revised cards differ from written ones:\n%s\n%s", r, c)
	}
	if r, c := Revise([]byte("other text"), nil, before, after); string(r) != "other text" || len(c) != 0 {
		t.Errorf("a card of someone else's became %q, %q", r, c)
	}
}
