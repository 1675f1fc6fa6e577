package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/micropq/micropq/internal/durable"
)

// Draft is an edit before it is written: what [Entry] says of it, without what its place in
// the journal decides.
type Draft struct {
	Time   time.Time
	Author string
	Op     Op
	Key    Key
	Before *State
	After  *State

	of int64
}

// Update appends the drafts that edit returns as one group, and returns their entries. The
// journal is locked and up to date while edit runs, so what it sees of an instance is what
// the drafts replace. It is durable when Update returns; after an error nothing was appended.
func (j *Journal) Update(ctx context.Context, edit func() ([]Draft, error)) ([]Entry, error) {
	if err := os.MkdirAll(j.dir, 0o777); err != nil {
		return nil, err
	}
	unlock, err := j.lock(ctx, true)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := j.catchUp(ctx); err != nil {
		return nil, err
	}
	drafts, err := edit()
	if err != nil || len(drafts) == 0 {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	entries := j.number(drafts)
	before := j.end
	if err = j.append(entries); err == nil {
		err = j.writeHead()
	}
	if err != nil {
		return nil, errors.Join(err, j.takeBack(before))
	}
	return entries, nil
}

// takeBack cuts off what a failed append wrote, and forgets what was replayed.
func (j *Journal) takeBack(end int64) error {
	j.state, j.end, j.lines = newState(), 0, 0
	err := os.Truncate(j.file, end)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// number gives drafts their place.
func (j *Journal) number(drafts []Draft) []Entry {
	entries := make([]Entry, len(drafts))
	version := map[Key]int64{}
	for i, d := range drafts {
		seen, ok := version[d.Key]
		if !ok {
			seen = j.Version(d.Key)
		}
		entries[i] = Entry{
			Seq: j.seq + int64(i) + 1, Group: j.seq + 1, Left: len(drafts) - i - 1,
			Time: d.Time.UTC().Truncate(time.Millisecond), Author: d.Author, Op: d.Op, Of: d.of,
			Sample: d.Key.Sample, Array: d.Key.Array, Instance: d.Key.Instance,
			Version: seen, Before: d.Before, After: d.After,
		}
		version[d.Key] = entries[i].Seq
	}
	return entries
}

// append writes the lines of a group behind the last whole one, with a header where there
// is none.
func (j *Journal) append(entries []Entry) (err error) {
	f, err := os.OpenFile(j.file, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// What a killed process left half written goes.
	if err := f.Truncate(j.end); err != nil {
		return err
	}
	w := &lineWriter{file: f, at: j.end, prev: j.sum}
	if j.lines == 0 {
		if err := w.write(&j.header); err != nil {
			return err
		}
	}
	group := make([]placed, len(entries))
	for i := range entries {
		e := &entries[i]
		if err := j.checkNext(e, i, &entries[0]); err != nil {
			return fmt.Errorf("%v: %w", e.Key(), err)
		}
		group[i] = newPlaced(e, w.at)
		if err := w.write(e); err != nil {
			return err
		}
	}
	if err := errors.Join(f.Sync(), durable.SyncDir(j.dir)); err != nil {
		return err
	}
	if err := j.commit(group, w.prev); err != nil {
		return err
	}
	j.end, j.lines, j.torn = w.at, j.lines+w.lines, false
	return nil
}

// lineWriter seals values into lines of a file.
type lineWriter struct {
	file  *os.File
	at    int64
	prev  string // sum of the line before
	lines int64
}

func (w *lineWriter) write(v any) error {
	line, sum, err := sealed(w.prev, v)
	if err != nil {
		return err
	}
	n, err := w.file.WriteAt(line, w.at)
	w.at += int64(n)
	w.lines++
	w.prev = sum
	return err
}

// Undo appends a group that takes back the last group not yet taken back; with an author,
// the last one of theirs, which is a conflict where someone changed the same instance since.
// It returns the group and the entries written.
func (j *Journal) Undo(ctx context.Context, author, of string, at time.Time) (*Group, []Entry, error) {
	return j.turn(ctx, Undo, author, of, at)
}

// Redo puts back the group undone last. Any other edit after the undo forgets what it could put back.
func (j *Journal) Redo(ctx context.Context, author string, at time.Time) (*Group, []Entry, error) {
	return j.turn(ctx, Redo, author, "", at)
}

func (j *Journal) turn(ctx context.Context, op Op, author, of string, at time.Time) (turned *Group, entries []Entry, err error) {
	entries, err = j.Update(ctx, func() ([]Draft, error) {
		stack := j.done
		if op == Redo {
			stack = j.undone
		}
		i := len(stack) - 1
		for of != "" && i >= 0 && stack[i].Author != of {
			i--
		}
		if i < 0 {
			return nil, fmt.Errorf("%w to %s", ErrNothing, op)
		}
		turned = stack[i]
		return j.turnedDrafts(turned, op, author, at)
	})
	return turned, entries, err
}

// turnedDrafts are a group's entries, for undo backwards and with before and after exchanged.
func (j *Journal) turnedDrafts(g *Group, op Op, author string, at time.Time) ([]Draft, error) {
	entries, err := j.group(g)
	if err != nil {
		return nil, err
	}
	if op == Undo {
		slices.Reverse(entries)
	}
	seen := map[Key]bool{}
	drafts := make([]Draft, len(entries))
	for i, e := range entries {
		d := Draft{Time: at, Author: author, Op: op, Key: e.Key(), Before: e.Before, After: e.After, of: g.Seq}
		if op == Undo {
			d.Before, d.After = e.After, e.Before
		}
		if !seen[e.Key()] {
			now, _, err := j.State(e.Key())
			if err != nil {
				return nil, err
			}
			if !now.Equal(d.Before) {
				return nil, &ConflictError{Key: e.Key(), Version: j.Version(e.Key()), Seen: e.Seq}
			}
		}
		seen[e.Key()] = true
		drafts[i] = d
	}
	return drafts, nil
}
