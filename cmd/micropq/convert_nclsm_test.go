package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/nclsmgen"
)

// sections generates an NCL-SM release.
func sections(t *testing.T, o nclsmgen.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "NCL-SM")
	if _, err := nclsmgen.Generate(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestConvertNCLSM(t *testing.T) {
	python := oracle.Python(t)
	for _, defect := range []string{"", nclsmgen.Contradiction, nclsmgen.Blue} {
		t.Run("defect "+defect, func(t *testing.T) {
			o := nclsmgen.Options{Defect: defect, Seed: 5}
			if defect != "" {
				o.Sections = 1
			}
			src := sections(t, o)
			dst := filepath.Join(t.TempDir(), "out")
			must(t, "convert", "nclsm", "--tile", "32,48", "--levels", "2", src, dst)
			args := []string{src, dst}
			if defect == "" {
				args = append(args, "open") // once is enough for what is slow
			}
			t.Logf("%s", oracle.Run(t, python, "testdata/check_nclsm.py", args...))
		})
	}
}

func TestConvertSmallestSections(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "out")
	code, stdout, stderr := call(t, "convert", "nclsm", "../../testdata/nclsm", dst)
	if code != codeDone || !strings.Contains(stdout, "samples           4 rows") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, say := range []string{
		"IF/Mask_All_AM/*.tiff: class mask AM (2 files)", "IF/Mask_All_Myofibres/*.tiff: instance mask (2 files)",
		"IMC/Mask_QA/*.tiff: second annotation (2 files)", "not recognised and left out: IF/Greyscale_Images (2 files)",
	} {
		if !strings.Contains(stderr, say) {
			t.Errorf("it does not say %q:\n%s", say, stderr)
		}
	}
}

// rowsOf converts with a converter and returns the shards that do not name where the source lay.
func rowsOf(t *testing.T, args ...string) map[string]string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	must(t, append(append([]string{"convert"}, args...), dst)...)
	got := tree(t, dst)
	for name := range got {
		if !strings.HasSuffix(name, ".parquet") {
			delete(got, name)
		}
	}
	if len(got) < 3 {
		t.Fatalf("only %d shards", len(got))
	}
	return got
}

// The same conversion from a folder, a zip, and a zip over HTTP gives the same tables.
func TestConvertNCLSMSameFromEverywhere(t *testing.T) {
	dir := sections(t, nclsmgen.Options{Zip: true, Seed: 4})
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	want := rowsOf(t, "nclsm", "--technique", "IF", dir)
	for _, src := range []string{filepath.Join(dir, nclsmgen.ArchiveName), server.URL + "/" + nclsmgen.ArchiveName} {
		sameTree(t, rowsOf(t, "nclsm", "--technique", "IF", src), want)
	}
	one := rowsOf(t, "nclsm", "--section", "C03-2", dir)
	sameTree(t, rowsOf(t, "nclsm", "--section", "IMC_*-2", dir), one)
}

// manyTiles are options that cut even a small release into many shards.
var manyTiles = []string{"--tile", "32,32", "--levels", "2", "--shard-size", "64KiB"}

func convertTiles(src, dst string, more ...string) []string {
	return slices.Concat([]string{"convert", "nclsm"}, manyTiles, more, []string{src, dst})
}

func TestConvertNCLSMIsDeterministic(t *testing.T) {
	src := sections(t, nclsmgen.Options{Sections: 1, Height: 160, Width: 200, Seed: 9})
	var want map[string]string
	for i, more := range [][]string{{"--jobs", "1"}, {"--jobs", "2"}, {"--jobs", "7"}, {"--jobs", "3", "--memory", "16MiB"}} {
		dst := filepath.Join(t.TempDir(), fmt.Sprint(i))
		must(t, convertTiles(src, dst, more...)...)
		got := tree(t, dst)
		if want == nil {
			want = got
		}
		sameTree(t, got, want)
	}
	if len(want) < 10 {
		t.Errorf("only %d files: the test wants many shards", len(want))
	}
}

// Killed again and again, a conversion ends with the bytes of one that was left alone.
func TestConvertNCLSMSurvivesKill(t *testing.T) {
	src := sections(t, nclsmgen.Options{Sections: 1, Height: 160, Width: 200, Seed: 9})
	whole, dst := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	start := time.Now()
	must(t, convertTiles(src, whole)...)
	took := time.Since(start)
	for i := range 5 {
		killedOnce(t, convertTiles(src, dst), took*time.Duration(i+1)/6)
		if _, err := os.Stat(filepath.Join(dst, "manifest.json")); err == nil {
			break
		}
	}
	must(t, convertTiles(src, dst)...)
	sameTree(t, tree(t, dst), tree(t, whole))
}

func TestConvertNCLSMRefusesDefects(t *testing.T) {
	tests := []struct {
		defect string
		want   []string // what the message must say
	}{
		{"size-mismatch", []string{"IF_S11", "Mask_All_Myofibres/S11.tiff", "96 x 127", "96 x 128"}},
		{"stray-class", []string{"IF_S11", "class mask FAM", "touches no instance"}},
		{"two-masks", []string{"IF_S11", "two files are its instance mask", "S11.tif ", "S11.tiff"}},
		{"ambiguous-folder", []string{"IF/Mask_FAM_NTM", "class mask NTM or class mask FAM"}},
		{"twin-folder", []string{"IF class mask NTM", "IF/Mask_NTM, IF/Mask_Non_Transverse_Myofibres"}},
		{"unknown-folders", []string{"IF/a, IF/b", "--layout"}},
		{"float-mask", []string{"Mask_All_Myofibres/S11.tiff", "float32"}},
	}
	for _, tt := range tests {
		t.Run(tt.defect, func(t *testing.T) {
			src := sections(t, nclsmgen.Options{Techniques: []string{"IF"}, Sections: 1, Defect: tt.defect})
			refusedSections(t, []string{"convert", "nclsm", src}, tt.want...)
		})
	}
	if len(tests)+2 != len(nclsmgen.DefectNames()) {
		t.Errorf("%d defects tested of %v", len(tests), nclsmgen.DefectNames())
	}
}

