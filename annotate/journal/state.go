package journal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// object is what the journal knows of an instance that it has changed.
type object struct {
	version int64  // the entry that changed it last
	state   *State // without its shape; nil: it does not exist
	shapeAt int64  // where the line with its shape begins; -1: the shape is as it was converted
}

// Group is a group of entries in short.
type Group struct {
	Seq     int64     `json:"seq"`     // of its first entry
	Entries int       `json:"entries"` //
	Time    time.Time `json:"time"`    // of its first entry
	Author  string    `json:"author"`  // of its first entry
	Op      Op        `json:"op"`      // of its first entry
	Of      int64     `json:"of,omitempty"`

	offset int64 // where its first line begins
}

// state is the journal replayed up to some entry.
type state struct {
	objects map[Key]*object
	maxID   map[[2]string]int64 // the highest instance id in use ever, by sample and array
	done    []*Group            // what undo takes back, the last one first
	undone  []*Group            // what redo puts back, the last one first
	seq     int64               // entries so far
	sum     string              // of the last line
}

func newState() *state {
	return &state{objects: map[Key]*object{}, maxID: map[[2]string]int64{}}
}

// checkNext reports why an entry cannot follow. pending counts the entries of its group so
// far, of which first is the first, or the entry itself.
func (s *state) checkNext(e *Entry, pending int, first *Entry) error {
	if err := e.check(); err != nil {
		return err
	}
	if want := s.seq + int64(pending) + 1; e.Seq != want {
		return fmt.Errorf("seq %d, want %d", e.Seq, want)
	}
	if e.Left < 0 {
		return fmt.Errorf("left %d is negative", e.Left)
	}
	if e.Group != first.Seq || e.Left != first.Left-pending || e.Of != first.Of || (e.Of != 0 && e.Op != first.Op) {
		return fmt.Errorf("entry %d does not go together with its group %d", e.Seq, e.Group)
	}
	if e.Of != 0 && pending == 0 {
		stack := s.done
		if e.Op == Redo {
			stack = s.undone
		}
		if !slices.ContainsFunc(stack, func(g *Group) bool { return g.Seq == e.Of }) {
			return fmt.Errorf("entry %d: there is no group %d to %s", e.Seq, e.Of, e.Op)
		}
	}
	return nil
}

// placed is an entry without its masks and where its line begins.
type placed struct {
	Entry
	offset int64
	shape  bool // After has one
}

func newPlaced(e *Entry, offset int64) placed {
	p := placed{Entry: *e, offset: offset, shape: e.After != nil && e.After.Shape != nil}
	p.Before, p.After = e.Before.withoutShape(), e.After.withoutShape()
	return p
}

// commit takes a whole group.
func (s *state) commit(entries []placed, sum string) error {
	for i := range entries {
		if err := s.apply(&entries[i]); err != nil {
			return err
		}
	}
	first := &entries[0]
	g := &Group{Seq: first.Seq, Entries: len(entries), Time: first.Time, Author: first.Author, Op: first.Op, Of: first.Of, offset: first.offset}
	switch g.Op {
	case Undo:
		s.undone = append(s.undone, take(&s.done, g.Of))
	case Redo:
		s.done = append(s.done, take(&s.undone, g.Of))
	default:
		s.done, s.undone = append(s.done, g), nil
	}
	s.seq += int64(len(entries))
	s.sum = sum
	return nil
}

// take removes a group that is on a stack.
func take(stack *[]*Group, seq int64) *Group {
	i := slices.IndexFunc(*stack, func(g *Group) bool { return g.Seq == seq })
	g := (*stack)[i]
	*stack = slices.Delete(*stack, i, i+1)
	return g
}

// apply takes one entry, whose before must be how things are as far as the journal knows.
func (s *state) apply(e *placed) error {
	o := s.objects[e.Key()]
	if o == nil {
		o = &object{shapeAt: -1}
		s.objects[e.Key()] = o
	} else if !o.state.Equal(e.Before) {
		return fmt.Errorf("entry %d: its before is not how entry %d left %v", e.Seq, o.version, e.Key())
	}
	if o.version != e.Version {
		return fmt.Errorf("entry %d: made against version %d of %v, which has version %d", e.Seq, e.Version, e.Key(), o.version)
	}
	o.version, o.state = e.Seq, e.After
	if e.shape {
		o.shapeAt = e.offset
	}
	array := [2]string{e.Sample, e.Array}
	s.maxID[array] = max(s.maxID[array], e.Instance)
	return nil
}

// keys are the changed instances of an array in order of their ids.
func (s *state) keys(sample, array string) []Key {
	return slices.SortedFunc(func(yield func(Key) bool) {
		for k := range maps.Keys(s.objects) {
			if k.Sample == sample && k.Array == array && !yield(k) {
				return
			}
		}
	}, func(a, b Key) int { return cmp.Compare(a.Instance, b.Instance) })
}

// Sentinels for errors.Is.
var (
	// ErrConflict is an edit made against another state than the instance has.
	ErrConflict = errors.New("conflict")
	// ErrNothing is an undo or redo without anything left to undo or redo.
	ErrNothing = errors.New("nothing left")
	// ErrDamaged is a journal whose bytes are not what was written.
	ErrDamaged = errors.New("damaged journal")
	// ErrForeign is a journal of another data set.
	ErrForeign = errors.New("journal of another data set")
)

// ConflictError says who was faster.
type ConflictError struct {
	Key     Key
	Version int64 // that the instance has
	Seen    int64 // that the edit was made against; -1: states differ
}

func (e *ConflictError) Error() string {
	seen := fmt.Sprintf("was made against version %d", e.Seen)
	if e.Seen < 0 {
		seen = "was made against another state of it"
	}
	return fmt.Sprintf("%v: %v has version %d, the edit %s: look at `annotate log` and make the edit again", ErrConflict, e.Key, e.Version, seen)
}

// Unwrap makes errors.Is see [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }

// DamageError names the line that cannot be trusted.
type DamageError struct {
	File string
	Line int64 // from 1, the header; 0: the file as a whole
	Err  error
}

func (e *DamageError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%v: %s: %v", ErrDamaged, e.File, e.Err)
	}
	return fmt.Sprintf("%v: %s, line %d: %v", ErrDamaged, e.File, e.Line, e.Err)
}

// Unwrap makes errors.Is see both [ErrDamaged] and the cause.
func (e *DamageError) Unwrap() []error { return []error{ErrDamaged, e.Err} }
