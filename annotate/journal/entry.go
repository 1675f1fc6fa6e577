package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/micropq/micropq/schemas"
)

// Op says what an entry does.
type Op string

// The kinds of entries. Undo and redo name the group that they take back or put back.
const (
	Reclass Op = "reclass" // another class
	Reject  Op = "reject"  // status rejected, with a reason
	Accept  Op = "accept"  // status accepted
	Add     Op = "add"     // an instance that was not there
	Delete  Op = "delete"  // an instance that is there no longer
	Replace Op = "replace" // another mask
	Merge   Op = "merge"   // one instance takes the masks of others, which are there no longer
	Undo    Op = "undo"
	Redo    Op = "redo"
)

// Ops lists the kinds of entries.
var Ops = []Op{Reclass, Reject, Accept, Add, Delete, Replace, Merge, Undo, Redo}

// Key names an instance.
type Key struct {
	Sample   string
	Array    string
	Instance int64
}

func (k Key) String() string {
	return fmt.Sprintf("instance %d of array %s of sample %s", k.Instance, k.Array, k.Sample)
}

// Shape is what the columns of an instance say of its mask, as schemas.Instance describes them.
type Shape struct {
	BBox     *schemas.BBox  `json:"bbox"`
	Area     *int64         `json:"area"`
	Centroid *schemas.Point `json:"centroid"`
	RLE      []int64        `json:"rle"`
}

// State is an instance in the columns that an edit may change. A nil Shape means the one
// that the instance had before; where an entry makes or removes an instance it is never nil.
type State struct {
	Class     *string  `json:"class"`
	Reasons   []string `json:"reasons"`
	Status    *string  `json:"status"`
	Annotator *string  `json:"annotator"`
	Revision  *int32   `json:"revision"`
	Shape     *Shape   `json:"shape,omitempty"`
}

// StateOf is the state that a row of instances describes.
func StateOf(in *schemas.Instance) *State {
	return &State{
		Class: in.Class, Reasons: in.Reasons, Status: in.Status, Annotator: in.Annotator, Revision: in.Revision,
		Shape: &Shape{BBox: in.BBox, Area: in.Area, Centroid: in.Centroid, RLE: in.RLE},
	}
}

// Apply puts the state into a row of instances.
func (s *State) Apply(in *schemas.Instance) {
	in.Class, in.Reasons, in.Status, in.Annotator, in.Revision = s.Class, s.Reasons, s.Status, s.Annotator, s.Revision
	if s.Shape != nil {
		in.BBox, in.Area, in.Centroid, in.RLE = s.Shape.BBox, s.Shape.Area, s.Shape.Centroid, s.Shape.RLE
	}
}

// Equal reports whether two states say the same; shapes count where both have one.
func (s *State) Equal(o *State) bool {
	if s == nil || o == nil {
		return s == o
	}
	a, b := *s, *o
	if a.Shape == nil || b.Shape == nil {
		a.Shape, b.Shape = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// Entry is one line of the journal.
type Entry struct {
	Seq      int64     `json:"seq"`            // counts entries from 1
	Group    int64     `json:"group"`          // seq of the group's first entry
	Left     int       `json:"left,omitempty"` // entries of the group that follow
	Time     time.Time `json:"time"`           // when the author made the edit
	Author   string    `json:"author"`
	Op       Op        `json:"op"`
	Of       int64     `json:"of,omitempty"` // undo and redo: the group
	Sample   string    `json:"sample"`
	Array    string    `json:"array"`
	Instance int64     `json:"instance"`
	Version  int64     `json:"version"` // of the instance before the entry
	Before   *State    `json:"before"`  // null: the instance did not exist
	After    *State    `json:"after"`   // null: it does not exist any longer
}

// Key is the instance that the entry changes.
func (e *Entry) Key() Key { return Key{e.Sample, e.Array, e.Instance} }

// check reports what no entry may say.
func (e *Entry) check() error {
	switch {
	case !slices.Contains(Ops, e.Op):
		return fmt.Errorf("op %q: want one of %v", e.Op, Ops)
	case e.Author == "":
		return errors.New("author is missing")
	case e.Time.IsZero():
		return errors.New("time is missing")
	case e.Sample == "" || e.Array == "" || e.Instance < 1:
		return fmt.Errorf("sample %q, array %q, instance %d: want two names and a positive id", e.Sample, e.Array, e.Instance)
	case e.Before == nil && e.After == nil:
		return errors.New("the instance exists neither before nor after")
	case (e.Op == Undo || e.Op == Redo) != (e.Of != 0):
		return fmt.Errorf("op %s with of %d: undo and redo name a group, others none", e.Op, e.Of)
	case (e.Before == nil || e.After == nil) && (e.Before != nil && e.Before.Shape == nil || e.After != nil && e.After.Shape == nil):
		return errors.New("an instance that appears or vanishes has no shape")
	case e.Before != nil && e.After != nil && (e.Before.Shape == nil) != (e.After.Shape == nil):
		return errors.New("only one of before and after has a shape")
	}
	for _, s := range []*State{e.Before, e.After} {
		if s != nil && s.Shape != nil {
			if err := s.Shape.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check reports a shape whose parts contradict each other.
func (s *Shape) Check() error {
	b := s.BBox
	if b == nil {
		if s.RLE != nil {
			return errors.New("rle without bbox")
		}
		return nil
	}
	if b.Z0 < 0 || b.Y0 < 0 || b.X0 < 0 || b.Z1 <= b.Z0 || b.Y1 <= b.Y0 || b.X1 <= b.X0 {
		return fmt.Errorf("bbox %+v is no box", *b)
	}
	if s.RLE == nil {
		return nil
	}
	plane, depth := int64(b.Y1-b.Y0)*int64(b.X1-b.X0), int64(b.Z1-b.Z0)
	if plane > 1<<62/depth {
		return fmt.Errorf("bbox %+v is too large", *b)
	}
	left := plane * depth
	for i, n := range s.RLE {
		if n < 0 || n > left {
			return fmt.Errorf("rle: run %d of %d leaves the bbox", i, n)
		}
		left -= n
	}
	if left != 0 {
		return fmt.Errorf("rle: %d elements of the bbox are missing", left)
	}
	return nil
}

// decodeStrict decodes one JSON value that has no unknown member and nothing behind it.
func decodeStrict(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
