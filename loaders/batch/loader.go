package batch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/ordered"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/schemas"
)

// Tensor holds one array of the items of a batch, dense and little-endian.
type Tensor struct {
	Name  string
	Axes  string // N, then the axes of the array, such as NCZYX
	Shape []int
	DType schemas.DType
	Data  []byte
}

// Batch is what one step gives to one rank.
type Batch struct {
	Epoch int64
	Step  int64 // of the epoch, counted from where the run began in it
	Items []Item
	// Tensors are in the order of Options.Arrays, with the ids and classes of masks behind them; of whole
	// items there is the tensor image or none. Entry i along N is Items[i].
	Tensors []Tensor
	// Images are the encoded images of whole items that are not decoded.
	Images Images
	// State is where a run goes on that is done with this batch, and where the other ranks are
	// done with theirs of the same step.
	State draw.State
	Stats loaders.Stats

	spares *spares
}

// Loader draws batches. It does not own its data sets.
type Loader struct {
	options  Options
	sources  []Source
	contents []*catalogue // of boxes
	wholes   []*wholes    // of whole items
	image    *mapping     // of decoded images, nil where they stay as they are
	sequence *sequence
	drawing  string

	window int             // batches under way or read ahead
	memory *loaders.Memory // of their reads
	spares *spares         // memory of batches released
}

// New prepares to draw from data sets: it reads their samples tables, and for foreground crops
// the keys of their instances.
func New(ctx context.Context, sources []Source, o Options) (*Loader, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, errors.New("no data set to draw from")
	}
	l := &Loader{options: o, sources: sources}
	sets := make([]boxes, len(sources))
	var err error
	for i, s := range sources {
		if o.Kind == WholeItems {
			sets[i], err = l.addWholes(ctx, s.Dataset)
		} else {
			sets[i], err = l.addBoxes(ctx, i, s.Dataset)
		}
		if err != nil {
			return nil, err
		}
	}
	if l.sequence, err = newSequence(sets, sources, &l.options); err != nil {
		return nil, err
	}
	if p := l.options.Partition; p.Steps(l.Len(), 0) == 0 {
		return nil, fmt.Errorf("nothing is drawn: an epoch has %d items, and %d ranks with batches of %d drop that many at its end", l.Len(), p.World, p.Batch)
	}
	if l.drawing, err = drawing(sources, l.options); err != nil {
		return nil, err
	}
	if err := l.divide(); err != nil {
		return nil, err
	}
	if o.State != nil {
		return l.Resume(*o.State)
	}
	return l, nil
}

// addBoxes finds the samples of a source that boxes are drawn from.
func (l *Loader) addBoxes(ctx context.Context, source int, d *loaders.Dataset) (boxes, error) {
	c, err := newCatalogue(ctx, d, &l.options)
	if err != nil {
		return nil, err
	}
	if err := c.treat(ctx, source, &l.options); err != nil {
		return nil, err
	}
	if source > 0 {
		if err := l.contents[0].agrees(c); err != nil {
			return nil, fmt.Errorf("data sets %d and 0: %w", source, err)
		}
	}
	l.contents = append(l.contents, c)
	if l.options.Kind == Tiles {
		return newTiles(c, &l.options), nil
	}
	return newCrops(ctx, c, &l.options)
}

func (c *catalogue) agrees(d *catalogue) error {
	for i, l := range c.layouts {
		if d.layouts[i] != l {
			return fmt.Errorf("array %s is %+v and %+v: all data sets drawn must agree", l.name, d.layouts[i], l)
		}
	}
	return nil
}

// Len is the number of items of an epoch.
func (l *Loader) Len() int64 { return l.sequence.Len() }

// ParseState reads a state that a loader with the same data and options saved.
func (l *Loader) ParseState(data []byte) (draw.State, error) {
	return draw.ParseState(data, l.drawing, l.Len())
}

// Start is the state that the loader begins with.
func (l *Loader) Start() draw.State {
	if l.options.State != nil {
		return *l.options.State
	}
	return draw.State{Version: draw.StateVersion, Drawing: l.drawing}
}

// WithMemory is the loader that keeps within so many bytes, whatever the options said.
func (l *Loader) WithMemory(n int64) (*Loader, error) {
	other := *l
	other.options.Memory = n
	return &other, other.divide()
}

// Resume is the loader that goes on from a state, whatever the options said of one.
func (l *Loader) Resume(s draw.State) (*Loader, error) {
	if err := s.Check(l.drawing, l.Len()); err != nil {
		return nil, err
	}
	resumed := *l
	resumed.options.State = &s
	return &resumed, nil
}

// Options are those of the loader, with their defaults.
func (l *Loader) Options() Options { return l.options }

// Axes are the spatial axes of boxes, such as ZYX; "" for whole items.
func (l *Loader) Axes() string {
	if l.wholes != nil {
		return ""
	}
	return l.contents[0].spatial
}

// Tensors describes the tensors of a batch of n items; their Data is nil.
func (l *Loader) Tensors(n int) []Tensor {
	if l.wholes != nil {
		return l.options.imageTensors(n)
	}
	var ts, behind []Tensor
	for _, a := range l.contents[0].layouts {
		t := Tensor{Name: a.name, Axes: "N" + a.axes, DType: a.dtype, Shape: []int{n}}
		k := 0
		for _, axis := range a.axes {
			if axis == 'C' {
				t.Shape = append(t.Shape, a.channels)
				continue
			}
			t.Shape = append(t.Shape, l.options.Size[k])
			k++
		}
		if a.role == schemas.RoleLabels {
			var more []Tensor
			t, more = l.labelTensors(t, n)
			behind = append(behind, more...)
		}
		ts = append(ts, t)
	}
	return append(ts, behind...)
}

