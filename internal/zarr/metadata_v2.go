package zarr

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/nd"
)

// Keys of v2 metadata, below a node's path.
const (
	arrayV2        = ".zarray"
	groupV2        = ".zgroup"
	attrsV2        = ".zattrs"
	consolidatedV2 = ".zmetadata"
)

// metadataV2 is .zarray. Other members are ignored, as the specification wants.
type metadataV2 struct {
	Format     int               `json:"zarr_format"`
	Shape      []int64           `json:"shape"`
	Chunks     []int64           `json:"chunks"`
	DType      json.RawMessage   `json:"dtype"`
	Compressor json.RawMessage   `json:"compressor"`
	Filters    []json.RawMessage `json:"filters"`
	Fill       json.RawMessage   `json:"fill_value"`
	Order      string            `json:"order"`
	Separator  string            `json:"dimension_separator"`
}

// parserV2 reads the .zarray of the array at a path.
type parserV2 struct{ path string }

func (p parserV2) bad(field string, err error) error {
	var unsupported *UnsupportedError
	if errors.As(err, &unsupported) {
		return err
	}
	return &MetadataError{join(p.path, arrayV2), field, err}
}

func (p parserV2) array(data []byte) (*layout, error) {
	var m metadataV2
	if err := decodeJSON(data, &m); err != nil {
		return nil, p.bad("", err)
	}
	if m.Format != 2 {
		return nil, p.bad("zarr_format", fmt.Errorf("%d, want 2", m.Format))
	}
	l := &layout{}
	var err error
	if l.shape, l.object, err = extents(m.Shape, m.Chunks); err != nil {
		return nil, p.bad("shape, chunks", err)
	}
	big, err := p.dtype(l, m.DType)
	if err != nil {
		return nil, err
	}
	l.chunk = block{shape: l.object, item: l.dtype.Size()}
	switch m.Order {
	case "C":
		l.chunk.strides = nd.CStrides(l.object, l.dtype.Size())
	case "F":
		l.chunk.strides = nd.FStrides(l.object, l.dtype.Size())
	default:
		return nil, p.bad("order", fmt.Errorf("%q, want C or F", m.Order))
	}
	if l.chunk.fill, err = fillV2(l.dtype, m.Fill); err != nil {
		return nil, p.bad("fill_value", err)
	}
	if l.keys.separator, err = separator(m.Separator, "."); err != nil {
		return nil, p.bad("dimension_separator", err)
	}
	l.chunk.chain, err = p.chain(l, big, m)
	return l, err
}

func (p parserV2) dtype(l *layout, v json.RawMessage) (big bool, err error) {
	var s string
	if isNull(v) {
		return false, p.bad("dtype", errors.New("missing"))
	}
	if json.Unmarshal(v, &s) != nil {
		return false, &UnsupportedError{p.path, fmt.Sprintf("dtype %.100s", v)}
	}
	d, big, err := numpyType(s)
	if err != nil || len(s) != 3 || s[0] == '=' || s[0] == '|' && d.Size() > 1 {
		return false, &UnsupportedError{p.path, fmt.Sprintf("dtype %.100q", s)}
	}
	l.dtype = d
	return big, nil
}

// chain reads filters and compressor. To numcodecs they are of one kind.
func (p parserV2) chain(l *layout, big bool, m metadataV2) (*chain, error) {
	size := nd.Elements(l.object) * l.dtype.Size()
	b := &builder{path: p.path, flat: true, item: 4, dtype: l.dtype, size: int64(size)}
	if big {
		if err := b.swap(l.dtype.Size()); err != nil {
			return nil, err
		}
	}
	for _, f := range m.Filters {
		if err := p.codec(b, "filters", f); err != nil {
			return nil, err
		}
	}
	if !isNull(m.Compressor) {
		if err := p.codec(b, "compressor", m.Compressor); err != nil {
			return nil, err
		}
	}
	return b.chain(size), nil
}

func (p parserV2) codec(b *builder, field string, config json.RawMessage) error {
	var c struct {
		ID string `json:"id"`
	}
	if err := decodeJSON(config, &c); err != nil {
		return p.bad(field, err)
	}
	if c.ID == "" {
		return p.bad(field, errors.New("a codec without id"))
	}
	add, ok := codecs[c.ID]
	if !ok {
		return &UnsupportedError{p.path, fmt.Sprintf("codec %q", c.ID)}
	}
	if err := add(b, config); err != nil {
		return p.bad(field, err)
	}
	return nil
}

// checkGroupV2 checks .zgroup.
func checkGroupV2(path string, data []byte) error {
	var m struct {
		Format int `json:"zarr_format"`
	}
	err := decodeJSON(data, &m)
	if err == nil && m.Format != 2 {
		err = fmt.Errorf("zarr_format %d, want 2", m.Format)
	}
	if err != nil {
		return &MetadataError{Key: join(path, groupV2), Err: err}
	}
	return nil
}

// attributesV2 reads .zattrs, which may be absent.
func attributesV2(path string, data []byte) (Attributes, error) {
	if data == nil {
		return nil, nil
	}
	var a Attributes
	if err := decodeJSON(data, &a); err != nil {
		return nil, &MetadataError{Key: join(path, attrsV2), Err: err}
	}
	return a, nil
}
