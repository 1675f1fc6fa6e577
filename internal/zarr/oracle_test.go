package zarr

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/store"
)

// oracleCase is an array that zarr-python wrote and read back.
type oracleCase struct {
	Store, Path  string
	Shape        []int
	DType        string
	Offset, Size int
}

// Everything zarr-python writes reads equal: whole, and by random regions that overlap and
// share chunks, whatever the budget.
func TestMatrixV2(t *testing.T) { matrix(t, oracle.PythonZarr2(t), "testdata/write_v2.py", 700) }
func TestMatrixV3(t *testing.T) { matrix(t, oracle.Python(t), "testdata/write_v3.py", 600) }

func matrix(t *testing.T, python, script string, least int) {
	dir := t.TempDir()
	oracle.Run(t, python, script, dir)
	var cases []oracleCase
	readJSON(t, filepath.Join(dir, "manifest.json"), &cases)
	if len(cases) < least {
		t.Fatalf("%d arrays, want %d", len(cases), least)
	}
	expected, err := os.ReadFile(filepath.Join(dir, "expected.bin"))
	if err != nil {
		t.Fatal(err)
	}
	stores := map[string]store.Store{}
	for i, c := range cases {
		s := stores[c.Store]
		if s == nil {
			s = openStore(t, filepath.Join(dir, c.Store))
			stores[c.Store] = s
			checkNodes(t, s, c.Store, cases)
		}
		want := expected[c.Offset : c.Offset+c.Size]
		if err := c.check(s, want, rand.New(rand.NewPCG(3, uint64(i)))); err != nil {
			t.Errorf("%s: %v", filepath.Join(dir, c.Store, c.Path), err)
		}
	}
	t.Logf("%d arrays in %d stores", len(cases), len(stores))
}

func (c oracleCase) check(s store.Store, want []byte, r *rand.Rand) error {
	a, err := OpenArray(context.Background(), s, c.Path)
	if err != nil {
		return err
	}
	if !slices.Equal(a.Shape(), c.Shape) || string(a.DType()) != c.DType {
		return fmt.Errorf("%v %s, want %v %s", a.Shape(), a.DType(), c.Shape, c.DType)
	}
	schedule := []nd.Region{nd.Whole(c.Shape)}
	for range 6 {
		schedule = append(schedule, randomRegion(r, c.Shape))
	}
	size := a.DType().Size()
	whole := nd.Dense(want, c.Shape, size)
	for _, budget := range []int64{0, 700, 1 << 30} {
		rd, err := a.NewReader(ReaderOptions{Budget: budget, Schedule: schedule})
		if err != nil {
			return err
		}
		for i, region := range schedule {
			got, expect := dense(region.Shape, size), dense(region.Shape, size)
			nd.Copy(expect, whole.Slice(region))
			if err := rd.Read(context.Background(), i, got); err != nil {
				return err
			}
			if !slices.Equal(got.Data, expect.Data) {
				return fmt.Errorf("budget %d, region %v of %v in chunks of %v: differs", budget, region, c.Shape, a.Chunks())
			}
		}
		if err := rd.Close(); err != nil {
			return err
		}
	}
	return nil
}

// checkNodes lists the store by OpenGroup and reads its attribute.
func checkNodes(t *testing.T, s store.Store, name string, cases []oracleCase) {
	t.Helper()
	g, err := OpenGroup(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]bool{"order": true, "v2": true, "consolidated": true}[name]; g.Consolidated() != want {
		t.Errorf("%s: consolidated: %v, want %v", name, g.Consolidated(), want)
	}
	if from := string(g.Attrs()["from"]); from != fmt.Sprintf("%q", name) && name != "deflated.zip" {
		t.Errorf("%s: attribute %s", name, from)
	}
	var want []Node
	for _, c := range cases {
		if c.Store == name {
			want = append(want, Node{c.Path, KindArray})
		}
	}
	got, err := g.Children(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: children %v, %v, want %v", name, got, err, want)
	}
	for _, n := range got {
		if a, err := g.OpenArray(t.Context(), n.Path); err != nil || a.Path() != n.Path {
			t.Errorf("%s/%s: %v", name, n.Path, err)
		}
	}
}

func randomRegion(r *rand.Rand, shape []int) nd.Region {
	region := nd.Whole(shape)
	for i, n := range shape {
		if n > 0 {
			region.Origin[i] = r.IntN(n)
			region.Shape[i] = r.IntN(n - region.Origin[i] + 1)
		}
	}
	return region
}

func dense(shape []int, size int) nd.View {
	return nd.Dense(make([]byte, nd.Elements(shape)*size), shape, size)
}

func openStore(t testing.TB, location string) store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), location, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func readJSON(t testing.TB, name string, to any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}
