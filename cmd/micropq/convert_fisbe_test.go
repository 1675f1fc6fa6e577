package main

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

const crop = "fisbe/JRC_SS05008-20160318_24_B2_crop.zip"

// release generates a FISBe release.
func release(t *testing.T, o fisbegen.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	if _, err := fisbegen.Generate(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree hashes every file below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameTree(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
}

func TestConvertRealCrop(t *testing.T) {
	src, python := oracle.Sample(t, crop), oracle.Python(t)
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", src, dst)
	out := oracle.Run(t, python, "testdata/check_fisbe.py", src, dst)
	t.Logf("%s", out)
}

func TestConvertSmallestRelease(t *testing.T) {
	python := oracle.Python(t)
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", "--split-list", "../../testdata/fisbe/sample_list_per_split.txt", "../../testdata/fisbe", dst)
	t.Logf("%s", oracle.Run(t, python, "testdata/check_fisbe.py", "../../testdata/fisbe", dst))
}

// The same conversion from a folder, a zip, and both over HTTP gives the same tables.
func TestConvertSameFromEverywhere(t *testing.T) {
	dir := release(t, fisbegen.Options{Samples: 3, Shape: []int{3, 20, 40, 50}, Chunks: []int{2, 9, 20, 33}, Neurons: 3, IDs: true, Empty: 1, Absent: true, Zip: true, Seed: 5})
	archives, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives %v, %v", archives, err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	samples, err := filepath.Glob(filepath.Join(dir, "completely", "*", "*.zarr"))
	if err != nil || len(samples) != 3 {
		t.Fatalf("samples %v, %v", samples, err)
	}
	one := strings.TrimSuffix(filepath.Base(samples[1]), ".zarr")
	rel, err := filepath.Rel(dir, samples[1])
	if err != nil {
		t.Fatal(err)
	}
	want := convertedRows(t, "--sample", one, dir)
	for _, src := range []string{
		archives[0],
		samples[1],
		server.URL + "/" + filepath.Base(archives[0]),
		server.URL + "/" + filepath.ToSlash(rel),
	} {
		sameTree(t, convertedRows(t, "--sample", one, src), want)
	}
}

// convertedRows converts and returns the shards that do not name where the source lay.
func convertedRows(t *testing.T, args ...string) map[string]string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	must(t, append(append([]string{"convert", "fisbe"}, args...), dst)...)
	got := tree(t, dst)
	for name := range got {
		if !strings.HasPrefix(name, "chunks/") && !strings.HasPrefix(name, "instances/") {
			delete(got, name)
		}
	}
	if len(got) == 0 {
		t.Fatal("nothing was converted")
	}
	return got
}

// smallRelease is what defects are planted in.
var smallRelease = fisbegen.Options{Samples: 1, Shape: []int{3, 20, 30, 40}, Chunks: []int{1, 10, 30, 40}, Neurons: 3, LabelType: "<i2", IDs: true, Seed: 2}

func TestConvertRefusesDefects(t *testing.T) {
	tests := []struct {
		defect string
		want   []string // what the message must say
	}{
		{"truncated-chunk", []string{"raw", "truncated"}},
		{"bitflip-chunk", []string{"raw"}},
		{"inflate-past-shape", []string{"raw"}},
		{"huge-shape", []string{"gt_instances", "10000", "the source keeps"}},
		{"unsupported-codec", []string{"raw", "codec"}},
		{"negative-label", []string{"gt_instances", "label -"}},
		{"grid-mismatch", []string{"gt_instances", "grid"}},
	}
	for _, tt := range tests {
		t.Run(tt.defect, func(t *testing.T) {
			o := smallRelease
			o.Defect = tt.defect
			refused(t, release(t, o), tt.want...)
		})
	}
	if len(tests) != len(fisbegen.DefectNames()) {
		t.Errorf("%d defects tested of %v", len(tests), fisbegen.DefectNames())
	}
}

// refused converts bad input: exit code 3, a message, no data set.
func refused(t *testing.T, src string, want ...string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	code, _, stderr := call(t, "convert", "fisbe", src, dst)
	if code != codeInput {
		t.Errorf("exit code %d, want %d", code, codeInput)
	}
	for _, w := range want {
		if !strings.Contains(stderr, w) {
			t.Errorf("the message does not say %q:\n%s", w, stderr)
		}
	}
	t.Log(strings.TrimSpace(stderr))
	if _, err := os.Stat(filepath.Join(dst, "manifest.json")); err == nil {
		t.Error("there is a manifest")
	}
}

func TestConvertRefusesBadZips(t *testing.T) {
	dir := release(t, fisbegen.Options{Samples: 1, Shape: []int{3, 20, 30, 40}, Neurons: 2, Zip: true, Seed: 2})
	archives, _ := filepath.Glob(filepath.Join(dir, "*.zip"))
	good, err := os.ReadFile(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Run("wrong CRC", func(t *testing.T) {
		// A byte of the largest entry: its data, not a header.
		z, err := zip.OpenReader(archives[0])
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		big := slices.MaxFunc(z.File, func(a, b *zip.File) int { return int(a.CompressedSize64) - int(b.CompressedSize64) })
		off, err := big.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(good)
		bad[off+int64(big.CompressedSize64)/2] ^= 1
		refused(t, writeFile(t, "bad.zip", bad), filepath.Base(big.Name))
	})
	t.Run("climbs out", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "climb.zip")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := zip.NewWriter(f)
		for _, name := range []string{"a.zarr/volumes/raw/.zarray", "../evil"} {
			if _, err := w.Create(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "../evil")
	})
	t.Run("cut off", func(t *testing.T) { refused(t, writeFile(t, "cut.zip", good[:len(good)/2]), "zip") })
	t.Run("no sample", func(t *testing.T) { refused(t, t.TempDir(), "no FISBe sample") })
	t.Run("missing", func(t *testing.T) { refused(t, filepath.Join(t.TempDir(), "nowhere.zip"), "nowhere.zip") })
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConvertLeavesOthersAlone(t *testing.T) {
	src := "../../testdata/fisbe"
	dst := t.TempDir()
	mine := filepath.Join(dst, "precious.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"--overwrite"}} {
		code, _, stderr := call(t, slices.Concat([]string{"convert", "fisbe"}, more, []string{src, dst})...)
		if code != codeUsage || !strings.Contains(stderr, "not empty") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	}
	if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
		t.Errorf("the file is %q, %v", data, err)
	}
}

func TestConvertTwice(t *testing.T) {
	src, dst := "../../testdata/fisbe", filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", src, dst)
	want := tree(t, dst)
	if out := must(t, "convert", "fisbe", src, dst); !strings.Contains(out, "already complete") {
		t.Errorf("the second run says %q", out)
	}
	if code, _, stderr := call(t, "convert", "fisbe", "--chunk", "8", src, dst); code != codeUsage || !strings.Contains(stderr, "--overwrite") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	sameTree(t, tree(t, dst), want)
	must(t, "convert", "fisbe", "--chunk", "8", "--overwrite", src, dst)
	must(t, "convert", "fisbe", "--overwrite", src, dst)
	sameTree(t, tree(t, dst), want)
}

func TestConvertSplitAgainstList(t *testing.T) {
	dir := release(t, fisbegen.Options{Samples: 2, Shape: []int{3, 8, 16, 16}, Neurons: 2, Seed: 4})
	list := filepath.Join(dir, "sample_list_per_split.txt")
	must(t, "convert", "fisbe", "--split-list", list, dir, filepath.Join(t.TempDir(), "good"))
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.NewReplacer("train:", "val:", "val:", "train:").Replace(string(text))
	bad := writeFile(t, "list.txt", []byte(swapped))
	code, _, stderr := call(t, "convert", "fisbe", "--split-list", bad, dir, filepath.Join(t.TempDir(), "bad"))
	if code != codeInput || !strings.Contains(stderr, "by the split list") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
