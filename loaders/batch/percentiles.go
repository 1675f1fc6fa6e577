package batch

import (
	"context"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
)

const (
	// percentileChunks is how many chunks percentiles are taken from.
	percentileChunks = 64
	// percentileElements is how many elements of each channel of a chunk, and percentileBox the most that is
	// read of a chunk.
	percentileElements = 1 << 14
	percentileBox      = 1 << 18
)

// ranges finds two percentiles of each channel of an image array in a sample of its chunks: each place
// in a sample is as likely, and the chunk that holds it is read.
func (c *catalogue) ranges(ctx context.Context, o *Options, l *layout) ([][2]float64, error) {
	first := make([]int64, 1, len(c.volumes)+1)
	for _, v := range c.volumes {
		first = append(first, first[len(first)-1]+int64(nd.Elements(v.shape)))
	}
	seed := uint64(0)
	if o.Shuffle.Seed != nil {
		seed = *o.Shuffle.Seed
	}
	values := make([][]float64, l.channels)
	for n := range int64(percentileChunks) {
		r := draw.NewRandom(seed, 0, n, tagPercentile)
		place := r.Below(first[len(first)-1])
		v := find(first, place)
		a, err := c.dataset.Array(ctx, c.volumes[v].id, l.name, o.Level)
		if err != nil {
			return nil, err
		}
		if err := sampleChunk(ctx, a, l, c.volumes[v].shape, place-first[v], values); err != nil {
			return nil, err
		}
	}
	out := make([][2]float64, l.channels)
	for i := range values {
		slices.Sort(values[i])
		out[i] = [2]float64{percentile(values[i], o.Transform.Percentiles[0]), percentile(values[i], o.Transform.Percentiles[1])}
	}
	return out, nil
}

// sampleChunk adds elements of the chunk of an array that holds a place to values, by channel.
func sampleChunk(ctx context.Context, a *loaders.Array, l *layout, shape []int, place int64, values [][]float64) error {
	whole, chunk := a.Shape(), a.Chunk()
	at := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		at[k] = int(place % int64(shape[k]))
		place /= int64(shape[k])
	}
	region := nd.Region{Origin: make([]int, len(whole)), Shape: make([]int, len(whole))}
	left, k := percentileBox, len(shape)-1
	for i := len(whole) - 1; i >= 0; i-- {
		if a.Axes()[i] == 'C' {
			region.Shape[i] = whole[i]
			continue
		}
		region.Origin[i] = at[k] / chunk[i] * chunk[i]
		region.Shape[i] = min(chunk[i], whole[i]-region.Origin[i], max(1, left))
		left /= region.Shape[i]
		k--
	}
	size := a.DType().Size()
	data := make([]byte, region.Elements()*size)
	if _, err := a.Read(ctx, region, nd.Dense(data, region.Shape, size)); err != nil {
		return err
	}
	n := region.Elements() / l.channels
	for c := range l.channels {
		for i := 0; i < n; i += max(1, n/percentileElements) {
			if v := elem.Float(data[(c*n+i)*size:], l.stored); !math.IsNaN(v) {
				values[c] = append(values[c], v)
			}
		}
	}
	return nil
}

// percentile is the smallest of sorted values that so many hundredths of them do not exceed: the inverse of
// the empirical distribution function, definition 1 of Hyndman and Fan (The American Statistician
// 50(4), 1996), numpy's inverted_cdf. Without values it is 0.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	i := int(math.Ceil(p/100*float64(len(values)))) - 1
	return values[min(max(i, 0), len(values)-1)]
}
