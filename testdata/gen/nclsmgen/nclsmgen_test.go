package nclsmgen

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/internal/tiffio"
)

var update = flag.Bool("update", false, "rewrite the committed release")

// smallest makes the release that is committed as testdata/nclsm.
var smallest = Options{Sections: 2, Height: 48, Width: 64, Cell: 12, Seed: 1}

func generate(t *testing.T, dir string, o Options) []Section {
	t.Helper()
	sections, err := Generate(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return sections
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

func TestCommittedReleaseIsWhatTheGeneratorMakes(t *testing.T) {
	committed := filepath.Join("..", "..", "nclsm")
	if *update {
		if err := os.RemoveAll(committed); err != nil {
			t.Fatal(err)
		}
		generate(t, committed, smallest)
	}
	dir := t.TempDir()
	generate(t, dir, smallest)
	want, got := tree(t, committed), tree(t, dir)
	size := 0
	for path, content := range want {
		size += len(content)
		if got[path] != content {
			t.Errorf("make golden would change %s", path)
		}
	}
	if len(got) != len(want) || size > 200_000 {
		t.Errorf("%d files committed, %d made; %d bytes, want at most 200 kB", len(want), len(got), size)
	}
}

func TestRefuses(t *testing.T) {
	for _, o := range []Options{{Sections: -1}, {Techniques: []string{"EM"}}, {Height: 1}, {Width: 1 << 20}, {Cell: 2}, {Height: 9000, Width: 9000}, {Defect: "none"}} {
		if _, err := Generate(t.Context(), t.TempDir(), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(t.Context(), full, Options{}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a full folder: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Generate(ctx, t.TempDir(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A section has what a real one has: every class, touching fibres, holes, pieces, specks.
func TestTissueIsFaithful(t *testing.T) {
	s := newTissue(7, 256, 320, 16)
	area, classes := map[uint32]int{}, map[int]int{}
	folded, second := 0, 0
	row := make([]uint32, s.Width)
	for y := range s.Height {
		s.IDs(y, row)
		for x, id := range row {
			area[id]++
			if s.Folded(y, x) {
				if folded++; id != 0 {
					t.Fatalf("a fibre in the fold at %d, %d", y, x)
				}
			}
			if s.Second(y, x) != 0 {
				second++
			}
		}
	}
	specks := 0
	for id, n := range area {
		if id != 0 {
			classes[s.class(id)]++
			if n == 1 {
				specks++
			}
		}
	}
	if len(classes) != 3 || specks == 0 || folded == 0 || second == 0 || area[0] == 0 || len(area) < 100 {
		t.Errorf("classes %v, %d specks, %d folded, %d drawn twice, %d objects", classes, specks, folded, second, len(area))
	}
}

// Our reader of TIFF reads the strips back, and so does tifffile.
func TestPicturesReadBack(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 1))
	var names []string
	for _, compression := range []string{"none", "deflate", "lzw"} {
		for _, rows := range []int{0, 1, 7} {
			data := make([]byte, 40*300*2)
			for i := range data {
				if rng.IntN(3) == 0 {
					data[i] = byte(rng.IntN(256))
				}
			}
			p := picture{height: 40, width: 300, samples: 1, bytes: 2, compression: compression, rowsPerStrip: rows, ome: rows == 1,
				row: func(y int, dst []byte) { copy(dst, data[y*600:]) }}
			name := filepath.Join(dir, compression+string(rune('0'+rows)))
			if err := p.write(name + ".tif"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name+".raw", data, 0o644); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
			if got := readBack(t, name+".tif"); !bytes.Equal(got, data) {
				t.Errorf("%s: other pixels come back", filepath.Base(name))
			}
		}
	}
	t.Run("tifffile", func(t *testing.T) {
		oracle.Run(t, oracle.Python(t), "testdata/read_back.py", names...)
	})
}

func readBack(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := tiffio.Open(t.Context(), f, info.Size(), path)
	if err != nil {
		t.Fatal(err)
	}
	page, err := file.Page(0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := page.Array()
	if err != nil {
		t.Fatal(err)
	}
	data, err := a.ReadAll(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The table of LZW is cleared and every code width is used.
func TestLZWFillsItsTable(t *testing.T) {
	data := make([]byte, 60000)
	for i := range 30000 {
		binary.LittleEndian.PutUint16(data[2*i:], uint16(i*7919))
	}
	p := picture{height: 1, width: 60000, samples: 1, bytes: 1, compression: "lzw", row: func(_ int, dst []byte) { copy(dst, data) }}
	name := filepath.Join(t.TempDir(), "full.tif")
	if err := p.write(name); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readBack(t, name), data) {
		t.Error("other bytes come back")
	}
}

func TestDefectsChangeTheRelease(t *testing.T) {
	o := Options{Sections: 1, Techniques: []string{"IF"}, Height: 32, Width: 40, Cell: 8, Seed: 2}
	whole := filepath.Join(t.TempDir(), "whole")
	generate(t, whole, o)
	want := tree(t, whole)
	for _, d := range DefectNames() {
		o.Defect = d
		dir := filepath.Join(t.TempDir(), d)
		generate(t, dir, o)
		got := tree(t, dir)
		delete(got, "PROVENANCE.md")
		same := true
		for path, content := range got {
			same = same && want[path] == content
		}
		if same && len(got) == len(want)-1 {
			t.Errorf("%s changes nothing", d)
		}
	}
	if !slices.IsSorted(DefectNames()) {
		t.Error("the names are not sorted")
	}
}
