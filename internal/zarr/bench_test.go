package zarr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/nd"
)

// BenchmarkReader reads a volume of 12-bit camera noise by blocks of 64 voxels a side that
// do not line up with its chunks.
func BenchmarkReader(b *testing.B) {
	shape, chunks := []int{2, 128, 256, 256}, []int{1, 50, 100, 100}
	for _, codec := range []string{"none", "big", "gzip", "zstd", "delta", "shards"} {
		m, schedule := benchArray(b, codec, shape, chunks)
		a, err := OpenArray(b.Context(), m, "a")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(codec, func(b *testing.B) {
			b.SetBytes(int64(nd.Elements(shape) * 2))
			b.ReportAllocs()
			dst := make([]byte, 64*64*64*2*2)
			for b.Loop() {
				r, err := a.NewReader(ReaderOptions{Budget: 64 << 20, Schedule: schedule})
				if err != nil {
					b.Fatal(err)
				}
				for i, region := range schedule {
					if err := r.Read(b.Context(), i, nd.Dense(dst[:region.Elements()*2], region.Shape, 2)); err != nil {
						b.Fatal(err)
					}
				}
				r.Close()
			}
		})
	}
}

func benchArray(b *testing.B, codec string, shape, chunks []int) (*memory, []nd.Region) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	size := nd.Elements(chunks) * 2
	noise := make([]byte, size)
	for i := 0; i < size; i += 2 {
		v := uint16(300 + 60*r.NormFloat64())
		noise[i], noise[i+1] = byte(v), byte(v>>8)
	}
	meta := map[string]any{"zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": "<u2", "compressor": nil, "filters": nil, "fill_value": 0, "order": "C"}
	var packed bytes.Buffer
	switch codec {
	case "big":
		meta["dtype"] = ">u2"
	case "gzip":
		meta["compressor"] = map[string]any{"id": "gzip"}
		w := gzip.NewWriter(&packed)
		w.Write(noise)
		w.Close()
	case "zstd":
		meta["compressor"] = map[string]any{"id": "zstd"}
		w, _ := zstd.NewWriter(&packed)
		w.Write(noise)
		w.Close()
	case "delta":
		meta["filters"] = []any{map[string]any{"id": "delta", "dtype": "<u2"}}
	case "shards":
		return benchShards(b, shape, noise)
	}
	if packed.Len() == 0 {
		packed.Write(noise)
	}
	data, err := json.Marshal(meta)
	if err != nil {
		b.Fatal(err)
	}
	m := &memory{objects: map[string][]byte{"a/.zarray": data}}
	at := make([]int, 4)
	for ok := true; ok; ok = next(at, grid(shape, chunks)) {
		m.objects[fmt.Sprintf("a/%d.%d.%d.%d", at[0], at[1], at[2], at[3])] = packed.Bytes()
	}
	return m, blocks(shape)
}

// benchShards makes one shard of chunks of 32 voxels a side that all lie in one place.
func benchShards(b *testing.B, shape []int, noise []byte) (*memory, []nd.Region) {
	b.Helper()
	chunk := []int{1, 32, 32, 32}
	var packed bytes.Buffer
	w, _ := zstd.NewWriter(&packed)
	w.Write(noise[:32*32*32*2])
	w.Close()
	data, err := json.Marshal(map[string]any{"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "uint16", "fill_value": 0,
		"chunk_grid":         map[string]any{"name": "regular", "configuration": map[string]any{"chunk_shape": shape}},
		"chunk_key_encoding": "default",
		"codecs": []any{map[string]any{"name": "sharding_indexed", "configuration": map[string]any{"chunk_shape": chunk,
			"codecs":       []any{map[string]any{"name": "bytes", "configuration": map[string]any{"endian": "little"}}, "zstd"},
			"index_codecs": []any{map[string]any{"name": "bytes", "configuration": map[string]any{"endian": "little"}}}}}}})
	if err != nil {
		b.Fatal(err)
	}
	object := packed.Bytes()
	n := len(object)
	entry := make([]byte, entrySize)
	for i := range 8 {
		entry[8+i] = byte(n >> (8 * i))
	}
	object = append(object, bytes.Repeat(entry, nd.Elements(grid(shape, chunk)))...)
	return &memory{objects: map[string][]byte{"a/zarr.json": data, "a/c/0/0/0/0": object}}, blocks(shape)
}

// blocks cuts a volume as a conversion does.
func blocks(shape []int) (out []nd.Region) {
	tile := []int{shape[0], 64, 64, 64}
	at := make([]int, 4)
	for ok := true; ok; ok = next(at, grid(shape, tile)) {
		r := nd.Region{Origin: make([]int, 4), Shape: make([]int, 4)}
		for i := range at {
			r.Origin[i] = at[i] * tile[i]
			r.Shape[i] = min(tile[i], shape[i]-r.Origin[i])
		}
		out = append(out, r)
	}
	return out
}
