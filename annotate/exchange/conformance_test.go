package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/exchange/cellpose"
	"github.com/micropq/micropq/annotate/exchange/coco"
	"github.com/micropq/micropq/annotate/exchange/labelfile"
	"github.com/micropq/micropq/annotate/exchange/qupath"
	"github.com/micropq/micropq/annotate/internal/fixture"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
)

// suite is what a format promises.
type suite struct {
	format   exchange.Format
	file     string
	volumes  bool  // takes volumes
	overlaps bool  // keeps objects that overlap
	classes  bool  // keeps classes and statuses
	maxID    int64 // the largest id
}

var suites = []suite{
	{labelfile.TIFF{}, "l.tif", true, false, false, 1<<32 - 1},
	{labelfile.PNG{}, "l.png", false, false, false, 1<<16 - 1},
	{labelfile.NPY{}, "l.npy", true, false, false, 1<<63 - 1},
	{labelfile.Zarr{}, "l.zarr", true, false, false, 1<<63 - 1},
	{cellpose.Format{}, "l_seg.npy", true, false, false, 1<<32 - 1},
	{coco.Format{}, "c.json", false, true, true, 1<<63 - 1},
	{qupath.Format{}, "q.geojson", true, true, true, 1<<63 - 1},
}

var (
	flat = &exchange.Canvas{Sample: "section", Array: "fibres", Axes: "YX", Z: 1, Y: 40, X: 53, PixelSizeUM: []float64{0.5, 0.5}}
	deep = &exchange.Canvas{Sample: "volume", Array: "cells", Axes: "ZYX", Z: 5, Y: 17, X: 33}
)

// objects are random, with holes and several pieces; disjoint ones are cut where they overlap.
func objects(r *rand.Rand, c *exchange.Canvas, disjoint bool, maxID int64) (list []exchange.Object) {
	var taken mask.Mask
	id := int64(0)
	for i := range 1 + r.IntN(8) {
		m := fixture.Random(r, c.Z, c.Y, c.X)
		if disjoint {
			m = mask.Subtract(m, taken)
			taken = mask.Union(taken, m)
		}
		id += 1 + r.Int64N(maxID/16)
		if len(m) == 0 {
			continue
		}
		o := exchange.Object{ID: id, Mask: m}
		if i%3 > 0 {
			o.Class = fmt.Sprintf("class \"%d\" ä", i)
		}
		if i%2 > 0 {
			o.Status = "accepted"
		}
		list = append(list, o)
	}
	return list
}

func TestRoundTrips(t *testing.T) {
	for _, s := range suites {
		t.Run(s.format.Name(), func(t *testing.T) {
			for seed := range uint64(12) {
				for _, c := range []*exchange.Canvas{flat, deep} {
					if c == deep && !s.volumes {
						continue
					}
					r := rand.New(rand.NewPCG(seed, 7))
					want := objects(r, c, !s.overlaps, min(s.maxID, 1<<([]int{12, 16, 24, 40}[seed%4])))
					path := filepath.Join(t.TempDir(), s.file)
					report, err := exchange.Export(t.Context(), s.format, path, c, want, exchange.Options{})
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if report.Objects != len(want) || report.Lost != 0 {
						t.Errorf("seed %d: %+v of %d objects", seed, report, len(want))
					}
					got, err := exchange.Import(t.Context(), s.format, path, c)
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if !s.classes {
						for i := range want {
							want[i].Class, want[i].Status = "", ""
						}
					}
					if !reflect.DeepEqual(got, want) {
						t.Fatalf("seed %d: %d objects read, %d written, or they differ", seed, len(got), len(want))
					}
				}
			}
		})
	}
}

func TestDeterministic(t *testing.T) {
	want := objects(rand.New(rand.NewPCG(1, 7)), flat, true, 1<<16-1)
	for _, s := range suites {
		if s.file == "l.zarr" {
			continue // a folder
		}
		var files [2][]byte
		for i := range files {
			path := filepath.Join(t.TempDir(), s.file)
			if _, err := exchange.Export(t.Context(), s.format, path, flat, want, exchange.Options{}); err != nil {
				t.Fatal(err)
			}
			var err error
			if files[i], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s: the same objects gave other bytes", s.format.Name())
		}
	}
}

// square is a mask of n by n pixels from (at, at) on.
func square(at, n int32) (m mask.Mask) {
	for y := range n {
		m = append(m, mask.Run{Y: at + y, X: at, N: n})
	}
	return m
}

