package edit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// transaction turns requests into the entries of one group, while the journal is locked.
type transaction struct {
	editor *Editor
	by     By
	rows   map[journal.Key]*journal.State // of the data set
	now    map[journal.Key]*journal.State // after the requests so far; nil: does not exist
	next   map[arrayKey]int64             // the highest id in use, by array
	drafts []journal.Draft
}

// current is an instance as it is now, nil where it does not exist.
func (t *transaction) current(k journal.Key) (*journal.State, error) {
	if s, ok := t.now[k]; ok {
		return s, nil
	}
	row := t.rows[k]
	s, known, err := t.editor.Journal.State(k)
	if err != nil || !known {
		return row, err
	}
	if s != nil && s.Shape == nil && row != nil {
		whole := *s
		whole.Shape = row.Shape
		return &whole, nil
	}
	return s, nil
}

// take makes drafts of one request.
func (t *transaction) take(r *Request) error {
	if r.entry != nil {
		return t.takeEntry(r.entry)
	}
	k := r.key()
	if r.Version != nil && *r.Version != t.editor.Journal.Version(k) {
		return &journal.ConflictError{Key: k, Version: t.editor.Journal.Version(k), Seen: *r.Version}
	}
	if r.Op == journal.Add {
		return t.add(r)
	}
	before, err := t.current(k)
	if err != nil {
		return err
	}
	if before == nil {
		return errors.New("there is no such instance")
	}
	after := *before
	after.Revision = next(before.Revision)
	switch r.Op {
	case journal.Reclass:
		after.Class, after.Annotator = r.Class, ptr(t.author(r).Author)
		if r.Reasons != nil {
			after.Reasons = r.Reasons
		}
	case journal.Accept:
		after.Status = ptr(Accepted)
	case journal.Reject:
		after.Status = ptr(Rejected)
		after.Reasons = append(slices.Clone(before.Reasons), r.Reasons...)
	case journal.Delete:
		t.put(r, k, before, nil)
		return nil
	case journal.Replace:
		after.Annotator = ptr(t.author(r).Author)
		if after.Shape, err = t.shape(r); err != nil {
			return err
		}
	case journal.Merge:
		return t.merge(r, k, before, &after)
	}
	t.put(r, k, before, &after)
	return nil
}

// takeEntry makes an edit of another journal, where the instance is as it was there.
func (t *transaction) takeEntry(e *journal.Entry) error {
	k := e.Key()
	now, err := t.current(k)
	if err != nil {
		return err
	}
	if now.Equal(e.After) {
		return nil // made here already
	}
	if !now.Equal(e.Before) {
		return &journal.ConflictError{Key: k, Version: t.editor.Journal.Version(k), Seen: -1}
	}
	if e.After != nil && e.After.Shape != nil && e.After.Shape.RLE != nil {
		if _, err := t.mask(k, e.After.Shape); err != nil {
			return err
		}
	}
	t.draft(By{e.Author, e.Time}, e.Op, k, now, e.After)
	return nil
}

func (t *transaction) add(r *Request) error {
	a := arrayKey{r.Sample, r.Array}
	if t.next[a] == 0 {
		t.next[a] = max(t.editor.arrays[a].maxID, t.editor.Journal.MaxID(r.Sample, r.Array))
	}
	k := r.key()
	if k.Instance == 0 {
		k.Instance = t.next[a] + 1
	}
	now, err := t.current(k)
	if err != nil {
		return err
	}
	if now != nil {
		return fmt.Errorf("instance %d exists already: replace its mask, or leave the id out", k.Instance)
	}
	shape, err := t.shape(r)
	if err != nil {
		return err
	}
	t.next[a] = max(t.next[a], k.Instance)
	t.put(r, k, nil, &journal.State{
		Class: r.Class, Reasons: r.Reasons, Annotator: ptr(t.author(r).Author), Revision: next(nil), Shape: shape,
	})
	return nil
}

// merge gives the instance the union of all masks and removes the others.
func (t *transaction) merge(r *Request, k journal.Key, before, after *journal.State) error {
	union, err := t.mask(k, before.Shape)
	if err != nil {
		return err
	}
	var gone []journal.Key
	for _, id := range r.With {
		other := journal.Key{Sample: k.Sample, Array: k.Array, Instance: id}
		if other == k || slices.Contains(gone, other) {
			return fmt.Errorf("instance %d is named twice", id)
		}
		s, err := t.current(other)
		if err != nil {
			return err
		}
		if s == nil {
			return fmt.Errorf("there is no instance %d to merge with", id)
		}
		m, err := t.mask(other, s.Shape)
		if err != nil {
			return err
		}
		union = mask.Union(union, m)
		gone = append(gone, other)
	}
	after.Annotator = ptr(t.author(r).Author)
	after.Shape = shapeOf(union, t.order(k))
	t.put(r, k, before, after)
	for _, other := range gone {
		s, err := t.current(other)
		if err != nil {
			return err
		}
		t.put(r, other, s, nil)
	}
	return nil
}

