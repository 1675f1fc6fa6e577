package loaders

import (
	"context"
	"fmt"
	"iter"

	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/shardfile"
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

func (k *questionKeys) match(q QuestionQuery) bool {
	is := func(have *string, want string) bool { return have != nil && *have == want }
	return (q.Kind == "" || k.Kind == q.Kind) && (q.Type == "" || is(k.Type, q.Type)) &&
		(q.Dataset == "" || is(k.Dataset, q.Dataset) || is(k.Resolved, q.Dataset))
}

// choose finds the rows of a row group that the query admits, neighbours together.
func (s *shard) choose(ctx context.Context, g rowGroup, q QuestionQuery) (chosen []span, err error) {
	if q.Kind == "" && q.Type == "" && q.Dataset == "" {
		return []span{g.whole()}, nil
	}
	within, err := s.pagesWithin(ctx, g, q.bounds())
	if err != nil {
		return nil, err
	}
	_, options := optionalText(g, datasetColumn, "Dataset")
	_, more := optionalText(g, resolvedColumn, "Resolved")
	options = append(options, more...)
	for _, w := range within {
		for r, err := range spanRows[questionKeys](ctx, s, g, w, options...) {
			if err != nil {
				return nil, err
			}
			if !r.value.match(q) {
				continue
			}
			row := r.number - g.first
			if n := len(chosen); n > 0 && chosen[n-1].first+chosen[n-1].rows == row {
				chosen[n-1].rows++
			} else {
				chosen = append(chosen, span{row, 1})
			}
		}
	}
	return chosen, nil
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

// Item is a question and the sample that it is about.
type Item struct {
	Question *Question
	Sample   *Sample // its Image is read only when asked for
}

// ItemQuery says which items to list. Its zero value lists all, without their images.
type ItemQuery struct {
	QuestionQuery
	Images bool // read the encoded images
}

// Items lists questions with their samples. All samples of the questions' splits are held
// in memory but for their images; the image of an item is one page read, which those of the
// next items share as long as they are about the same sample.
func (d *Dataset) Items(ctx context.Context, q ItemQuery) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		samples, err := d.itemSamples(ctx, q.Split)
		if err != nil {
			yield(nil, err)
			return
		}
		var last *Sample
		for question, err := range d.Questions(ctx, q.QuestionQuery) {
			if err != nil {
				yield(nil, err)
				return
			}
			place, ok := samples[question.SampleID]
			if !ok {
				yield(nil, &DamageError{File: schemas.QuestionsTable, Row: -1, Sample: question.SampleID, Err: fmt.Errorf("question %s is about a sample that is not there", question.QuestionID)})
				return
			}
			if last == nil || last.SampleID != question.SampleID {
				last = &Sample{place.sample.Sample, place.sample.Extra}
				if q.Images {
					if last.Image, err = place.shard.image(ctx, place.row); err != nil {
						yield(nil, err)
						return
					}
				}
			}
			if !yield(&Item{question, last}, nil) {
				return
			}
		}
	}
}

// itemSample is a sample without its pictures and where it lies.
type itemSample struct {
	sample *Sample
	shard  *shard
	row    int64
}

func (d *Dataset) itemSamples(ctx context.Context, split string) (map[string]itemSample, error) {
	samples := map[string]itemSample{}
	for _, s := range d.shardsOf(schemas.SamplesTable, split) {
		for _, g := range s.groups() {
			row := g.first
			for v, err := range extended[schemas.Sample](ctx, s, g, withoutPictures...) {
				if err != nil {
					return nil, err
				}
				samples[v.row.SampleID] = itemSample{&Sample{v.row, v.extra}, s, row}
				row++
			}
		}
	}
	return samples, nil
}

// image reads the encoded image of a row of samples, nil for null.
func (s *shard) image(ctx context.Context, row int64) (*schemas.Image, error) {
	var buf shardfile.Buffer // the image lies in its memory
	data, null, err := s.file.Payload(row, "image.bytes", &buf)
	if err != nil {
		return nil, s.blame(ctx, err)
	}
	if null {
		return nil, nil
	}
	return &schemas.Image{Bytes: data}, nil
}

// Pixels are the decoded pixels of an image: Height rows of Width pixels of Samples samples,
// a byte each, or two in little-endian order where Wide is set.
type Pixels struct {
	Width, Height, Samples int
	Wide                   bool
	Layout                 string // L, LA, RGB, RGBA or CMYK, with ";16" where Wide
	Data                   []byte
}

// Decode decodes an encoded image: PNG, JPEG or TIFF.
func Decode(image []byte) (*Pixels, error) {
	p, err := picture.Decode(image)
	if err != nil {
		return nil, err
	}
	return &Pixels{Width: p.Width, Height: p.Height, Samples: p.Samples, Wide: p.Wide, Layout: p.Layout, Data: p.Data}, nil
}

// SampleImages reads samples of ids with their encoded images, in the order given: one page
// each. An id without a sample is [ErrNotFound].
func (d *Dataset) SampleImages(ctx context.Context, ids []string) iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		samples, err := d.itemSamples(ctx, "")
		for _, id := range ids {
			if err != nil {
				break
			}
			place, ok := samples[id]
			if !ok {
				err = fmt.Errorf("sample %q: %w", id, ErrNotFound)
				break
			}
			s := &Sample{place.sample.Sample, place.sample.Extra}
			if s.Image, err = place.shard.image(ctx, place.row); err == nil && !yield(s, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}
