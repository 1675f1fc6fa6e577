package edit

import (
	"context"
	"fmt"
	"slices"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/loaders"
)

// CompareOptions say what makes of a difference an edit. The zero value works.
type CompareOptions struct {
	Class         string // of added instances whose object has none
	DeleteMissing bool   // delete instances that have no object; rejected ones stay
}

// Difference is what makes the instances of an array those of a file.
type Difference struct {
	Requests  []Request `json:"-"`    // each against the version that was compared
	Same      int       `json:"same"` // instances as they are
	Added     int       `json:"added"`
	Replaced  int       `json:"replaced"`  // their masks
	Reclassed int       `json:"reclassed"` // their classes
	Missing   int       `json:"missing"`   // instances that have no object, rejected ones left out
	Deleted   int       `json:"deleted"`   // of them

	canvas  *exchange.Canvas
	journal *journal.Journal
}

// Compare finds how objects differ from the instances of the canvas's array as they are now.
// An object without an id, or with one that no instance has, is new.
func (e *Editor) Compare(ctx context.Context, c *exchange.Canvas, objects []exchange.Object, o CompareOptions) (*Difference, error) {
	view, err := e.View(ctx, c.Sample, c.Array)
	if err != nil {
		return nil, err
	}
	d := &Difference{canvas: c, journal: e.Journal}
	known := make(map[int64]*loaders.Instance, len(view))
	for _, in := range view {
		known[in.InstanceID] = in
	}
	for i := range objects {
		in := known[objects[i].ID]
		if in == nil {
			d.add(&objects[i], o.Class)
			continue
		}
		delete(known, in.InstanceID)
		if err := d.change(in, &objects[i]); err != nil {
			return nil, err
		}
	}
	for _, in := range view {
		if known[in.InstanceID] == nil || in.Status != nil && *in.Status == Rejected {
			continue
		}
		d.Missing++
		if o.DeleteMissing {
			d.Deleted++
			d.request(journal.Delete, in.InstanceID)
		}
	}
	return d, nil
}

// request appends an edit of the instance as it was compared.
func (d *Difference) request(op journal.Op, id int64) *Request {
	q := Request{Op: op, Sample: d.canvas.Sample, Array: d.canvas.Array, Instance: id}
	if id > 0 {
		q.Version = ptr(d.journal.Version(q.key()))
	}
	d.Requests = append(d.Requests, q)
	return &d.Requests[len(d.Requests)-1]
}

func (d *Difference) add(o *exchange.Object, class string) {
	d.Added++
	q := d.request(journal.Add, o.ID)
	q.SetMask(o.Mask, mask.OrderOf(d.canvas.Axes))
	if o.Class != "" {
		class = o.Class
	}
	if class != "" {
		q.Class = &class
	}
}

func (d *Difference) change(in *loaders.Instance, o *exchange.Object) error {
	m, err := Mask(&in.Instance, mask.OrderOf(d.canvas.Axes))
	if err != nil {
		return fmt.Errorf("%w: instance %d of array %s of sample %s: %w", loaders.ErrDamaged, in.InstanceID, in.Array, in.SampleID, err)
	}
	same := true
	if !slices.Equal(m, o.Mask) {
		same = false
		d.Replaced++
		d.request(journal.Replace, o.ID).SetMask(o.Mask, mask.OrderOf(d.canvas.Axes))
	}
	if o.Class != "" && (in.Class == nil || *in.Class != o.Class) {
		same = false
		d.Reclassed++
		d.request(journal.Reclass, o.ID).Class = ptr(o.Class)
	}
	if same {
		d.Same++
	}
	return nil
}
