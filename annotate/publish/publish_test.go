package publish_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/internal/fixture"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/annotate/publish"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

var by = edit.By{Author: "ann", Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}

func open(t *testing.T, dir string) *edit.Editor {
	t.Helper()
	e, err := edit.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func request(op journal.Op, sample, array string, id int64) edit.Request {
	return edit.Request{Op: op, Sample: sample, Array: array, Instance: id}
}

// edits touch every kind of row: of images and volumes, kept, changed, gone and new ones.
func edits() []edit.Request {
	class := "NTM"
	reclass := request(journal.Reclass, fixture.Image, fixture.Fibres, 2)
	reclass.Class = &class
	replace := request(journal.Replace, fixture.Volume, fixture.Cells, 3)
	replace.SetMask(mask.Mask{{Z: 1, Y: 2, X: 3, N: 9}, {Z: 1, Y: 3, X: 3, N: 2}}, mask.COrder)
	add := request(journal.Add, fixture.Image, fixture.Fibres, 0)
	add.SetMask(mask.Mask{{Y: 4, X: 5, N: 6}, {Y: 5, X: 5, N: 6}}, mask.ColumnMajor)
	first := request(journal.Add, fixture.Bare, fixture.Fibres, 0)
	first.SetMask(mask.Mask{{Y: 40, X: 5, N: 6}}, mask.ColumnMajor)
	return []edit.Request{reclass, replace, add, first, request(journal.Delete, fixture.Image, fixture.Fibres, 5)}
}

func apply(t *testing.T, e *edit.Editor, requests ...edit.Request) {
	t.Helper()
	if _, err := e.Apply(t.Context(), by, requests); err != nil {
		t.Fatal(err)
	}
}

// tree hashes the files below a folder.
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

// instances lists all rows of a data set.
func instances(t *testing.T, d *loaders.Dataset) (rows []*loaders.Instance) {
	t.Helper()
	for _, a := range [][2]string{{fixture.Image, fixture.Fibres}, {fixture.Volume, fixture.Cells}, {fixture.Bare, fixture.Fibres}} {
		for in, err := range d.Instances(t.Context(), a[0], a[1]) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, in)
		}
	}
	return rows
}

func TestPublish(t *testing.T) {
	d := fixture.New(t, 5)
	e := open(t, d.Dir)
	apply(t, e, edits()...)
	before := tree(t, d.Dir)
	dst := filepath.Join(t.TempDir(), "revision")
	r, err := publish.Publish(t.Context(), e, d.Dir, dst, publish.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Changed != 2 || r.Added != 2 || r.Deleted != 1 || r.Written != 1 || r.Linked+r.Copied != 2 {
		t.Errorf("%+v", r)
	}
	if !reflect.DeepEqual(tree(t, d.Dir), before) {
		t.Error("the parent changed")
	}
	again := filepath.Join(t.TempDir(), "again")
	if _, err := publish.Publish(t.Context(), open(t, d.Dir), d.Dir, again, publish.Options{Copy: true}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tree(t, dst), tree(t, again)) {
		t.Error("the same journal gave other bytes")
	}
	checkRows(t, e, dst)
	checkLabels(t, e, dst)
	checkPython(t, dst)
}

// checkRows compares the rows of a revision with the parent's as its editor sees them.
func checkRows(t *testing.T, e *edit.Editor, dst string) {
	t.Helper()
	var want []*loaders.Instance
	for _, a := range [][2]string{{fixture.Image, fixture.Fibres}, {fixture.Volume, fixture.Cells}, {fixture.Bare, fixture.Fibres}} {
		view, err := e.View(t.Context(), a[0], a[1])
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, view...)
	}
	got := instances(t, open(t, dst).Dataset)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		if want[i].Extra == nil { // new: the source never said a thing
			want[i].Extra = map[string]any{"flag": false, "count_of": int64(0), "score": nil, "remarks": nil, "shared_voxels": int64(-1), "Fiber_Area": int64(0), "touching": []any{}}
		}
		derive(t, open(t, dst).Dataset, want, i)
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("row %d is\n%+v\nwant\n%+v", i, got[i], want[i])
		}
	}
}

// derive puts in what follows from masks, where masks of the array changed.
func derive(t *testing.T, d *loaders.Dataset, rows []*loaders.Instance, i int) {
	t.Helper()
	in := rows[i]
	if !d.Manifest().Redrawn(in.SampleID, in.Array) {
		return
	}
	at := func(in *loaders.Instance) map[[3]int32]bool {
		o := mask.ColumnMajor
		if in.Array == fixture.Cells {
			o = mask.COrder
		}
		m, err := edit.Mask(&in.Instance, o)
		if err != nil {
			t.Fatal(err)
		}
		set := map[[3]int32]bool{}
		for _, r := range m {
			for x := r.X; x < r.End(); x++ {
				set[[3]int32{r.Z, r.Y, x}] = true
			}
		}
		return set
	}
	mine, shared, touching := at(in), map[[3]int32]bool{}, []any{}
	for _, other := range rows {
		if other == in || other.SampleID != in.SampleID {
			continue
		}
		touches := false
		for p := range at(other) {
			if mine[p] {
				shared[p], touches = true, true
			}
			for axis := range 3 {
				for _, step := range []int32{-1, 1} {
					q := p
					q[axis] += step
					touches = touches || mine[q]
				}
			}
		}
		if touches {
			touching = append(touching, other.InstanceID)
		}
	}
	in.Extra["shared_voxels"], in.Extra["touching"] = int64(len(shared)), touching
	if in.Array == fixture.Fibres && in.Extra["Fiber_Area"] == int64(0) {
		in.Extra["Fiber_Area"] = *in.Area
	}
}

