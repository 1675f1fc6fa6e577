package edit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// ErrRequest is wrapped by errors of a request that cannot be met.
var ErrRequest = errors.New("cannot edit")

// Statuses that edits give an instance.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)

// Editor edits one data set. It is not safe for concurrent use.
type Editor struct {
	Dataset *loaders.Dataset
	Journal *journal.Journal
	arrays  map[arrayKey]*array
}

type arrayKey struct{ sample, array string }

// array is what edits need to know of an array.
type array struct {
	axes  string
	order mask.Order
	box   *schemas.BBox // in which masks lie; nil where the data set has no such array
	maxID int64         // of the data set's rows
}

// Open opens the data set in a local folder and its journal.
func Open(ctx context.Context, dir string) (_ *Editor, err error) {
	d, err := loaders.Open(ctx, dir, loaders.Options{})
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Editor{Dataset: d, Journal: j, arrays: map[arrayKey]*array{}}, nil
}

// Close closes the data set.
func (e *Editor) Close() error { return e.Dataset.Close() }

// By is who edits and when, for requests that do not say so themselves.
type By struct {
	Author string
	Time   time.Time
}

// Apply makes all requests one group of the journal. Requests that ask for what is so
// already add nothing. It returns the entries written.
func (e *Editor) Apply(ctx context.Context, by By, requests []Request) ([]journal.Entry, error) {
	var errs []error
	for i := range requests {
		if err := requests[i].check(); err != nil {
			errs = append(errs, requests[i].refuse(err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	rows, err := e.rows(ctx, requests)
	if err != nil {
		return nil, err
	}
	return e.Journal.Update(ctx, func() ([]journal.Draft, error) {
		t := &transaction{editor: e, by: by, rows: rows, now: map[journal.Key]*journal.State{}, next: map[arrayKey]int64{}}
		for i := range requests {
			if err := t.take(&requests[i]); err != nil {
				if errs = append(errs, requests[i].refuse(err)); len(errs) == maxErrors {
					break
				}
			}
		}
		return t.drafts, errors.Join(errs...)
	})
}

// maxErrors bounds how many refused requests are told of at once.
const maxErrors = 20

// refuse names the request in an error.
func (r *Request) refuse(err error) error {
	op, k := r.Op, r.key()
	if r.entry != nil {
		op = r.entry.Op
	}
	if errors.Is(err, journal.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: %s of %v: %w", ErrRequest, op, k, err)
}

func (r *Request) key() journal.Key {
	if r.entry != nil {
		return r.entry.Key()
	}
	return journal.Key{Sample: r.Sample, Array: r.Array, Instance: r.Instance}
}

// array learns about an array once.
func (e *Editor) array(ctx context.Context, k arrayKey) (*array, error) {
	if a := e.arrays[k]; a != nil {
		return a, nil
	}
	a := &array{}
	for in, err := range e.Dataset.Instances(ctx, k.sample, k.array) {
		if err != nil {
			return nil, err
		}
		a.maxID = max(a.maxID, in.InstanceID)
	}
	labels, err := e.Dataset.Array(ctx, k.sample, k.array, 0)
	switch {
	case err == nil:
		if labels.Role() != schemas.RoleLabels {
			return nil, fmt.Errorf("%w: array %s of sample %s holds no labels", ErrRequest, k.array, k.sample)
		}
		a.axes = labels.LabelAxes()
		if a.box, err = boxOf(a.axes, labels.LabelShape()); err != nil {
			return nil, fmt.Errorf("%w: array %s of sample %s: %w", ErrRequest, k.array, k.sample, err)
		}
	case errors.Is(err, loaders.ErrNotFound) && a.maxID > 0:
		a.axes = "YX" // instances without an array: boxes and polygons of images
	default:
		return nil, err
	}
	a.order = mask.OrderOf(a.axes)
	e.arrays[k] = a
	return a, nil
}

// boxOf is the box of a whole array, whose axes have no C.
func boxOf(axes string, shape []int) (*schemas.BBox, error) {
	if strings.Trim(axes, "ZYX") != "" || !strings.HasSuffix(axes, "YX") {
		return nil, fmt.Errorf("axes %s: masks have Y and X, and Z or not", axes)
	}
	n := len(shape)
	b := &schemas.BBox{Z1: 1, Y1: int32(shape[n-2]), X1: int32(shape[n-1])}
	if n == 3 {
		b.Z1 = int32(shape[0])
	}
	return b, nil
}

// rows reads the data set's rows of the instances that requests name. The data set does not
// change, so this needs no lock.
func (e *Editor) rows(ctx context.Context, requests []Request) (map[journal.Key]*journal.State, error) {
	wanted := map[arrayKey]map[int64]bool{}
	for i := range requests {
		k := requests[i].key()
		a := arrayKey{k.Sample, k.Array}
		if _, err := e.array(ctx, a); err != nil {
			return nil, err
		}
		if wanted[a] == nil {
			wanted[a] = map[int64]bool{}
		}
		for _, id := range append(requests[i].With, k.Instance) {
			wanted[a][id] = true
		}
	}
	rows := map[journal.Key]*journal.State{}
	for a, ids := range wanted {
		for in, err := range e.Dataset.Instances(ctx, a.sample, a.array) {
			if err != nil {
				return nil, err
			}
			if ids[in.InstanceID] {
				rows[journal.Key{Sample: a.sample, Array: a.array, Instance: in.InstanceID}] = journal.StateOf(&in.Instance)
			}
		}
	}
	return rows, nil
}

// View lists the instances of an array as they are now, in order of their ids: the rows of
// the data set, changed as the journal says, then those it added.
func (e *Editor) View(ctx context.Context, sample, name string) ([]*loaders.Instance, error) {
	if _, err := e.array(ctx, arrayKey{sample, name}); err != nil {
		return nil, err
	}
	byID := map[int64]*loaders.Instance{}
	for in, err := range e.Dataset.Instances(ctx, sample, name) {
		if err != nil {
			return nil, err
		}
		byID[in.InstanceID] = in
	}
	for _, k := range e.Journal.Changed(sample, name) {
		s, _, err := e.Journal.State(k)
		if err != nil {
			return nil, err
		}
		if s == nil {
			delete(byID, k.Instance)
			continue
		}
		in := byID[k.Instance]
		if in == nil {
			in = &loaders.Instance{Instance: schemas.Instance{SampleID: sample, Array: name, InstanceID: k.Instance}}
			byID[k.Instance] = in
		}
		s.Apply(&in.Instance)
	}
	view := make([]*loaders.Instance, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		view = append(view, byID[id])
	}
	return view, nil
}

// Axes of an array's masks (ZYX or YX) and the box that holds them, nil where the data set
// has no array of the name.
func (e *Editor) Axes(ctx context.Context, sample, name string) (axes string, box *schemas.BBox, err error) {
	a, err := e.array(ctx, arrayKey{sample, name})
	if err != nil {
		return "", nil, err
	}
	return a.axes, a.box, nil
}