// maxBatch is far more than any machine has, and so little that sums of a few of it fit 64 bits.
const maxBatch = 1 << 58

// itemBytes is about the memory of an item beside its elements.
const itemBytes = 256

// BatchBytes is the memory of a whole batch, about that where images are not decoded; an error where that cannot be addressed.
func (l *Loader) BatchBytes() (n int64, err error) {
	batch := l.options.Partition.Batch
	for _, t := range l.Tensors(batch) {
		e, fits := nd.CheckedElements(append(t.Shape, t.DType.Size()))
		if n += int64(e); !fits || n > maxBatch {
			return 0, fmt.Errorf("a batch of %d items, with %s of shape %v, cannot be addressed", batch, t.Name, t.Shape[1:])
		}
	}
	if len(l.options.Items.Decode) == 0 {
		n += l.encodedBytes()
	}
	return n + itemBytes*int64(batch), nil
}

// Batches draws this worker's batches of this rank in order, epoch after epoch. Batches are read ahead
// within the memory of the options. A batch is the caller's to keep or to release. When the caller stops, or
// ctx is cancelled, nothing is left running.
func (l *Loader) Batches(ctx context.Context) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		epoch, start := int64(0), int64(0)
		if s := l.options.State; s != nil {
			epoch, start = s.Epoch, s.Position
		}
		end := int64(math.MaxInt64)
		if l.options.Epochs > 0 {
			end = l.options.Epochs
		}
		for ; epoch < end; epoch, start = epoch+1, 0 {
			if !l.epoch(ctx, epoch, start, yield) {
				return
			}
		}
	}
}

// epoch draws the batches of an epoch from a position on; more is false when no epoch follows.
func (l *Loader) epoch(ctx context.Context, epoch, start int64, yield func(*Batch, error) bool) (more bool) {
	p := l.options.Partition
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready, done := make(chan *Batch), make(chan error, 1)
	go func() {
		defer close(ready)
		done <- ordered.Each(ctx, int(p.Own(p.Steps(l.Len(), start))), l.options.Workers, l.window,
			func(ctx context.Context, i int) (*Batch, error) { return l.batch(ctx, epoch, start, p.Nth(int64(i))) },
			func(b *Batch) error {
				select {
				case ready <- b:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
	}()
	for b := range ready {
		if len(b.Items) > 0 && !yield(b, nil) {
			cancel()
			<-done
			return false
		}
	}
	if err := <-done; err != nil {
		yield(nil, err)
		return false
	}
	return true
}

// batch reads the batch of a step.
func (l *Loader) batch(ctx context.Context, epoch, start, step int64) (*Batch, error) {
	p, n := l.options.Partition, l.Len()
	b := &Batch{Epoch: epoch, Step: step, spares: l.spares, State: draw.State{Version: draw.StateVersion, Drawing: l.drawing, Epoch: epoch, Position: p.After(n, start, step+1)}}
	if b.State.Position >= n {
		b.State.Epoch, b.State.Position = epoch+1, 0
	}
	items, err := l.sequence.items(ctx, epoch, p.Step(nil, n, start, step))
	if err != nil {
		return nil, err
	}
	if l.options.Transform.turns() {
		for i := range items {
			l.options.Transform.turn(*l.options.Shuffle.Seed, l.options.turnable(), epoch, &items[i])
		}
	}
	b.Tensors = l.Tensors(len(items))
	for i := range b.Tensors {
		t := &b.Tensors[i]
		t.Data = l.spares.get(nd.Elements(t.Shape) * t.DType.Size())
	}
	if l.wholes != nil {
		err := l.readItems(ctx, b, items)
		return b.cut(), err
	}
	for _, item := range items {
		err := l.read(ctx, b, len(b.Items), item)
		if err != nil && l.options.OnError == Skip && errors.Is(err, loaders.ErrDamaged) && ctx.Err() == nil {
			l.options.OnSkipped(item, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		b.Items = append(b.Items, item)
	}
	return b.cut(), nil
}

// cut leaves off the places that no item took.
func (b *Batch) cut() *Batch {
	for i := range b.Tensors {
		t := &b.Tensors[i]
		t.Data = t.Data[:len(t.Data)/max(1, t.Shape[0])*len(b.Items)]
		t.Shape[0] = len(b.Items)
	}
	return b
}

// read puts an item into place i of a batch.
func (l *Loader) read(ctx context.Context, b *Batch, i int, item Item) error {
	c := l.contents[item.Source]
	transformed := !l.options.Transform.isZero()
	for k := range c.layouts {
		t := &b.Tensors[k]
		a, err := c.dataset.Array(ctx, item.Sample, t.Name, l.options.Level)
		if err != nil {
			return err
		}
		a = a.Within(l.memory)
		var stats loaders.Stats
		if transformed {
			stats, err = l.treated(ctx, b, i, k, &item, a)
		} else {
			stats, err = readBox(ctx, a, &c.layouts[k], item.Origin, l.options.Size, nd.Dense(t.place(i), t.Shape[1:], t.DType.Size()))
		}
		b.Stats.Add(stats)
		if err != nil {
			return err
		}
	}
	return nil
}
