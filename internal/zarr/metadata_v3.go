package zarr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// metadataKeyV3 is the key of v3 metadata, below a node's path.
const metadataKeyV3 = "zarr.json"

// metadataV3 is zarr.json of an array or a group.
type metadataV3 struct {
	Format       int             `json:"zarr_format"`
	NodeType     string          `json:"node_type"`
	Attrs        Attributes      `json:"attributes"`
	Shape        []int64         `json:"shape"`
	DType        extension       `json:"data_type"`
	Grid         extension       `json:"chunk_grid"`
	Keys         extension       `json:"chunk_key_encoding"`
	Fill         json.RawMessage `json:"fill_value"`
	Codecs       []extension     `json:"codecs"`
	DimNames     []*string       `json:"dimension_names"`
	Transformers []extension     `json:"storage_transformers"`
	Consolidated *struct {
		Metadata map[string]json.RawMessage `json:"metadata"`
	} `json:"consolidated_metadata"`
}

// known are the members of zarr.json by node type.
var known = map[string][]string{
	"array": {"zarr_format", "node_type", "attributes", "shape", "data_type", "chunk_grid", "chunk_key_encoding",
		"fill_value", "codecs", "dimension_names", "storage_transformers"},
	"group": {"zarr_format", "node_type", "attributes", "consolidated_metadata"},
}

// extension is a member of zarr.json whose meaning depends on its name: an object, or the
// name alone.
type extension struct {
	Name   string          `json:"name"`
	Config json.RawMessage `json:"configuration"`
	Must   *bool           `json:"must_understand"`
}

// optional reports that a reader which does not know the extension can do without.
func (e extension) optional() bool { return e.Must != nil && !*e.Must }

// UnmarshalJSON reads either form.
func (e *extension) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' {
		*e = extension{}
		return json.Unmarshal(data, &e.Name)
	}
	type plain extension
	return json.Unmarshal(data, (*plain)(e))
}

// parserV3 reads the zarr.json of the node at a path.
type parserV3 struct {
	path  string
	dtype schemas.DType
	fill  []byte
}

func (p *parserV3) bad(field string, err error) error {
	var unsupported *UnsupportedError
	var already *MetadataError
	if errors.As(err, &unsupported) || errors.As(err, &already) {
		return err
	}
	return &MetadataError{join(p.path, metadataKeyV3), field, err}
}

func (p *parserV3) unsupported(format string, args ...any) error {
	return &UnsupportedError{p.path, fmt.Sprintf(format, args...)}
}

// node reads a document of a node of the given type and checks that nothing in it has to be
// understood and is not (core specification, "must_understand").
func (p *parserV3) node(data []byte, want string) (m metadataV3, err error) {
	if err := decodeJSON(data, &m); err != nil {
		return m, p.bad("", err)
	}
	if m.Format != 3 || m.NodeType != want {
		return m, p.bad("node_type", fmt.Errorf("zarr_format %d, node_type %q: want format 3 and %q", m.Format, m.NodeType, want))
	}
	var members map[string]json.RawMessage
	if err := decodeJSON(data, &members); err != nil {
		return m, p.bad("", err)
	}
	for _, field := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(known[want], field) {
			continue
		}
		var e struct {
			Must *bool `json:"must_understand"`
		}
		if json.Unmarshal(members[field], &e) != nil || e.Must == nil || *e.Must {
			return m, p.unsupported("the metadata field %.100q", field)
		}
	}
	return m, nil
}

func (p *parserV3) array(data []byte) (*layout, Attributes, error) {
	m, err := p.node(data, "array")
	if err != nil {
		return nil, nil, err
	}
	for _, t := range m.Transformers {
		if !t.optional() {
			return nil, nil, p.unsupported("storage transformer %q", t.Name)
		}
	}
	if p.dtype, err = schemas.ParseDType(m.DType.Name); err != nil {
		return nil, nil, p.unsupported("dtype %.100q", m.DType.Name)
	}
	l := &layout{dtype: p.dtype}
	if l.shape, l.object, err = p.grid(m); err != nil {
		return nil, nil, p.bad("chunk_grid", err)
	}
	if m.DimNames != nil && len(m.DimNames) != len(l.shape) {
		return nil, nil, p.bad("dimension_names", fmt.Errorf("%d names of %d axes", len(m.DimNames), len(l.shape)))
	}
	if p.fill, err = fillV3(p.dtype, m.Fill); err != nil {
		return nil, nil, p.bad("fill_value", err)
	}
	if l.keys, err = p.keys(m.Keys); err != nil {
		return nil, nil, p.bad("chunk_key_encoding", err)
	}
	if l.chunk, l.shards, err = p.block(l.object, m.Codecs, 0); err != nil {
		return nil, nil, p.bad("codecs", err)
	}
	return l, m.Attrs, nil
}

func (p *parserV3) grid(m metadataV3) (shape, chunks []int, err error) {
	if m.Grid.Name != "regular" {
		return nil, nil, p.unsupported("chunk grid %q", m.Grid.Name)
	}
	var c struct {
		Shape []int64 `json:"chunk_shape"`
	}
	if err := decodeJSON(m.Grid.Config, &c); err != nil {
		return nil, nil, err
	}
	return extents(m.Shape, c.Shape)
}

func (p *parserV3) keys(e extension) (k keyEncoding, err error) {
	var c struct {
		Separator string `json:"separator"`
	}
	if err := unmarshalConfig(e.Config, &c); err != nil {
		return k, err
	}
	switch e.Name {
	case "default":
		k.prefix = "c"
		k.separator, err = separator(c.Separator, "/")
	case "v2":
		k.separator, err = separator(c.Separator, ".")
	default:
		err = p.unsupported("chunk key encoding %q", e.Name)
	}
	return k, err
}

