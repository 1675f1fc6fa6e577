package zarr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// Attributes are what users keep about a node, by name.
type Attributes map[string]json.RawMessage

// Array is an open array. It is safe for concurrent use.
type Array struct {
	*layout
	store store.Store
	path  string
	attrs Attributes
}

// OpenArray reads the metadata of the array at a path of the store, "" for its root, of
// either version; v2 where both are there. Errors: store.ErrNotExist where neither is,
// *MetadataError, *UnsupportedError.
func OpenArray(ctx context.Context, s store.Store, path string) (*Array, error) {
	array, err := get(ctx, s, join(path, arrayV2))
	if err != nil {
		return nil, err
	}
	if array != nil {
		attrs, err := get(ctx, s, join(path, attrsV2))
		if err != nil {
			return nil, err
		}
		return newArrayV2(s, path, array, attrs)
	}
	if array, err = get(ctx, s, join(path, metadataKeyV3)); err != nil {
		return nil, err
	}
	if array == nil {
		return nil, fmt.Errorf("no zarr array %s: neither %s nor %s is there: %w", name(path), arrayV2, metadataKeyV3, store.ErrNotExist)
	}
	return newArrayV3(s, path, array)
}

func newArrayV2(s store.Store, path string, array, attrs []byte) (*Array, error) {
	l, err := parserV2{path}.array(array)
	if err != nil {
		return nil, err
	}
	a := &Array{layout: l, store: s, path: path}
	a.attrs, err = attributesV2(path, attrs)
	if err != nil {
		return nil, err
	}
	return a, nil
}

func newArrayV3(s store.Store, path string, data []byte) (*Array, error) {
	l, attrs, err := (&parserV3{path: path}).array(data)
	if err != nil {
		return nil, err
	}
	return &Array{layout: l, store: s, path: path, attrs: attrs}, nil
}

// get fetches a metadata object, nil where there is none.
func get(ctx context.Context, s store.Store, key string) ([]byte, error) {
	data, err := s.Get(ctx, key, nil, maxMetadata)
	switch {
	case errors.Is(err, store.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case data == nil:
		return []byte{}, nil
	}
	return data, nil
}

// Path is the array's key prefix in the store.
func (a *Array) Path() string { return a.path }

// Shape is the extent along each axis.
func (a *Array) Shape() []int { return slices.Clone(a.shape) }

// Chunks is the extent along each axis of what is decoded at once.
func (a *Array) Chunks() []int { return slices.Clone(a.chunk.shape) }

// Shards is the extent along each axis of what one object holds, nil where that is a chunk.
func (a *Array) Shards() []int {
	if a.shards == nil {
		return nil
	}
	return slices.Clone(a.object)
}

// DType is the element type.
func (a *Array) DType() schemas.DType { return a.dtype }

// Fill is one element of the fill value, little-endian.
func (a *Array) Fill() []byte { return slices.Clone(a.chunk.fill) }

// Attrs are the user's attributes.
func (a *Array) Attrs() map[string]json.RawMessage { return a.attrs }

// Read fills dst, of the region's shape, with one region.
func (a *Array) Read(ctx context.Context, region nd.Region, dst nd.View) error {
	r, err := a.NewReader(ReaderOptions{Schedule: []nd.Region{region}})
	if err != nil {
		return err
	}
	return errors.Join(r.Read(ctx, 0, dst), r.Close())
}

// key is the object at a position of the grid of objects.
func (a *Array) key(at []int) string {
	b := make([]byte, 0, 96)
	if a.path != "" {
		b = append(append(b, a.path...), '/')
	}
	return string(a.keys.append(b, at))
}
