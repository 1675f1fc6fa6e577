package zarr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// maxMetadata bounds a metadata object.
const maxMetadata = 16 << 20

// v2 is .zarray.
type v2 struct {
	Format     int             `json:"zarr_format"`
	Shape      []int64         `json:"shape"`
	Chunks     []int64         `json:"chunks"`
	DType      json.RawMessage `json:"dtype"`
	Compressor *named          `json:"compressor"`
	Filters    []named         `json:"filters"`
	Fill       json.RawMessage `json:"fill_value"`
	Order      string          `json:"order"`
	Separator  string          `json:"dimension_separator"`
}

type named struct {
	ID string `json:"id"`
}

// v3 is zarr.json of an array.
type v3 struct {
	Format   int                        `json:"zarr_format"`
	NodeType string                     `json:"node_type"`
	Shape    []int64                    `json:"shape"`
	DType    json.RawMessage            `json:"data_type"`
	Grid     extension                  `json:"chunk_grid"`
	Keys     extension                  `json:"chunk_key_encoding"`
	Fill     json.RawMessage            `json:"fill_value"`
	Codecs   []extension                `json:"codecs"`
	Attrs    map[string]json.RawMessage `json:"attributes"`
	DimNames []*string                  `json:"dimension_names"`
	Storage  []extension                `json:"storage_transformers"`
}

type extension struct {
	Name   string          `json:"name"`
	Config json.RawMessage `json:"configuration"`
}

// layout is what a chunk's bytes look like, from either version.
type layout struct {
	shape, chunks []int
	dtype         schemas.DType
	big           bool  // elements are big-endian
	strides       []int // of a decoded chunk, in bytes
	fill          []byte
	codecs        []codec // in order of decoding
	prefix        string  // of chunk keys, relative to the array
	separator     string
}

func parseV2(path string, data []byte) (*layout, error) {
	key := path + "/.zarray"
	var m v2
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &MetadataError{Key: key, Err: err}
	}
	if m.Format != 2 {
		return nil, &MetadataError{key, "zarr_format", fmt.Errorf("%d, want 2", m.Format)}
	}
	l := &layout{separator: "."}
	var err error
	if l.shape, l.chunks, err = extents(m.Shape, m.Chunks); err != nil {
		return nil, &MetadataError{key, "shape, chunks", err}
	}
	var dtype string
	if json.Unmarshal(m.DType, &dtype) != nil {
		return nil, &UnsupportedError{path, "dtype " + string(m.DType)}
	}
	if l.dtype, l.big, err = dtypeV2(dtype); err != nil {
		return nil, &UnsupportedError{path, err.Error()}
	}
	switch m.Order {
	case "C":
		l.strides = nd.CStrides(l.chunks, l.dtype.Size())
	case "F":
		l.strides = nd.FStrides(l.chunks, l.dtype.Size())
	default:
		return nil, &MetadataError{key, "order", fmt.Errorf("%q, want C or F", m.Order)}
	}
	if l.fill, err = parseFill(l.dtype, m.Fill); err != nil {
		return nil, &MetadataError{key, "fill_value", err}
	}
	switch m.Separator {
	case "", ".", "/":
		if m.Separator != "" {
			l.separator = m.Separator
		}
	default:
		return nil, &MetadataError{key, "dimension_separator", fmt.Errorf("%q, want . or /", m.Separator)}
	}
	if len(m.Filters) > 0 {
		return nil, &UnsupportedError{path, fmt.Sprintf("filter codec %q", m.Filters[0].ID)}
	}
	if m.Compressor != nil {
		c, ok := codecs[m.Compressor.ID]
		if !ok {
			return nil, &UnsupportedError{path, fmt.Sprintf("codec %q", m.Compressor.ID)}
		}
		l.codecs = []codec{c}
	}
	return l, nil
}

// extents checks shape and chunk shape.
func extents(shape, chunks []int64) (s, c []int, err error) {
	if len(shape) != len(chunks) {
		return nil, nil, fmt.Errorf("%d and %d axes", len(shape), len(chunks))
	}
	if len(shape) > nd.MaxDims {
		return nil, nil, fmt.Errorf("%d axes, at most %d can be read", len(shape), nd.MaxDims)
	}
	for i := range shape {
		if shape[i] < 0 || chunks[i] < 1 {
			return nil, nil, fmt.Errorf("extent %d in chunks of %d on axis %d", shape[i], chunks[i], i)
		}
		s, c = append(s, int(shape[i])), append(c, int(chunks[i]))
	}
	if _, ok := nd.CheckedElements(c); !ok {
		return nil, nil, fmt.Errorf("chunks of %v are too large", chunks)
	}
	return s, c, nil
}

