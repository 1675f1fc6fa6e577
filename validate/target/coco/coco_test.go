package coco_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	exchangecoco "github.com/micropq/micropq/annotate/exchange/coco"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/coco"
)

// seen is the evidence of a file.
type seen struct {
	mu        sync.Mutex
	keys      []string
	instances map[int64]*validate.Instance // by row, without what is used again
	layers    map[string]int               // instances of each picture
	findings  []*validate.Finding
}

func tuned() (all []validate.Tuned) {
	for _, r := range rules.All() {
		all = append(all, r.Default())
	}
	return all
}

// look validates a file with all rules, and with one that remembers what it sees.
func look(t testing.TB, path string, o validate.Options) (*seen, error) {
	t.Helper()
	s := &seen{instances: map[int64]*validate.Instance{}, layers: map[string]int{}}
	spy := validate.Rule{ID: "XX001", Severity: validate.Info, For: validate.AnyKind, Looks: validate.Looks{
		File: func(_ *validate.Scope, f *validate.File) {
			for _, k := range f.Keys {
				s.keys = append(s.keys, k.Error())
			}
		},
		Layer: func(_ *validate.Scope, l *validate.Layer) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.layers[l.Sample] += len(l.Instances)
		},
		Instance: func(_ *validate.Scope, in *validate.Instance) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.instances[*in.Row] = &validate.Instance{ID: in.ID, Mask: in.Mask, MaskErr: in.MaskErr, Class: in.Class, Crowd: in.Crowd}
		},
	}}
	o.Rules = append(tuned(), spy.Default())
	result, err := validate.Run(t.Context(), []validate.Target{coco.New(path)}, o)
	if result != nil {
		s.findings = result.Findings
	}
	return s, err
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	images     = `"images":[{"id":1,"file_name":"s.png","height":30,"width":40}]`
	categories = `"categories":[{"id":1,"name":"AM"}]`
	square     = `"segmentation":[[10,10,20,10,20,20,10,20]],"bbox":[10,10,10,10],"area":100`
	good       = `{"id":1,"image_id":1,"category_id":1,` + square + `}`
)

func file(annotations ...string) string {
	return "{" + images + "," + categories + `,"annotations":[` + strings.Join(annotations, ",") + "]}"
}

// ann is an annotation with members beside id, image_id and category_id.
func ann(members string) string { return `{"id":1,"image_id":1,"category_id":1,` + members + `}` }

