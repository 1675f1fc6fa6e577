package vqa

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

// survey looks at all items before any is converted: it unites the columns of the inputs,
// infers the types of untyped ones, and finds ids that stand twice.
type survey struct {
	source   *Source
	planned  *planned
	declared []schemas.Column
	columns  []schemas.Column // of all inputs, united
	from     []string         // the input that each column was first seen in
	notes    []string

	ids      map[[16]byte]place
	problems []error
}

func (s *survey) run(ctx context.Context) error {
	s.ids, s.planned.twice = map[[16]byte]place{}, map[place]place{}
	for i, in := range s.planned.inputs {
		if err := s.input(ctx, i, in); err != nil {
			return err
		}
	}
	if err := errors.Join(s.problems...); err != nil && !s.source.options.KeepGoing {
		return &convert.InputError{Err: err}
	}
	var errs []error
	for _, in := range s.planned.inputs {
		errs = append(errs, s.unite(in))
	}
	s.tellMissing()
	return errors.Join(errs...)
}

// tellMissing notes the columns that only some inputs have.
func (s *survey) tellMissing() {
	for _, c := range s.columns {
		without := 0
		for _, in := range s.planned.inputs {
			if !slices.ContainsFunc(in.Columns(), func(d schemas.Column) bool { return d.Name == c.Name }) {
				without++
			}
		}
		if without > 0 {
			s.notes = append(s.notes, fmt.Sprintf("column %s is missing in %d of %d files: it is null there", c.Name, without, len(s.planned.inputs)))
		}
	}
}

// full reports that enough problems were found to stop.
func (s *survey) full() bool {
	return len(s.problems) >= maxProblems && !s.source.options.KeepGoing
}

func (s *survey) input(ctx context.Context, i int, in itemfile.Input) error {
	var wanted []int
	at := -1 // of the id among the values wanted
	if !in.Untyped() {
		wanted = []int{}
		k := slices.IndexFunc(in.Columns(), func(c schemas.Column) bool { return c.Name == s.source.options.Map.ID })
		if k >= 0 {
			wanted, at = []int{k}, 0
		} else if s.source.options.Map.ID == "" {
			return nil // ids are made of what is unique
		}
	}
	types := &untyped{columns: slices.Clone(in.Columns())}
	rows := make([]int64, len(in.Units()))
	number := int64(0)
	for u := range in.Units() {
		err := in.Read(ctx, u, wanted, func(r itemfile.Record) error {
			rows[u]++
			r.Number = number
			number++
			if in.Untyped() && r.Err == nil {
				types.add(r.Order, r.Item)
			}
			return s.item(place{i, r.Number}, r, at)
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			s.problems = append(s.problems, err)
		}
	}
	if in.Untyped() {
		in.Learn(s.declare(types.columns), rows)
	}
	return nil
}

var errEnough = errors.New("enough problems")

// item checks that an item can be read and has an id of its own.
func (s *survey) item(at place, r itemfile.Record, idAt int) error {
	err := r.Err
	var id string
	if err == nil {
		v := r.Item[s.source.options.Map.ID]
		if idAt >= 0 {
			v = r.Values[idAt]
		}
		id, err = sampleID(s.source.options.Map, r, v)
	} else {
		err = asItem(r, err)
	}
	if err == nil {
		key := [16]byte{}
		sum := sha256.Sum256([]byte(id))
		copy(key[:], sum[:])
		first, taken := s.ids[key]
		if !taken {
			s.ids[key] = at
			return nil
		}
		s.planned.twice[at] = first
		err = &itemfile.Error{File: r.File, Row: r.Row, Sample: id, Where: s.source.options.Map.ID, Err: s.planned.twiceError(first)}
	}
	s.problems = append(s.problems, err)
	if s.full() {
		return errEnough
	}
	return nil
}

// asItem says where an item stands, unless the error does.
func asItem(r itemfile.Record, err error) error {
	if rejection(r, err).Error != err.Error() {
		return err
	}
	return &itemfile.Error{File: r.File, Row: r.Row, Err: err}
}

func (p *planned) twiceError(first place) error {
	return fmt.Errorf("the id is taken by row %d of %s", first.number, p.inputs[first.input].Name())
}

// declare gives columns the types of the dataset_info.json, in its order; what it does not
// name comes after.
func (s *survey) declare(found []schemas.Column) []schemas.Column {
	if s.declared == nil {
		return found
	}
	out := slices.Clone(s.declared)
	for _, c := range found {
		if !slices.ContainsFunc(out, func(d schemas.Column) bool { return d.Name == c.Name }) {
			out = append(out, c)
		}
	}
	return out
}

// unite adds the columns of an input to those of all. Columns that are read by their own
// rules, questions and objects, may differ in type.
func (s *survey) unite(in itemfile.Input) error {
	var errs []error
	free := map[string]bool{}
	for _, q := range s.source.options.Map.Questions {
		free[q.Each] = true
	}
	for _, o := range s.source.options.Map.Objects {
		free[o.Column] = true
	}
	for _, c := range in.Columns() {
		i := slices.IndexFunc(s.columns, func(d schemas.Column) bool { return d.Name == c.Name })
		if i < 0 {
			s.columns, s.from = append(s.columns, c), append(s.from, in.Name())
			continue
		}
		have := &s.columns[i]
		both := itemfile.Merge(*have, c, in.Untyped())
		switch {
		case both.Type != itemfile.TypeMixed || have.Type == itemfile.TypeMixed && in.Untyped() || c.Type == itemfile.TypeMixed:
			*have = both
		case free[c.Name]:
			have.Fields, _ = looseFields(have.Fields, c.Fields)
		default:
			at, one, other := itemfile.Difference(c.Name, *have, c, in.Untyped())
			errs = append(errs, convert.Inputf("", "", "column %s is %s in %s and %s in %s: convert them apart, or write one with the type of the other",
				at, one, s.from[i], other, in.Name()))
		}
	}
	return errors.Join(errs...)
}

// looseFields unites fields whatever their types.
func looseFields(a, b []schemas.Column) ([]schemas.Column, bool) {
	a = slices.Clone(a)
	for _, f := range b {
		i := slices.IndexFunc(a, func(c schemas.Column) bool { return c.Name == f.Name })
		if i < 0 {
			a = append(a, f)
			continue
		}
		sub, _ := looseFields(a[i].Fields, f.Fields)
		if m := itemfile.Merge(a[i], f, true); m.Type != itemfile.TypeMixed || len(sub) == 0 {
			a[i] = m
		} else {
			a[i].Fields = sub
		}
	}
	return a, true
}

// untyped collects the columns of items without types.
type untyped struct{ columns []schemas.Column }

func (u *untyped) add(order []string, item map[string]any) {
	for _, name := range order {
		i := slices.IndexFunc(u.columns, func(c schemas.Column) bool { return c.Name == name })
		if i < 0 {
			u.columns = append(u.columns, schemas.Column{Name: name, Type: itemfile.TypeNull, Nullable: true})
			i = len(u.columns) - 1
		}
		if u.columns[i].Type != itemfile.TypeMixed {
			u.columns[i] = itemfile.Merge(u.columns[i], itemfile.Infer(item[name]), true)
		}
	}
}
