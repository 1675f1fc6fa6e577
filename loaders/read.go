package loaders

import (
	"context"
	"fmt"
	"slices"

	"github.com/micropq/micropq/internal/nd"
)

// Query says what to read: a region of an array of a sample at a pyramid level.
type Query struct {
	Sample string
	Array  string
	Level  int
	Region Region
}

// ReadRegion fills dst with a region in C order. The length of dst is that of the region
// and T is the array's element type: reading into another is a *[DTypeError], for no value
// is ever changed silently.
func ReadRegion[T Number](ctx context.Context, d *Dataset, q Query, dst []T) (Stats, error) {
	a, err := d.Array(ctx, q.Sample, q.Array, q.Level)
	if err != nil {
		return Stats{}, err
	}
	return ReadArray(ctx, a, q.Region, dst)
}

// ReadArray is [ReadRegion] of an array that is open already.
func ReadArray[T Number](ctx context.Context, a *Array, r Region, dst []T) (Stats, error) {
	if have := dtypeOf[T](); have != a.dtype {
		return Stats{}, &DTypeError{Sample: a.sample, Array: a.desc.Name, Want: a.dtype, Have: have}
	}
	if err := a.grid.check(r); err != nil {
		return Stats{}, a.refuse(err)
	}
	if len(dst) != r.Elements() {
		return Stats{}, a.refuse(fmt.Errorf("region %v has %d elements, there is room for %d", r, r.Elements(), len(dst)))
	}
	return a.Read(ctx, r, nd.Dense(asBytes(dst), r.Shape, a.dtype.Size()))
}

// refuse names the array in the error for a request that cannot be met.
func (a *Array) refuse(err error) error {
	return fmt.Errorf("array %s of sample %s: %w", a.desc.Name, a.sample, err)
}

// Read fills dst, a view of the region's shape, with the region's elements as they are
// stored, little-endian. Chunks are read and decoded in parallel; when it returns, also
// early because ctx was cancelled, nothing is still running. After an error the content of
// dst is undefined.
func (a *Array) Read(ctx context.Context, r Region, dst View) (Stats, error) {
	if err := a.grid.check(r); err != nil {
		return Stats{}, a.refuse(err)
	}
	if !slices.Equal(dst.Shape, r.Shape) || dst.ItemSize != a.dtype.Size() {
		return Stats{}, a.refuse(fmt.Errorf("region %v of %s into a view of shape %v and %d-byte elements", r, a.dtype, dst.Shape, dst.ItemSize))
	}
	j := jobs.Get().(*job)
	defer j.release()
	j.ctx, j.array, j.region, j.dst = ctx, a, r, dst
	j.chunks = a.grid.touched(j.chunks[:0], r)
	stats, err := j.run()
	stats.Requested = int64(r.Elements() * a.dtype.Size())
	return stats, err
}
