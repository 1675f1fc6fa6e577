package dataset

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

// look decodes a chunk and makes its row anew, without the payload.
func (c *chunkPass) look(ctx context.Context, wk *worker, s *shard, v *sample, a *array, l *level, r *schemas.Chunk, row int64,
	b *box, number int64, again bool, buf *shardfile.Buffer) (*schemas.Chunk, error) {
	payload, null, err := s.reader.Payload(ctx, row, dataColumn, buf)
	if err != nil {
		return nil, err
	}
	found := *r
	found.DType, found.Fill, found.IDs = a.DType, a.Fill, nil
	n := b.elements() * a.dtype.Size()
	// Most chunks of labels are fill: what they are is known.
	if null && (!a.labels || a.Fill == 0) && a.lower == nil {
		found.Foreground, found.Min, found.Max = 0, &a.Array.Fill, &a.Array.Fill
		found.Digest = wk.fillDigest(a.fill, n)
		if a.labels {
			found.IDs = []int64{}
		}
		a.note(l, number, again, &found, nil)
		return &found, nil
	}
	if !null && !a.labels && a.lower == nil {
		if err := wk.pass(&found, a, payload, r.Encoding, n); err != nil {
			return nil, err
		}
		a.note(l, number, again, &found, nil)
		return &found, nil
	}
	wk.chunk = elem.Resize(wk.chunk, n)
	if null {
		fill(wk.chunk, a.fill)
	} else {
		encoding, err := chunkcodec.Parse(r.Encoding)
		if err == nil {
			err = wk.decoder.Decode(wk.chunk, payload, encoding, a.dtype.Size())
		}
		if err != nil {
			return nil, err
		}
	}
	found.Digest = xxhash.Sum64(wk.chunk)
	var masks map[object]mask.Mask
	var bad mask.BadLabels
	if a.labels {
		masks, err = wk.scan(a, b, &bad)
		if err != nil {
			return nil, err
		}
	}
	summarise(&found, a, b, wk.chunk, masks, &bad)
	if l == a.levels[0] {
		if l.shape[axT] == 1 { // instances in time have no layer
			a.add(masks, bad.Errs(), c.mostRuns())
		}
		if a.lower != nil && !again {
			wk.level = a.lower.add(a, b, wk.chunk, wk.level)
		}
	}
	a.note(l, number, again, &found, masks)
	return &found, nil
}

// pass looks at the elements of a chunk of an image as they are decoded.
func (wk *worker) pass(found *schemas.Chunk, a *array, payload []byte, encoding string, n int) error {
	e, err := chunkcodec.Parse(encoding)
	if err != nil {
		return err
	}
	var sum xxhash.Digest
	sum.Reset()
	var stats elem.Stats
	err = wk.decoder.Parts(payload, e, a.dtype.Size(), n, func(part []byte) {
		sum.Write(part)
		stats.Add(elem.Scan(part, a.dtype, a.Fill))
	})
	found.Digest = sum.Sum64()
	take(found, stats)
	return err
}

// summarise fills in what a row says of the elements.
func summarise(found *schemas.Chunk, a *array, b *box, data []byte, masks map[object]mask.Mask, bad *mask.BadLabels) {
	if masks != nil {
		found.IDs = idsOf(masks)
	}
	if masks == nil || a.Fill != 0 || b.size[axT] > 1 || len(bad.Errs()) > 0 {
		take(found, elem.Scan(data, a.dtype, a.Fill))
		return
	}
	lo, hi := 0.0, 0.0
	found.Foreground = 0
	for _, m := range masks {
		found.Foreground += m.Area()
	}
	if n := len(found.IDs); n > 0 {
		hi = float64(found.IDs[n-1])
		if found.Foreground == int64(b.elements()) {
			lo = float64(found.IDs[0])
		}
	}
	found.Min, found.Max = &lo, &hi
}

// take fills in statistics.
func take(found *schemas.Chunk, stats elem.Stats) {
	found.Foreground, found.Min, found.Max = stats.Foreground, nil, nil
	if stats.Valid {
		found.Min, found.Max = &stats.Min, &stats.Max
	}
}

