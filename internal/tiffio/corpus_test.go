package tiffio

import (
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

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/oracle"
)

// corpusCase is what corpus.py says of a file.
type corpusCase struct {
	Name, Axes, DType string
	Shapes            [][]int
	Tolerance         int
	By, Photometric   string
	Pixel             []float64
	Channels          []string
	Refused           string
}

// Every file that tifffile writes reads equal, whole and by windows, in one piece and in
// bands, or is refused by name.
func TestCorpus(t *testing.T) {
	dir := t.TempDir()
	var cases []corpusCase
	if err := json.Unmarshal(oracle.Run(t, oracle.Python(t), "testdata/corpus.py", dir), &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		f := openFile(t, filepath.Join(dir, c.Name+".tif"))
		if c.Refused != "" {
			checkRefused(t, c, f)
			continue
		}
		checkFacts(t, c, f)
		s := f.Series()[0]
		if s.Levels() != len(c.Shapes) {
			t.Errorf("%s: %d levels, want %d", c.Name, s.Levels(), len(c.Shapes))
			continue
		}
		for level := range s.Levels() {
			want, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s.%d.bin", c.Name, level)))
			if err != nil {
				t.Fatal(err)
			}
			a, err := s.Level(level)
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			checkArray(t, c, a, c.Shapes[level], want)
		}
	}
	t.Logf("%d files", len(cases))
}

func checkRefused(t *testing.T, c corpusCase, f *File) {
	t.Helper()
	_, err := f.Series()[0].Array()
	var u *UnsupportedError
	if !errors.As(err, &u) || !strings.Contains(u.What, c.Refused) {
		t.Errorf("%s: %v, want it refused for %s", c.Name, err, c.Refused)
	}
}

func checkFacts(t *testing.T, c corpusCase, f *File) {
	t.Helper()
	s := f.Series()[0]
	if len(s.Problems) > 0 || len(f.Series()) != 1 {
		t.Errorf("%s: %d series, problems %q", c.Name, len(f.Series()), s.Problems)
	}
	if c.By != "" && s.By != c.By {
		t.Errorf("%s: a series by %s, want %s", c.Name, s.By, c.By)
	}
	if p := f.Pages()[0].Photometric.String(); c.Photometric != "" && p != c.Photometric {
		t.Errorf("%s: photometric %s, want %s", c.Name, p, c.Photometric)
	}
	if p := s.PixelSize; c.Pixel != nil && !slices.Equal([]float64{p.X, p.Y, p.Z}, c.Pixel) {
		t.Errorf("%s: pixel size %+v, want %v", c.Name, p, c.Pixel)
	}
	var names []string
	for _, ch := range s.Channels {
		names = append(names, ch.Name)
	}
	if c.Channels != nil && !slices.Equal(names, c.Channels) {
		t.Errorf("%s: channels %q, want %q", c.Name, names, c.Channels)
	}
}

// checkArray reads an array in every way and compares.
func checkArray(t *testing.T, c corpusCase, a *Array, shape []int, want []byte) {
	t.Helper()
	if a.Axes() != c.Axes || !slices.Equal(a.Shape(), shape) || string(a.DType()) != c.DType {
		t.Errorf("%s: %s %v %s, want %s %v %s", c.Name, a.Axes(), a.Shape(), a.DType(), c.Axes, shape, c.DType)
		return
	}
	got, err := a.ReadAll(t.Context(), 1<<30)
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
		return
	}
	if c.Tolerance > 0 {
		worst := 0
		for i := range got {
			worst = max(worst, abs(int(got[i])-int(want[i])))
		}
		if worst > c.Tolerance {
			t.Errorf("%s: differs by up to %d, at most %d is allowed", c.Name, worst, c.Tolerance)
		}
		want = got
	}
	if string(got) != string(want) {
		t.Errorf("%s: the whole differs", c.Name)
		return
	}
	for _, l := range []limits{{}, {whole: 1, band: 500}} {
		checkWindows(t, c.Name, a, want, l)
	}
}

func abs(v int) int { return max(v, -v) }

// checkWindows reads random windows, several at a time, with little memory.
func checkWindows(t *testing.T, name string, a *Array, want []byte, l limits) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(len(want))))
	size := a.DType().Size()
	all := nd.Dense(want, a.Shape(), size)
	var schedule []nd.Region
	for range 6 {
		r := nd.Whole(a.Shape())
		for i, n := range a.Shape() {
			r.Origin[i] = rng.IntN(n)
			r.Shape[i] = 1 + rng.IntN(n-r.Origin[i])
		}
		schedule = append(schedule, r)
	}
	schedule = append(schedule, nd.Whole(a.Shape()))
	r, err := a.NewReader(ReaderOptions{Schedule: schedule, Budget: int64(rng.IntN(len(want)) * 2), limits: l})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var wg sync.WaitGroup
	for i, region := range schedule {
		wg.Add(1)
		read := func() {
			defer wg.Done()
			n := region.Elements() * size
			got, want := nd.Dense(make([]byte, n), region.Shape, size), nd.Dense(make([]byte, n), region.Shape, size)
			if err := r.Read(t.Context(), i, got); err != nil {
				t.Errorf("%s: window %v: %v", name, region, err)
				return
			}
			nd.Copy(want, all.Slice(region))
			if string(got.Data) != string(want.Data) {
				t.Errorf("%s: window %v differs", name, region)
			}
		}
		if i%2 == 0 {
			read()
		} else {
			go read()
		}
	}
	wg.Wait()
	if r.held != 0 || len(r.loaded) != 0 {
		t.Errorf("%s: %d bytes in %d bands are held after the last region", name, r.held, len(r.loaded))
	}
}
