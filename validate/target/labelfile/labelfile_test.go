package labelfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

// run validates a label image with all rules but for their limits.
func run(t *testing.T, path string, o Options, limits map[string]float64) (*validate.Result, error) {
	t.Helper()
	target, err := New(path, o)
	if err != nil {
		t.Fatal(err)
	}
	options := validate.Options{}
	for _, r := range rules.All() {
		tuned := r.Default()
		for name := range tuned.Values {
			if v, ok := limits[r.ID+"."+name]; ok {
				tuned.Values[name] = v
			}
		}
		options.Rules = append(options.Rules, tuned)
	}
	return validate.Run(t.Context(), []validate.Target{target}, options)
}

// found lists the findings of a rule: instance and value, as JSON.
func found(r *validate.Result, rule string, show func(*validate.Finding) any) (out []any) {
	for _, f := range r.Findings {
		if f.Rule == rule {
			out = append(out, show(f))
		}
	}
	return out
}

func instanceAndValue(f *validate.Finding) any { return []any{*f.Instance, f.Value} }
func instanceOnly(f *validate.Finding) any     { return *f.Instance }

// sameJSON reports whether two lists hold the same as JSON, in any order.
func sameJSON(a, b any) bool {
	texts := func(list any) (out []string) {
		all, _ := list.([]any)
		for _, v := range all {
			text, err := json.Marshal(v)
			out = append(out, fmt.Sprint(string(text), err))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(texts(a), texts(b))
}

// random is an image of instances of all kinds of shapes, and its file.
func random(t *testing.T, dir string, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	const h, w = 60, 70
	ids := make([]uint16, h*w)
	for range 60 {
		id, y0, x0, radius := uint16(1+r.IntN(50)), r.IntN(h), r.IntN(w), 1+r.IntN(7)
		for y := max(0, y0-radius); y < min(h, y0+radius); y++ {
			for x := max(0, x0-radius); x < min(w, x0+radius); x++ {
				if r.IntN(12) > 0 {
					ids[y*w+x] = id
				}
			}
		}
	}
	header, err := npy.Header(schemas.Uint16, []int{h, w})
	if err != nil {
		t.Fatal(err)
	}
	data := header
	for _, id := range ids {
		data = append(data, byte(id), byte(id>>8))
	}
	path := filepath.Join(dir, fmt.Sprintf("%d.npy", seed))
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// counted is what the oracle says of an image.
type counted struct {
	Instances                                  int
	LB002                                      int64
	LB003, LB004, LB005, LB006, LB013, Corners any
}

// compare compares findings with what scipy and scikit-image count.
func compare(t *testing.T, path string, want counted, result *validate.Result) {
	t.Helper()
	pair := func(f *validate.Finding) any { return []any{*f.Instance, f.Value} }
	if n := result.Seen["instances"]; n != int64(want.Instances) {
		t.Errorf("%s: %d instances, want %d", path, n, want.Instances)
	}
	got := map[string]any{
		"LB003": found(result, "LB003", instanceAndValue), "LB005": found(result, "LB005", instanceAndValue),
		"LB006": found(result, "LB006", pair), "LB013": found(result, "LB013", instanceOnly),
	}
	for rule, w := range map[string]any{"LB003": want.LB003, "LB005": want.LB005, "LB006": want.LB006, "LB013": want.LB013} {
		if !sameJSON(got[rule], w) {
			t.Fatalf("%s: %s finds %v, want %v", path, rule, got[rule], w)
		}
	}
	pieces := found(result, "LB004", func(f *validate.Finding) any { return []any{*f.Instance, f.Value} })
	var counts []any
	if all, ok := want.LB004.([]any); ok {
		for _, v := range all {
			one := v.([]any)
			counts = append(counts, []any{one[0], len(one[1].([]any))})
		}
	}
	if !sameJSON(pieces, counts) {
		t.Errorf("%s: LB004 finds %v, want %v", path, pieces, counts)
	}
	missing := int64(0)
	for _, f := range result.Findings {
		if f.Rule == "LB002" {
			missing = f.Value.(int64)
		}
	}
	if missing != want.LB002 {
		t.Errorf("%s: %d ids are missing, want %d", path, missing, want.LB002)
	}
}

// TestCounts compares rules with scipy and scikit-image, on random images and on a section of NCL-SM.
func TestCounts(t *testing.T) {
	paths, dir := []string{}, t.TempDir()
	for seed := range uint64(40) {
		paths = append(paths, random(t, dir, seed))
	}
	if !testing.Short() {
		paths = append(paths, oracle.Sample(t, "nclsm/S60_groundtruth.tiff"))
	}
	out := oracle.Run(t, oracle.Python(t), "testdata/count.py", append([]string{"26"}, paths...)...)
	decoder := json.NewDecoder(bytes.NewReader(out))
	for _, path := range paths {
		var want counted
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		for corners, pairs := range []any{want.LB006, want.Corners} {
			result, err := run(t, path, Options{}, map[string]float64{"LB006.corners": float64(corners)})
			if err != nil {
				t.Fatal(err)
			}
			want.LB006 = pairs
			compare(t, path, want, result)
		}
	}
}

// TestSection finds in a section of NCL-SM what is known to be wrong with it, and nothing else.
func TestSection(t *testing.T) {
	first, second := oracle.Sample(t, "nclsm/S60_groundtruth.tiff"), oracle.Sample(t, "nclsm/S60_second_annotation.tiff")
	result, err := run(t, first, Options{Second: second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range result.Findings {
		got[f.Rule+" "+filepath.Base(f.Target)]++
	}
	const one, two = " S60_groundtruth.tiff", " S60_second_annotation.tiff"
	want := map[string]int{"LB003" + one: 2, "LB005" + one: 3, "LB006" + one: 9, "LB013" + one: 8, "PX004" + one: 1, "PX005" + one: 1,
		"AG001" + two: 1, "PX004" + two: 1, "LB002" + two: 1}
	for _, f := range result.Findings {
		if want[f.Rule+" "+filepath.Base(f.Target)] == 0 {
			t.Errorf("%s: %s", f.Rule, f.Message)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if specks := found(result, "LB003", instanceAndValue); !sameJSON(specks, []any{[]any{137, 1}, []any{180, 1}}) {
		t.Errorf("specks %v, want fibres 137 and 180 of a pixel each", specks)
	}
	for _, f := range result.Findings {
		if f.Rule == "PX004" && strings.HasSuffix(f.Target, two[1:]) && !strings.Contains(f.Message, "4294967295/0") {
			t.Errorf("pixel size: %s", f.Message)
		}
		if f.Rule == "PX005" && !strings.Contains(f.Message, "TheC") {
			t.Errorf("description: %s", f.Message)
		}
	}
	// With coverage the annotators agree.
	if result, err = run(t, first, Options{Second: second, Coverage: "second"}, nil); err != nil || len(found(result, "AG001", instanceOnlyOrNil))+len(found(result, "AG002", instanceOnlyOrNil)) > 0 {
		t.Errorf("with coverage: %v", err)
	}
	if result, err = run(t, first, Options{Second: second, Coverage: "all"}, nil); err != nil || len(found(result, "AG002", instanceOnlyOrNil)) != 1 {
		t.Errorf("with coverage of everything: %v", err)
	}
}

func instanceOnlyOrNil(f *validate.Finding) any { return f.Instance }

// TestUnreadable keeps what cannot be decoded from passing for clean.
func TestUnreadable(t *testing.T) {
	if _, err := New("labels.npy", Options{Coverage: "all"}); err == nil {
		t.Error("a coverage without a second annotation is taken")
	}
	dir := t.TempDir()
	path := random(t, dir, 1)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.npy")
	if err := os.WriteFile(cut, data[:len(data)-5], 0o666); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{"image": {Image: cut}, "second": {Second: cut}, "missing": {Image: filepath.Join(dir, "none.npy")}} {
		result, err := run(t, path, o, nil)
		var unreadable *validate.TargetError
		if !errors.As(err, &unreadable) || result == nil || result.Seen["instances"] == 0 {
			t.Errorf("%s: %v; what can be read is to be looked at", name, err)
		}
	}
	if _, err := run(t, path, Options{Second: path, Coverage: "0:9999"}, nil); err == nil || !strings.Contains(err.Error(), "leaves the array") {
		t.Errorf("a region outside of the image: %v", err)
	}
	malformed := filepath.Join("..", "..", "..", "internal", "tiffio", "testdata", "malformed")
	files, err := filepath.Glob(filepath.Join(malformed, "*.tif"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d malformed files, %v", len(files), err)
	}
	for _, file := range files {
		if result, err := run(t, file, Options{Image: file, Second: file, Coverage: "all"}, nil); err == nil && len(result.Findings) == 0 {
			t.Errorf("%s passes for clean", file)
		}
	}
	long := filepath.Join(malformed, "strip-inflates-long.tif")
	result, err := run(t, long, Options{}, nil)
	if !errors.Is(err, tiffio.ErrTooLong) || len(found(result, "PX008", instanceOnlyOrNil)) != 1 {
		t.Errorf("a strip that inflates past its pixels: %v", err)
	}
}