// put makes a draft of a request.
func (t *transaction) put(r *Request, k journal.Key, before, after *journal.State) {
	t.draft(t.author(r), r.Op, k, before, after)
}

// draft leaves out shapes that do not change, and edits that change nothing.
func (t *transaction) draft(by By, op journal.Op, k journal.Key, before, after *journal.State) {
	t.now[k] = after
	if before != nil && after != nil {
		b, a := *before, *after
		if a.Shape == nil || b.Equal(&journal.State{Class: b.Class, Reasons: b.Reasons, Status: b.Status, Annotator: b.Annotator, Revision: b.Revision, Shape: a.Shape}) {
			if a.Shape == nil {
				whole := a
				whole.Shape = b.Shape
				t.now[k] = &whole
			}
			a.Shape, b.Shape = nil, nil
		}
		if sameButRevision(&b, &a) {
			t.now[k] = before
			return
		}
		before, after = &b, &a
	}
	t.drafts = append(t.drafts, journal.Draft{Time: by.Time, Author: by.Author, Op: op, Key: k, Before: before, After: after})
}

// sameButRevision reports an edit that changes nothing. Who would have made it does not count.
func sameButRevision(b, a *journal.State) bool {
	x := *a
	x.Revision, x.Annotator = b.Revision, b.Annotator
	return a.Shape == nil && b.Equal(&x)
}

func (t *transaction) author(r *Request) By {
	by := By{Author: cmp.Or(r.Author, t.by.Author), Time: t.by.Time}
	if r.Time != nil {
		by.Time = *r.Time
	}
	return by
}

func (t *transaction) order(k journal.Key) mask.Order {
	return t.editor.arrays[arrayKey{k.Sample, k.Array}].order
}

// shape is the mask of a request as columns.
func (t *transaction) shape(r *Request) (*journal.Shape, error) {
	k := r.key()
	m, err := t.mask(k, &journal.Shape{BBox: r.BBox, RLE: r.RLE})
	if err != nil {
		return nil, err
	}
	return shapeOf(m, t.order(k)), nil
}

// mask is the mask that columns describe; it must lie in the array.
func (t *transaction) mask(k journal.Key, s *journal.Shape) (mask.Mask, error) {
	if s == nil || s.BBox == nil || s.RLE == nil {
		return nil, fmt.Errorf("instance %d has no mask", k.Instance)
	}
	m, err := mask.FromCounts(s.RLE, *s.BBox, t.order(k))
	if err != nil {
		return nil, fmt.Errorf("mask of instance %d: %w", k.Instance, err)
	}
	if len(m) == 0 {
		return nil, fmt.Errorf("mask of instance %d is empty: delete the instance instead", k.Instance)
	}
	if box := t.editor.arrays[arrayKey{k.Sample, k.Array}].box; box != nil {
		if b := m.BBox(); b.Z1 > box.Z1 || b.Y1 > box.Y1 || b.X1 > box.X1 {
			return nil, fmt.Errorf("mask of instance %d reaches z %d, y %d, x %d, the array ends at %d, %d, %d",
				k.Instance, b.Z1, b.Y1, b.X1, box.Z1, box.Y1, box.X1)
		}
	}
	return m, nil
}

// shapeOf is a mask, which is not empty, as columns.
func shapeOf(m mask.Mask, o mask.Order) *journal.Shape {
	box, area, centroid := m.BBox(), m.Area(), m.Centroid()
	return &journal.Shape{BBox: &box, Area: &area, Centroid: &centroid, RLE: m.Counts(box, o)}
}

// SetMask gives an add or replace request its mask.
func (r *Request) SetMask(m mask.Mask, o mask.Order) {
	box := m.BBox()
	r.BBox, r.RLE = &box, m.Counts(box, o)
}

// Mask is the mask of a row of instances; nil where it has none.
func Mask(in *schemas.Instance, o mask.Order) (mask.Mask, error) {
	if in.BBox == nil || in.RLE == nil {
		return nil, nil
	}
	return mask.FromCounts(in.RLE, *in.BBox, o)
}

func next(revision *int32) *int32 {
	if revision == nil {
		return ptr(int32(1))
	}
	return ptr(*revision + 1)
}

func ptr[T any](v T) *T { return &v }
