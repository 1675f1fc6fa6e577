package geojson_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/exchange/qupath"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/geojson"
)

// seen is the evidence of a file.
type seen struct {
	mu        sync.Mutex
	keys      []string
	instances []*validate.Instance
	shapes    [][]int
	findings  []string // of the rules of shapes and classes
}

func look(t testing.TB, path string, o geojson.Options, vo validate.Options) (*seen, error) {
	t.Helper()
	s := &seen{}
	for _, r := range rules.All() {
		vo.Rules = append(vo.Rules, r.Default())
	}
	spy := validate.Rule{ID: "XX001", Severity: validate.Info, For: validate.AnyKind, Looks: validate.Looks{
		File: func(_ *validate.Scope, f *validate.File) {
			for _, k := range f.Keys {
				s.keys = append(s.keys, k.Error())
			}
		},
		Layer: func(_ *validate.Scope, l *validate.Layer) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.shapes = append(s.shapes, l.Shape)
			s.instances = append(s.instances, l.Instances...)
		},
	}}
	vo.Rules = append(vo.Rules, spy.Default())
	result, err := validate.Run(t.Context(), []validate.Target{geojson.New(path, o)}, vo)
	if result != nil {
		for _, f := range result.Findings {
			if slices.Contains([]string{"LB008", "LB009", "LB010", "LB011", "CL001"}, f.Rule) {
				s.findings = append(s.findings, f.Rule+" "+f.Message)
			}
		}
	}
	return s, err
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "q.geojson")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func feature(geometry, properties string) string {
	return `{"type":"Feature","id":"c1a8d5f6-0000-4000-8000-000000000001","geometry":` + geometry + `,"properties":` + properties + `}`
}

func polygon(rings string) string {
	return feature(`{"type":"Polygon","coordinates":[`+rings+`]}`, `{}`)
}

