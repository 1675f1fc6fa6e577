package loaders

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

// query is a region that was read, as testdata/read_regions.py wants it.
type query struct {
	Sample string  `json:"sample"`
	Array  string  `json:"array"`
	Level  int     `json:"level"`
	Origin []int   `json:"origin"`
	Shape  []int   `json:"shape"`
	What   string  `json:"what"`
	IDs    []int64 `json:"ids"`
	Offset int     `json:"offset"`
	Bytes  int     `json:"bytes"`
}

// Regions, merged labels and masks are those that pyarrow and numpy read with no code of ours.
func TestRegionsByOthers(t *testing.T) {
	python := oracle.Python(t)
	f := newFixtureOf(t, func() []*volume { return append(everyType(), fixtureVolumes()...) })
	d := f.open(t, Options{})
	r := rand.New(rand.NewPCG(8, 8))
	var queries []query
	var results []byte
	add := func(q query, region Region, data []byte) {
		q.Origin, q.Shape, q.Offset, q.Bytes = region.Origin, region.Shape, len(results), len(data)
		queries, results = append(queries, q), append(results, data...)
	}
	for _, v := range f.volumes["b"] {
		for level := range int(v.Levels) {
			a, err := d.Array(t.Context(), "b", v.Name, level)
			if err != nil {
				t.Fatal(err)
			}
			q := query{Sample: "b", Array: v.Name, Level: level, What: "elements"}
			for range 5 {
				region := randomRegion(r, a.Shape())
				data := make([]byte, region.Elements()*a.DType().Size())
				if _, err := a.Read(t.Context(), region, nd.Dense(data, region.Shape, a.DType().Size())); err != nil {
					t.Fatal(err)
				}
				add(q, region, data)
				if a.Role() == schemas.RoleLabels {
					addLabels(t, r, a, q, add)
				}
			}
		}
	}
	dir := t.TempDir()
	asked, read := filepath.Join(dir, "queries.json"), filepath.Join(dir, "results.bin")
	list, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(asked, list, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(read, results, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s regions are equal", oracle.Run(t, python, "testdata/read_regions.py", f.dir, asked, read))
}

func addLabels(t *testing.T, r *rand.Rand, a *Array, q query, add func(query, Region, []byte)) {
	t.Helper()
	region := randomRegion(r, a.LabelShape())
	merged := make([]uint32, region.Elements())
	if _, err := ReadLabels(t.Context(), a, region, merged); err != nil {
		t.Fatal(err)
	}
	q.What = "merged"
	add(q, region, asBytes(merged))
	q.What, q.IDs = "masks", []int64{1}
	if ids, err := a.InstanceIDs(t.Context()); err != nil {
		t.Fatal(err)
	} else if len(ids) > 0 {
		q.IDs = ids
	}
	masks := make([]bool, len(q.IDs)*region.Elements())
	if _, err := ReadMasks(t.Context(), a, region, q.IDs, masks); err != nil {
		t.Fatal(err)
	}
	add(q, region, asBytes(masks))
}
