package vqa

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/schemas"
)

// facts are what a task of samples leaves behind: the items that it rejected.
type facts struct {
	Rejected  []rejected
	Repairs   map[string]int64
	Undecoded int64 // images of a kind that is not decoded
}

type rejected struct {
	Input  int
	Number int64
	Rows   int64 // of the unit that are lost with it, at least 1
	Why    convert.Rejection
}

// Session implements convert.Source.
func (s *Source) Session(_ context.Context, tasks []convert.Task, res convert.Resources) (convert.Session, error) {
	w := &session{source: s, planned: s.planned, res: res}
	if tasks[0].Stage == 0 {
		return w, nil
	}
	w.left = map[place]bool{}
	for _, t := range s.planned.tasks {
		if t.Table != schemas.SamplesTable || t.Split != tasks[0].Split {
			continue
		}
		var f facts
		if err := res.Facts(t, &f); err != nil {
			return nil, err
		}
		for _, r := range f.Rejected {
			for i := range r.Rows {
				w.left[place{r.Input, r.Number + i}] = true
			}
		}
	}
	return w, nil
}

// Report implements convert.Reporter.
func (s *Source) Report(read func(convert.Task, any) error) (*convert.Report, error) {
	r := &convert.Report{Rejected: s.planned.rejected, Repairs: map[string]int64{}}
	undecoded := int64(0)
	for _, t := range s.planned.tasks {
		if t.Table != schemas.SamplesTable {
			continue
		}
		var f facts
		if err := read(t, &f); err != nil {
			return nil, err
		}
		for _, item := range f.Rejected {
			r.Rejected = append(r.Rejected, item.Why)
		}
		for column, n := range f.Repairs {
			r.Repairs[column] += n
		}
		undecoded += f.Undecoded
	}
	if undecoded > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d images are of a kind that is not decoded: their pixel_digest and perceptual_hash are null", undecoded))
	}
	return r, nil
}

// session writes the rows of tasks.
type session struct {
	source  *Source
	planned *planned
	res     convert.Resources
	left    map[place]bool // items that samples rejected
}

func (w *session) Close() error { return nil }

// Run implements convert.Session.
func (w *session) Run(ctx context.Context, t convert.Task, shard *convert.Shard) (any, error) {
	var d detail
	if err := json.Unmarshal(t.Detail, &d); err != nil {
		return nil, fmt.Errorf("task %s: %w", t.Path(), err)
	}
	r := &run{session: w, ctx: ctx, task: t, shard: shard, facts: facts{Repairs: map[string]int64{}}}
	for _, p := range d.Parts {
		i, ok := w.planned.at[p.Split+"/"+p.Input]
		if !ok {
			return nil, fmt.Errorf("the plan names %s, which the source lacks", p.Input)
		}
		for u := p.First; u < p.First+p.Units; u++ {
			if err := r.unit(i, u); err != nil {
				return nil, err
			}
		}
	}
	if err := r.writeQuestions(); err != nil {
		return nil, err
	}
	if len(r.problems) > 0 {
		return nil, &convert.InputError{Err: errors.Join(r.problems...)}
	}
	return &r.facts, nil
}

// run is one task under way.
type run struct {
	*session
	ctx      context.Context
	task     convert.Task
	shard    *convert.Shard
	facts    facts
	problems []error
	pending  []*pending
	bytes    int64 // of the images of pending
	at       []int // position in the input of each column of the layout

	questions []*questionRow // that wait to be sorted
}

// sortedRows is how many questions are sorted at a time: a row group. Those of one kind, type and data
// set then lie together, and a reader that wants no others passes over the rest.
const sortedRows = 1 << 16

// batchBytes are the bytes of images that are looked at together.
const batchBytes = 8 << 20

// pending is an item that waits for the facts of its images.
type pending struct {
	item   *item
	where  place
	images []schemas.Image
	rows   []*sampleRow
	err    error
}

// unit converts the items of a unit.
func (r *run) unit(i, u int) error {
	in := r.planned.inputs[i]
	var wanted []int
	layoutColumns := r.planned.layout.wanted(r.task.Table)
	if layoutColumns == nil {
		for k := range r.planned.layout.columns {
			layoutColumns = append(layoutColumns, k)
		}
	}
	r.at = make([]int, len(r.planned.layout.columns))
	for k := range r.at {
		r.at[k] = -1
	}
	for _, k := range layoutColumns {
		for c, have := range in.Columns() {
			if have.Name == r.planned.layout.columns[k].Name {
				r.at[k] = len(wanted)
				wanted = append(wanted, c)
			}
		}
	}
	if wanted == nil {
		wanted = []int{}
	}
	part := in.Units()[u]
	next := part.First
	err := in.Read(r.ctx, u, wanted, func(rec itemfile.Record) error {
		next++
		return r.record(i, in, rec)
	})
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	if flush := r.flush(); flush != nil {
		return flush
	}
	if err != nil && r.task.Stage == 0 {
		rec := itemfile.Record{File: in.Name(), Row: next, Number: next}
		err = r.reject(place{i, next}, rec, err, part.First+part.Rows-next)
		if errors.Is(err, errEnough) {
			return nil
		}
	}
	if r.task.Stage == 0 {
		r.res.Progress(part.Bytes)
	}
	return err
}

