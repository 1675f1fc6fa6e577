package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/annotate/internal/fixture"
	"github.com/micropq/micropq/annotate/journal"
)

// FuzzRead reads journals: any bytes either are one, or are refused as damaged or as another
// data set's; what is read is read the same again.
func FuzzRead(f *testing.F) {
	dir := fixture.New(f, 1).Dir
	j := open(f, dir)
	put(f, j, journal.Reclass, state("AM", 0), state("NTM", 1))
	put(f, j, journal.Replace, withMask(state("NTM", 1), 5), withMask(state("NTM", 2), 9))
	if err := undo(j); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, journal.Folder, "journal.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("{}\n"))
	file := filepath.Join(f.TempDir(), "any.jsonl")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Read(t.Context(), file)
		if err != nil {
			if !errors.Is(err, journal.ErrDamaged) {
				t.Fatalf("no typed error: %v", err)
			}
			return
		}
		n := int64(0)
		for e, err := range j.Entries(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if _, known, err := j.State(e.Key()); err != nil || !known {
				t.Fatalf("state of %v: %v", e.Key(), err)
			}
			n++
		}
		if n != j.Len() {
			t.Fatalf("%d entries, %d are read", j.Len(), n)
		}
	})
}
