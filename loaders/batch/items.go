package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// ItemOptions say which whole items to draw.
type ItemOptions struct {
	Kind    string `json:"question-kind,omitzero"` // question or caption, "" for both
	Type    string `json:"type,omitzero"`          // what is asked, such as modality; "" for all
	Dataset string `json:"dataset,omitzero"`       // source data set of the sample; "" for all
	// Decode is the height and width that images are decoded and resized to, as the tensor image
	// of (N, Y, X, C) uint8 with the channels R, G and B; nil for the encoded bytes.
	Decode []int `json:"decode,omitempty"`
}

func (o ItemOptions) isZero() bool {
	return o.Kind == "" && o.Type == "" && o.Dataset == "" && len(o.Decode) == 0
}

// imageTensor is the name of the tensor of decoded images.
const imageTensor = "image"

// Images are encoded images one behind the other.
type Images struct {
	Data    []byte
	Offsets []int64 // of each image in Data, and the end of the last
}

// Len is the number of images.
func (m Images) Len() int { return max(0, len(m.Offsets)-1) }

// At is image i, empty where the sample has none.
func (m Images) At(i int) []byte { return m.Data[m.Offsets[i]:m.Offsets[i+1]:m.Offsets[i+1]] }

// wholes are the questions of a source with the images of their samples.
type wholes struct{ list *loaders.ItemList }

func newWholes(ctx context.Context, d *loaders.Dataset, o *Options) (*wholes, error) {
	q := loaders.QuestionQuery{Split: o.Split, Kind: o.Items.Kind, Type: o.Items.Type, Dataset: o.Items.Dataset}
	list, err := d.ListItems(ctx, q, o.Sample)
	if err != nil {
		return nil, err
	}
	if list.Len() == 0 {
		return nil, fmt.Errorf("%s: no question of kind %q, type %q and data set %q about samples of split %q that match %q: %w",
			d.Manifest().Name, q.Kind, q.Type, q.Dataset, q.Split, o.Sample, loaders.ErrNotFound)
	}
	return &wholes{list}, nil
}

// addWholes lists the items of a source.
func (l *Loader) addWholes(ctx context.Context, d *loaders.Dataset) (boxes, error) {
	w, err := newWholes(ctx, d, &l.options)
	if err != nil {
		return nil, err
	}
	if t := &l.options.Transform; l.image == nil && t.images() {
		if l.image, err = newMapping(t, schemas.Uint8, 3, nil); err != nil {
			return nil, err
		}
		l.image.Array, l.image.last = imageTensor, true
	}
	l.wholes = append(l.wholes, w)
	return w, nil
}

func (w *wholes) Len() int64 { return int64(w.list.Len()) }

func (w *wholes) Item(_ context.Context, _, i int64) (Item, error) {
	q := w.list.Question(int(i))
	return Item{Sample: q.SampleID, Question: q, number: int(i)}, nil
}

// checkItems reports what does not go with whole items.
func (o *Options) checkItems(check func(bad bool, format string, args ...any)) {
	check(len(o.Arrays) > 0 || len(o.Size) > 0 || o.Level != 0, "arrays, size and level are for crops and tiles: whole items have the image of their sample")
	check(o.Count > 0 || o.Foreground > 0 || len(o.Overlap) > 0, "count, foreground and overlap are for crops and tiles")
	check(len(o.Items.Decode) != 0 && len(o.Items.Decode) != 2, "decode %v: want height and width", o.Items.Decode)
	for _, n := range o.Items.Decode {
		check(n < 1 || n > picture.MaxSide, "decode %v: want extents from 1 to %d", o.Items.Decode, picture.MaxSide)
	}
}

// imageTensors are the tensors of n whole items.
func (o *Options) imageTensors(n int) []Tensor {
	if len(o.Items.Decode) == 0 {
		return nil
	}
	return []Tensor{{Name: imageTensor, Axes: "NYXC", Shape: []int{n, o.Items.Decode[0], o.Items.Decode[1], 3}, DType: o.Transform.dtype(schemas.Uint8)}}
}

// encodedBytes is about the memory of the encoded images of a batch, 0 for boxes: the mean times their
// number.
func (l *Loader) encodedBytes() (n int64) {
	for _, w := range l.wholes {
		n = max(n, w.list.MeanImageBytes()*int64(l.options.Partition.Batch))
	}
	return n
}