func TestFindings(t *testing.T) {
	counts := func(text string) string { return ann(`"segmentation":` + text + `,"bbox":[10,10,10,10],"area":100`) }
	ring := func(text string) string { return ann(`"segmentation":[` + text + `],"bbox":[10,10,10,10],"area":100`) }
	const list = `[310,10,20,10,20,10,20,10,20,10,20,10,20,10,20,10,20,10,20,10,610]`
	for name, test := range map[string]struct {
		annotation string
		want       []string // rule and a part of the message
	}{
		"a polygon":              {good, nil},
		"run lengths":            {counts(`{"size":[30,40],"counts":` + list + `}`), nil},
		"compressed run lengths": {counts(`{"counts":"` + exchangecoco.Encode(mask.Box(schemas.BBox{Z1: 1, Y0: 10, X0: 10, Y1: 20, X1: 20}), 30, 40) + `","size":[30,40]}`), nil},
		"sum":                    {counts(`{"size":[30,40],"counts":[310,10,20]}`), []string{"LB008 sum to 340, the box has 1200"}},
		"negative":               {counts(`{"size":[30,40],"counts":[310,-10,900]}`), []string{"LB008 leaves the box"}},
		"a zero inside":          {counts(strings.Replace(`{"size":[30,40],"counts":`+list+`}`, "610]", "0,0,610]", 1)), []string{"LB008 is 0"}},
		"past the end":           {counts(`{"size":[30,40],"counts":[9223372036854775807,9223372036854775807]}`), []string{"LB008 leaves the box"}},
		"no integers":            {counts(`{"size":[30,40],"counts":[1.5,"x"]}`), []string{"LB008 no list of integers"}},
		"no counts":              {counts(`{"size":[30,40]}`), []string{"LB008 no counts"}},
		"no size":                {counts(`{"counts":` + list + `}`), []string{"LB008 no size"}},
		"width first":            {counts(`{"size":[40,30],"counts":` + list + `}`), []string{"LB008 width first"}},
		"another size":           {counts(`{"size":[30,41],"counts":` + list + `}`), []string{"LB008 size is [30 41]"}},
		"numbers in a text":      {counts(`{"size":[30,40],"counts":"310 10 880"}`), []string{"LB008 numbers in a text"}},
		"bytes of Python":        {counts(`{"size":[30,40],"counts":"b'Z9000'"}`), []string{"LB008 Python"}},
		"a cut code":             {counts(`{"size":[30,40],"counts":"oo"}`), []string{"LB008 ends within a number"}},
		"an object for counts":   {counts(`{"size":[30,40],"counts":{}}`), []string{"LB008 neither"}},
		"rows": {ann(`"segmentation":{"size":[30,40],"counts":[410,20,20,20,20,20,690]},"bbox":[10,10,20,3],"area":60`),
			[]string{"LB008 go along rows"}},
		"box":                 {ann(strings.Replace(square, "[10,10,10,10]", "[10,10,12,10]", 1)), []string{"LB009 [10 10 12 10]"}},
		"right and bottom":    {ann(strings.Replace(square, "[10,10,10,10]", "[10,10,20,20]", 1)), []string{"LB009 it is left, top, right, bottom"}},
		"half a pixel":        {ann(strings.Replace(square, "[10,10,10,10]", "[10.5,9.5,10,10]", 1)), nil},
		"area":                {ann(strings.Replace(square, "100", "130", 1)), []string{"LB009 130"}},
		"area of the box":     {ann(`"segmentation":[[10,10,30,20,10,30]],"bbox":[10,10,20,20],"area":400`), []string{"LB009 the area of the box"}},
		"two corners":         {ring(`[10,10,20,10]`), []string{"LB010 2 corners"}},
		"odd numbers":         {ring(`[10,10,20,10,20,20,10]`), []string{"LB010 7 numbers"}},
		"no polygon":          {ann(`"segmentation":[],"bbox":[10,10,10,10],"area":100`), []string{"LB010 without a polygon"}},
		"a flat list":         {ring(`10,10,20,10,20,20`), []string{"LB010 no list of numbers"}},
		"pairs":               {ring(`[[10,10],[20,10],[20,20]]`), []string{"LB010 element 0 of it is no number"}},
		"out of range":        {ring(`[10,10,1e300,10,20,20]`), []string{"LB010 out of range", "LB010 outside"}},
		"no number at all":    {ring(`[10,10,1e999,10,20,20]`), []string{"LB010 out of range"}},
		"crosses itself":      {ann(`"segmentation":[[10,10,20,20,20,10,10,20]],"bbox":[10,10,10,10],"area":50`), []string{"LB010 crosses itself near (15.00, 15.00)"}},
		"touches itself":      {ann(`"segmentation":[[10,10,20,10,25,10,20,10,20,20,10,20]],"bbox":[10,10,10,10],"area":100`), []string{"LB010 touches"}},
		"outside":             {ann(`"segmentation":[[-5,10,20,10,20,20,-5,20]],"bbox":[0,10,20,10],"area":200`), []string{"LB010 2 corners lie outside"}},
		"a hole as a polygon": {ann(`"segmentation":[[2,2,28,2,28,28,2,28],[6,6,24,6,24,24,6,24]],"bbox":[2,2,26,26],"area":676`), []string{"LB011 352 by pixel centres"}},
		"no such category":    {strings.Replace(good, `"category_id":1`, `"category_id":7`, 1), []string{`CL001 "category_id 7"`}},
	} {
		got, err := look(t, write(t, file(test.annotation)), validate.Options{})
		if err != nil || len(got.keys) > 0 {
			t.Errorf("%s: %v, %v", name, err, got.keys)
			continue
		}
		ours := slices.DeleteFunc(got.findings, func(f *validate.Finding) bool {
			return !slices.Contains([]string{"LB003", "LB008", "LB009", "LB010", "LB011", "CL001"}, f.Rule)
		})
		found := len(ours) == len(test.want)
		for i := range min(len(ours), len(test.want)) {
			rule, part, _ := strings.Cut(test.want[i], " ")
			found = found && slices.ContainsFunc(ours, func(f *validate.Finding) bool { return f.Rule == rule && strings.Contains(f.Message, part) })
		}
		if !found {
			var list []string
			for _, f := range ours {
				list = append(list, f.Rule+" "+f.Message)
			}
			t.Errorf("%s: %q, want %q", name, list, test.want)
		}
	}
}

