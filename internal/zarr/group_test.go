package zarr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// unlisted is a store that cannot list its objects.
type unlisted struct{ *memory }

func (u unlisted) List(context.Context, string) ([]store.Info, error) {
	return nil, fmt.Errorf("unlisted: %w", store.ErrNoList)
}

func groupV2Objects() map[string][]byte {
	group, array := []byte(`{"zarr_format": 2}`), []byte(goodV2)
	return map[string][]byte{
		".zgroup": group, ".zattrs": []byte(`{"a": 1}`), "g/.zgroup": group, "g/.zattrs": []byte(`{"b": NaN}`),
		"g/x/.zarray": array, "g/x/.zattrs": []byte(`{"c": "d"}`), "g/x/0.0": make([]byte, 12), "g/h/.zgroup": group, "g/h/y/.zarray": array,
		"z/.zarray": array, "stray/file": []byte("x"),
	}
}

func groupV3Objects() map[string][]byte {
	group := func(attrs string) []byte {
		return []byte(`{"zarr_format": 3, "node_type": "group", "attributes": ` + attrs + `}`)
	}
	array := changed(goodV3, `"zarr_format": 3`, `"zarr_format": 3, "attributes": {"c": "d"}`)
	return map[string][]byte{
		"zarr.json": group(`{"a": 1}`), "g/zarr.json": group(`{"b": NaN}`), "g/x/zarr.json": array, "g/x/c/0/0": make([]byte, 24),
		"g/h/zarr.json": group(`{}`), "g/h/y/zarr.json": array, "z/zarr.json": array, "stray/file": []byte("x"),
	}
}

// consolidated adds consolidated metadata, as zarr-python writes it.
func consolidated(objects map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	v2, v3 := "", ""
	for key, data := range objects {
		out[key] = data
		switch dir, file := filepath.Split(key); {
		case file == ".zarray" || file == ".zgroup" || file == ".zattrs":
			v2 += fmt.Sprintf("%q: %s,", key, data)
		case file == "zarr.json" && dir != "":
			v3 += fmt.Sprintf("%q: %s,", dir[:len(dir)-1], data)
		}
	}
	if v2 != "" {
		out[".zmetadata"] = []byte(`{"zarr_consolidated_format": 1, "metadata": {` + v2[:len(v2)-1] + `}}`)
	} else {
		out["zarr.json"] = changed(string(out["zarr.json"]), `"node_type"`,
			`"consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": {`+v3[:len(v3)-1]+`}}, "node_type"`)
	}
	return out
}

func TestGroups(t *testing.T) {
	for name, s := range map[string]store.Store{
		"v2":                        &memory{objects: groupV2Objects()},
		"v3":                        &memory{objects: groupV3Objects()},
		"v2 consolidated":           &memory{objects: consolidated(groupV2Objects())},
		"v3 consolidated":           &memory{objects: consolidated(groupV3Objects())},
		"v2 consolidated, unlisted": unlisted{&memory{objects: consolidated(groupV2Objects())}},
		"v3 consolidated, unlisted": unlisted{&memory{objects: consolidated(groupV3Objects())}},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := OpenGroup(t.Context(), s, "")
			if err != nil {
				t.Fatal(err)
			}
			checkGroup(t, root, `1`, []Node{{"g", KindGroup}, {"g/h", KindGroup}, {"g/h/y", KindArray}, {"g/x", KindArray}, {"z", KindArray}})
			children, err := root.Children(t.Context())
			if err != nil || !slices.Equal(children, []Node{{"g", KindGroup}, {"z", KindArray}}) {
				t.Errorf("children %v, %v", children, err)
			}
			g, err := root.OpenGroup(t.Context(), "g")
			if err != nil {
				t.Fatal(err)
			}
			if g.Path() != "g" || string(g.Attrs()["b"]) != `"NaN"` {
				t.Errorf("%s with attributes %s", g.Path(), g.Attrs())
			}
			checkGroup(t, g, ``, []Node{{"h", KindGroup}, {"h/y", KindArray}, {"x", KindArray}})
			for _, open := range []func() (*Array, error){
				func() (*Array, error) { return root.OpenArray(t.Context(), "g/x") },
				func() (*Array, error) { return g.OpenArray(t.Context(), "x") },
				func() (*Array, error) { return OpenArray(t.Context(), s, "g/x") },
			} {
				a, err := open()
				if err != nil {
					t.Fatal(err)
				}
				if a.Path() != "g/x" || string(a.Attrs()["c"]) != `"d"` {
					t.Errorf("%s with attributes %s", a.Path(), a.Attrs())
				}
				if err := a.Read(t.Context(), nd.Whole(a.Shape()), dense(a.Shape(), a.DType().Size())); err != nil {
					t.Error(err)
				}
			}
			for _, rel := range []string{"g/nothing", "stray", "z/x"} {
				if _, err := root.OpenArray(t.Context(), rel); !errors.Is(err, store.ErrNotExist) {
					t.Errorf("array %s: %v", rel, err)
				}
				if _, err := root.OpenGroup(t.Context(), rel); !errors.Is(err, store.ErrNotExist) {
					t.Errorf("group %s: %v", rel, err)
				}
			}
			if _, err := root.OpenGroup(t.Context(), "g/x"); err == nil {
				t.Error("an array opens as a group")
			}
			if _, err := root.OpenArray(t.Context(), "g"); err == nil {
				t.Error("a group opens as an array")
			}
		})
	}
}

