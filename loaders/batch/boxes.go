package batch

import (
	"context"
	"fmt"

	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/schemas"
)

// Item is one box of a batch, or one question with its image.
type Item struct {
	Source   int    // index of the data set
	Sample   string // id
	Origin   []int  // along the spatial axes, in elements of the level; nil for whole items
	Instance int64  // the instance a foreground crop is centred on, 0 for other boxes
	Position int64  // in the order of the epoch

	// How it was turned: quarter turns from Y towards X, then reversed along axes such as ZX.
	Turns int
	Flips string

	Question *schemas.Question // of a whole item, not to be changed; nil for boxes
	number   int               // of the question in its source
}

// boxes numbers the boxes of a catalogue. Item is a pure function of its arguments.
type boxes interface {
	Len() int64
	Item(ctx context.Context, epoch, i int64) (Item, error)
}

// tags keep the random numbers for different purposes apart.
const (
	tagPlace = iota + 1
	tagForeground
	tagTurn
	tagPercentile
)

// tiles are the boxes of a grid over every sample, in C order, sample after sample. The last
// box along an axis is moved back so that it ends with the sample.
type tiles struct {
	volumes []volume
	size    []int
	stride  []int
	first   []int64 // number of the first tile of each sample, and of all tiles at the end
}

func newTiles(c *catalogue, o *Options) *tiles {
	t := &tiles{volumes: c.volumes, size: o.Size, stride: make([]int, len(o.Size)), first: make([]int64, 1, len(c.volumes)+1)}
	for i := range o.Size {
		t.stride[i] = o.Size[i]
		if len(o.Overlap) > 0 {
			t.stride[i] -= o.Overlap[i]
		}
	}
	for _, v := range c.volumes {
		n := int64(1)
		for _, k := range t.counts(v) {
			n *= int64(k)
		}
		t.first = append(t.first, t.first[len(t.first)-1]+n)
	}
	return t
}

// counts is the number of tiles along each axis.
func (t *tiles) counts(v volume) []int {
	counts := make([]int, len(v.shape))
	for i, n := range v.shape {
		counts[i] = 1 + (max(0, n-t.size[i])+t.stride[i]-1)/t.stride[i]
	}
	return counts
}

func (t *tiles) Len() int64 { return t.first[len(t.first)-1] }

func (t *tiles) Item(_ context.Context, _, i int64) (Item, error) {
	k := find(t.first, i)
	v := t.volumes[k]
	counts, rest := t.counts(v), i-t.first[k]
	origin := make([]int, len(counts))
	for a := len(counts) - 1; a >= 0; a-- {
		at := int(rest % int64(counts[a]))
		rest /= int64(counts[a])
		origin[a] = max(0, min(at*t.stride[a], v.shape[a]-t.size[a]))
	}
	return Item{Sample: v.id, Origin: origin}, nil
}

// crops are boxes at random places: every place in every sample is equally likely.
type crops struct {
	volumes    []volume
	size       []int
	seed       uint64
	count      int64
	first      []int64 // number of the first place of each sample, and of all at the end
	foreground float64
	centres    *centres
}