// checkLabels reads labels of the revision: they are those of the masks.
func checkLabels(t *testing.T, e *edit.Editor, dst string) {
	t.Helper()
	d := open(t, dst).Dataset
	for _, a := range [][2]string{{fixture.Image, fixture.Fibres}, {fixture.Volume, fixture.Cells}, {fixture.Bare, fixture.Fibres}} {
		array, err := d.Array(t.Context(), a[0], a[1], 0)
		if err != nil {
			t.Fatal(err)
		}
		_, box, err := e.Axes(t.Context(), a[0], a[1])
		if err != nil {
			t.Fatal(err)
		}
		shape := array.LabelShape()
		region := loaders.Region{Origin: make([]int, len(shape)), Shape: slices.Clone(shape)}
		got := make([]uint16, region.Elements())
		if _, err := loaders.ReadLabels(t.Context(), array, region, got); err != nil {
			t.Fatal(err)
		}
		want := make([]uint16, len(got))
		view, err := e.View(t.Context(), a[0], a[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range view {
			m, err := edit.Mask(&in.Instance, mask.OrderOf(array.LabelAxes()))
			if err != nil {
				t.Fatal(err)
			}
			mask.Paint(want, *box, m, uint16(in.InstanceID))
		}
		if !slices.Equal(got, want) {
			t.Errorf("labels of %s differ from its masks", a[0])
		}
	}
}

// checkPython reads the revision with libraries that know nothing of it.
func checkPython(t *testing.T, dst string) {
	t.Helper()
	python := oracle.Python(t)
	got := string(oracle.Run(t, python, "testdata/read_instances.py", dst))
	var want strings.Builder
	for _, in := range instances(t, open(t, dst).Dataset) {
		fmt.Fprintf(&want, "%s %s %d %s %d %v %v\n", in.SampleID, in.Array, in.InstanceID, textOf(in.Class), *in.Area, in.Extra["count_of"], len(in.RLE))
	}
	if got != want.String() {
		t.Errorf("Python reads\n%s\nwant\n%s", got, want.String())
	}
}

func textOf(s *string) string {
	if s == nil {
		return "None"
	}
	return *s
}

func TestRevisionOfARevision(t *testing.T) {
	d := fixture.New(t, 5)
	e := open(t, d.Dir)
	apply(t, e, edits()...)
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	if _, err := publish.Publish(t.Context(), e, d.Dir, one, publish.Options{}); err != nil {
		t.Fatal(err)
	}
	next := open(t, one)
	if next.Journal.Len() != 0 {
		t.Error("the journal of a revision does not begin empty")
	}
	apply(t, next, request(journal.Accept, fixture.Image, fixture.Fibres, 2))
	r, err := publish.Publish(t.Context(), next, one, two, publish.Options{})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(one, schemas.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	v := r.Manifest.Revision
	if v.Number != 2 || v.Parent != fmt.Sprintf("%x", sha256.Sum256(manifest)) || v.Entries != 1 || len(v.Redrawn) != 3 {
		t.Errorf("%+v", v)
	}
	for i, entries := range []int64{5, 1} {
		j, err := journal.Read(t.Context(), filepath.Join(two, journal.Folder, "history", fmt.Sprintf("%04d.jsonl", i+1)))
		if err != nil || j.Len() != entries {
			t.Errorf("history %d: %v", i+1, err)
		}
	}
	checkRows(t, next, two)
	checkLabels(t, next, two)
}

func TestRefusedRevisions(t *testing.T) {
	d := fixture.New(t, 5)
	e := open(t, d.Dir)
	parent := t.TempDir()
	dst := filepath.Join(parent, "dst")
	if _, err := publish.Publish(t.Context(), e, d.Dir, dst, publish.Options{}); !errors.Is(err, publish.ErrNothing) {
		t.Errorf("empty journal: %v", err)
	}
	apply(t, e, edits()...)
	if _, _, err := e.Journal.Undo(t.Context(), "bob", "", by.Time); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(t.Context(), e, d.Dir, dst, publish.Options{}); !errors.Is(err, publish.ErrNothing) {
		t.Errorf("all undone: %v", err)
	}
	if _, _, err := e.Journal.Redo(t.Context(), "bob", by.Time); err != nil {
		t.Fatal(err)
	}
	// A damaged shard of instances.
	shard := filepath.Join(d.Dir, "instances", "train-00000-of-00001.parquet")
	data, err := os.ReadFile(shard)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4; i < len(data)/2; i++ {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(shard, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(t.Context(), e, d.Dir, dst, publish.Options{}); !errors.Is(err, loaders.ErrDamaged) {
		t.Errorf("damaged shard: %v", err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("failed revisions left %v", left)
	}
	if err := os.Mkdir(dst, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(t.Context(), e, d.Dir, dst, publish.Options{}); !errors.Is(err, publish.ErrExists) {
		t.Errorf("destination exists: %v", err)
	}
}
