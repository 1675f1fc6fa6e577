package loaders

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/schemas"
)

// ItemList is questions in memory and where the images of their samples lie: items to be
// drawn in any order. They are numbered in the order of the samples, then of the questions, so
// that neighbours have the same image or images that lie side by side. It is safe for concurrent
// use as long as the data set is open.
type ItemList struct {
	dataset *Dataset
	items   []listedItem
	mean    int64
}

type listedItem struct {
	question *schemas.Question
	image    *imagePlace
}

// imagePlace is the row of samples that holds an image.
type imagePlace struct {
	shard   *shard
	row     int64
	sample  string
	ordinal int // in the order of the samples
}

// ListItems reads the questions that a query admits, of samples whose id matches a glob ("" for
// all), without the source's own columns and without images. Equal texts share their memory.
func (d *Dataset) ListItems(ctx context.Context, q QuestionQuery, glob string) (*ItemList, error) {
	if _, err := path.Match(glob, ""); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", glob, err)
	}
	places, err := d.imagePlaces(ctx, q.Split)
	if err != nil {
		return nil, err
	}
	questions, err := d.questionRows(ctx, q)
	if err != nil {
		return nil, err
	}
	l := &ItemList{dataset: d, mean: d.meanImage(q.Split)}
	texts := newTexts()
	for _, v := range questions {
		place, ok := places[v.SampleID]
		if !ok {
			return nil, &DamageError{File: schemas.QuestionsTable, Row: -1, Sample: v.SampleID, Err: fmt.Errorf("question %s is about a sample that is not there", v.QuestionID)}
		}
		if match, _ := path.Match(glob, v.SampleID); glob != "" && !match {
			continue
		}
		texts.share(v)
		v.SampleID = place.sample
		l.items = append(l.items, listedItem{v, place})
	}
	slices.SortStableFunc(l.items, func(a, b listedItem) int { return cmp.Compare(a.image.ordinal, b.image.ordinal) })
	return l, nil
}

// Len is the number of items.
func (l *ItemList) Len() int { return len(l.items) }

// Question is that of item i, not to be changed.
func (l *ItemList) Question(i int) *schemas.Question { return l.items[i].question }

// MeanImageBytes is the mean size of an encoded image, of the row groups where it is largest.
func (l *ItemList) MeanImageBytes() int64 { return l.mean }

// sampleID is the one column by which an image is found.
type sampleID struct {
	ID string `parquet:"sample_id"`
}

func (d *Dataset) imagePlaces(ctx context.Context, split string) (map[string]*imagePlace, error) {
	places := map[string]*imagePlace{}
	for _, s := range d.shardsOf(schemas.SamplesTable, split) {
		for _, g := range s.groups() {
			for r, err := range rows[sampleID](ctx, s, g) {
				if err != nil {
					return nil, err
				}
				if other := places[r.value.ID]; other != nil {
					return nil, &DamageError{File: s.Path, Row: r.number, Sample: r.value.ID, Err: fmt.Errorf("the id is taken by row %d of %s", other.row, other.shard.Path)}
				}
				places[r.value.ID] = &imagePlace{s, r.number, r.value.ID, len(places)}
			}
		}
	}
	return places, nil
}

// questionPart is how many rows of questions one goroutine reads at a time.
const questionPart = 8192

// questionRows reads the questions that a query admits, by all processors.
func (d *Dataset) questionRows(ctx context.Context, q QuestionQuery) ([]*schemas.Question, error) {
	type part struct {
		shard *shard
		group rowGroup
		span  span
	}
	var parts []part
	for _, s := range d.shardsOf(schemas.QuestionsTable, q.Split) {
		for _, g := range s.groups(q.bounds()...) {
			chosen, err := s.choose(ctx, g, q)
			if err != nil {
				return nil, err
			}
			for _, c := range chosen {
				for ; c.rows > 0; c.first, c.rows = c.first+questionPart, c.rows-questionPart {
					parts = append(parts, part{s, g, span{c.first, min(c.rows, questionPart)}})
				}
			}
		}
	}
	read := make([][]*schemas.Question, len(parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range parts {
		group.Go(func() error {
			for r, err := range spanRows[schemas.Question](ctx, p.shard, p.group, p.span) {
				if err != nil {
					return err
				}
				v := *r.value
				read[i] = append(read[i], &v)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(read...), nil
}

// meanImage is the mean size of the images of the row groups where it is largest.
func (d *Dataset) meanImage(split string) (mean int64) {
	for _, s := range d.shardsOf(schemas.SamplesTable, split) {
		leaf, _ := s.file.Schema().Lookup("image", "bytes") // openShard saw to it that it is there
		for _, g := range s.file.File.Metadata().RowGroups {
			if g.NumRows > 0 {
				mean = max(mean, g.Columns[leaf.ColumnIndex].MetaData.TotalCompressedSize/g.NumRows)
			}
		}
	}
	return mean
}

// texts are strings of which one copy is kept.
type texts struct {
	one  map[string]*string
	list map[string][]string
}

func newTexts() *texts { return &texts{map[string]*string{}, map[string][]string{}} }

func (t *texts) text(p **string) {
	if *p == nil {
		return
	}
	if have, ok := t.one[**p]; ok {
		*p = have
	} else {
		t.one[**p] = *p
	}
}

func (t *texts) texts(p *[]string) {
	key := strings.Join(*p, "\x00")
	if have, ok := t.list[key]; ok && slices.Equal(have, *p) && (have == nil) == (*p == nil) {
		*p = have
	} else if !ok {
		t.list[key] = *p
	}
}

// share replaces the texts of a question, but for its sample's id, by the copies kept.
func (t *texts) share(q *schemas.Question) {
	for _, s := range []*string{&q.QuestionID, &q.Kind} {
		p := s
		t.text(&p)
		*s = *p
	}
	for _, p := range []**string{&q.Type, &q.Question, &q.Answer} {
		t.text(p)
	}
	t.texts(&q.Options)
	t.texts(&q.Tags)
}