func collection(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

const ring = `[[1,1],[9,1],[9,9],[1,9],[1,1]]`

// image is a file of an image of 20 rows and 30 columns.
func image(t *testing.T) string {
	head, err := npy.Header(schemas.Uint8, []int{20, 30})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.npy")
	if err := os.WriteFile(path, append(head, make([]byte, 600)...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindings(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		image bool
		want  []string
	}{
		"a polygon":            {collection(polygon(ring)), true, nil},
		"either direction":     {collection(polygon(`[[1,1],[1,9],[9,9],[9,1],[1,1]]`)), true, nil},
		"one feature":          {polygon(ring), true, nil},
		"an array":             {"[" + polygon(ring) + "]", true, nil},
		"not closed":           {collection(polygon(`[[1,1],[9,1],[9,9],[1,9]]`)), true, []string{"LB010 instance 1: polygon ring 0: it is not closed"}},
		"three positions":      {collection(polygon(`[[1,1],[9,1],[1,1]]`)), true, []string{"LB010 instance 1: polygon ring 0: 3 positions"}},
		"one number":           {collection(polygon(`[[1,1],[9],[9,9],[1,1]]`)), true, []string{"LB010 instance 1: polygon ring 0: position 1 has 1 number"}},
		"no numbers":           {collection(polygon(`[["a"]]`)), true, []string{"LB010 instance 1: polygon: coordinates"}},
		"a point":              {collection(feature(`{"type":"Point","coordinates":[1,2]}`, `{}`)), true, []string{`LB010 instance 1: polygon: geometry "Point"`}},
		"crosses itself":       {collection(polygon(`[[1,1],[9,9],[9,1],[1,9],[1,1]]`)), true, []string{"LB010 instance 1: its polygon crosses itself near (5.00, 5.00)"}},
		"a hole crosses":       {collection(polygon(ring + `,[[2,2],[6,6],[6,2],[2,6],[2,2]]`)), true, []string{"LB010 instance 1: its polygon (ring 1) crosses"}},
		"outside":              {collection(polygon(`[[20,1],[40,1],[40,9],[20,9],[20,1]]`)), true, []string{"LB010 instance 1: 2 corners lie outside, the farthest at (40.00, 1.00): the image has 30 columns"}},
		"no image, no outside": {collection(polygon(`[[20,1],[40,1],[40,9],[20,9],[20,1]]`)), false, nil},
		"left of any image":    {collection(polygon(`[[-5,1],[9,1],[9,9],[-5,9],[-5,1]]`)), false, []string{"LB010 instance 1: 2 corners lie outside, the farthest at (-5.00, 1.00): the image begins at 0"}},
		"too far":              {collection(polygon(`[[1,1],[1e9,1],[9,9],[1,1]]`)), false, []string{"LB010 instance 1: polygon: it reaches to"}},
		"another plane":        {collection(strings.Replace(polygon(ring), `"Polygon"`, `"Polygon","plane":{"c":-1,"z":3,"t":0}`, 1)), true, []string{"LB010 instance 1: polygon: it lies in plane 3"}},
	} {
		o := geojson.Options{}
		if test.image {
			o.Image = image(t)
		}
		got, err := look(t, write(t, test.text), o, validate.Options{})
		found := err == nil && len(got.findings) == len(test.want) && len(got.instances) == 1 && len(got.keys) == 0
		for i := range min(len(got.findings), len(test.want)) {
			found = found && strings.HasPrefix(got.findings[i], test.want[i])
		}
		if !found {
			t.Errorf("%s: %v, %d instances, %q, want %q", name, err, len(got.instances), got.findings, test.want)
		}
	}
	if _, err := look(t, write(t, collection()), geojson.Options{Image: "none.npy"}, validate.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no image: %v", err)
	}
}

func TestClasses(t *testing.T) {
	text := collection(feature(`{"type":"Polygon","coordinates":[`+ring+`]}`, `{"classification":{"name":"AM"}}`),
		feature(`{"type":"Polygon","coordinates":[`+ring+`]}`, `{"classification":{"names":["Tumor","Positive"]}}`))
	got, err := look(t, write(t, text), geojson.Options{}, validate.Options{Classes: []string{"AM", "NTM"}})
	if want := `CL001 instance 2: its class, "Tumor: Positive", is none of the 2 that are defined`; err != nil || len(got.findings) != 1 || got.findings[0] != want {
		t.Errorf("%v, %q", err, got.findings)
	}
}

// TestSeesWhatImportSees exports images and volumes and compares what is shown.
func TestSeesWhatImportSees(t *testing.T) {
	for _, c := range []*exchange.Canvas{{Sample: "s", Axes: "YX", Z: 1, Y: 40, X: 50}, {Sample: "s", Axes: "ZYX", Z: 4, Y: 40, X: 50}} {
		var objects []exchange.Object
		for i := range int32(150) {
			z := i % int32(c.Z)
			m := mask.Box(schemas.BBox{Z0: z, Z1: min(int32(c.Z), z+2), Y0: i % 30, Y1: i%30 + 5, X0: i % 40, X1: i%40 + 3})
			objects = append(objects, exchange.Object{ID: int64(i) + 1, Class: fmt.Sprint("c", i%3), Mask: m})
		}
		path := filepath.Join(t.TempDir(), "q.geojson")
		if _, err := exchange.Export(t.Context(), qupath.Format{}, path, c, objects, exchange.Options{}); err != nil {
			t.Fatal(err)
		}
		for _, vo := range []validate.Options{{Jobs: 3}, {Jobs: 1}} {
			got, err := look(t, path, geojson.Options{}, vo)
			if err != nil || len(got.findings) > 0 || len(got.keys) > 0 || len(got.instances) != len(objects) || len(got.shapes) != 1 {
				t.Fatalf("%s: %v, %q, %q, %d instances", c.Axes, err, got.findings, got.keys, len(got.instances))
			}
			for i, o := range objects {
				if in := got.instances[i]; in.ID != o.ID || *in.Instance != o.ID || *in.Class != o.Class || !slices.Equal(in.Mask, o.Mask) || in.Axes != c.Axes || *in.BBox != o.Mask.BBox() {
					t.Fatalf("%s: %d is %+v", c.Axes, o.ID, in)
				}
			}
		}
		got, err := look(t, path, geojson.Options{}, validate.Options{Memory: 160 << 10})
		if err == nil || !strings.Contains(err.Error(), "raise --memory") || len(got.instances) < len(objects) {
			t.Errorf("%s: little memory: %v, %d instances", c.Axes, err, len(got.instances))
		}
	}
}

func TestIDsThatComeTwice(t *testing.T) {
	one := feature(`{"type":"Polygon","coordinates":[`+ring+`]}`, `{"metadata":{"instance_id":"7"}}`)
	got, err := look(t, write(t, collection(one, one)), geojson.Options{}, validate.Options{})
	if err != nil || len(got.keys) != 1 || got.keys[0] != "features[1]: instance_id 7 is taken twice" || len(got.instances) != 2 {
		t.Errorf("%v, %q, %d instances", err, got.keys, len(got.instances))
	}
}

// malformed are files that cannot be read to their end, by what is said, with how many features are looked at nevertheless.
var malformed = []struct {
	text, want string
	instances  int
}{
	{"", "ends within a value", 0},
	{"hello", "want '{'", 0},
	{"{}", "no GeoJSON of features", 0},
	{`{"type":"FeatureCollection"}`, `no GeoJSON of features: its type is "FeatureCollection"`, 0},
	{`{"type":"Polygon","coordinates":[]}`, "no GeoJSON", 0},
	{"[{}]", "feature 0: want a Feature", 0},
	{collection(`{"type":"Feature"}`, polygon(ring)), "feature 0: want a Feature", 1},
	{collection(feature(`{"type":"Polygon","coordinates":[`+ring+`]}`, `{"metadata":{"instance_id":"x"}}`), polygon(ring)), "no positive integer", 1},
	{collection(feature(`{"type":"Polygon","coordinates":[`+ring+`]}`, `{"metadata":7}`), polygon(ring)), "feature 0", 1},
	{collection(polygon(ring), polygon("[[1,2,]]")), "at byte", 1},
	{collection(polygon(ring))[:150], "at byte", 0},
	{collection(polygon(ring)) + "]", "after the end", 1},
}

func TestMalformed(t *testing.T) {
	for _, test := range malformed {
		got, err := look(t, write(t, test.text), geojson.Options{}, validate.Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) || len(got.instances) != test.instances {
			t.Errorf("%s: %v, want %q; %d instances, want %d", test.text, err, test.want, len(got.instances), test.instances)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := validate.Run(ctx, []validate.Target{geojson.New(write(t, collection(polygon(ring))), geojson.Options{})}, validate.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func FuzzWalk(f *testing.F) {
	for _, test := range malformed {
		f.Add([]byte(test.text))
	}
	f.Add([]byte(collection(polygon(ring), polygon(`[[1,1],[9,9],[9,1],[1,9],[1,1]]`))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		got, err := look(t, write(t, string(data)), geojson.Options{}, validate.Options{Memory: 64 << 20})
		if err == nil && !json.Valid(data) && !strings.HasPrefix(string(data), "\ufeff") {
			t.Fatalf("%q is taken for JSON", data)
		}
		for _, in := range got.instances {
			if err := in.Mask.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
