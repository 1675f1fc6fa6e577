package loaders

import (
	"context"
	"fmt"
	"iter"

	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

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
	data, null, err := s.file.Payload(ctx, row, "image.bytes", &buf)
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
