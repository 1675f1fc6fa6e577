package dataset

import (
	"context"
	"sync"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// readQuestions reads questions and shows them with their samples.
func (w *walk) readQuestions(ctx context.Context) error {
	c := &sampleCache{walk: w}
	return w.scanAll(ctx, w.all(schemas.QuestionsTable), func(ctx context.Context, s *shard, group int, _ piece) error {
		return w.questionGroup(ctx, s, group, c)
	}, nil)
}

func (w *walk) questionGroup(ctx context.Context, s *shard, group int, samples *sampleCache) error {
	w.noteNulls(ctx, s, group, schemas.Questions)
	first, n := s.reader.FirstRow(group), s.reader.RowGroups()[group].NumRows()
	const step = 4096 // rows, which are shown together
	for from := int64(0); from < n; from += step {
		k := min(step, n-from)
		items, err := w.items(ctx, s, group, from, k)
		if store.IsTransport(err) {
			return err
		}
		if err != nil {
			at := from + int64(len(items))
			s.lose(rowError(first+at, n-at, err))
		}
		for _, q := range items {
			w.noteQuestion(s, q)
			if w.pass.Wants(validate.Questions) {
				if q.Sample, err = samples.get(ctx, q.SampleID); err != nil {
					return err
				}
			}
		}
		if e := w.workers.do(ctx, func(*worker) {
			for _, q := range items {
				w.pass.Question(ctx, q)
			}
		})(); e != nil {
			return e
		}
		if err != nil {
			return nil
		}
	}
	return nil
}

// items reads rows of questions.
func (w *walk) items(ctx context.Context, s *shard, group int, from, n int64) (items []*validate.Item, err error) {
	first := s.reader.FirstRow(group) + from
	for v, err := range shardfile.Rows[schemas.Question](ctx, s.reader, group, from, n) {
		if err != nil {
			return items, err
		}
		row := first + int64(len(items))
		q := &validate.Item{Place: w.at(s.path, s.split, v.SampleID), Question: *v}
		q.Place.Row, q.Place.Question = &row, v.QuestionID
		items = append(items, q)
	}
	extras, err := extrasOf(ctx, s.reader, group, from, n, schemas.Questions)
	for i := range extras {
		items[i].Extra = extras[i]
	}
	return items, err
}

// noteQuestion checks the key of a question.
func (w *walk) noteQuestion(s *shard, q *validate.Item) {
	row := *q.Place.Row
	if w.questions.add(hashOf(q.SampleID, q.QuestionID)) {
		s.badKey("sample_id, question_id", q.SampleID+" "+q.QuestionID, "is taken twice", row)
	}
	if !w.samples.ids.has(hashOf(q.SampleID)) && !w.lost(schemas.SamplesTable, "") {
		s.badKey("sample_id", q.SampleID, "is that of no sample", row)
	}
	w.totals.mu.Lock()
	w.totals.Questions++
	w.totals.mu.Unlock()
}

// sampleCache holds the samples that questions are about, some rows at a time: questions come in the order of their
// samples.
type sampleCache struct {
	*walk
	mu    sync.Mutex
	parts []samplePart // used last first
}

type samplePart struct {
	shard *shard
	first int64
	rows  []*validate.Sample
}

const (
	partRows  = 1024
	partsHeld = 4
)

// get is a sample by its id, nil where there is none.
func (c *sampleCache) get(ctx context.Context, id string) (*validate.Sample, error) {
	ref, ok := c.samples.rows[hashOf(id)]
	if !ok {
		return nil, nil
	}
	s, row := c.shards[ref.shard], int64(ref.row)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.parts {
		if p.shard == s && row >= p.first && row < p.first+int64(len(p.rows)) {
			c.parts[0], c.parts[i] = p, c.parts[0]
			return p.rows[row-p.first], nil
		}
	}
	group := s.reader.GroupOf(row)
	first := s.reader.FirstRow(group)
	from := (row - first) / partRows * partRows
	rows, err := c.sampleRows(ctx, s, group, from, min(partRows, s.reader.RowGroups()[group].NumRows()-from))
	if store.IsTransport(err) {
		return nil, err
	}
	if err != nil || row-first-from >= int64(len(rows)) {
		return nil, nil // which the samples' own pass has said
	}
	c.parts = append([]samplePart{{s, first + from, rows}}, c.parts[:min(len(c.parts), partsHeld-1)]...)
	return rows[row-first-from], nil
}
