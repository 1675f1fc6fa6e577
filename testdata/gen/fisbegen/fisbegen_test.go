package fisbegen

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
)

var update = flag.Bool("update", false, "rewrite the committed release")

func generate(t *testing.T, dir string, o Options) []Sample {
	t.Helper()
	samples, err := Generate(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// tree is every file below dir by its slash-separated path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// difference lists the files that are not the same in both trees.
func difference(a, b map[string]string) []string {
	var paths []string
	for path := range a {
		if other, ok := b[path]; !ok || other != a[path] {
			paths = append(paths, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// smallest makes the release that is committed as testdata/fisbe.
var smallest = Options{
	Samples: 2, Shape: []int{3, 24, 32, 32}, Chunks: []int{2, 16, 24, 24}, Neurons: 4, Empty: 1, IDs: true, Absent: true, Compressor: "gzip", Seed: 1,
}

func TestCommittedReleaseIsWhatTheGeneratorMakes(t *testing.T) {
	committed := filepath.Join("..", "..", "fisbe")
	if *update {
		if err := os.RemoveAll(committed); err != nil {
			t.Fatal(err)
		}
		generate(t, committed, smallest)
	}
	dir := t.TempDir()
	generate(t, dir, smallest)
	want, got := tree(t, committed), tree(t, dir)
	if paths := difference(want, got); len(paths) > 0 {
		t.Errorf("make golden would change %d files: %q", len(paths), paths)
	}
	size := 0
	for _, content := range want {
		size += len(content)
	}
	if size > 300_000 || len(want) == 0 {
		t.Errorf("the committed release has %d bytes in %d files, want it below 300 kB", size, len(want))
	}
}

func TestRegionsAgreeWithTheWhole(t *testing.T) {
	o := small()
	o.LabelType = "<u2"
	v := o.Content(o.withDefaults().samples()[0])
	for _, test := range []struct {
		name  string
		whole nd.Region
		read  func(nd.Region) []byte
	}{{"raw", v.Whole(), v.Raw}, {"labels", v.WholeLabels(), v.Labels}} {
		whole := nd.Dense(test.read(test.whole), test.whole.Shape, 2)
		for _, r := range []nd.Region{
			{Origin: []int{0, 0, 0, 0}, Shape: []int{1, 1, 1, 1}},
			{Origin: []int{1, 3, 7, 11}, Shape: []int{2, 5, 9, 18}},
			{Origin: []int{2, 12, 0, 1}, Shape: []int{1, 1, 30, 7}},
		} {
			want := make([]byte, r.Elements()*2)
			nd.Copy(nd.Dense(want, r.Shape, 2), whole.Slice(r))
			if !bytes.Equal(test.read(r), want) {
				t.Errorf("%s %v differs from that part of the whole", test.name, r)
			}
		}
	}
}

func TestVolumesAreFaithful(t *testing.T) {
	for seed := range uint64(20) {
		o := Options{Shape: []int{3, 24, 32, 32}, Neurons: 4, Empty: 2, IDs: true, Seed: seed}
		v := o.Content(o.withDefaults().samples()[0])
		raw := v.Raw(v.Whole())
		top := 0
		for i := 0; i < len(raw); i += 2 {
			top = max(top, int(binary.LittleEndian.Uint16(raw[i:])))
		}
		if top > MaxIntensity || top < 256 {
			t.Errorf("seed %d: the brightest voxel is %d, want 12 bits in use", seed, top)
		}
		ids, shared := idsAndOverlap(t, v)
		if len(ids) != 4 || shared == 0 {
			t.Errorf("seed %d: ids %v, %d voxels shared, want 4 neurons that overlap", seed, ids, shared)
		}
		dim := v.DimNeurons()
		if len(dim) == 0 {
			t.Errorf("seed %d: no dim neuron", seed)
		}
		for _, id := range dim {
			if !slices.Contains(ids, id) {
				t.Errorf("seed %d: dim neuron %d is none of %v", seed, id, ids)
			}
		}
	}
}

// idsAndOverlap checks that a channel holds at most its own id, and counts the voxels that
// are set in two channels or more.
func idsAndOverlap(t *testing.T, v *Volume) (ids []int, shared int) {
	t.Helper()
	labels := v.Labels(v.WholeLabels())
	plane := len(labels) / v.LabelShape[0]
	times := make([]int, plane)
	for c := range v.LabelShape[0] {
		found := false
		for i, id := range labels[c*plane:][:plane] {
			if id == 0 {
				continue
			}
			if int(id) != c+1 {
				t.Fatalf("channel %d holds id %d", c, id)
			}
			found = true
			times[i]++
			if times[i] == 2 {
				shared++
			}
		}
		if found {
			ids = append(ids, c+1)
		}
	}
	return ids, shared
}

func TestBinaryLabelsAreOnes(t *testing.T) {
	o := small()
	s := o.withDefaults().samples()[0]
	with := o.Content(s)
	o.IDs = false
	without := o.Content(s)
	ids, ones := with.Labels(with.WholeLabels()), without.Labels(without.WholeLabels())
	for i := range ids {
		if min(ids[i], 1) != ones[i] {
			t.Fatalf("voxel %d is %d with ids and %d without", i, ids[i], ones[i])
		}
	}
}

func TestAbsentLeavesOutOnlyFill(t *testing.T) {
	o := small()
	whole, sparse := t.TempDir(), t.TempDir()
	generate(t, whole, o)
	o.Absent = true
	generate(t, sparse, o)
	all, some := tree(t, whole), tree(t, sparse)
	left := difference(all, some)
	fill := 0
	for _, path := range left {
		if strings.HasSuffix(path, "PROVENANCE.md") {
			continue
		}
		fill++
		if _, ok := some[path]; ok || !strings.Contains(path, "/gt_instances/") {
			t.Errorf("%s: want only label chunks to differ, by being absent", path)
		}
	}
	if fill == 0 {
		t.Error("no chunk is absent")
	}
}

func TestNamesAndList(t *testing.T) {
	o := Options{Samples: 12, Subsets: Subsets}
	samples := o.samples()
	name := regexp.MustCompile(`^(R\d{2}[A-H]\d{2}|VT\d{6}|JRC_SS\d{5})-201[678](0[1-9]|1[0-2])\d{2}_6[1-6]_[A-J][1-6]$`)
	seen := map[string]bool{}
	text := list(samples)
	for _, s := range samples {
		if !name.MatchString(s.Name) || seen[s.Name] {
			t.Errorf("sample name %q, seen before: %v", s.Name, seen[s.Name])
		}
		seen[s.Name] = true
		_, section, _ := strings.Cut(text, "FlyLight "+s.Subset+":")
		_, section, _ = strings.Cut(section, "\n"+s.Split+":")
		section, _, _ = strings.Cut(section, "\n\n")
		if !strings.Contains(section+"\n", "\n"+s.Name+"\n") {
			t.Errorf("%s is not listed under %s, %s:\n%s", s.Name, s.Subset, s.Split, text)
		}
	}
}

func TestListHasTheOfficialForm(t *testing.T) {
	official, err := os.ReadFile(oracle.Sample(t, "fisbe/sample_list_per_split.txt"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^[A-Z].*_[A-J]\d\n`)
	want := names.ReplaceAllString(string(official), "")
	o := Options{Samples: 5, Subsets: Subsets}
	if got := names.ReplaceAllString(list(o.samples()), ""); got != want {
		t.Errorf("without names the list is\n%q, the official one\n%q", got, want)
	}
}

func TestZipHoldsTheFolder(t *testing.T) {
	o := small()
	o.Zip, o.Samples = true, 2
	dir := t.TempDir()
	samples := generate(t, dir, o)
	z, err := zip.OpenReader(filepath.Join(dir, "fisbe_v1.0_completely.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	zipped := map[string]string{}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		zipped[f.Name] = string(b)
	}
	files := tree(t, dir)
	for _, path := range difference(files, zipped) {
		if strings.HasPrefix(path, "completely/") {
			t.Errorf("%s differs between the folder and the archive", path)
		}
	}
	for _, s := range samples {
		if zipped[s.Folder()+"/.zgroup"] == "" {
			t.Errorf("the archive lacks %s", s.Folder())
		}
	}
}

// A defect changes what its name says and no other file.
func TestDefectsChangeOneThing(t *testing.T) {
	o := small()
	o.Samples, o.LabelType = 2, "<i2"
	dir := t.TempDir()
	sample := generate(t, dir, o)[0].Folder()
	whole := tree(t, dir)
	changed := map[string]string{
		"negative-label":     "/volumes/gt_instances/0.0.0.0",
		"grid-mismatch":      "/volumes/gt_instances/.zarray",
		"truncated-chunk":    "/volumes/raw/0.0.0.0",
		"bitflip-chunk":      "/volumes/raw/0.0.0.0",
		"inflate-past-shape": "/volumes/raw/0.0.0.0",
		"unsupported-codec":  "/volumes/raw/.zarray",
	}
	for _, name := range DefectNames() {
		if name == hugeShape {
			continue // it has a test of its own
		}
		o.Defect = name
		dir := t.TempDir()
		generate(t, dir, o)
		got := difference(whole, tree(t, dir))
		if want := []string{"PROVENANCE.md", sample + changed[name]}; !slices.Equal(got, want) {
			t.Errorf("%s changes %q, want %q", name, got, want)
		}
	}
}

func TestHugeShapeIsSmallOnDisk(t *testing.T) {
	o := small()
	o.Defect = hugeShape
	dir := t.TempDir()
	sample := generate(t, dir, o)[0].Folder()
	size := 0
	for path, content := range tree(t, filepath.Join(dir, sample)) {
		size += len(content)
		if !strings.HasPrefix(filepath.Base(path), ".z") {
			t.Errorf("%s: want metadata only", path)
		}
	}
	var m metadata
	b, err := os.ReadFile(filepath.Join(dir, sample, "volumes", "raw", ".zarray"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if want := []int{3, 10000, 10000, 10000}; !slices.Equal(m.Shape, want) || size > 4096 {
		t.Errorf("shape %v in %d bytes", m.Shape, size)
	}
}

func TestValidateReportsEveryProblem(t *testing.T) {
	o := Options{Samples: -1, Subsets: []string{"half"}, Shape: []int{3, 4}, Neurons: 300, Compressor: "rar", Defect: "rust"}
	err := o.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"samples", `"half"`, "shape [3 4]", "300 channels", `"rar"`, `"rust"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not speak of %s:\n%v", part, err)
		}
	}
	for _, o := range []Options{
		{Defect: "negative-label"},
		{Defect: "bitflip-chunk", Compressor: "none"},
		{Defect: "grid-mismatch", Shape: []int{3, 2, 2, 1}},
		{Defect: "grid-mismatch", Shape: []int{3}},
		{Compressor: "gzip:0"}, {Compressor: "blosc:zstd"}, {Compressor: "none:1"}, {LabelType: "u1"}, {Chunks: []int{1, 0, 1, 1}},
	} {
		if o.Validate() == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

func TestGenerateLeavesOtherFilesAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(t.Context(), dir, small()); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("got %v, want ErrNotEmpty", err)
	}
}

func TestGenerateStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Generate(ctx, t.TempDir(), small()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
