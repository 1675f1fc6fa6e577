package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/annotate/internal/fixture"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/schemas"
)

var (
	key = journal.Key{Sample: fixture.Image, Array: fixture.Fibres, Instance: 3}
	day = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

func open(t testing.TB, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func ptr[T any](v T) *T { return &v }

// state is an instance of a class at a revision, 0 for none.
func state(class string, revision int32) *journal.State {
	s := &journal.State{Class: &class}
	if revision > 0 {
		s.Revision = &revision
	}
	return s
}

// withMask is the state with a mask of n pixels in a row.
func withMask(s *journal.State, n int32) *journal.State {
	out := *s
	out.Shape = &journal.Shape{BBox: &schemas.BBox{Z1: 1, Y1: 1, X1: n}, Area: ptr(int64(n)), Centroid: &schemas.Point{X: float64(n-1) / 2}, RLE: []int64{0, int64(n)}}
	return &out
}

// put appends one edit.
func put(t testing.TB, j *journal.Journal, op journal.Op, before, after *journal.State) journal.Entry {
	t.Helper()
	entries, err := j.Update(t.Context(), func() ([]journal.Draft, error) {
		return []journal.Draft{{Time: day, Author: "ann", Op: op, Key: key, Before: before, After: after}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries[0]
}

func classNow(t *testing.T, j *journal.Journal) string {
	t.Helper()
	s, known, err := j.State(key)
	if err != nil || !known || s == nil {
		t.Fatalf("state of %v: %+v, known %v, %v", key, s, known, err)
	}
	return *s.Class
}

func TestUndoAndRedoSurviveRestarts(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	if j := open(t, dir); j.Len() != 0 || j.Sum() != "" || j.Version(key) != 0 {
		t.Fatal("a data set that was never edited has a journal")
	}
	if _, err := os.Stat(filepath.Join(dir, journal.Folder)); err == nil {
		t.Error("reading wrote something")
	}
	put(t, open(t, dir), journal.Reclass, state("AM", 0), state("NTM", 1))
	put(t, open(t, dir), journal.Replace, withMask(state("NTM", 1), 5), withMask(state("NTM", 2), 9))
	put(t, open(t, dir), journal.Reclass, state("NTM", 2), state("FR", 3))
	steps := []struct {
		turn  func(*journal.Journal) error
		class string
		area  int64
	}{
		{undo, "NTM", 9}, {undo, "NTM", 5}, {undo, "AM", 5}, {redo, "NTM", 5}, {redo, "NTM", 9}, {undo, "NTM", 5}, {redo, "NTM", 9}, {redo, "FR", 9},
	}
	for i, step := range steps {
		j := open(t, dir) // a new process each time, as far as the journal can tell
		if err := step.turn(j); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		for _, j := range []*journal.Journal{j, open(t, dir)} {
			s, _, err := j.State(key)
			if err != nil {
				t.Fatal(err)
			}
			if *s.Class != step.class || *s.Shape.Area != step.area || j.Version(key) != int64(4+i) {
				t.Errorf("step %d: class %s, area %d, version %d", i, *s.Class, *s.Shape.Area, j.Version(key))
			}
		}
	}
	if err := redo(open(t, dir)); !errors.Is(err, journal.ErrNothing) {
		t.Errorf("redo with nothing left: %v", err)
	}
	if err := undo(open(t, dir)); err != nil {
		t.Fatal(err)
	}
	put(t, open(t, dir), journal.Reclass, state("NTM", 2), state("AM", 3))
	if err := redo(open(t, dir)); !errors.Is(err, journal.ErrNothing) {
		t.Errorf("redo after another edit: %v", err)
	}
}

func undo(j *journal.Journal) error {
	_, _, err := j.Undo(ctx, "bob", "", day)
	return err
}

func redo(j *journal.Journal) error {
	_, _, err := j.Redo(ctx, "bob", day)
	return err
}

func TestUndoOfAnAuthor(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	other := key
	other.Instance = 4
	j := open(t, dir)
	edit := func(author string, k journal.Key, before, after *journal.State) {
		t.Helper()
		_, err := j.Update(t.Context(), func() ([]journal.Draft, error) {
			return []journal.Draft{{Time: day, Author: author, Op: journal.Reclass, Key: k, Before: before, After: after}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	edit("ann", key, state("AM", 0), state("NTM", 1))
	edit("bob", other, state("AM", 0), state("FR", 1))
	g, _, err := j.Undo(t.Context(), "ann", "ann", day)
	if err != nil || g.Seq != 1 || classNow(t, j) != "AM" {
		t.Fatalf("undo of ann's edit: %+v, %v", g, err)
	}
	edit("ann", key, state("AM", 0), state("NTM", 1))
	edit("bob", key, state("NTM", 1), state("FR", 2))
	var conflict *journal.ConflictError
	if _, _, err := j.Undo(t.Context(), "ann", "ann", day); !errors.As(err, &conflict) || conflict.Version != 5 || !errors.Is(err, journal.ErrConflict) {
		t.Errorf("undo of what bob edited since: %v", err)
	}
	if open(t, dir).Len() != 5 {
		t.Error("a refused undo was written")
	}
}

func TestGroupsCountTogether(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	other := key
	other.Instance = 5
	j := open(t, dir)
	entries, err := j.Update(t.Context(), func() ([]journal.Draft, error) {
		return []journal.Draft{
			{Time: day, Author: "ann", Op: journal.Merge, Key: key, Before: withMask(state("AM", 0), 2), After: withMask(state("AM", 1), 4)},
			{Time: day, Author: "ann", Op: journal.Merge, Key: other, Before: withMask(state("AM", 0), 3)},
		}, nil
	})
	if err != nil || len(entries) != 2 || entries[0].Left != 1 || entries[1].Group != 1 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if s, known, _ := j.State(other); s != nil || !known || j.MaxID(key.Sample, key.Array) != 5 {
		t.Errorf("merged instance: %+v, known %v", s, known)
	}
	if _, written, err := j.Undo(t.Context(), "ann", "", day); err != nil || len(written) != 2 || written[0].Instance != 5 {
		t.Fatalf("undo of a merge: %+v, %v", written, err)
	}
	s, _, err := open(t, dir).State(other)
	if err != nil || *s.Shape.Area != 3 {
		t.Errorf("after undo: %+v, %v", s, err)
	}
	// An update that fails on its second entry leaves nothing.
	_, err = j.Update(t.Context(), func() ([]journal.Draft, error) {
		return []journal.Draft{
			{Time: day, Author: "ann", Op: journal.Reclass, Key: key, Before: state("AM", 0), After: state("FR", 1)},
			{Time: day, Author: "", Op: journal.Reclass, Key: other, Before: state("AM", 0), After: state("FR", 1)},
		}, nil
	})
	if err == nil || open(t, dir).Len() != 4 {
		t.Errorf("half a group: %v, %d entries", err, open(t, dir).Len())
	}
	put(t, j, journal.Reclass, state("AM", 0), state("FR", 1))
}

func TestDamageIsFound(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	for i := range int32(4) {
		put(t, open(t, dir), journal.Reclass, state(fmt.Sprint(i), i), state(fmt.Sprint(i+1), i+1))
	}
	path := filepath.Join(dir, journal.Folder, "journal.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	lines = lines[:len(lines)-1]
	damaged := map[string]string{
		"cut at a line":   strings.Join(lines[:4], ""),
		"cut in a line":   string(whole[:len(whole)-20]),
		"without newline": string(whole[:len(whole)-1]),
		"line missing":    strings.Join(slices.Concat(lines[:2], lines[3:]), ""),
		"lines exchanged": strings.Join([]string{lines[0], lines[2], lines[1], lines[3], lines[4]}, ""),
		"line twice":      strings.Join(slices.Concat(lines[:2], lines[1:]), ""),
		"no header":       strings.Join(lines[1:], ""),
		"empty":           "",
	}
	for i := 0; i < len(whole); i += 7 {
		b := slices.Clone(whole)
		b[i] ^= 1
		damaged[fmt.Sprintf("bit at %d", i)] = string(b)
	}
	for name, text := range damaged {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.Open(t.Context(), dir); !errors.Is(err, journal.ErrDamaged) && !errors.Is(err, journal.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), dir); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("file missing: %v", err)
	}
}

func TestWhatAKilledWriterLeftIsNoEntry(t *testing.T) {
	dir := fixture.New(t, 1).Dir
	put(t, open(t, dir), journal.Reclass, state("AM", 0), state("NTM", 1))
	path := filepath.Join(dir, journal.Folder, "journal.jsonl")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// What a second group of two entries would have appended.
	j := open(t, dir)
	other := key
	other.Instance = 6
	if _, err := j.Update(t.Context(), func() ([]journal.Draft, error) {
		return []journal.Draft{
			{Time: day, Author: "ann", Op: journal.Merge, Key: key, Before: withMask(state("NTM", 1), 2), After: withMask(state("NTM", 2), 4)},
			{Time: day, Author: "ann", Op: journal.Merge, Key: other, Before: withMask(state("AM", 0), 3)},
		}, nil
	}); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := filepath.Join(dir, journal.Folder, "head.json")
	oldHead := fmt.Sprintf("{\"entries\":1,\"sum\":%q}\n", before[len(before)-67:len(before)-3])
	for n := len(before); n < len(after); n++ {
		if err := errors.Join(os.WriteFile(path, after[:n], 0o666), os.WriteFile(head, []byte(oldHead), 0o666)); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(t.Context(), dir)
		if err != nil {
			t.Fatalf("%d of %d bytes of a group: %v", n-len(before), len(after)-len(before), err)
		}
		if j.Len() != 1 || classNow(t, j) != "NTM" || j.Torn() != (n > len(before)) {
			t.Fatalf("%d bytes of a group: %d entries, torn %v", n-len(before), j.Len(), j.Torn())
		}
		if n%50 != 0 {
			continue
		}
		put(t, j, journal.Reclass, state("NTM", 1), state("FR", 2))
		if again := open(t, dir); again.Len() != 2 || classNow(t, again) != "FR" || again.Torn() {
			t.Fatalf("an edit after %d bytes of a group: %d entries", n-len(before), again.Len())
		}
	}
}

func TestJournalOfAnotherDataSet(t *testing.T) {
	a, b := fixture.New(t, 1).Dir, fixture.New(t, 2).Dir
	put(t, open(t, a), journal.Reclass, state("AM", 0), state("NTM", 1))
	if err := os.CopyFS(filepath.Join(b, journal.Folder), os.DirFS(filepath.Join(a, journal.Folder))); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), b); !errors.Is(err, journal.ErrForeign) {
		t.Errorf("foreign journal: %v", err)
	}
	j, err := journal.Read(t.Context(), filepath.Join(a, journal.Folder, "journal.jsonl"))
	if err != nil || j.Len() != 1 {
		t.Errorf("read by itself: %v", err)
	}
}