// block reads the codecs of chunks of a shape: array to array, then array to bytes, then
// bytes to bytes. Where the chunk is an object that is nothing but a shard, so that parts of
// it can be read, that is returned, and the block is that of its chunks.
func (p *parserV3) block(shape []int, list []extension, depth int) (blk block, s *shards, err error) {
	c := codecsV3{parserV3: p, depth: depth, order: make([]int, len(shape)), shape: slices.Clone(shape)}
	for i := range c.order {
		c.order[i] = i
	}
	size := nd.Elements(shape) * p.dtype.Size()
	c.b = &builder{path: p.path, item: p.dtype.Size(), dtype: p.dtype, size: int64(size)}
	for _, e := range list {
		if err := c.add(e); err != nil {
			return blk, nil, err
		}
	}
	if !c.serialized {
		return blk, nil, errors.New("no codec that makes bytes of the elements, such as bytes")
	}
	if c.sharding != nil && len(c.b.steps) == 1 && depth == 0 {
		inner := c.sharding.inner
		inner.shape, inner.strides = unpermute(inner.shape, c.order), unpermute(inner.strides, c.order)
		return inner, &shards{c.sharding, c.order}, nil
	}
	strides := nd.CStrides(c.shape, p.dtype.Size())
	return block{shape, unpermute(strides, c.order), p.dtype.Size(), p.fill, c.b.chain(size)}, nil, nil
}

// codecsV3 reads a list of codecs, in order of encoding.
type codecsV3 struct {
	*parserV3
	b          *builder
	depth      int
	order      []int // the chunk's axis at each axis after the codecs so far
	shape      []int // after the codecs so far
	filtered   bool
	serialized bool // an array to bytes codec was there
	sharding   *sharding
}

func (c *codecsV3) add(e extension) error {
	id, isNumcodecs := strings.CutPrefix(e.Name, "numcodecs.")
	add, ok := codecs[id]
	if !isNumcodecs && !slices.Contains([]string{"gzip", "zstd", "blosc", "crc32c"}, e.Name) {
		ok = false
	}
	switch {
	case e.Name == "transpose" && !c.serialized:
		return c.transpose(e.Config)
	case e.Name == "bytes" && !c.serialized:
		c.serialized = true
		return c.bytes(c.b, e.Config)
	case e.Name == "sharding_indexed" && !c.serialized:
		c.serialized = true
		return c.shard(e.Config)
	case ok && filters[id] != c.serialized:
		c.filtered = c.filtered || filters[id]
		return add(c.b, e.Config)
	case ok || e.Name == "transpose" || e.Name == "bytes" || e.Name == "sharding_indexed":
		return fmt.Errorf("codec %q stands in the wrong place of the list", e.Name)
	case e.optional():
		return nil
	}
	return c.unsupported("codec %.100q", e.Name)
}

func (c *codecsV3) transpose(config json.RawMessage) error {
	var t struct {
		Order []int `json:"order"`
	}
	if err := json.Unmarshal(config, &t); err != nil || !permutes(t.Order, len(c.order)) {
		return fmt.Errorf("transpose: %.100s is no order of %d axes", config, len(c.order))
	}
	if c.filtered {
		return c.unsupported("codec transpose behind a filter")
	}
	order, shape := make([]int, len(c.order)), make([]int, len(c.order))
	for i, o := range t.Order {
		order[i], shape[i] = c.order[o], c.shape[o]
	}
	c.order, c.shape = order, shape
	return nil
}

// bytes adds the codec of that name. The byte order can be left out of single bytes.
func (p *parserV3) bytes(b *builder, config json.RawMessage) error {
	var c struct {
		Endian string `json:"endian"`
	}
	if err := unmarshalConfig(config, &c); err != nil {
		return err
	}
	size := b.dtype.Size()
	switch c.Endian {
	case "little":
		return nil
	case "big":
		if size > 1 {
			return b.swap(size)
		}
		return nil
	case "":
		if size == 1 {
			return nil
		}
	}
	return fmt.Errorf("bytes: endian %q of %s, want little or big", c.Endian, b.dtype)
}

func (c *codecsV3) shard(config json.RawMessage) error {
	if c.b.dtype != c.dtype || c.filtered {
		return c.unsupported("codec sharding_indexed behind a filter")
	}
	s, err := c.parserV3.sharding(config, c.shape, c.depth)
	if err != nil {
		return c.bad("codecs: sharding_indexed", err)
	}
	c.sharding = s
	size := c.dtype.Size()
	whole := block{shape: c.shape, strides: nd.CStrides(c.shape, size), item: size}
	chunks := int64(nd.Elements(s.grid))
	// Nothing bounds the gaps of a shard: they are believed to be no larger than its chunks.
	limit := min(chunks*s.inner.chain.limit+s.index.limit, maxStage/4)
	return c.b.push(step{name: "sharding_indexed", ratio: 1 << 31, decode: func(w *workspace, dst, src []byte, _ int) ([]byte, error) {
		return s.decode(w, dst, src, whole)
	}}, 2*limit+slack, true)
}

// unpermute brings a value an axis into the order of the array's axes.
func unpermute(v, order []int) []int {
	out := make([]int, len(v))
	for i, o := range order {
		out[o] = v[i]
	}
	return out
}

func permutes(order []int, n int) bool {
	seen := make([]bool, n)
	for _, o := range order {
		if o < 0 || o >= n || seen[o] {
			return false
		}
		seen[o] = true
	}
	return len(order) == n
}
