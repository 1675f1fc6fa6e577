package zarr

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/internal/nd"
)

// maxFuzz bounds the arrays that are read while fuzzing, in elements.
const maxFuzz = 1 << 16

// seedMalformed adds the files of testdata/malformed with an extension.
func seedMalformed(f *testing.F, ext string, add func(data []byte)) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "malformed", "*"+ext))
	if err != nil || len(files) == 0 {
		f.Fatalf("no %s files, %v", ext, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(data)
	}
}

// FuzzArrayMetadata opens whatever metadata as an array and a group, and reads the array if
// it is small: every chunk is absent, or 100 bytes. Errors are of the package's types.
func FuzzArrayMetadata(f *testing.F) {
	f.Add(true, []byte(goodV2))
	f.Add(false, []byte(goodV3))
	f.Add(false, []byte(shardMetadata))
	for _, c := range sampleChunks(f) {
		f.Add(false, []byte(c.Metadata))
	}
	seedMalformed(f, ".zarray", func(data []byte) { f.Add(true, data) })
	seedMalformed(f, ".json", func(data []byte) { f.Add(false, data) })
	f.Add(false, consolidated(groupV3Objects())["zarr.json"])
	f.Fuzz(func(t *testing.T, v2 bool, data []byte) {
		array, group := "zarr.json", "zarr.json"
		if v2 {
			array, group = ".zarray", ".zgroup"
		}
		m := &memory{objects: map[string][]byte{array: data, group: data, "c/0/0": make([]byte, 100), "0.0": make([]byte, 100), "0": make([]byte, 100)}}
		if g, err := OpenGroup(t.Context(), m, ""); err == nil {
			g.Nodes(t.Context())
		} else {
			isTyped(t, err)
		}
		a, err := OpenArray(t.Context(), m, "")
		if err != nil {
			isTyped(t, err)
			return
		}
		fuzzRead(t, a)
	})
}

// fuzzRead reads an array, unless it is too large.
func fuzzRead(t *testing.T, a *Array) {
	if n, ok := nd.CheckedElements(a.Shape()); !ok || n > maxFuzz {
		return
	}
	if n := nd.Elements(a.Chunks()); n > 64*maxFuzz {
		return
	}
	if err := a.Read(t.Context(), nd.Whole(a.Shape()), dense(a.Shape(), a.DType().Size())); err != nil {
		isTyped(t, err)
	}
}

// isTyped fails the test unless the error is of one of the package's types.
func isTyped(t *testing.T, err error) {
	t.Helper()
	var metadata *MetadataError
	var unsupported *UnsupportedError
	var chunk *ChunkError
	if !errors.As(err, &metadata) && !errors.As(err, &unsupported) && !errors.As(err, &chunk) {
		t.Errorf("%T: %v", err, err)
	}
}

// FuzzChunk reads chunks of every chain of codecs in testdata/chunks.json.
func FuzzChunk(f *testing.F) {
	chunks := sampleChunks(f)
	for i, c := range chunks {
		f.Add(uint8(i), c.Chunk)
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		got, err := chunks[int(which)%len(chunks)].read(t, data)
		if err != nil {
			var chunk *ChunkError
			if !errors.As(err, &chunk) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if len(got) == 0 {
			t.Error("nothing was read")
		}
	})
}

// FuzzShardIndex reads the array of shardMetadata from whatever shard: in parts, as the outer
// codec, and whole, as an inner one. Both give the same or fail.
func FuzzShardIndex(f *testing.F) {
	data := make([]byte, 32)
	f.Add(indexed(data, 0, 8, 8, 8, missing, missing, 24, 8), true)
	f.Add(indexed(nil, missing, missing, missing, missing, missing, missing, missing, missing), true)
	seedMalformed(f, ".shard", func(data []byte) { f.Add(data, false) })
	wholeMetadata := changed(shardMetadata, `"crc32c"]}}]`, `"crc32c"]}}, {"name": "numcodecs.shuffle", "configuration": {"elementsize": 1}}]`)
	f.Fuzz(func(t *testing.T, shard []byte, fix bool) {
		if n := len(shard) - 68; fix && n >= 0 { // give the index the checksum it needs
			shard = append(append([]byte(nil), shard[:n]...), indexed(nil, words(shard[n:len(shard)-4])...)...)
		}
		parts, err := readShard(t, []byte(shardMetadata), shard)
		whole, err2 := readShard(t, wholeMetadata, shard)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("in parts: %v, whole: %v", err, err2)
		}
		if err == nil && string(parts) != string(whole) {
			t.Fatalf("in parts: %x, whole: %x", parts, whole)
		}
	})
}

func words(b []byte) (out []uint64) {
	for ; len(b) >= 8; b = b[8:] {
		v := uint64(0)
		for i := range 8 {
			v |= uint64(b[i]) << (8 * i)
		}
		out = append(out, v)
	}
	return out
}

func readShard(t *testing.T, metadata, shard []byte) ([]byte, error) {
	t.Helper()
	a := openA(t, &memory{objects: map[string][]byte{"a/zarr.json": metadata, "a/c/0": shard}})
	dst := dense(a.Shape(), 1)
	err := a.Read(t.Context(), nd.Whole(a.Shape()), dst)
	return dst.Data, err
}
