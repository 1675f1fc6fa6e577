package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
)

// Len is the number of entries.
func (j *Journal) Len() int64 { return j.seq }

// Sum is the sum of the last line, which stands for the whole journal; "" for an empty one.
func (j *Journal) Sum() string {
	if j.seq == 0 {
		return ""
	}
	return j.sum
}

// Manifest is the SHA-256 of the data set's manifest.
func (j *Journal) Manifest() string { return j.header.Manifest }

// Version of an instance: the entry that changed it last, 0 for none.
func (j *Journal) Version(k Key) int64 {
	if o := j.objects[k]; o != nil {
		return o.version
	}
	return 0
}

// MaxID is the highest instance id that the journal ever used in an array.
func (j *Journal) MaxID(sample, array string) int64 { return j.maxID[[2]string{sample, array}] }

// Changed lists the instances of an array that the journal has changed, by their ids.
func (j *Journal) Changed(sample, array string) []Key { return j.keys(sample, array) }

// Arrays lists the arrays with changed instances, in no order.
func (j *Journal) Arrays() iter.Seq[[2]string] { return maps.Keys(j.maxID) }

// State is an instance as the journal left it. Its shape is nil where the journal never
// changed it. Instances that the journal did not touch are unknown; a nil state of a known
// one says that it exists no longer.
func (j *Journal) State(k Key) (s *State, known bool, err error) {
	o := j.objects[k]
	if o == nil {
		return nil, false, nil
	}
	if o.state == nil || o.shapeAt < 0 {
		return o.state, true, nil
	}
	f, err := os.Open(j.file)
	if err != nil {
		return nil, true, err
	}
	defer f.Close()
	e, err := entryAt(f, o.shapeAt)
	if err != nil {
		return nil, true, err
	}
	out := *o.state
	out.Shape = e.After.Shape
	return &out, true, nil
}

// entryAt reads the entry whose line begins at an offset. The line was checked before.
func entryAt(f *os.File, offset int64) (*Entry, error) {
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	line, err := newLineReader(f, offset).next()
	if err != nil {
		return nil, err
	}
	return decodeEntry(line)
}

// decodeEntry decodes a line that was checked before; its sum is left alone.
func decodeEntry(line []byte) (*Entry, error) {
	cut := len(line) - sumTail
	if cut < 1 {
		return nil, errTorn
	}
	var e Entry
	if err := decodeStrict(append(line[:cut:cut], '}'), &e); err != nil {
		return nil, fmt.Errorf("%w: the file was changed while it was read: %w", ErrDamaged, err)
	}
	return &e, nil
}

// group reads the entries of a group.
func (j *Journal) group(g *Group) (entries []*Entry, err error) {
	f, err := os.Open(j.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(g.offset, io.SeekStart); err != nil {
		return nil, err
	}
	r := newLineReader(f, g.offset)
	for range g.Entries {
		line, err := r.next()
		if err != nil {
			return nil, err
		}
		e, err := decodeEntry(line)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Entries reads all entries in their order, one at a time. An entry of a group that was
// undone is among them, as is the undo.
func (j *Journal) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		f, err := os.Open(j.file)
		if errors.Is(err, fs.ErrNotExist) && j.seq == 0 {
			return
		}
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		r := newLineReader(io.LimitReader(f, j.end), 0)
		for n := range j.lines {
			line, err := r.next()
			if err == nil && n == 0 {
				continue
			}
			var e *Entry
			if err == nil {
				e, err = decodeEntry(line)
			}
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Active are the groups that count: neither undone nor an undo or redo themselves.
func (j *Journal) Active() map[int64]bool {
	active := map[int64]bool{}
	for _, g := range j.done {
		active[g.Seq] = true
	}
	return active
}

// Torn reports that a killed process left something behind the last whole group.
func (j *Journal) Torn() bool { return j.torn }

// Save writes the journal's whole groups, header included.
func (j *Journal) Save(w io.Writer) error {
	f, err := os.Open(j.file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(w, f, j.end)
	return err
}