func idsOf(masks map[object]mask.Mask) []int64 {
	ids := make([]int64, 0, len(masks))
	for o := range masks {
		ids = append(ids, o.label)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// bytesOfRun is what a run takes while it is collected: its own 16, and what a slice that grows keeps free.
const bytesOfRun = 32

// mostRuns is how many runs a label array may have.
func (c *chunkPass) mostRuns() int64 { return c.pass.Memory() / bytesOfRun / 2 / int64(c.pass.Jobs()) }

// add collects the runs of a chunk of level 0.
func (a *array) add(masks map[object]mask.Mask, bad []error, limit int64) {
	if len(masks) == 0 && len(bad) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.parts == nil {
		a.parts = map[object]mask.Mask{}
	}
	for o, m := range masks {
		a.runs += int64(len(m))
		a.parts[o] = append(a.parts[o], m...)
	}
	if a.runs > limit {
		a.tooMany = true
		a.parts, a.runs = nil, 0
	}
	for _, err := range bad {
		if e, ok := err.(*mask.LabelError); ok {
			a.bad.Add(e, int(e.Count))
		}
	}
}

// note remembers of a chunk what is compared at the end.
func (a *array) note(l *level, number int64, again bool, found *schemas.Chunk, masks map[object]mask.Mask) {
	if again {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l.known++
	if l.digests != nil {
		l.digests[number] = found.Digest
	}
	if a.ids == nil {
		return
	}
	for o := range masks {
		if l == a.levels[0] {
			a.ids[o.label] = true
		} else if len(l.newIDs) < maxNewIDs && !a.ids[o.label] {
			l.newIDs = append(l.newIDs, o.label) // which level 0 may still have
		}
	}
}

// maxNewIDs bounds the ids of lower levels that are kept until level 0 is known.
const maxNewIDs = 1 << 20

// scan finds the labels of the chunk that is decoded.
func (wk *worker) scan(a *array, b *box, bad *mask.BadLabels) (map[object]mask.Mask, error) {
	data, st := wk.chunk, dense(a.Axes, b.size).Strides
	size := a.dtype.Size()
	if !sorted(a.Axes) {
		data, st = wk.turn(a, b), dense(axisLetters, b.size).Strides
	}
	masks := map[object]mask.Mask{}
	h, w := b.size[axY], b.size[axX]
	for c := range b.size[axC] {
		s := mask.Scanner{Left: b.origin[axX], Bad: bad.Add}
		for t := range b.size[axT] {
			for z := range b.size[axZ] {
				off := (t*st[axT] + c*st[axC] + z*st[axZ]) * size
				plane := data[off : off+h*w*size]
				if err := s.Rows(plane, a.dtype, w, b.origin[axZ]+z, b.origin[axY]); err != nil {
					return nil, err
				}
			}
		}
		for label, m := range s.Instances() {
			masks[object{int32(b.origin[axC] + c), label}] = m
		}
	}
	return masks, nil
}

// sorted reports whether axes come in the order of axisLetters and end in YX, so that a plane lies in one piece.
func sorted(axes string) bool {
	last := -1
	for i := range axes {
		ax := strings.IndexByte(axisLetters, axes[i])
		if ax < last {
			return false
		}
		last = ax
	}
	return strings.HasSuffix(axes, "YX")
}

// turn puts the axes of the decoded chunk into the order of axisLetters.
func (wk *worker) turn(a *array, b *box) []byte {
	size := a.dtype.Size()
	wk.turned = elem.Resize(wk.turned, len(wk.chunk))
	st := dense(axisLetters, b.size).Strides
	r := a.region(b)
	dst := nd.View{Data: wk.turned, Shape: r.Shape, ItemSize: size}
	for i := range a.Axes {
		dst.Strides = append(dst.Strides, st[strings.IndexByte(axisLetters, a.Axes[i])]*size)
	}
	nd.Copy(dst, nd.Dense(wk.chunk, r.Shape, size))
	return wk.turned
}

// fill sets every element.
func fill(dst, one []byte) {
	if !bytes.ContainsFunc(one, func(r rune) bool { return r != 0 }) {
		clear(dst)
		return
	}
	for n := copy(dst, one); n > 0 && n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// fillDigest is the digest of n bytes of fill values.
func (wk *worker) fillDigest(one []byte, n int) uint64 {
	key := fmt.Sprint(one, n)
	if d, ok := wk.digests[key]; ok {
		return d
	}
	part := make([]byte, min(n, len(one)<<13))
	fill(part, one)
	h := xxhash.New()
	for left := n; left > 0; left -= len(part) {
		h.Write(part[:min(left, len(part))])
	}
	if wk.digests == nil {
		wk.digests = map[string]uint64{}
	}
	wk.digests[key] = h.Sum64()
	return wk.digests[key]
}
