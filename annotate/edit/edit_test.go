package edit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/loaders"
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

func ptr[T any](v T) *T { return &v }

// fibre is a request for an instance of the fixture's image.
func fibre(op journal.Op, id int64) edit.Request {
	return edit.Request{Op: op, Sample: fixture.Image, Array: fixture.Fibres, Instance: id}
}

func withMask(r edit.Request, m mask.Mask) edit.Request {
	o := mask.ColumnMajor
	if r.Array == fixture.Cells {
		o = mask.COrder
	}
	r.SetMask(m, o)
	return r
}

func apply(t *testing.T, e *edit.Editor, requests ...edit.Request) []journal.Entry {
	t.Helper()
	entries, err := e.Apply(t.Context(), by, requests)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// view is the instances of an array by id.
func view(t *testing.T, e *edit.Editor, sample, array string) map[int64]*loaders.Instance {
	t.Helper()
	list, err := e.View(t.Context(), sample, array)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[int64]*loaders.Instance{}
	for _, in := range list {
		byID[in.InstanceID] = in
	}
	return byID
}

func TestEdits(t *testing.T) {
	d := fixture.New(t, 3)
	e := open(t, d.Dir)
	reclass, reject, merge, add := fibre(journal.Reclass, 1), fibre(journal.Reject, 2), fibre(journal.Merge, 4), fibre(journal.Add, 0)
	reclass.Class, reclass.Reasons = ptr("NTM"), []string{"oblique"}
	reject.Reasons = []string{"blurred"}
	merge.With = []int64{5, 6}
	add.Class = ptr("FR")
	square := mask.Mask{{Z: 0, Y: 10, X: 20, N: 5}, {Z: 0, Y: 11, X: 20, N: 5}}
	apply(t, e, reclass, reject, fibre(journal.Accept, 3), merge, fibre(journal.Delete, 7), withMask(add, square))
	got := view(t, e, fixture.Image, fixture.Fibres)
	if in := got[1]; *in.Class != "NTM" || !slices.Equal(in.Reasons, []string{"oblique"}) || *in.Annotator != "ann" || *in.Revision != 1 {
		t.Errorf("reclass: %+v", in.Instance)
	}
	if in := got[2]; *in.Status != edit.Rejected || !slices.Equal(in.Reasons, []string{"blurred"}) || *in.Class != "AM" || in.Annotator != nil {
		t.Errorf("reject: %+v", in.Instance)
	}
	if in := got[3]; *in.Status != edit.Accepted {
		t.Errorf("accept: %+v", in.Instance)
	}
	union := mask.Union(mask.Union(d.Fibres[4], d.Fibres[5]), d.Fibres[6])
	if m, err := edit.Mask(&got[4].Instance, mask.ColumnMajor); err != nil || !slices.Equal(m, union) || *got[4].Area != union.Area() {
		t.Errorf("merge: %v", err)
	}
	if got[5] != nil || got[6] != nil || got[7] != nil {
		t.Error("merged and deleted instances are still there")
	}
	if in := got[8]; in == nil || *in.Area != 10 || *in.Class != "FR" || *in.BBox != square.BBox() {
		t.Errorf("add: %+v", in)
	}
	// The next id was never used: 8 is gone, but had been given.
	apply(t, e, fibre(journal.Delete, 8))
	if entries := apply(t, e, withMask(fibre(journal.Add, 0), square)); entries[0].Instance != 9 {
		t.Errorf("added as %d", entries[0].Instance)
	}
	if entries := apply(t, e, reclass, fibre(journal.Accept, 3), withMask(fibre(journal.Replace, 9), square)); len(entries) != 0 {
		t.Errorf("edits that change nothing: %+v", entries)
	}
	cell := edit.Request{Op: journal.Replace, Sample: fixture.Volume, Array: fixture.Cells, Instance: 2}
	box := mask.Mask{{Z: 2, Y: 3, X: 4, N: 5}, {Z: 5, Y: 19, X: 0, N: 24}}
	apply(t, e, withMask(cell, box))
	if m, err := edit.Mask(&view(t, e, fixture.Volume, fixture.Cells)[2].Instance, mask.COrder); err != nil || !slices.Equal(m, box) {
		t.Errorf("replace in a volume: %v, %v", m, err)
	}
}

func TestRefusedEdits(t *testing.T) {
	d := fixture.New(t, 3)
	e := open(t, d.Dir)
	class := fibre(journal.Reclass, 1)
	class.Class = ptr("NTM")
	apply(t, e, class)
	outside := mask.Mask{{Z: 0, Y: 47, X: 60, N: 5}}
	self, twice, stale := fibre(journal.Merge, 2), fibre(journal.Merge, 2), fibre(journal.Accept, 1)
	self.With, twice.With, stale.Version = []int64{2}, []int64{3, 3}, ptr(int64(0))
	noClass, noSample := fibre(journal.Reclass, 1), fibre(journal.Accept, 1)
	noSample.Sample = "other"
	raw := fibre(journal.Accept, 1)
	raw.Array = "other"
	half := withMask(fibre(journal.Replace, 1), outside)
	half.RLE = half.RLE[:1]
	tests := map[string]struct {
		r    edit.Request
		want string
	}{
		"no instance":     {fibre(journal.Delete, 99), "no such instance"},
		"no class":        {noClass, "wants a class"},
		"no reason":       {fibre(journal.Reject, 1), "wants a reason"},
		"no mask":         {fibre(journal.Replace, 1), "wants a mask"},
		"half a mask":     {half, "missing"},
		"mask outside":    {withMask(fibre(journal.Replace, 1), outside), "the array ends at"},
		"id is taken":     {withMask(fibre(journal.Add, 1), mask.Mask{{N: 1}}), "exists already"},
		"merge with self": {self, "named twice"},
		"merge twice":     {twice, "named twice"},
		"stale version":   {stale, "has version 1"},
		"other sample":    {noSample, "not in the data set"},
		"other array":     {raw, "not in the data set"},
		"unknown op":      {fibre("paint", 1), "want reclass"},
		"undo":            {fibre(journal.Undo, 1), "want reclass"},
	}
	for name, test := range tests {
		ok := fibre(journal.Accept, 4)
		if _, err := e.Apply(t.Context(), by, []edit.Request{ok, test.r}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if open(t, d.Dir).Journal.Len() != 1 {
		t.Error("refused requests left something in the journal")
	}
}

func TestPatchFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "patch.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := `{"op":"reclass","sample":"section-1","array":"fibres","instance":1,"class":"NTM","author":"bob","time":"2026-01-02T03:04:05Z"}` + "\n\n" +
		`{"op":"add","sample":"section-1","array":"fibres","bbox":{"z0":0,"y0":1,"x0":2,"z1":1,"y1":2,"x1":4},"rle":[0,2]}` + "\n"
	requests, err := edit.ReadPatch(t.Context(), file(good))
	if err != nil || len(requests) != 2 {
		t.Fatal(err)
	}
	e := open(t, fixture.New(t, 3).Dir)
	entries := apply(t, e, requests...)
	if entries[0].Author != "bob" || entries[0].Time.Year() != 2026 || entries[0].Time.Month() != 1 || entries[1].Author != "ann" {
		t.Errorf("%+v", entries)
	}
	for name, text := range map[string]string{
		"no JSON":        "hello",
		"unknown member": `{"op":"accept","sample":"s","array":"a","instance":1,"klass":"x"}`,
		"two values":     `{"op":"accept","sample":"s","array":"a","instance":1}{}`,
		"bad op":         `{"op":"paint","sample":"s","array":"a","instance":1}`,
		"wrong sum":      `{"op":"replace","sample":"s","array":"a","instance":1,"bbox":{"x1":2,"y1":2,"z1":1},"rle":[3]}`,
		"negative run":   `{"op":"replace","sample":"s","array":"a","instance":1,"bbox":{"x1":2,"y1":2,"z1":1},"rle":[-4,8]}`,
		"huge box":       `{"op":"replace","sample":"s","array":"a","instance":1,"bbox":{"x1":2147483647,"y1":2147483647,"z1":2147483647},"rle":[1]}`,
		"null time":      `{"op":"accept","sample":"s","array":"a","instance":1,"time":"yesterday"}`,
	} {
		var patch *edit.PatchError
		if _, err := edit.ReadPatch(t.Context(), file(good+text+"\n")); !errors.As(err, &patch) || patch.Line != 4 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJournalsOfTwoCopiesAreMerged(t *testing.T) {
	first, second := fixture.New(t, 3).Dir, fixture.New(t, 3).Dir
	a, b := open(t, first), open(t, second)
	reclass := func(id int64, class string) edit.Request {
		r := fibre(journal.Reclass, id)
		r.Class = &class
		return r
	}
	apply(t, a, reclass(1, "NTM"))
	apply(t, b, reclass(2, "FR"), fibre(journal.Delete, 3))
	apply(t, b, reclass(4, "FR"))
	if _, _, err := b.Journal.Undo(t.Context(), "bob", "", by.Time); err != nil {
		t.Fatal(err)
	}
	requests, err := edit.ReadPatch(t.Context(), filepath.Join(second, journal.Folder, "journal.jsonl"))
	if err != nil || len(requests) != 2 {
		t.Fatalf("%d requests, %v", len(requests), err)
	}
	if entries := apply(t, a, requests...); len(entries) != 2 {
		t.Errorf("%+v", entries)
	}
	if entries := apply(t, a, requests...); len(entries) != 0 {
		t.Errorf("applied again: %+v", entries)
	}
	got := view(t, a, fixture.Image, fixture.Fibres)
	if *got[1].Class != "NTM" || *got[2].Class != "FR" || got[3] != nil || *got[4].Class != "AM" {
		t.Error("the copies' edits are not all there")
	}
	apply(t, b, reclass(1, "FAM"))
	if requests, err = edit.ReadPatch(t.Context(), filepath.Join(second, journal.Folder, "journal.jsonl")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Apply(t.Context(), by, requests); !errors.Is(err, journal.ErrConflict) {
		t.Errorf("both edited instance 1: %v", err)
	}
}

// TestUndoGivesBackEverything makes random edits; undoing them all gives the rows of the data
// set, and redoing them what they had made of it.
func TestUndoGivesBackEverything(t *testing.T) {
	for seed := range uint64(6) {
		d := fixture.New(t, seed)
		e := open(t, d.Dir)
		r := rand.New(rand.NewPCG(seed, 2))
		views := []map[int64]*loaders.Instance{view(t, e, fixture.Image, fixture.Fibres)}
		for len(views) < 12 {
			q := randomEdit(r, views[len(views)-1])
			entries, err := e.Apply(t.Context(), by, []edit.Request{q})
			if err != nil {
				t.Fatalf("seed %d: %s of %d: %v", seed, q.Op, q.Instance, err)
			}
			if len(entries) > 0 {
				views = append(views, view(t, e, fixture.Image, fixture.Fibres))
			}
		}
		for i := len(views) - 2; i >= 0; i-- {
			if _, _, err := e.Journal.Undo(t.Context(), "bob", "", by.Time); err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("seed %d, undone to %d", seed, i), view(t, e, fixture.Image, fixture.Fibres), views[i])
		}
		e = open(t, d.Dir)
		for i := 1; i < len(views); i++ {
			if _, _, err := e.Journal.Redo(t.Context(), "bob", by.Time); err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("seed %d, redone to %d", seed, i), view(t, e, fixture.Image, fixture.Fibres), views[i])
		}
	}
}

func randomEdit(r *rand.Rand, now map[int64]*loaders.Instance) edit.Request {
	var ids []int64
	for id := range now {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	pick := func() int64 { return ids[r.IntN(len(ids))] }
	m := fixture.Random(r, 1, 48, 64)
	ops := []journal.Op{journal.Reclass, journal.Reject, journal.Accept, journal.Add, journal.Delete, journal.Replace, journal.Merge}
	op := ops[r.IntN(len(ops))]
	if len(ids) < 3 {
		op = journal.Add
	}
	if op == journal.Add {
		return withMask(fibre(op, 0), m)
	}
	q := fibre(op, pick())
	switch op {
	case journal.Reclass:
		q.Class = ptr(fmt.Sprint("class ", r.IntN(3)))
	case journal.Reject:
		q.Reasons = []string{fmt.Sprint("reason ", r.IntN(100))}
	case journal.Replace:
		q = withMask(q, m)
	case journal.Merge:
		other := pick()
		for other == q.Instance {
			other = pick()
		}
		q.With = []int64{other}
	}
	return q
}

func same(t *testing.T, what string, got, want map[int64]*loaders.Instance) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: instances differ", what)
	}
}
