package zarr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// Array is an open array. It is safe for concurrent use.
type Array struct {
	*layout
	store store.Store
	path  string
	attrs map[string]json.RawMessage
}

// OpenArray reads the metadata of the array at a path of the store, of either version.
func OpenArray(ctx context.Context, s store.Store, path string) (*Array, error) {
	a := &Array{store: s, path: path}
	data, err := s.Get(ctx, path+"/.zarray", nil, maxMetadata)
	if errors.Is(err, store.ErrNotExist) {
		return a, a.openV3(ctx)
	}
	if err != nil {
		return nil, err
	}
	if a.layout, err = parseV2(path, data); err != nil {
		return nil, err
	}
	data, err = s.Get(ctx, path+"/.zattrs", nil, maxMetadata)
	if errors.Is(err, store.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		if err = json.Unmarshal(data, &a.attrs); err != nil {
			err = &MetadataError{Key: path + "/.zattrs", Err: err}
		}
	}
	return a, err
}

func (a *Array) openV3(ctx context.Context) error {
	data, err := a.store.Get(ctx, a.path+"/zarr.json", nil, maxMetadata)
	if errors.Is(err, store.ErrNotExist) {
		return fmt.Errorf("no zarr array at %s: neither .zarray nor zarr.json is there: %w", a.path, err)
	}
	if err == nil {
		a.layout, a.attrs, err = parseV3(a.path, data)
	}
	return err
}

// Path is the array's key prefix in the store.
func (a *Array) Path() string { return a.path }

// Shape is the extent along each axis.
func (a *Array) Shape() []int { return slices.Clone(a.shape) }

// Chunks is the extent of a chunk along each axis.
func (a *Array) Chunks() []int { return slices.Clone(a.chunks) }

// DType is the element type.
func (a *Array) DType() schemas.DType { return a.dtype }

// Fill is one element of the fill value, little-endian.
func (a *Array) Fill() []byte { return slices.Clone(a.fill) }

// Attrs are the user's attributes.
func (a *Array) Attrs() map[string]json.RawMessage { return a.attrs }

// key is the object of the chunk at a grid position.
func (a *Array) key(at []int) string {
	var parts []string
	if a.prefix != "" {
		parts = append(parts, a.prefix)
	}
	for _, i := range at {
		parts = append(parts, strconv.Itoa(i))
	}
	if len(parts) == 0 {
		parts = []string{"0"} // the one chunk of an array without axes
	}
	return a.path + "/" + strings.Join(parts, a.separator)
}

// chunkBytes is the size of a decoded chunk.
func (a *Array) chunkBytes() int { return nd.Elements(a.chunks) * a.dtype.Size() }

// maxChunk bounds a decoded chunk.
const maxChunk = 2 << 30

// encodedLimit bounds the object of a chunk: compression never makes data twice as large.
func (a *Array) encodedLimit() int64 { return 2*int64(a.chunkBytes()) + 64<<10 }

// decode turns an encoded chunk into its bytes, in dst's memory where that suffices.
func (a *Array) decode(dst, encoded []byte) ([]byte, error) {
	size := a.chunkBytes()
	src := encoded
	for i, c := range a.codecs {
		limit := size
		if i < len(a.codecs)-1 {
			limit = int(a.encodedLimit())
			out, err := c.decode(nil, src, limit)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			src = out
			continue
		}
		out, err := c.decode(dst, src, limit)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		src = out
	}
	switch {
	case len(src) < size:
		return nil, fmt.Errorf("%w: %d bytes of %d", ErrTruncated, len(src), size)
	case len(src) > size:
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrTooLong, len(src), size)
	}
	if len(a.codecs) == 0 {
		src = append(dst[:0], src...)
	}
	if a.big {
		swap(src, a.dtype.Size())
	}
	return src, nil
}

// swap turns big-endian elements into little-endian ones.
func swap(b []byte, size int) {
	if size == 1 {
		return
	}
	for i := 0; i+size <= len(b); i += size {
		slices.Reverse(b[i : i+size])
	}
}
