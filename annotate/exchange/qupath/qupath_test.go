package qupath

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
)

func TestCentresInside(t *testing.T) {
	python := oracle.Python(t)
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a.geojson"), filepath.Join(dir, "b.geojson")}
	want := string(oracle.Run(t, python, "testdata/make_geojson.py", paths...))
	for _, path := range paths {
		objects, err := exchange.Import(t.Context(), Format{}, path, &exchange.Canvas{Axes: "YX", Z: 1, Y: 47, X: 59})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		classes := 0
		for _, o := range objects {
			var runs []string
			for _, r := range o.Mask {
				runs = append(runs, fmt.Sprintf("(%d, %d, %d)", r.Y, r.X, r.N))
			}
			fmt.Fprintf(&got, "[%s]\n", strings.Join(runs, ", "))
			if o.ID != 0 {
				t.Errorf("a UUID of others is taken for instance %d", o.ID)
			}
			if o.Class == "Tumor" {
				classes++
			}
		}
		if got.String() != want || len(objects) < 40 || classes < 15 {
			t.Errorf("%s: %d objects, %d with a class; masks differ from shapely's", path, len(objects), classes)
		}
	}
}

func TestUUID(t *testing.T) {
	for _, id := range []int64{1, 12, 1<<60 - 1} {
		for _, z := range []int{0, 1, 4095, 4096, 1<<28 - 1} {
			u := uuidOf(id, z)
			if len(u) != 36 || u[14] != '8' || u[19] != '8' || instanceOf(u) != id || instanceOf(strings.ToUpper(u)) != id {
				t.Errorf("%d, %d: %s is %d", id, z, u, instanceOf(u))
			}
		}
	}
	if uuidOf(1<<60, 0) != "" || instanceOf("c1a8d5f6-0000-4000-8000-000000000001") != 0 || instanceOf("") != 0 {
		t.Error("an id that does not fit, or another's UUID")
	}
}

func collection(geometry, properties string) string {
	return `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":` + geometry + `,"properties":` + properties + `}]}`
}

func ring(positions string) string { return `{"type":"Polygon","coordinates":[` + positions + `]}` }

const square = `[[0,0],[2,0],[2,2],[0,2],[0,0]]`

// malformed are files that are refused, by what is said of them.
var malformed = map[string]string{
	"":                                    "unexpected end",
	"hello":                               "invalid character",
	`{}`:                                  "no GeoJSON",
	`{"type":"FeatureCollection"}`:        "no GeoJSON",
	`{"type":"Polygon","coordinates":[]}`: "no GeoJSON",
	`[{}]`:                                "want a Feature",
	`[{"type":"Feature"}]`:                "want a Feature",
	collection(`null`, `null`):            "want a Feature",
	collection(`{"type":"Point","coordinates":[1,2]}`, `{}`):                                                                  `"Point" encloses no pixels`,
	collection(`{"type":"LineString","coordinates":[[1,2],[3,4]]}`, `{}`):                                                     `"LineString" encloses`,
	collection(`{"type":"Polygon","coordinates":[]}`, `{}`):                                                                   "without a ring",
	collection(`{"type":"Polygon"}`, `{}`):                                                                                    "coordinates",
	collection(ring(`[[0,0],[1,0],[0,0]]`), `{}`):                                                                             "four or more",
	collection(ring(`[[0,0],[1,0],[1,1],[0,1]]`), `{}`):                                                                       "not closed",
	collection(ring(`[[0,0],[1],[1,1],[0,0]]`), `{}`):                                                                         "want x and y",
	collection(ring(`[[0,0],[1e999,0],[1,1],[0,0]]`), `{}`):                                                                   "coordinates",
	collection(`{"type":"MultiPolygon","coordinates":[[]]}`, `{}`):                                                            "without a ring",
	collection(ring(square), `{"metadata":{"instance_id":"x"}}`):                                                              "no positive integer",
	collection(ring(square), `{"metadata":{"instance_id":"-4"}}`):                                                             "no positive integer",
	collection(ring(square), `{"metadata":7}`):                                                                                "cannot unmarshal",
	collection(strings.Repeat(`{"type":"GeometryCollection","geometries":[`, 20)+ring(square)+strings.Repeat(`]}`, 20), `{}`): "nested too deeply",
}

var small = &exchange.Canvas{Axes: "YX", Z: 1, Y: 3, X: 4}

func TestMalformed(t *testing.T) {
	for text, want := range malformed {
		if _, err := Parse([]byte(text), small); !errors.Is(err, exchange.ErrInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	plane := `{"type":"Polygon","plane":{"c":-1,"z":9,"t":0},"coordinates":[` + square + `]}`
	deep := &exchange.Canvas{Axes: "ZYX", Z: 3, Y: 3, X: 4}
	if _, err := Parse([]byte(collection(plane, `{}`)), deep); err == nil || !strings.Contains(err.Error(), "plane z 9") {
		t.Errorf("plane outside: %v", err)
	}
	if o, err := Parse([]byte(collection(plane, `{}`)), small); err != nil || len(o) != 1 {
		t.Errorf("a plane of an image is its only one: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for text := range malformed {
		f.Add([]byte(text))
	}
	f.Add([]byte(collection(ring(square), `{"classification":{"name":"a"},"metadata":{"instance_id":"3"}}`)))
	f.Add([]byte(collection(`{"type":"MultiPolygon","plane":{"z":1},"coordinates":[[`+square+`],[[[0.4,0.2],[3.9,0.1],[2,2.8],[0.4,0.2]]]]}`, `null`)))
	deep := &exchange.Canvas{Axes: "ZYX", Z: 2, Y: 3, X: 4}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range []*exchange.Canvas{small, deep} {
			objects, err := Parse(data, c)
			if err != nil {
				if !errors.Is(err, exchange.ErrInput) {
					t.Fatalf("no typed error: %v", err)
				}
				continue
			}
			for _, o := range objects {
				if err := o.Mask.Check(); err != nil {
					t.Fatal(err)
				}
				if b := o.Mask.BBox(); int(b.Z1) > c.Z || b.Y1 > 3 || b.X1 > 4 {
					t.Fatalf("mask outside: %v", b)
				}
				for z, part := range planes(o.Mask) {
					var rings []mask.Ring
					for _, p := range part.Outlines() {
						rings = append(rings, p.Rings()...)
					}
					if again, err := mask.Rasterize(rings, c.Y, c.X); err != nil || again.Area() != part.Area() {
						t.Fatalf("plane %d drawn again: %v", z, err)
					}
				}
			}
		}
	})
}
