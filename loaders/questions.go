package loaders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/schemas"
)

// Question is a row of questions.
type Question struct {
	schemas.Question
	Extra map[string]any // the source's own columns, as in Sample
}

// QuestionQuery says which questions to list. Its zero value lists all.
type QuestionQuery struct {
	Split   string // "" for all
	Kind    string // question or caption; "" for both
	Type    string // "" for all
	Dataset string // of the sample, as the source names it or as repaired; "" for all
}

// Columns of questions by which they are chosen, and that a converter may add.
const (
	datasetColumn  = "dataset"
	resolvedColumn = "dataset_resolved"
)

// Questions lists questions in the order of the data set. Of row groups, and of the pages
// in them, whose bounds exclude what is asked for nothing is read.
func (d *Dataset) Questions(ctx context.Context, q QuestionQuery) iter.Seq2[*Question, error] {
	return func(yield func(*Question, error) bool) {
		for _, s := range d.shardsOf(schemas.QuestionsTable, q.Split) {
			for _, g := range s.groups(q.bounds()...) {
				for v, err := range s.questions(ctx, g, q) {
					if !yield(v, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// bounds are what a row group must admit. The data set may stand in either of two columns.
func (q QuestionQuery) bounds() (bounds []bound) {
	if q.Kind != "" {
		bounds = append(bounds, bound{"kind", q.Kind})
	}
	if q.Type != "" {
		bounds = append(bounds, bound{"type", q.Type})
	}
	return bounds
}

// questions reads the rows of a row group that the query admits.
func (s *shard) questions(ctx context.Context, g rowGroup, q QuestionQuery) iter.Seq2[*Question, error] {
	return func(yield func(*Question, error) bool) {
		chosen, err := s.choose(ctx, g, q)
		if err != nil {
			yield(nil, err)
			return
		}
		if few(chosen) {
			list, err := s.atOnce(ctx, g, chosen)
			for _, v := range list {
				if !yield(v, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
			}
			return
		}
		for _, c := range chosen {
			for v, err := range extendedSpan[schemas.Question](ctx, s, g, c) {
				if err != nil {
					yield(nil, err)
					return
				}
				if !yield(&Question{v.row, v.extra}, nil) {
					return
				}
			}
		}
	}
}

// questionKeys are the columns by which questions are chosen.
type questionKeys struct {
	Kind     string  `parquet:"kind,dict"`
	Type     *string `parquet:"type,optional,dict"`
	Dataset  *string `parquet:"dataset,optional,dict"`
	Resolved *string `parquet:"dataset_resolved,optional,dict"`
}

// fewRows is how many rows are read at once, by all processors, and held.
const fewRows = 8192

func few(chosen []span) bool {
	rows := int64(0)
	for _, c := range chosen {
		rows += c.rows
	}
	return rows <= fewRows
}

// atOnce reads runs of rows side by side.
func (s *shard) atOnce(ctx context.Context, g rowGroup, chosen []span) ([]*Question, error) {
	parts := make([][]*Question, len(chosen))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range chosen {
		group.Go(func() error {
			for v, err := range extendedSpan[schemas.Question](ctx, s, g, c) {
				if err != nil {
					return err
				}
				parts[i] = append(parts[i], &Question{v.row, v.extra})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// choose finds the rows of a row group that the query admits, neighbours together: column
// after column, of each only the pages that may still hold some.
func (s *shard) choose(ctx context.Context, g rowGroup, q QuestionQuery) (chosen []span, err error) {
	chosen, err = s.pagesWithin(ctx, g, q.bounds())
	for _, b := range q.bounds() {
		if err == nil {
			chosen, err = s.matching(ctx, g, b, chosen)
		}
	}
	if err != nil || q.Dataset == "" {
		return chosen, err
	}
	named, err := s.matching(ctx, g, bound{datasetColumn, q.Dataset}, chosen)
	if err != nil {
		return nil, err
	}
	repaired, err := s.matching(ctx, g, bound{resolvedColumn, q.Dataset}, chosen)
	return union(named, repaired), err
}

// matching are those of some rows that have a value in a text column.
func (s *shard) matching(ctx context.Context, g rowGroup, b bound, within []span) (match []span, err error) {
	leaf, ok := g.Schema().Lookup(b.column)
	if !ok || leaf.MaxRepetitionLevel > 0 || leaf.Node.Type().Kind() != parquet.ByteArray || len(within) == 0 {
		return nil, nil
	}
	err = guard(func() error {
		pages := g.ColumnChunks()[leaf.ColumnIndex].Pages()
		defer pages.Close()
		for _, part := range within {
			if err := pages.SeekToRow(part.first); err != nil {
				return err
			}
			for row := part.first; row < part.first+part.rows; {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				page, err := pages.ReadPage()
				if err != nil {
					return fmt.Errorf("column %s, row %d: %w", b.column, g.first+row, noEOF(err))
				}
				n := int64(0)
				match, n, err = matchPage(match, page, b.value, row, part.first+part.rows)
				parquet.Release(page)
				if err != nil {
					return err
				}
				row += n
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.blame(ctx, err)
	}
	return match, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// matchPage adds the rows from row on and before end that have a value; n is how many rows
// it looked at.
func matchPage(match []span, page parquet.Page, value string, row, end int64) (_ []span, n int64, err error) {
	var values [256]parquet.Value
	for reader := page.Values(); row+n < end; {
		k, err := reader.ReadValues(values[:min(int64(len(values)), end-row-n)])
		for i, v := range values[:k] {
			if v.IsNull() || string(v.ByteArray()) != value {
				continue
			}
			at := row + n + int64(i)
			if m := len(match); m > 0 && match[m-1].first+match[m-1].rows == at {
				match[m-1].rows++
			} else {
				match = append(match, span{at, 1})
			}
		}
		n += int64(k)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return match, n, err
		}
	}
	if n == 0 {
		return match, 0, errors.New("a page without rows")
	}
	return match, n, nil
}

// union are the rows in either of two sorted lists that have none in common.
func union(a, b []span) []span {
	both := append(slices.Clone(a), b...)
	slices.SortFunc(both, func(x, y span) int { return cmp.Compare(x.first, y.first) })
	return both
}

// pagesWithin are the rows of a row group whose pages may hold all bounds.
func (s *shard) pagesWithin(ctx context.Context, g rowGroup, bounds []bound) ([]span, error) {
	within := []span{g.whole()}
	for _, b := range bounds {
		leaf, ok := g.Schema().Lookup(b.column)
		if !ok {
			continue
		}
		err := guard(func() error {
			chunk := g.ColumnChunks()[leaf.ColumnIndex]
			columns, err := chunk.ColumnIndex()
			if err != nil {
				return nil // written by another program, without an index: all pages may
			}
			offsets, err := chunk.OffsetIndex()
			if err != nil || offsets.NumPages() != columns.NumPages() {
				return nil
			}
			var pages []span
			for i := range columns.NumPages() {
				first, end := offsets.FirstRowIndex(i), g.NumRows()
				if i+1 < offsets.NumPages() {
					end = offsets.FirstRowIndex(i + 1)
				}
				admits := !columns.NullPage(i) && string(columns.MinValue(i).ByteArray()) <= b.value && b.value <= string(columns.MaxValue(i).ByteArray())
				if admits && first < end {
					pages = append(pages, span{first, end - first})
				}
			}
			within = intersect(within, pages)
			return nil
		})
		if err != nil {
			return nil, s.blame(ctx, err)
		}
	}
	return within, nil
}

// intersect are the rows in both of two sorted lists.
func intersect(a, b []span) (both []span) {
	for len(a) > 0 && len(b) > 0 {
		first, end := max(a[0].first, b[0].first), min(a[0].first+a[0].rows, b[0].first+b[0].rows)
		if first < end {
			both = append(both, span{first, end - first})
		}
		if a[0].first+a[0].rows < b[0].first+b[0].rows {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}