// record takes one record; of stage 1 it writes the rows at once.
func (r *run) record(i int, in itemfile.Input, rec itemfile.Record) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	where := place{i, rec.Number}
	if r.task.Stage > 0 && r.left[where] {
		return nil
	}
	it, err := r.item(in, where, rec)
	if err != nil {
		if r.task.Stage > 0 {
			return err // samples took it
		}
		return r.reject(where, rec, err, 1)
	}
	if r.task.Stage > 0 {
		return r.write(it)
	}
	p := &pending{item: it, where: where}
	if p.images, err = it.imagesOf(func(name, file string) ([]byte, error) { return itemfile.ReadImage(r.ctx, r.source.store, name, file) }); err != nil {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		return r.reject(where, rec, err, 1)
	}
	for _, img := range p.images {
		r.bytes += int64(len(img.Bytes))
	}
	if r.pending = append(r.pending, p); r.bytes >= batchBytes || len(r.pending) >= 256 {
		return r.flush()
	}
	return nil
}

// item takes a record apart.
func (r *run) item(in itemfile.Input, where place, rec itemfile.Record) (*item, error) {
	if rec.Err != nil {
		return nil, rec.Err
	}
	l := r.planned.layout
	it := &item{l: l, record: rec, split: in.Split(), values: make([]any, len(l.columns))}
	for k, c := range r.at {
		if c >= 0 {
			it.values[k] = rec.Values[c]
		}
	}
	var err error
	if it.id, err = sampleID(l.m, rec, it.get(l.m.ID)); err != nil {
		return nil, err
	}
	if first, twice := r.planned.twice[where]; twice {
		return nil, it.fail(l.m.ID, r.planned.twiceError(first))
	}
	return it, nil
}

// reject leaves out an item, or notes why the conversion will stop.
func (r *run) reject(where place, rec itemfile.Record, err error, rows int64) error {
	if !r.source.options.KeepGoing {
		if r.problems = append(r.problems, asItem(rec, err)); len(r.problems) >= maxProblems {
			return errEnough
		}
		return nil
	}
	why := rejection(rec, err)
	if rows > 1 {
		why.Rows = rows
	}
	r.facts.Rejected = append(r.facts.Rejected, rejected{where.input, where.number, max(rows, 1), why})
	return nil
}

// write writes the rows of an item that are not of samples.
func (r *run) write(it *item) error {
	if r.task.Table == schemas.InstancesTable {
		rows, err := it.instances()
		for _, row := range rows {
			if err := r.shard.Write(row); err != nil {
				return err
			}
		}
		return err
	}
	rows, err := it.questions(it.countImages())
	if err != nil {
		return err
	}
	if r.questions = append(r.questions, rows...); len(r.questions) >= sortedRows {
		return r.writeQuestions()
	}
	return nil
}

// writeQuestions writes the questions that wait: by kind, type, data set and variant, and
// those that are equal in these in the order of their samples.
func (r *run) writeQuestions() error {
	slices.SortStableFunc(r.questions, func(a, b *questionRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), compareNil(a.Type, b.Type), compareNil(a.Dataset, b.Dataset), compareNil(a.Variant, b.Variant))
	})
	for _, row := range r.questions {
		if err := r.shard.Write(&row.Question, row.fields...); err != nil {
			return err
		}
	}
	clear(r.questions)
	r.questions = r.questions[:0]
	return nil
}

// compareNil puts null first.
func compareNil[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

// flush finds out the facts of the images that wait, all processors at once, and writes
// their samples in order.
func (r *run) flush() error {
	batch := r.pending
	r.pending, r.bytes = nil, 0
	if r.source.options.NoDecode {
		for _, p := range batch {
			p.err = r.prepare(p)
		}
	} else {
		g, ctx := errgroup.WithContext(r.ctx)
		g.SetLimit(max(1, r.res.Workers))
		for _, p := range batch {
			g.Go(func() error {
				if err := r.res.CPU.Acquire(ctx); err != nil {
					return err
				}
				defer r.res.CPU.Release()
				p.err = r.prepare(p)
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	for _, p := range batch {
		if p.err != nil {
			if err := r.reject(p.where, p.item.record, p.err, 1); err != nil {
				return err
			}
			continue
		}
		if p.item.resolved() != nil {
			r.facts.Repairs[resolvedColumn]++
		}
		for _, row := range p.rows {
			if row.ImageDigest != nil && row.PixelDigest == nil && !r.source.options.NoDecode {
				r.facts.Undecoded++
			}
			if err := r.shard.Write(&row.Sample, row.own...); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare makes the rows of samples, and tries those of the other tables: an item is
// converted as a whole or not at all.
func (r *run) prepare(p *pending) (err error) {
	if p.rows, err = p.item.samples(p.images); err != nil {
		return err
	}
	_, noQuestions := p.item.questions(len(p.images))
	_, noObjects := p.item.instances()
	if err := errors.Join(noQuestions, noObjects); err != nil {
		return err
	}
	for i := range p.images {
		if p.images[i].Bytes == nil {
			continue
		}
		if err := describeImage(&p.rows[i].Sample, p.images[i].Bytes, !r.source.options.NoDecode); err != nil {
			where := p.item.l.m.Image
			if len(p.images) > 1 {
				where = fmt.Sprintf("%s[%d]", where, i)
			}
			return p.item.fail(where, err)
		}
	}
	return nil
}
