package annotate

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// open opens the only layer of a location.
func open(t *testing.T, location string) *Layer {
	t.Helper()
	layers, err := Open(t.Context(), location, Select{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := layers.Close(); err != nil {
			t.Error(err)
		}
	})
	if len(layers.List) != 1 {
		t.Fatalf("%s has %d layers", location, len(layers.List))
	}
	return layers.List[0]
}

// saved writes a label image of bytes as a .npy file.
func saved(t *testing.T, name string, shape []int, labels []byte) string {
	t.Helper()
	header, err := npy.Header(schemas.Uint8, shape)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, append(header, labels...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// drawn is a label image of rows of text: digits are labels, anything else is background.
func drawn(t *testing.T, name string, rows ...string) string {
	t.Helper()
	var labels []byte
	for _, row := range rows {
		for _, c := range []byte(row) {
			if c < '0' || c > '9' {
				c = '0'
			}
			labels = append(labels, c-'0')
		}
	}
	return saved(t, name, []int{len(rows), len(rows[0])}, labels)
}

func measured(t *testing.T, l *Layer, o MeasureOptions) *MeasuredLayer {
	t.Helper()
	m, err := Measure(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// records reads a CSV file as a map from column to value, by fibre.
func records(t *testing.T, data []byte) (header []string, rows map[string]map[string]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]map[string]string{}
	for _, record := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = record[i]
		}
		rows[row["Fibre_ID"]] = row
	}
	return all[0], rows
}

// The published table of a real section: every whole number equal, every fraction but for its
// last bit, and the flag of every fibre.
func TestPublishedMeasurements(t *testing.T) {
	image := oracle.Sample(t, "nclsm/S60_groundtruth.tiff")
	m := measured(t, open(t, image), MeasureOptions{})
	if want := []Speck{{137, 1}, {180, 1}}; !slices.Equal(m.Specks, want) {
		t.Errorf("specks %v, want %v", m.Specks, want)
	}
	if len(m.Instances)+len(m.Specks) != 586 {
		t.Errorf("%d instances, want 586", len(m.Instances)+len(m.Specks))
	}
	var table bytes.Buffer
	if err := WriteCSV(&table, []*MeasuredLayer{m}, RuleNTM); err != nil {
		t.Fatal(err)
	}
	read := func(name string) ([]string, map[string]map[string]string) {
		data, err := os.ReadFile(oracle.Sample(t, name))
		if err != nil {
			t.Fatal(err)
		}
		return records(t, data)
	}
	header, got := records(t, table.Bytes())
	columns, want := read("nclsm/S60_measurements.csv")
	_, flags := read("nclsm/S60_ntm.csv")
	if !slices.Equal(header[:len(columns)-1], columns[1:]) { // the first is pandas' index
		t.Errorf("the table begins with %v, want %v", header[:len(columns)-1], columns[1:])
	}
	if len(got) != 584 || len(want) != len(got) || len(flags) != len(got) {
		t.Fatalf("%d fibres, want 584", len(got))
	}
	for id, row := range want {
		for _, name := range columns[3:] { // past the index, FileName and Fibre_ID
			if !sameValue(got[id][name], row[name]) {
				t.Errorf("fibre %s: %s %q, want %q", id, name, got[id][name], row[name])
			}
		}
		if got[id]["passes_shape_rule"] != flags[id]["NTM"] {
			t.Errorf("fibre %s: passes_shape_rule %s, want %s", id, got[id]["passes_shape_rule"], flags[id]["NTM"])
		}
	}
}

// sameValue compares as text, and fractions to 1e-14 of their size: pandas wrote the published ones
// a unit in the last place off.
func sameValue(got, want string) bool {
	if got == want {
		return true
	}
	a, errA := strconv.ParseFloat(got, 64)
	b, errB := strconv.ParseFloat(want, 64)
	return errA == nil && errB == nil && a != math.Trunc(a) && math.Abs(a-b) <= 1e-14*math.Abs(b)
}

func TestMeasureGolden(t *testing.T) {
	l := open(t, drawn(t, "two.rings.npy",
		"11111.....",
		"1...1.222.",
		"1.3.1.222.",
		"1...1.222.",
		"11111.....",
		".........4",
	))
	m := measured(t, l, MeasureOptions{SpeckArea: 1, PixelSizeUM: 0.5})
	var got bytes.Buffer
	if err := WriteCSV(&got, []*MeasuredLayer{m}, RuleNTM); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(m.Instances, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "measure.csv.golden", got.Bytes())
	golden(t, "measure.json.golden", append(text, '\n'))
	if want := []Speck{{3, 1}, {4, 1}}; !slices.Equal(m.Specks, want) {
		t.Errorf("specks %v, want %v", m.Specks, want)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, run the test with -update. Now:\n%s", path, got)
	}
}

func TestMeasureVolume(t *testing.T) {
	labels := make([]byte, 5*6*7)
	hollow := mask.Subtract(mask.Box(schemas.BBox{Z0: 1, Y0: 1, X0: 1, Z1: 4, Y1: 4, X1: 4}), mask.Mask{{Z: 2, Y: 2, X: 2, N: 1}})
	whole := schemas.BBox{Z1: 5, Y1: 6, X1: 7}
	mask.Paint(labels, whole, hollow, 1)
	mask.Paint(labels, whole, mask.Mask{{Z: 0, Y: 5, X: 0, N: 7}}, 2)
	m := measured(t, open(t, saved(t, "v.npy", []int{5, 6, 7}, labels)), MeasureOptions{SpeckArea: -1, PixelSizeUM: 2})
	one, two := m.Instances[0].Solid, m.Instances[1].Solid
	if one.Voxels != 26 || one.Pieces != 1 || one.Cavities != 1 || one.OnBorder || one.Extent != 26./27 || *one.VolumeUM3 != 208 {
		t.Errorf("a hollow cube: %+v", *one)
	}
	if two.Voxels != 7 || two.Cavities != 0 || !two.OnBorder {
		t.Errorf("a line along the border: %+v", *two)
	}
	var table bytes.Buffer
	if err := WriteCSV(&table, []*MeasuredLayer{m}, ""); err != nil {
		t.Fatal(err)
	}
	golden(t, "volume.csv.golden", table.Bytes())
}

func TestMeasureSameWithAnyJobs(t *testing.T) {
	path := oracle.Sample(t, "nclsm/S60_second_annotation.tiff")
	var first []byte
	for _, jobs := range []int{1, 7} {
		var table bytes.Buffer
		if err := WriteCSV(&table, []*MeasuredLayer{measured(t, open(t, path), MeasureOptions{Jobs: jobs})}, ""); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = table.Bytes()
		} else if !bytes.Equal(first, table.Bytes()) {
			t.Errorf("with %d jobs the table differs", jobs)
		}
	}
}

func TestMeasureStops(t *testing.T) {
	l := open(t, drawn(t, "x.npy", "111", "222"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, l, MeasureOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
