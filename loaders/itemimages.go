package loaders

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
)

// imageColumn holds the encoded images, in samples.
const imageColumn = "image.bytes"

// EncodedImage is the image of an item as it was converted: PNG, JPEG or TIFF.
type EncodedImage struct {
	Bytes []byte // nil where the sample has no image
	Err   error  // wraps [ErrDamaged] where it cannot be read
}

// ImageBuffer is memory for images to be read into; a goroutine keeps one.
type ImageBuffer struct {
	memory []byte
	reads  []shardfile.Buffer
}

// imageRead is a run of pages with images that is read by one request: of a data set that is not remote one
// page.
type imageRead struct {
	from, to shardfile.Place // the first and the last page
	places   []*imagePlace
}

func (r *imageRead) size() int64 { return r.to.End() - r.from.Offset }

// Images reads the images of items, each once however many items have it, side by side; of a remote data set
// those that lie together by one request. They lie in the memory of buf until it is used again. The error is
// that of ctx; others are with their images.
func (l *ItemList) Images(ctx context.Context, items []int, buf *ImageBuffer) ([]EncodedImage, Stats, error) {
	images, of := make([]EncodedImage, len(items)), map[*imagePlace][]int{}
	var places []*imagePlace
	for k, i := range items {
		place := l.items[i].image
		if of[place] == nil {
			places = append(places, place)
		}
		of[place] = append(of[place], k)
	}
	put := func(p *imagePlace, m EncodedImage) {
		for _, k := range of[p] {
			images[k] = m
		}
	}
	reads := l.reads(ctx, places, put)
	buf.divide(reads)
	var group errgroup.Group
	group.SetLimit(l.dataset.Readers(l.dataset.options.Workers))
	for n := range reads {
		group.Go(func() error {
			reads[n].do(ctx, &buf.reads[n], put)
			return nil
		})
	}
	_ = group.Wait()
	if ctx.Err() != nil {
		return nil, Stats{}, context.Cause(ctx)
	}
	stats := Stats{}
	for n := range reads {
		stats.Read += buf.reads[n].Read
	}
	for _, m := range images {
		stats.Requested += int64(len(m.Bytes))
	}
	return images, stats, nil
}

// divide gives every read its part of the memory.
func (b *ImageBuffer) divide(reads []imageRead) {
	total := int64(0)
	for i := range reads {
		total += reads[i].size()
	}
	if int64(cap(b.memory)) < total {
		b.memory = make([]byte, total+total/4)
	}
	b.reads = slices.Grow(b.reads[:0], len(reads))[:len(reads)]
	left := b.memory[:cap(b.memory)]
	for i := range reads {
		b.reads[i] = shardfile.Buffer{}
		b.reads[i].Use(left[:reads[i].size()])
		left = left[reads[i].size():]
	}
}

// reads are how images are read, in the order of the samples. Images that cannot be found are put with their
// error. Reads do not overlap and lie in their files, which bounds their sum whatever an index says.
func (l *ItemList) reads(ctx context.Context, places []*imagePlace, put func(*imagePlace, EncodedImage)) (reads []imageRead) {
	slices.SortFunc(places, func(a, b *imagePlace) int { return cmp.Compare(a.ordinal, b.ordinal) })
	at, failed := make([]shardfile.Place, len(places)), make([]error, len(places))
	var group errgroup.Group
	group.SetLimit(l.dataset.Readers(1))
	for i, p := range places {
		group.Go(func() error { // the first of a row group reads where its pages lie
			at[i], failed[i] = p.shard.file.Locate(ctx, p.row, imageColumn, new(shardfile.Buffer))
			return nil
		})
	}
	_ = group.Wait()
	var last *imageRead
	for i, p := range places {
		if err := failed[i]; err != nil {
			put(p, EncodedImage{Err: p.blame(ctx, err)})
			continue
		}
		together := last != nil && last.places[0].shard == p.shard
		switch {
		case together && at[i] == last.to: // another program put several images into a page
			last.places = append(last.places, p)
			continue
		case at[i].Size < 1 || at[i].Offset < 0 || at[i].Offset > p.shard.Bytes-at[i].Size, together && at[i].Offset < last.to.End():
			err := fmt.Errorf("its page of %d bytes at byte %d overlaps another or leaves the file of %d", at[i].Size, at[i].Offset, p.shard.Bytes)
			put(p, EncodedImage{Err: p.blame(ctx, err)})
			continue
		case together && l.dataset.remote && at[i].Offset-last.to.End() <= maxGap && at[i].End()-last.from.Offset <= maxSpan:
			last.places, last.to = append(last.places, p), at[i]
			continue
		}
		reads = append(reads, imageRead{at[i], at[i], []*imagePlace{p}})
		last = &reads[len(reads)-1]
	}
	return reads
}

// do reads the images of a run into a buffer.
func (r *imageRead) do(ctx context.Context, buf *shardfile.Buffer, put func(*imagePlace, EncodedImage)) {
	err := context.Cause(ctx)
	if err == nil && len(r.places) > 1 {
		err = r.places[0].shard.file.Load(ctx, r.from, r.to, buf)
	}
	for _, p := range r.places {
		var m EncodedImage
		if err != nil {
			m.Err = p.blame(ctx, err)
		} else if data, _, err := p.shard.file.Payload(ctx, p.row, imageColumn, buf); err != nil {
			m.Err = p.blame(ctx, err)
		} else {
			m.Bytes = data
		}
		put(p, m)
	}
}

// blame names the sample in an error of reading its image.
func (p *imagePlace) blame(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx) // which may be the damage of another image
	}
	if store.IsTransport(err) {
		return fmt.Errorf("%s, row %d, sample %s: %w", p.shard.Path, p.row, p.sample, err)
	}
	return &DamageError{File: p.shard.Path, Row: p.row, Sample: p.sample, Err: err}
}

// Damaged is the error for an image of item i that was read and that does not decode.
func (l *ItemList) Damaged(i int, err error) error {
	place := l.items[i].image
	return &DamageError{File: place.shard.Path, Row: place.row, Sample: place.sample, Err: fmt.Errorf("its image: %w", err)}
}
