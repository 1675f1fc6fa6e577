package fisbegen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// described is what zarr-python says of one array: see testdata/describe.py.
type described struct {
	Shape        []int
	DType        string
	SHA256       string
	DeflateRatio float64 `json:"deflate_ratio"`
	Min, Max     int
	IDs          [][]int
	Overlap      int
	Attributes   map[string][]int
	Error        string
}

type describedSample struct {
	Raw    described
	Labels described `json:"gt_instances"`
}

func describe(t *testing.T, python string, stores ...string) []describedSample {
	t.Helper()
	var answer []describedSample
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/describe.py", stores...), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// small is a release whose chunks do not divide its shape.
func small() Options {
	return Options{Shape: []int{3, 13, 30, 29}, Chunks: []int{2, 5, 16, 16}, Neurons: 3, Empty: 1, IDs: true, Seed: 7}
}

func TestZarrPythonReadsWhatWasMeant(t *testing.T) {
	python3, python2 := oracle.Python(t), oracle.PythonZarr2(t)
	compressors := []string{"none", "gzip:6", "zlib", "zstd", "blosc:lz4:shuffle", "blosc:lz4hc:noshuffle",
		"blosc:zlib:bitshuffle", "blosc:zstd:shuffle", "blosc:zstd:bitshuffle"}
	types := []string{"|u1", "<u2", "<i4", "|i1", "<i2", "<u4"}
	var stores []string
	var want []describedSample
	for i, compressor := range compressors {
		o := small()
		o.Compressor, o.LabelType = compressor, types[i%len(types)]
		o.Absent, o.IDs = i%2 == 1, i%3 != 2
		dir := t.TempDir()
		for _, s := range generate(t, dir, o) {
			stores = append(stores, filepath.Join(dir, s.Folder()))
			want = append(want, meant(o.Content(s), o.LabelType))
		}
	}
	for _, python := range []string{python3, python2} {
		for i, got := range describe(t, python, stores...) {
			for _, pair := range [][2]described{{got.Raw, want[i].Raw}, {got.Labels, want[i].Labels}} {
				got, want := pair[0], pair[1]
				if got.Error != "" || got.SHA256 != want.SHA256 || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
					t.Errorf("%s: zarr reads %+v, meant %+v", compressors[i], got, want)
				}
			}
			if got := got.Labels.Attributes["dim_neurons"]; !slices.Equal(got, want[i].Labels.Attributes["dim_neurons"]) {
				t.Errorf("%s: dim neurons %v", compressors[i], got)
			}
		}
	}
}

func meant(v *Volume, labelType string) describedSample {
	digest := func(b []byte) string {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	return describedSample{
		Raw: described{Shape: v.Shape, DType: "<u2", SHA256: digest(v.Raw(v.Whole()))},
		Labels: described{Shape: v.LabelShape, DType: labelType, SHA256: digest(v.Labels(v.WholeLabels())),
			Attributes: map[string][]int{"dim_neurons": v.DimNeurons()}},
	}
}

// The generated volumes resemble the real crop where it matters to code that reads them.
func TestResemblesTheRealCrop(t *testing.T) {
	python := oracle.Python(t)
	crop := oracle.Sample(t, "fisbe/JRC_SS05008-20160318_24_B2_crop.zip")
	dir := t.TempDir()
	s := generate(t, dir, Options{Shape: []int{3, 64, 96, 96}, Neurons: 3, IDs: true, Seed: 1})[0]
	answer := describe(t, python, crop, filepath.Join(dir, s.Folder()))
	was, is := answer[0], answer[1]
	if ratio := is.Raw.DeflateRatio / was.Raw.DeflateRatio; ratio < 0.85 || ratio > 1.15 {
		t.Errorf("raw deflates by %.2f, the crop by %.2f", is.Raw.DeflateRatio, was.Raw.DeflateRatio)
	}
	if is.Raw.DType != was.Raw.DType || is.Labels.DType != was.Labels.DType || is.Raw.Max > MaxIntensity || is.Raw.Max < 256 {
		t.Errorf("got %+v, the crop is %+v", is, was)
	}
	if !reflect.DeepEqual(is.Labels.IDs, was.Labels.IDs) || is.Labels.Overlap == 0 || was.Labels.Overlap == 0 {
		t.Errorf("ids %v with %d voxels shared, in the crop %v with %d", is.Labels.IDs, is.Labels.Overlap, was.Labels.IDs, was.Labels.Overlap)
	}
}

// Each defect is what its name says to zarr-python, and everything else still reads.
func TestZarrPythonMeetsTheDefect(t *testing.T) {
	python := oracle.Python(t)
	tests := map[string]func(whole, got describedSample) bool{
		"negative-label": func(_, got describedSample) bool { return got.Labels.Min == -1 && got.Raw.Error == "" },
		"grid-mismatch": func(_, got describedSample) bool {
			return slices.Equal(got.Labels.Shape, []int{4, 13, 30, 28}) && got.Raw.Error == ""
		},
		"truncated-chunk":    func(_, got describedSample) bool { return got.Raw.Error != "" && got.Labels.Error == "" },
		"bitflip-chunk":      func(_, got describedSample) bool { return got.Raw.Error != "" && got.Labels.Error == "" },
		"inflate-past-shape": func(_, got describedSample) bool { return got.Raw.Error != "" && got.Labels.Error == "" },
		"unsupported-codec":  func(_, got describedSample) bool { return got.Raw.Error != "" && got.Labels.Error == "" },
	}
	for name, holds := range tests {
		o := small()
		o.LabelType, o.Defect = "<i2", name
		dir := t.TempDir()
		s := generate(t, dir, o)[0]
		got := describe(t, python, filepath.Join(dir, s.Folder()))[0]
		if whole := meant(o.Content(s), o.LabelType); !holds(whole, got) {
			t.Errorf("%s: zarr reads %+v", name, got)
		}
	}
}