func TestLosses(t *testing.T) {
	overlap := []exchange.Object{{ID: 1, Mask: square(0, 10)}, {ID: 2, Mask: square(5, 10)}, {ID: 3, Mask: square(6, 2)}}
	large := []exchange.Object{{ID: 7, Mask: square(0, 10)}, {ID: 1 << 16, Mask: square(12, 4)}, {ID: 1 << 32, Mask: square(20, 3)}}
	for _, s := range suites {
		for _, test := range []struct {
			name    string
			objects []exchange.Object
			lost    int64 // where the format cannot hold them
			fits    bool
			kept    int
		}{
			// Of 1, 25 pixels lie under 2; of 2, 4 under 3; none of 3 is lost.
			{"overlaps", overlap, 25 + 4, s.overlaps, 3},
			{"large ids", large, map[bool]int64{true: 9, false: 16 + 9}[s.maxID > 1<<16], s.maxID > 1<<32, map[bool]int{true: 2, false: 1}[s.maxID > 1<<16]},
		} {
			path := filepath.Join(t.TempDir(), s.file)
			_, err := exchange.Export(t.Context(), s.format, path, flat, test.objects, exchange.Options{})
			var loss *exchange.LossError
			if test.fits {
				if err != nil {
					t.Errorf("%s, %s: %v", s.format.Name(), test.name, err)
				}
				continue
			}
			if !errors.As(err, &loss) || loss.Lost != test.lost {
				t.Errorf("%s, %s: %v, want a loss of %d", s.format.Name(), test.name, err, test.lost)
			}
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s, %s: refused and written", s.format.Name(), test.name)
			}
			report, err := exchange.Export(t.Context(), s.format, path, flat, test.objects, exchange.Options{Lossy: true})
			if err != nil || report.Lost != test.lost || report.Objects != test.kept {
				t.Errorf("%s, %s: %+v, %v", s.format.Name(), test.name, report, err)
			}
			got, err := exchange.Import(t.Context(), s.format, path, flat)
			area := int64(0)
			for _, o := range got {
				area += o.Mask.Area()
			}
			for _, o := range test.objects {
				area -= o.Mask.Area()
			}
			if err != nil || area != -test.lost {
				t.Errorf("%s, %s: %d voxels are missing, %d were said to be: %v", s.format.Name(), test.name, -area, test.lost, err)
			}
		}
		if !s.volumes {
			_, err := exchange.Export(t.Context(), s.format, filepath.Join(t.TempDir(), s.file), deep, []exchange.Object{{ID: 1, Mask: square(0, 2)}}, exchange.Options{Lossy: true})
			if !errors.Is(err, exchange.ErrLossy) {
				t.Errorf("%s: a volume: %v", s.format.Name(), err)
			}
		}
	}
}

func TestRefusedObjects(t *testing.T) {
	for name, list := range map[string][]exchange.Object{
		"id 0":    {{ID: 0, Mask: square(0, 2)}},
		"twice":   {{ID: 1, Mask: square(0, 2)}, {ID: 1, Mask: square(4, 2)}},
		"no mask": {{ID: 1}},
		"outside": {{ID: 1, Mask: square(39, 2)}},
	} {
		for _, s := range suites {
			path := filepath.Join(t.TempDir(), s.file)
			if _, err := exchange.Export(t.Context(), s.format, path, flat, list, exchange.Options{}); err == nil {
				t.Errorf("%s: %s is written", s.format.Name(), name)
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
				t.Errorf("%s: %s leaves %v", s.format.Name(), name, left)
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range suites {
		path := filepath.Join(t.TempDir(), s.file)
		if _, err := exchange.Export(ctx, s.format, path, flat, []exchange.Object{{ID: 1, Mask: square(0, 2)}}, exchange.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", s.format.Name(), err)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
			t.Errorf("%s: leaves %v", s.format.Name(), left)
		}
	}
}

func TestAnotherArray(t *testing.T) {
	other := *flat
	other.X++
	for _, s := range suites {
		path := filepath.Join(t.TempDir(), s.file)
		if _, err := exchange.Export(t.Context(), s.format, path, flat, []exchange.Object{{ID: 1, Mask: square(0, 2)}}, exchange.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := exchange.Import(t.Context(), s.format, path, &other); !s.classes && !errors.Is(err, exchange.ErrInput) {
			t.Errorf("%s: read for an array of another size: %v", s.format.Name(), err)
		}
	}
}

// TestOthersReadIt exports to every format and has established libraries print what is there.
func TestOthersReadIt(t *testing.T) {
	python := oracle.Python(t)
	dir := t.TempDir()
	type file struct {
		Path, Format string
		Shape        []int
		Runs         map[int64]mask.Mask // by id
	}
	var files []file
	for seed := range uint64(4) {
		for _, s := range suites {
			for k, c := range []*exchange.Canvas{flat, deep} {
				if c == deep && !s.volumes {
					continue
				}
				list := objects(rand.New(rand.NewPCG(seed, 9)), c, !s.overlaps, min(s.maxID, []int64{1 << 15, 1 << 30}[seed%2]))
				f := file{filepath.Join(dir, fmt.Sprintf("%d-%d-%s", seed, k, s.file)), s.format.Name(), c.Shape(), map[int64]mask.Mask{}}
				if _, err := exchange.Export(t.Context(), s.format, f.Path, c, list, exchange.Options{}); err != nil {
					t.Fatal(err)
				}
				for _, o := range list {
					f.Runs[o.ID] = o.Mask
				}
				files = append(files, f)
			}
		}
	}
	data, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "files")
	if err := os.WriteFile(list, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if got, want := string(oracle.Run(t, python, "testdata/read_exports.py", list)), fmt.Sprintln(len(files), "files"); got != want {
		t.Errorf("Python reads %q, want %q", got, want)
	}
}

func TestFind(t *testing.T) {
	var formats []exchange.Format
	for _, s := range suites {
		formats = append(formats, s.format)
	}
	for _, s := range suites {
		f, err := exchange.Find(formats, "", "/Some Where/"+s.file)
		if err != nil || f.Name() != s.format.Name() {
			t.Errorf("%s: %v, %v", s.file, f, err)
		}
	}
	if _, err := exchange.Find(formats, "", "x.doc"); err == nil {
		t.Error("x.doc has a format")
	}
	if _, err := exchange.Find(formats, "word", "x.tif"); err == nil {
		t.Error("there is a format word")
	}
}