// dtypeV2 reads a numpy type string such as "<u2".
func dtypeV2(s string) (d schemas.DType, big bool, err error) {
	names := map[string]schemas.DType{
		"b1": schemas.Bool, "i1": schemas.Int8, "i2": schemas.Int16, "i4": schemas.Int32, "i8": schemas.Int64,
		"u1": schemas.Uint8, "u2": schemas.Uint16, "u4": schemas.Uint32, "u8": schemas.Uint64,
		"f2": schemas.Float16, "f4": schemas.Float32, "f8": schemas.Float64,
	}
	if len(s) != 3 || !strings.Contains("<>|", s[:1]) || names[s[1:]] == "" {
		return "", false, fmt.Errorf("dtype %q", s)
	}
	return names[s[1:]], s[0] == '>', nil
}

func parseV3(path string, data []byte) (*layout, map[string]json.RawMessage, error) {
	key := path + "/zarr.json"
	var m v3
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, nil, &MetadataError{Key: key, Err: err}
	}
	if m.Format != 3 || m.NodeType != "array" {
		return nil, nil, &MetadataError{key, "node_type", fmt.Errorf("zarr_format %d, node_type %q: want an array of format 3", m.Format, m.NodeType)}
	}
	if len(m.Storage) > 0 {
		return nil, nil, &UnsupportedError{path, fmt.Sprintf("storage transformer %q", m.Storage[0].Name)}
	}
	if m.Grid.Name != "regular" {
		return nil, nil, &UnsupportedError{path, fmt.Sprintf("chunk grid %q", m.Grid.Name)}
	}
	var grid struct {
		Shape []int64 `json:"chunk_shape"`
	}
	if err := json.Unmarshal(m.Grid.Config, &grid); err != nil {
		return nil, nil, &MetadataError{key, "chunk_grid", err}
	}
	l := &layout{}
	var err error
	if l.shape, l.chunks, err = extents(m.Shape, grid.Shape); err != nil {
		return nil, nil, &MetadataError{key, "shape, chunk_shape", err}
	}
	var name string
	if json.Unmarshal(m.DType, &name) != nil {
		return nil, nil, &UnsupportedError{path, "dtype " + string(m.DType)}
	}
	if l.dtype, err = schemas.ParseDType(name); err != nil {
		return nil, nil, &UnsupportedError{path, fmt.Sprintf("dtype %q", name)}
	}
	if l.fill, err = parseFill(l.dtype, m.Fill); err != nil {
		return nil, nil, &MetadataError{key, "fill_value", err}
	}
	if err := l.keysV3(m.Keys); err != nil {
		return nil, nil, &MetadataError{key, "chunk_key_encoding", err}
	}
	return l, m.Attrs, l.codecsV3(path, key, m.Codecs)
}

func (l *layout) keysV3(e extension) error {
	var c struct {
		Separator string `json:"separator"`
	}
	if len(e.Config) > 0 {
		if err := json.Unmarshal(e.Config, &c); err != nil {
			return err
		}
	}
	switch e.Name {
	case "default":
		l.prefix, l.separator = "c", "/"
	case "v2":
		l.separator = "."
	default:
		return fmt.Errorf("%q, want default or v2", e.Name)
	}
	switch c.Separator {
	case "":
	case ".", "/":
		l.separator = c.Separator
	default:
		return fmt.Errorf("separator %q", c.Separator)
	}
	return nil
}

func (l *layout) codecsV3(path, key string, list []extension) error {
	order := make([]int, len(l.chunks)) // axis of the array at each position of the chunk's bytes
	for i := range order {
		order[i] = i
	}
	seenBytes := false
	for _, e := range list {
		name := strings.TrimPrefix(e.Name, "numcodecs.")
		c, isCodec := codecs[name]
		switch {
		case name == "transpose" && !seenBytes:
			var t struct {
				Order []int `json:"order"`
			}
			if err := json.Unmarshal(e.Config, &t); err != nil || !permutes(t.Order, len(order)) {
				return &MetadataError{key, "codecs", fmt.Errorf("transpose: %s is no order of %d axes", e.Config, len(order))}
			}
			next := make([]int, len(order))
			for i, o := range t.Order {
				next[i] = order[o]
			}
			order = next
		case name == "bytes" && !seenBytes:
			var b struct {
				Endian string `json:"endian"`
			}
			if len(e.Config) > 0 {
				if err := json.Unmarshal(e.Config, &b); err != nil {
					return &MetadataError{key, "codecs", err}
				}
			}
			seenBytes, l.big = true, b.Endian == "big"
		case isCodec && seenBytes:
			l.codecs = append([]codec{c}, l.codecs...)
		default:
			return &UnsupportedError{path, fmt.Sprintf("codec %q", e.Name)}
		}
	}
	if !seenBytes {
		return &MetadataError{key, "codecs", errors.New("no bytes codec")}
	}
	l.strides = make([]int, len(order))
	n := l.dtype.Size()
	for i := len(order) - 1; i >= 0; i-- {
		l.strides[order[i]] = n
		n *= l.chunks[order[i]]
	}
	return nil
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

// isNull reports a JSON null or an absent value.
func isNull(v json.RawMessage) bool {
	v = bytes.TrimSpace(v)
	return len(v) == 0 || string(v) == "null"
}