func checkGroup(t *testing.T, g *Group, a string, want []Node) {
	t.Helper()
	if string(g.Attrs()["a"]) != a {
		t.Errorf("%s: attributes %s", g.Path(), g.Attrs())
	}
	if nodes, err := g.Nodes(t.Context()); err != nil || !slices.Equal(nodes, want) {
		t.Errorf("%s: nodes %v, %v, want %v", g.Path(), nodes, err, want)
	}
}

func TestGroupErrors(t *testing.T) {
	plain := unlisted{&memory{objects: groupV3Objects()}}
	g, err := OpenGroup(t.Context(), plain, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Children(t.Context()); !errors.Is(err, store.ErrNoList) || g.Consolidated() {
		t.Errorf("children of what cannot be listed: %v", err)
	}
	if _, err := g.OpenArray(t.Context(), "g/x"); err != nil {
		t.Error(err)
	}
	if _, err := OpenGroup(t.Context(), plain, "nothing"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("no group: %v", err)
	}
	for name, objects := range map[string]map[string][]byte{
		"format":           {".zgroup": []byte(`{"zarr_format": 3}`)},
		"cut":              {".zgroup": []byte(`{"zarr`)},
		"attributes":       {".zgroup": []byte(`{"zarr_format": 2}`), ".zattrs": []byte(`[1]`)},
		"consolidated":     {".zgroup": []byte(`{"zarr_format": 2}`), ".zmetadata": []byte(`{"zarr_consolidated_format": 2, "metadata": {}}`)},
		"no metadata":      {".zgroup": []byte(`{"zarr_format": 2}`), ".zmetadata": []byte(`{"zarr_consolidated_format": 1}`)},
		"array":            {"zarr.json": []byte(goodV3)},
		"consolidated v3":  {"zarr.json": []byte(`{"zarr_format": 3, "node_type": "group", "consolidated_metadata": 3}`)},
		"array metadata":   {"zarr.json": []byte(`{"zarr_format": 3, "node_type": 1}`)},
		"unlisted members": {"zarr.json": []byte(`{"zarr_format": 3, "node_type": "group"}`), "a/zarr.json": []byte(`{"zarr_format`)},
	} {
		g, err := OpenGroup(t.Context(), &memory{objects: objects}, "")
		if err == nil {
			_, err = g.Nodes(t.Context())
		}
		var metadata *MetadataError
		if !errors.As(err, &metadata) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Over HTTP only the index and the chunks that are needed of a shard are fetched.
func TestShardPartsOverHTTP(t *testing.T) {
	dir := t.TempDir()
	m := v3Shards(t, [2]int{200, 200}, [2]int{200, 200}, [2]int{50, 50}, "end")
	for key, data := range m.objects {
		name := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	s := openStore(t, server.URL+"/")
	a, err := OpenArray(t.Context(), s, "a")
	if err != nil {
		t.Fatal(err)
	}
	_, before, ok := store.Stats(s)
	if !ok {
		t.Fatal("not a remote store")
	}
	region := region2(60, 110, 30, 60) // two chunks of sixteen
	dst := dense(region.Shape, 2)
	if err := a.Read(t.Context(), region, dst); err != nil {
		t.Fatal(err)
	}
	if err := checkNumbers(dst, region, nil); err != nil {
		t.Error(err)
	}
	_, after, _ := store.Stats(s)
	if want := int64(16*entrySize + 4 + 2*5000); after-before != want {
		t.Errorf("%d bytes fetched of %d, want %d", after-before, len(m.objects["a/c/0/0"]), want)
	}
}