func newCrops(ctx context.Context, c *catalogue, o *Options) (*crops, error) {
	p := &crops{volumes: c.volumes, size: o.Size, seed: *o.Shuffle.Seed, count: o.Count, foreground: o.Foreground, first: make([]int64, 1, len(c.volumes)+1)}
	covered := int64(0)
	for _, v := range c.volumes {
		places, cover := int64(1), int64(1)
		for i, n := range v.shape {
			places *= int64(max(0, n-o.Size[i]) + 1)
			cover *= int64((n + o.Size[i] - 1) / o.Size[i])
		}
		p.first = append(p.first, p.first[len(p.first)-1]+places)
		covered += cover
	}
	if p.count == 0 {
		p.count = covered
	}
	if o.Foreground > 0 {
		var err error
		if p.centres, err = newCentres(ctx, c, o); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *crops) Len() int64 { return p.count }

func (p *crops) Item(ctx context.Context, epoch, i int64) (Item, error) {
	if p.centres != nil {
		r := draw.NewRandom(p.seed, epoch, i, tagForeground)
		if r.Float64() < p.foreground {
			return p.centred(ctx, &r)
		}
	}
	r := draw.NewRandom(p.seed, epoch, i, tagPlace)
	place := r.Below(p.first[len(p.first)-1])
	k := find(p.first, place)
	v, rest := p.volumes[k], place-p.first[k]
	origin := make([]int, len(p.size))
	for a := len(origin) - 1; a >= 0; a-- {
		n := int64(max(0, v.shape[a]-p.size[a]) + 1)
		origin[a] = int(rest % n)
		rest /= n
	}
	return Item{Sample: v.id, Origin: origin}, nil
}

// centred is a crop around a centre, moved as little as keeps it inside the sample.
func (p *crops) centred(ctx context.Context, r *draw.Random) (Item, error) {
	c, err := p.centres.draw(ctx, r)
	if err != nil {
		return Item{}, err
	}
	shape := p.volumes[c.volume].shape
	origin := make([]int, len(p.size))
	for a := range origin {
		origin[a] = max(0, min(c.at[a]-p.size[a]/2, shape[a]-p.size[a]))
	}
	return Item{Sample: p.volumes[c.volume].id, Origin: origin, Instance: c.instance}, nil
}

// find is the number of the run that i lies in; first ends with the number after the last.
func find(first []int64, i int64) int {
	lo, hi := 0, len(first)-1
	for hi-lo > 1 {
		if m := (lo + hi) / 2; first[m] <= i {
			lo = m
		} else {
			hi = m
		}
	}
	return lo
}

// sequence is the order of the boxes of all sources.
type sequence struct {
	sets    []boxes
	first   []int64       // without weights: number of the first item of each set
	mixture *draw.Mixture // with weights
	shuffle draw.Shuffle
}

func newSequence(sets []boxes, sources []Source, o *Options) (*sequence, error) {
	q := &sequence{sets: sets, first: make([]int64, 1, len(sets)+1), shuffle: o.Shuffle}
	var lens []int64
	var weights []float64
	weighted := 0
	for i, s := range sets {
		lens = append(lens, s.Len())
		weights = append(weights, sources[i].Weight)
		q.first = append(q.first, q.first[i]+s.Len())
		if sources[i].Weight != 0 {
			weighted++
		}
	}
	if weighted == 0 {
		return q, nil
	}
	if weighted < len(sets) {
		return nil, fmt.Errorf("%d of %d data sets have a weight: give all of them one, or none", weighted, len(sets))
	}
	var err error
	q.mixture, err = draw.NewMixture(lens, weights, 0, o.Shuffle)
	return q, err
}

// Len is the number of items of an epoch.
func (q *sequence) Len() int64 {
	if q.mixture != nil {
		return q.mixture.Len()
	}
	return q.first[len(q.first)-1]
}

// items are those at the given positions of an epoch.
func (q *sequence) items(ctx context.Context, epoch int64, positions []int64) ([]Item, error) {
	order, err := draw.NewOrder(q.first[len(q.first)-1], q.shuffle, epoch)
	if err != nil {
		return nil, err
	}
	out := make([]Item, len(positions))
	for i, pos := range positions {
		set, own, item := 0, epoch, int64(0)
		if q.mixture != nil {
			if set, own, item, err = q.mixture.At(epoch, pos); err != nil {
				return nil, err
			}
		} else {
			item = order.At(pos)
			set = find(q.first, item)
			item -= q.first[set]
		}
		if out[i], err = q.sets[set].Item(ctx, own, item); err != nil {
			return nil, err
		}
		out[i].Source, out[i].Position = set, pos
	}
	return out, nil
}