func TestKeys(t *testing.T) {
	for text, want := range map[string][]string{
		file(good): nil,
		file(good, good, strings.Replace(good, `"id":1`, `"id":2`, 1)):                                                                         {"annotations[1]: id 1 is taken twice"},
		file(strings.Replace(good, `"image_id":1`, `"image_id":7`, 1)):                                                                         {"annotations[0]: image_id 7 is no image of the file"},
		file(strings.Replace(good, `"image_id":1`, `"image_id":7`, 2), strings.Replace(good, `"id":1,"image_id":1`, `"id":2,"image_id":7`, 1)): {"annotations[0]: image_id 7 is no image of the file, as in 1 more"},
		file(strings.Replace(good, `"image_id":1,`, ``, 1)):                                                                                    {"annotations[0]: image_id is missing"},
		file(strings.Replace(good, `"image_id":1,`, `"image_id":"s.png",`, 1)):                                                                 {"annotations[0]: image_id is of the wrong type"},
		file(strings.Replace(good, `"id":1,`, ``, 1)):                                                                                          {"annotations[0]: id is missing"},
		file(`{}`): {
			"annotations[0]: area is missing", "annotations[0]: bbox is missing", "annotations[0]: category_id is missing",
			"annotations[0]: id is missing", "annotations[0]: image_id is missing", "annotations[0]: segmentation is missing"},
		file(good, `7`): {"annotations[1]: is no object"},
		file(ann(`"segmentation":"x","bbox":[1,2,3],"area":"7"`)): {
			"annotations[0]: area is of the wrong type", "annotations[0]: bbox is of the wrong type", "annotations[0]: segmentation is of the wrong type"},
		`{"images":[],"annotations":[]}`: {"categories is missing"},
		`{"images":{},"annotations":[]}`: nil, // no COCO file
		"{" + images + `,"annotations":[],"categories":[{"id":1,"name":"a"},{"id":1,"name":"b"},{"id":2,"name":"a"},{"name":"c"}]}`: {
			"categories[3]: id is missing", "categories[1]: id 1 is taken twice", `categories[2]: name "a" is taken twice: two ids stand for one class`},
		`{"categories":[],"annotations":[],"images":[{"id":1,"file_name":"a","height":0,"width":4},{"id":1,"file_name":"b","height":3,"width":4},{"id":2,"file_name":"b","width":99999999}]}`: {
			"images[0]: height 0 is no side of an image: want 1 to 4194304", "images[2]: height is missing", "images[1]: id 1 is taken twice",
			"images[2]: width 99999999 is no side of an image: want 1 to 4194304"},
		"{" + images + "," + images + "," + categories + `,"annotations":[]}`: {
			"images is taken twice: of several lists most programs read the last", "images[0]: id 1 is taken twice"},
	} {
		got, err := look(t, write(t, text), validate.Options{})
		if want == nil && strings.Contains(text, "{}") {
			if err == nil || !strings.Contains(err.Error(), "no COCO file") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		slices.Sort(want)
		slices.Sort(got.keys)
		if err != nil || !slices.Equal(got.keys, want) {
			t.Errorf("%s: %v\n%q, want\n%q", text, err, got.keys, want)
		}
	}
}

// malformed are files that cannot be read to their end, by what is said, with how many annotations are looked at nevertheless.
var malformed = []struct {
	text, want string
	instances  int
}{
	{"", "ends within a value", 0},
	{"hello", "want '{'", 0},
	{"[]", "want '{'", 0},
	{"{}", "no COCO file", 0},
	{`{"annotations":[]}`, "no COCO file", 0},
	{file(good)[:len(file(good))-2], "ends within a value; what comes after is not looked at", 1},
	{file(good, good[:60]), "", 1},
	{file(strings.Replace(good, "100}", "NaN}", 1), good), `annotations[0]: at byte 223: "NaN" is no JSON`, 1},
	{file(strings.Replace(good, "20,20", "20,,20", 1), good), "annotations[0]: at byte", 1},
	{file(strings.Replace(good, "20,20", "20 20", 1), good), "annotations[0]: at byte", 1},
	{file(strings.Replace(good, "20,20", "020,20", 1), good), "no number", 1},
	{file(good) + "x", "after the end", 1},
	{strings.Replace(file(good), images, `"images":[{"id":1,]`, 1), "at byte", 0},
	{`{"annotations":[` + good + `],"images":[{"id":}]`, "at byte", 1},
}

func TestMalformed(t *testing.T) {
	for _, test := range malformed {
		got, err := look(t, write(t, test.text), validate.Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) || len(got.instances) != test.instances {
			t.Errorf("%s: %v, want %q; %d instances, want %d", test.text, err, test.want, len(got.instances), test.instances)
		}
	}
	if _, err := look(t, filepath.Join(t.TempDir(), "none.json"), validate.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// shuffled is a file of images with objects in each, in random order, with the images last.
func shuffled(r *rand.Rand, pictures, each int) string {
	var annotations, list []string
	for p := range pictures {
		list = append(list, fmt.Sprintf(`{"id":%d,"file_name":"p%d.png","height":%d,"width":90}`, 10*p, p, 60+p))
		for k := range each {
			x, y := r.IntN(60), r.IntN(40)
			m := mask.Box(mask.Mask{{Y: int32(y), X: int32(x), N: int32(1 + r.IntN(20))}, {Y: int32(y + r.IntN(15)), X: int32(x), N: 1}}.BBox())
			b := m.BBox()
			code, _ := json.Marshal(exchangecoco.Encode(m, 60+p, 90))
			segmentation := fmt.Sprintf(`{"size":[%d,90],"counts":%s}`, 60+p, code)
			if k%2 == 0 {
				segmentation = fmt.Sprintf(`[[%d,%d,%d,%d,%d,%d,%d,%d]]`, b.X0, b.Y0, b.X1, b.Y0, b.X1, b.Y1, b.X0, b.Y1)
			}
			annotations = append(annotations, fmt.Sprintf(`{"id":%d,"image_id":%d,"category_id":%d,"iscrowd":%d,"area":%d,"bbox":[%d,%d,%d,%d],"segmentation":%s,"text":%q}`,
				p*each+k+1, 10*p, 1+k%2, k%3/2, m.Area(), b.X0, b.Y0, b.X1-b.X0, b.Y1-b.Y0, segmentation, strings.Repeat("\\\"", r.IntN(9000))))
		}
	}
	r.Shuffle(len(annotations), func(i, j int) { annotations[i], annotations[j] = annotations[j], annotations[i] })
	return `{"annotations":[` + strings.Join(annotations, " ,\n") + `],"categories":[{"id":1,"name":"AM"},{"id":2,"name":"NTM"}],"images":[` + strings.Join(list, ",") + `]}`
}

// TestSeesWhatImportSees compares masks and classes with those of annotate/exchange/coco, whatever the order and the memory.
func TestSeesWhatImportSees(t *testing.T) {
	text := shuffled(rand.New(rand.NewPCG(1, 2)), 7, 40)
	path := write(t, text)
	got, err := look(t, path, validate.Options{Jobs: 3})
	if err != nil || len(got.keys) > 0 || len(got.instances) != 280 {
		t.Fatalf("%v, %v, %d instances", err, got.keys, len(got.instances))
	}
	var order struct{ Annotations []struct{ ID int64 } }
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		t.Fatal(err)
	}
	byID := map[int64]*validate.Instance{}
	for row, in := range got.instances {
		if order.Annotations[row].ID != in.ID {
			t.Fatalf("row %d is annotation %d", row, order.Annotations[row].ID)
		}
		byID[in.ID] = in
	}
	for p := range 7 {
		if n := got.layers[fmt.Sprintf("p%d.png", p)]; n != 40 {
			t.Errorf("image %d has %d instances", p, n)
		}
		objects, err := exchange.Import(t.Context(), exchangecoco.Format{}, path, &exchange.Canvas{Sample: fmt.Sprintf("p%d", p), Axes: "YX", Z: 1, Y: 60 + p, X: 90})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if in := byID[o.ID]; !slices.Equal(in.Mask, o.Mask) || *in.Class != o.Class || in.Crowd != (int(o.ID-1)%40%3 == 2) {
				t.Errorf("annotation %d: %v of class %s, imported %v of %s", o.ID, in.Mask, *in.Class, o.Mask, o.Class)
			}
		}
	}
	fingerprints := func(s *seen) (list []string) {
		for _, f := range s.findings {
			list = append(list, f.Fingerprint)
		}
		slices.Sort(list)
		return list
	}
	again, err := look(t, path, validate.Options{Jobs: 1})
	if err != nil || !slices.Equal(fingerprints(again), fingerprints(got)) {
		t.Errorf("another number of jobs: %v, or other findings", err)
	}
}

func TestLittleMemory(t *testing.T) {
	path := write(t, shuffled(rand.New(rand.NewPCG(1, 2)), 1, 500))
	got, err := look(t, path, validate.Options{Memory: 600 << 10})
	if err == nil || !strings.Contains(err.Error(), "raise --memory") || len(got.instances) != 500 {
		t.Errorf("a layer larger than memory: %v, %d instances", err, len(got.instances))
	}
	if _, err := look(t, path, validate.Options{Memory: 40 << 10}); err == nil || !strings.Contains(err.Error(), "raise --memory") {
		t.Errorf("a list larger than memory: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := validate.Run(ctx, []validate.Target{coco.New(write(t, file(good)))}, validate.Options{Rules: tuned()}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzWalk(f *testing.F) {
	for _, test := range malformed {
		f.Add([]byte(test.text))
	}
	f.Add([]byte(shuffled(rand.New(rand.NewPCG(3, 4)), 2, 3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		got, err := look(t, write(t, string(data)), validate.Options{Memory: 64 << 20})
		if valid := json.Valid(data) || strings.HasPrefix(string(data), "\ufeff"); err == nil && !valid {
			t.Fatalf("%q is taken for JSON", data)
		}
		for _, in := range got.instances {
			if err := in.Mask.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
