package arrays

import (
	"context"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/elem"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/pyramid"
	"github.com/micropq/micropq/schemas"
)

// state is what making the rows of a block needs, and holds them until they are written.
// States are recycled.
type state struct {
	encoding chunkcodec.Encoding
	data     []byte   // the block, dense
	piece    []byte   // source of a piece of it
	chunk    []byte   // one chunk of it, dense
	payloads [][]byte // one a row
	rows     []schemas.Chunk
	scan     labelScan
	patch    patch
	work     int64
}

// block makes the rows of block i of the current span.
func (st *state) block(ctx context.Context, u *openUnit, enc *chunkcodec.Encoder, i int) error {
	b := u.grid.block(u.span.First + i)
	if err := st.read(ctx, u, i, b); err != nil {
		return err
	}
	d := u.array.Source.DType()
	fill := nd.Element(d, u.array.Fill)
	empty := elem.Uniform(st.data, fill)
	if err := st.look(u, b, d, empty); err != nil {
		return err
	}
	st.rows = st.rows[:0]
	for _, c := range u.grid.channels(b) {
		if err := st.row(u, enc, b, c, fill, empty); err != nil {
			return err
		}
	}
	st.work = int64(u.grid.source(b, u.span.Level, u.full).elements() * d.Size())
	return nil
}

// read fills st.data with the block.
func (st *state) read(ctx context.Context, u *openUnit, i int, b box) error {
	size := u.array.Source.DType().Size()
	region := u.grid.region(b)
	st.data = elem.Resize(st.data, region.Elements()*size)
	whole := nd.Dense(st.data, region.Shape, size)
	at := u.reads[u.first+i]
	if u.span.Level == 0 {
		return u.reader.Read(ctx, at, whole)
	}
	for k, p := range u.pieces(b) {
		in := u.grid.source(p, u.span.Level, u.full)
		src := u.grid.region(in)
		st.piece = elem.Resize(st.piece, src.Elements()*size)
		if err := u.reader.Read(ctx, at+k, nd.Dense(st.piece, src.Shape, size)); err != nil {
			return err
		}
		out := u.grid.region(p)
		st.chunk = elem.Resize(st.chunk, out.Elements()*size)
		pyramid.Downsample(st.chunk, st.piece, u.array.Source.DType(), u.labels(), u.grid.dense(p), u.grid.dense(in), u.span.Level)
		nd.Copy(whole.Slice(out.Sub(region.Origin)), nd.Dense(st.chunk, out.Shape, size))
	}
	return nil
}

// look finds the objects of a block of labels, and projects a block of level 0.
func (st *state) look(u *openUnit, b box, d schemas.DType, empty bool) error {
	st.scan.parts, st.patch.h = nil, 0
	switch {
	case u.labels() && !(empty && u.array.Fill == 0):
		return st.scan.block(st.data, d, u.grid, b)
	case !u.labels() && u.facts != nil:
		projectBlock(&st.patch, u.facts.Projection, st.data, d, u.grid, b)
	}
	return nil
}

// note adds what look found to the facts; it is called in block order.
func (st *state) note(f *ArrayFacts) {
	if f == nil {
		return
	}
	if f.Parts != nil {
		f.Parts.merge(st.scan.parts)
		f.Projection.putObjects(st.scan.parts)
	} else if st.patch.h > 0 {
		f.Projection.put(&st.patch)
	}
}

// row makes the row of chunk c of block b.
func (st *state) row(u *openUnit, enc *chunkcodec.Encoder, b, c box, fill []byte, empty bool) error {
	data := st.dense(u, b, c)
	d := u.array.Source.DType()
	r := schemas.Chunk{
		SampleID: u.sample.ID, Array: u.array.Name, Level: int32(u.span.Level),
		T: int32(c.origin[axT]), C: int32(c.origin[axC]), Z: int32(c.origin[axZ]), Y: int32(c.origin[axY]), X: int32(c.origin[axX]),
		SizeT: int32(c.shape[axT]), SizeC: int32(c.shape[axC]), SizeZ: int32(c.shape[axZ]), SizeY: int32(c.shape[axY]), SizeX: int32(c.shape[axX]),
		DType: string(d), Encoding: string(st.encoding), Fill: u.array.Fill,
		Digest: xxhash.Sum64(data),
	}
	if u.labels() {
		r.IDs = st.scan.parts.ids(c.origin[axC], c.origin[axC]+c.shape[axC])
	}
	s, null := elem.Stats{}, empty
	if !empty {
		s, null = st.stats(u, c, data, fill)
	}
	if null {
		v := u.array.Fill
		r.Min, r.Max = &v, &v
		st.rows = append(st.rows, r)
		return nil
	}
	r.Foreground = s.Foreground
	if s.Valid {
		r.Min, r.Max = &s.Min, &s.Max
	}
	k := len(st.rows)
	for len(st.payloads) <= k {
		st.payloads = append(st.payloads, nil)
	}
	var err error
	if st.payloads[k], err = enc.Encode(st.payloads[k], data, d.Size()); err != nil {
		return err
	}
	r.Data = st.payloads[k]
	st.rows = append(st.rows, r)
	return nil
}

// stats are those of chunk c, whose elements are data; null reports that all are fill.
func (st *state) stats(u *openUnit, c box, data, fill []byte) (s elem.Stats, null bool) {
	if u.labels() && u.array.Fill == 0 {
		s = st.scan.parts.stats(c) // look has seen every voxel already
		return s, s.Foreground == 0
	}
	if elem.Uniform(data, fill) {
		return s, true
	}
	return elem.Scan(data, u.array.Source.DType(), u.array.Fill), false
}

// dense is the bytes of chunk c of block b in C order. Where C is the slowest axis, as in
// most data, they lie together in the block already.
func (st *state) dense(u *openUnit, b, c box) []byte {
	size := u.array.Source.DType().Size()
	if c.shape[axC] == b.shape[axC] {
		return st.data
	}
	whole, part := u.grid.region(b), u.grid.region(c)
	if u.grid.dim[axC] == 0 {
		n := part.Elements() * size
		off := c.origin[axC] * (n / c.shape[axC])
		return st.data[off : off+n]
	}
	st.chunk = elem.Resize(st.chunk, part.Elements()*size)
	nd.Copy(nd.Dense(st.chunk, part.Shape, size), nd.Dense(st.data, whole.Shape, size).Slice(part.Sub(whole.Origin)))
	return st.chunk
}