// refusedSections wants exit code 3, a message, no data set.
func refusedSections(t *testing.T, args []string, want ...string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	code, _, stderr := call(t, append(args, dst)...)
	if code != codeInput {
		t.Errorf("exit code %d, want %d", code, codeInput)
	}
	for _, w := range want {
		if !strings.Contains(stderr, w) {
			t.Errorf("the message does not say %q:\n%s", w, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dst, "manifest.json")); err == nil {
		t.Error("there is a manifest")
	}
}

// The real section: ground truth and second annotation by a layout file, no image.
func TestConvertRealSection(t *testing.T) {
	src, python := filepath.Dir(oracle.Sample(t, "nclsm/S60_groundtruth.tiff")), oracle.Python(t)
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "nclsm", "--layout", "testdata/s60.layout.yaml", src, dst)
	region := filepath.Join(t.TempDir(), "region.npy")
	must(t, "read", "--sample", "IF_S60", "--array", "gt_instances", "--region", "4000:5500,3000:4400", "-o", region, dst)
	t.Logf("%s", oracle.Run(t, python, "testdata/check_s60.py", src, dst, region))
}

// writePNG writes a PNG.
func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestConvertLabels(t *testing.T) {
	src := t.TempDir()
	for i, split := range []string{"train", "val"} {
		img := image.NewNRGBA(image.Rect(0, 0, 30, 20))
		mask := image.NewGray16(img.Rect)
		for y := range 20 {
			for x := range 30 {
				img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), uint8(i), 255})
				if y > 5 && x > 3 && x != 15 {
					mask.SetGray16(x, y, color.Gray16{Y: uint16(1000 + x/16 + i)})
				}
			}
		}
		writePNG(t, filepath.Join(src, split, "images", "a.png"), img)
		writePNG(t, filepath.Join(src, split, "masks", "a_mask.png"), mask)
	}
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "labels", "--tile", "16", src, dst)
	if out := must(t, "inspect", dst); !strings.Contains(out, "gt_instances  train") || !strings.Contains(out, "1001-1002") {
		t.Errorf("inspect says\n%s", out)
	}
	t.Logf("%s", oracle.Run(t, oracle.Python(t), "testdata/check_labels.py", src, dst))
}

func TestConvertLabelsRefuses(t *testing.T) {
	src := t.TempDir()
	writePNG(t, filepath.Join(src, "a.png"), image.NewGray(image.Rect(0, 0, 4, 4)))
	refusedSections(t, []string{"convert", "labels", src}, "no masks are recognised")
	writePNG(t, filepath.Join(src, "a_mask.png"), image.NewRGBA(image.Rect(0, 0, 4, 4)))
	refusedSections(t, []string{"convert", "labels", src}, "a_mask.png", "samples a pixel")
	writePNG(t, filepath.Join(src, "a_mask.png"), image.NewGray(image.Rect(0, 0, 4, 5)))
	refusedSections(t, []string{"convert", "labels", src}, "5 x 4", "4 x 4")
	if err := os.WriteFile(filepath.Join(src, "a_mask.png"), []byte("no picture, but longer than the header of one"), 0o666); err != nil {
		t.Fatal(err)
	}
	refusedSections(t, []string{"convert", "labels", src}, "a_mask.png", "png")
	if code, _, stderr := call(t, "convert", "labels", "--tile", "0", src, t.TempDir()); code != codeUsage || !strings.Contains(stderr, "--tile") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	bad := writeFile(t, "l.yaml", []byte("files: []"))
	refusedSections(t, []string{"convert", "labels", "--layout", bad, src}, "l.yaml", "files")
}

// What is recognised is said, and bad input is exit code 3, with what is wrong and where.
func TestSectionsTranscript(t *testing.T) {
	const smallest = "../../testdata/nclsm"
	dst := filepath.Join(t.TempDir(), "out")
	names := []string{smallest, "NCLSM", dst, "OUT"}
	releases := map[string]string{}
	for _, defect := range nclsmgen.DefectNames() {
		if defect == nclsmgen.Contradiction || defect == nclsmgen.Blue {
			continue
		}
		releases[defect] = sections(t, nclsmgen.Options{Techniques: []string{"IF"}, Sections: 1, Height: 32, Width: 40, Cell: 8, Defect: defect})
		names = append(names, releases[defect], strings.ToUpper(defect))
	}
	tr := newTranscript(names...)
	tr.run(t, "convert", "nclsm", smallest, dst, "--technique", "IF", "--dry-run")
	tr.run(t, "convert", "nclsm", smallest, dst, "--technique", "EM")
	tr.run(t, "convert", "nclsm", smallest, dst, "--section", "C03*", "--tile", "32", "--levels", "2", "--dry-run")
	for _, defect := range slices.Sorted(maps.Keys(releases)) {
		tr.run(t, "convert", "nclsm", releases[defect], dst, "--jobs", "1")
		if err := os.RemoveAll(dst); err != nil {
			t.Fatal(err)
		}
	}
	tr.check(t, "sections")
}
