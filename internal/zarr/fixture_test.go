package zarr

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/micropq/micropq/internal/store"
)

// memory is a store of objects in memory that counts what is read of each, and whose reads
// a test can hold up or make fail.
type memory struct {
	objects map[string][]byte
	// before, which may be nil, is called before a chunk is read.
	before func(ctx context.Context, key string) error

	mu    sync.Mutex
	reads []read
}

type read struct {
	key    string
	off, n int64 // n is -1 for the whole object
}

func (m *memory) note(ctx context.Context, key string, off, n int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.before != nil {
		if err := m.before(ctx, key); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads = append(m.reads, read{key, off, n})
	b, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("memory/%s: %w", key, store.ErrNotExist)
	}
	return b, nil
}

func (m *memory) Stat(_ context.Context, key string) (store.Info, error) {
	b, ok := m.objects[key]
	if !ok {
		return store.Info{}, fmt.Errorf("memory/%s: %w", key, store.ErrNotExist)
	}
	return store.Info{Key: key, Size: int64(len(b)), Stored: int64(len(b))}, nil
}

func (m *memory) Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error) {
	b, err := m.note(ctx, key, 0, -1)
	if err != nil {
		return dst, err
	}
	if int64(len(b)) > limit {
		return dst, &store.TooLargeError{Key: key, Size: int64(len(b)), Limit: limit}
	}
	return append(dst, b...), nil
}

func (m *memory) GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error) {
	b, err := m.note(ctx, key, off, n)
	if err != nil {
		return dst, err
	}
	if off < 0 || n < 0 || off+n > int64(len(b)) {
		return dst, &store.RangeError{Key: key, Off: off, N: n, Size: int64(len(b))}
	}
	return append(dst, b[off:off+n]...), nil
}

func (m *memory) List(_ context.Context, prefix string) (out []store.Info, err error) {
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, prefix) {
			out = append(out, store.Info{Key: key, Size: int64(len(m.objects[key]))})
		}
	}
	return out, nil
}

func (m *memory) String() string { return "memory" }
func (m *memory) Close() error   { return nil }

// fetched is how many bytes were read of each object below a, and by how many reads, metadata
// aside.
func (m *memory) fetched() (bytes map[string]int64, reads int) {
	bytes = map[string]int64{}
	for _, r := range m.reads {
		if strings.Contains(r.key, "zarr.json") || strings.Contains(r.key, ".z") {
			continue
		}
		reads++
		if r.n < 0 {
			r.n = int64(len(m.objects[r.key]))
		}
		bytes[r.key] += r.n
	}
	return bytes, reads
}

// v2Array makes an array of uint16 at a: element (i, j) is 1000*i + j.
func v2Array(t testing.TB, shape, chunks [2]int) *memory {
	t.Helper()
	meta, err := json.Marshal(map[string]any{"zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": "<u2",
		"compressor": nil, "filters": nil, "fill_value": 0, "order": "C"})
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{objects: map[string][]byte{"a/.zarray": meta}}
	for i := 0; i*chunks[0] < shape[0]; i++ {
		for j := 0; j*chunks[1] < shape[1]; j++ {
			m.objects[fmt.Sprintf("a/%d.%d", i, j)] = numbers(i*chunks[0], j*chunks[1], chunks)
		}
	}
	return m
}

// numbers are the elements of a box of v2Array's and v3Shards's arrays.
func numbers(row, col int, shape [2]int) []byte {
	var b []byte
	for i := range shape[0] {
		for j := range shape[1] {
			b = binary.LittleEndian.AppendUint16(b, uint16(1000*(row+i)+col+j))
		}
	}
	return b
}

// v3Shards makes the same array in v3, in shards; the chunk at the start of each shard is
// missing.
func v3Shards(t testing.TB, shape, shards, chunks [2]int, location string) *memory {
	t.Helper()
	plain := []any{map[string]any{"name": "bytes", "configuration": map[string]any{"endian": "little"}}}
	meta, err := json.Marshal(map[string]any{"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "uint16", "fill_value": 7,
		"chunk_grid":         map[string]any{"name": "regular", "configuration": map[string]any{"chunk_shape": shards}},
		"chunk_key_encoding": "default",
		"codecs": []any{map[string]any{"name": "sharding_indexed", "configuration": map[string]any{"chunk_shape": chunks,
			"codecs": plain, "index_codecs": append(plain[:1:1], "crc32c"), "index_location": location}}}})
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{objects: map[string][]byte{"a/zarr.json": meta}}
	for i := 0; i*shards[0] < shape[0]; i++ {
		for j := 0; j*shards[1] < shape[1]; j++ {
			m.objects[fmt.Sprintf("a/c/%d/%d", i, j)] = shardOf(i*shards[0], j*shards[1], shards, chunks, location)
		}
	}
	return m
}

func shardOf(row, col int, shape, chunks [2]int, location string) []byte {
	le := binary.LittleEndian
	n := shape[0] / chunks[0] * (shape[1] / chunks[1])
	base := 0
	if location == "start" {
		base = n*entrySize + 4
	}
	var data, index []byte
	for i := 0; i < shape[0]; i += chunks[0] {
		for j := 0; j < shape[1]; j += chunks[1] {
			if i+j == 0 {
				index = le.AppendUint64(le.AppendUint64(index, missing), missing)
				continue
			}
			chunk := numbers(row+i, col+j, chunks)
			index = le.AppendUint64(le.AppendUint64(index, uint64(base+len(data))), uint64(len(chunk)))
			data = append(data, chunk...)
		}
	}
	index = le.AppendUint32(index, crc32.Checksum(index, castagnoli))
	if location == "start" {
		return append(index, data...)
	}
	return append(data, index...)
}