// readItems puts whole items into a batch: those of a source are read together.
func (l *Loader) readItems(ctx context.Context, b *Batch, items []Item) error {
	images := make([]loaders.EncodedImage, len(items))
	for source := range l.wholes {
		var numbers, of []int
		for i, item := range items {
			if item.Source == source {
				numbers, of = append(numbers, item.number), append(of, i)
			}
		}
		if len(of) == 0 {
			continue
		}
		buf := l.spares.buffer()
		defer l.spares.putBuffer(buf)
		read, stats, err := l.wholes[source].list.Images(ctx, numbers, buf)
		b.Stats.Add(stats)
		if err != nil {
			return err
		}
		for k, i := range of {
			images[i] = read[k]
		}
	}
	if len(l.options.Items.Decode) > 0 {
		if err := l.decode(ctx, &b.Tensors[0], items, images); err != nil {
			return err
		}
	}
	return l.keepGood(b, items, images)
}

// decode decodes images, each once however many items have it, into their places in a tensor. An
// error is put with its image.
func (l *Loader) decode(ctx context.Context, t *Tensor, items []Item, images []loaders.EncodedImage) error {
	of := map[*byte][]int{}
	for i := range images {
		m := &images[i]
		if m.Err == nil && len(m.Bytes) == 0 {
			m.Err = fmt.Errorf("sample %s has no image to decode", items[i].Sample)
		}
		if m.Err == nil {
			of[&m.Bytes[0]] = append(of[&m.Bytes[0]], i)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, same := range of {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err := l.decodeImage(t, items, same, images[same[0]].Bytes)
			for _, i := range same {
				images[i].Err = err
			}
			return nil
		})
	}
	return group.Wait()
}

// decodeImage decodes an image, resizes it and puts it into the places of the items that have it.
func (l *Loader) decodeImage(t *Tensor, items []Item, same []int, encoded []byte) error {
	item := &items[same[0]]
	h, w := l.options.Items.Decode[0], l.options.Items.Decode[1]
	if len(same) == 1 && item.Turns == 0 && item.Flips == "" && l.image == nil {
		return l.decodeRGB(t.place(same[0]), item, encoded)
	}
	raw := borrow(3 * h * w)
	defer memory.Put(raw)
	if err := l.decodeRGB(*raw, item, encoded); err != nil {
		return err
	}
	for _, i := range same {
		finish(t.place(i), nd.Dense(*raw, []int{h, w}, 3), 2, &items[i], l.image)
	}
	return nil
}

// decodeRGB decodes an image into memory of its own size.
func (l *Loader) decodeRGB(dst []byte, item *Item, encoded []byte) error {
	err := picture.DecodeRGB(dst, encoded, l.options.Items.Decode[0], l.options.Items.Decode[1])
	if errors.Is(err, picture.ErrDamaged) {
		return l.wholes[item.Source].list.Damaged(item.number, err)
	}
	if err != nil {
		return fmt.Errorf("sample %s: its image: %w", item.Sample, err)
	}
	return nil
}

// keepGood puts the items of a batch together, without those that have an error, if they may be
// skipped.
func (l *Loader) keepGood(b *Batch, items []Item, images []loaders.EncodedImage) error {
	size := int64(0)
	for i, m := range images {
		if m.Err == nil {
			size += int64(len(m.Bytes))
			continue
		}
		if l.options.OnError != Skip || !errors.Is(m.Err, loaders.ErrDamaged) && !errors.Is(m.Err, picture.ErrUnsupported) && !errors.Is(m.Err, picture.ErrFormat) {
			return m.Err
		}
		l.options.OnSkipped(items[i], m.Err)
	}
	encoded := len(l.options.Items.Decode) == 0
	if encoded {
		b.Images = Images{Data: l.spares.room(int(size)), Offsets: make([]int64, 1, len(items)+1)}
	}
	for i, m := range images {
		if m.Err != nil {
			continue
		}
		if encoded {
			b.Images.Data = append(b.Images.Data, m.Bytes...)
			b.Images.Offsets = append(b.Images.Offsets, int64(len(b.Images.Data)))
		} else if t := b.Tensors[0]; len(b.Items) != i {
			copy(t.place(len(b.Items)), t.place(i))
		}
		b.Items = append(b.Items, items[i])
	}
	return nil
}
