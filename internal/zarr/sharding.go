package zarr

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// A shard (codec sharding_indexed, version 1.0) is many chunks in one object:
//
//	chunks in any order, with gaps or without | index
//
// or the index first. The index has an entry a chunk, in C order of the chunks within the
// shard: offset and length in bytes, two uint64; both all ones where there is no chunk. Its
// own codecs keep its size: byte order and checksums.
type sharding struct {
	grid  []int // chunks along each axis
	inner block
	index *chain // of the index
	atEnd bool
}

// block is what a decoded chunk's bytes are.
type block struct {
	shape   []int
	strides []int // in bytes
	item    int   // bytes of an element
	fill    []byte
	chain   *chain
}

func (b *block) view(data []byte) nd.View {
	return nd.View{Data: data, Shape: b.shape, Strides: b.strides, ItemSize: b.item}
}

const (
	entrySize = 16
	missing   = 1<<64 - 1
	maxIndex  = 64 << 20 // bytes of an index
	maxNested = 4        // shards in shards
)

// shardingConfig is the configuration of sharding_indexed.
type shardingConfig struct {
	Shape    []int64     `json:"chunk_shape"`
	Codecs   []extension `json:"codecs"`
	Index    []extension `json:"index_codecs"`
	Location string      `json:"index_location"`
}

// sharding reads the configuration of a shard of the given shape.
func (p *parserV3) sharding(config json.RawMessage, shape []int, depth int) (*sharding, error) {
	if depth >= maxNested {
		return nil, p.unsupported("sharding_indexed in %d others", maxNested)
	}
	var c shardingConfig
	if err := decodeJSON(config, &c); err != nil {
		return nil, err
	}
	s := &sharding{atEnd: c.Location == "end" || c.Location == ""}
	if !s.atEnd && c.Location != "start" {
		return nil, fmt.Errorf("index_location %q, want start or end", c.Location)
	}
	_, inner, err := extents(int64s(shape), c.Shape)
	if err != nil {
		return nil, err
	}
	for i, n := range inner {
		if shape[i]%n != 0 {
			return nil, fmt.Errorf("chunks of %v do not divide a shard of %v", inner, shape)
		}
		s.grid = append(s.grid, shape[i]/n)
	}
	if n, ok := nd.CheckedElements(s.grid); !ok || n > maxIndex/entrySize {
		return nil, p.unsupported("a shard of %v chunks", s.grid)
	}
	if s.inner, _, err = p.block(inner, c.Codecs, depth+1); err != nil {
		return nil, err
	}
	s.index, err = p.indexChain(nd.Elements(s.grid)*entrySize, c.Index)
	return s, err
}

// indexChain reads index_codecs, which must keep the size of the index.
func (p *parserV3) indexChain(size int, list []extension) (*chain, error) {
	b := &builder{path: p.path, item: 8, dtype: schemas.Uint64, size: int64(size)}
	for i, e := range list {
		switch {
		case e.Name == "bytes" && i == 0:
			if err := p.bytes(b, e.Config); err != nil {
				return nil, err
			}
		case e.Name == "crc32c" && i > 0:
			if err := b.crc32c(e.Config); err != nil {
				return nil, err
			}
		default:
			return nil, p.unsupported("index codec %q", e.Name)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no index codec")
	}
	return b.chain(size), nil
}

// place is where the index lies in a shard of size bytes.
func (s *sharding) place(size int64) (off, n int64, err error) {
	n = s.index.limit
	if n > size {
		return 0, 0, fmt.Errorf("%w: a shard of %d bytes has no room for its index of %d", ErrTruncated, size, n)
	}
	if s.atEnd {
		off = size - n
	}
	return off, n, nil
}

// entry is where chunk i of a shard of size bytes lies; ok is false where there is none.
func (s *sharding) entry(index []byte, i int, size int64) (off, n int64, ok bool, err error) {
	e := index[i*entrySize:]
	o, l := binary.LittleEndian.Uint64(e), binary.LittleEndian.Uint64(e[8:])
	switch {
	case o == missing && l == missing:
		return 0, 0, false, nil
	case l > uint64(size) || o > uint64(size)-l:
		return 0, 0, false, fmt.Errorf("%w: chunk %d of the shard: %d bytes from %d leave the shard of %d bytes", ErrCorrupt, i, l, o, size)
	}
	return int64(o), int64(l), true, nil
}

// decode turns a shard held in memory into its elements in C order.
func (s *sharding) decode(w *workspace, dst, src []byte, whole block) ([]byte, error) {
	off, n, err := s.place(int64(len(src)))
	if err != nil {
		return nil, err
	}
	sub := w.below()
	// The index is decoded in place: a copy of it, since chunks may lie in it.
	sub.encoded = append(sub.encoded[:0], src[off:off+n]...)
	index, err := s.index.decode(sub, nil, sub.encoded)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	dst = grow(dst, nd.Elements(whole.shape)*whole.item)
	out := whole.view(dst)
	at := make([]int, len(s.grid))
	box := nd.Region{Origin: make([]int, len(at)), Shape: s.inner.shape}
	for i := range nd.Elements(s.grid) {
		for k := range at {
			box.Origin[k] = at[k] * box.Shape[k]
		}
		if err := s.decodeChunk(sub, out.Slice(box), src, index, i); err != nil {
			return nil, err
		}
		next(at, s.grid)
	}
	return dst, nil
}

// decodeChunk decodes chunk i of a shard into its place.
func (s *sharding) decodeChunk(w *workspace, dst nd.View, src, index []byte, i int) error {
	off, n, ok, err := s.entry(index, i, int64(len(src)))
	if err != nil {
		return err
	}
	if !ok {
		nd.Fill(dst, s.inner.fill)
		return nil
	}
	if err := checkSize(int(n), int(s.inner.chain.limit), s.inner.chain.open); err != nil {
		return fmt.Errorf("chunk %d of the shard: %w", i, err)
	}
	// Steps change their input in place, and chunks may share bytes.
	piece := append(w.scratch[0][:0], src[off:off+n]...)
	w.scratch[0] = piece
	data, err := s.inner.chain.decode(w.below(), w.inner, piece)
	if err != nil {
		return fmt.Errorf("chunk %d of the shard: %w", i, err)
	}
	if s.inner.chain.last >= 0 {
		w.inner = data
	}
	nd.Copy(dst, s.inner.view(data))
	return nil
}

// next moves at to the following position of a grid, in C order; false after the last.
func next(at, grid []int) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < grid[i] {
			return true
		}
		at[i] = 0
	}
	return false
}

func int64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i := range v {
		out[i] = int64(v[i])
	}
	return out
}
