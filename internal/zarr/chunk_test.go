package zarr

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/nd"
)

// sampleChunk is an array of one chunk that zarr-python wrote (testdata/write_chunks.py).
type sampleChunk struct {
	Name           string
	Metadata       json.RawMessage
	Chunk, Decoded []byte
}

func sampleChunks(t testing.TB) (out []sampleChunk) {
	t.Helper()
	readJSON(t, "testdata/chunks.json", &out)
	return out
}

// read reads the array with other bytes in the place of its chunk.
func (c sampleChunk) read(t testing.TB, chunk []byte) ([]byte, error) {
	t.Helper()
	m := &memory{objects: map[string][]byte{"a/zarr.json": c.Metadata, "a/c/0/0": chunk}}
	a := openA(t, m)
	dst := dense(a.Shape(), a.DType().Size())
	err := a.Read(t.Context(), nd.Whole(a.Shape()), dst)
	return dst.Data, err
}

// checked are the codecs that notice any change of their bytes that would change the result.
var checked = []string{"crc32c", "crc32c-start", "gzip", "zlib", "zstd-checksum", "bz2", "shuffle", "delta", "fixedscaleoffset", "packbits", "sharding"}

// A damaged chunk is an error, or equal; nothing panics.
func TestDamagedChunks(t *testing.T) {
	for _, c := range sampleChunks(t) {
		t.Run(c.Name, func(t *testing.T) {
			got, err := c.read(t, c.Chunk)
			if err != nil || !bytes.Equal(got, c.Decoded) {
				t.Fatalf("whole: %v", err)
			}
			var chunk *ChunkError
			for n := range c.Chunk {
				if _, err := c.read(t, c.Chunk[:n]); !errors.As(err, &chunk) {
					t.Fatalf("cut to %d of %d: %v", n, len(c.Chunk), err)
				}
			}
			if _, err := c.read(t, append(slices.Clone(c.Chunk), "trailing"...)); c.Name != "nested" && !errors.As(err, &chunk) {
				t.Errorf("bytes behind its end: %v", err)
			}
			bad := slices.Clone(c.Chunk)
			for bit := range 8 * len(bad) {
				bad[bit/8] ^= 1 << (bit % 8)
				got, err := c.read(t, bad)
				if err == nil && !bytes.Equal(got, c.Decoded) && slices.Contains(checked, c.Name) {
					t.Errorf("bit %d flipped and not found", bit)
				}
				if err != nil && !errors.As(err, &chunk) {
					t.Errorf("bit %d flipped: %v is no ChunkError", bit, err)
				}
				bad[bit/8] ^= 1 << (bit % 8)
			}
		})
	}
}

// Decoding a chunk allocates nothing once the workspace is warm. The bzip2 decoder of the
// standard library cannot be used again.
func TestDecodeAllocatesNothing(t *testing.T) {
	for _, c := range sampleChunks(t) {
		if c.Name == "bz2" || strings.HasPrefix(c.Name, "blosc-zlib") || strings.Contains(c.Name, "shard") || c.Name == "nested" {
			continue
		}
		a := openA(t, &memory{objects: map[string][]byte{"a/zarr.json": c.Metadata}})
		w := new(workspace)
		var dst []byte
		n := testing.AllocsPerRun(100, func() {
			w.encoded = append(w.encoded[:0], c.Chunk...)
			data, err := a.chunk.chain.decode(w, dst, w.encoded)
			if err != nil {
				t.Fatal(err)
			}
			if a.chunk.chain.last >= 0 {
				dst = data
			}
		})
		if n > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", c.Name, n)
		}
	}
}

// A chunk that claims far more than its object can hold is refused before memory is taken
// for it.
func TestBombs(t *testing.T) {
	var zeros bytes.Buffer
	w := gzip.NewWriter(&zeros)
	w.Write(make([]byte, 1<<20))
	w.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zstdZeros := enc.EncodeAll(make([]byte, 1<<20), nil)
	lz4Claim := binary.LittleEndian.AppendUint32(nil, 1<<30)
	for name, c := range map[string]struct {
		codec string
		chunk []byte
	}{
		"raw":  {`null`, make([]byte, 100)},
		"gzip": {`{"id": "gzip"}`, zeros.Bytes()},
		"zlib": {`{"id": "zlib"}`, make([]byte, 100)},
		"zstd": {`{"id": "zstd"}`, zstdZeros},
		"lz4":  {`{"id": "lz4"}`, append(lz4Claim, make([]byte, 100)...)},
		"bz2":  {`{"id": "bz2"}`, make([]byte, 10)},
	} {
		m := &memory{objects: map[string][]byte{"a/0": c.chunk, "a/.zarray": changed(`{"zarr_format": 2, "shape": [100], "chunks": [1073741824],
			"dtype": "|u1", "order": "C", "fill_value": 0, "compressor": C}`, "C}", c.codec+"}")}}
		r, err := openA(t, m).NewReader(ReaderOptions{Schedule: []nd.Region{nd.Whole([]int{100})}})
		if err != nil {
			t.Fatal(err)
		}
		took := bytesTaken(func() { err = r.Read(t.Context(), 0, dense([]int{100}, 1)) })
		if !errors.Is(err, ErrTruncated) || !errors.Is(err, ErrCorrupt) || took > 64<<20 {
			t.Errorf("%s: %v, %d bytes taken", name, err, took)
		}
	}
}

// A chunk that decodes to more than its shape is refused without decoding all of it.
func TestTooLong(t *testing.T) {
	long := make([]byte, 100<<20)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(long)
	w.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	sw, err := zstd.NewWriter(&stream)
	if err != nil {
		t.Fatal(err)
	}
	sw.Write(long)
	sw.Close()
	small := enc.EncodeAll(make([]byte, 1000), nil)
	for name, c := range map[string]struct {
		codec string
		chunk []byte
	}{
		"gzip":        {"gzip", packed.Bytes()[:60000]},
		"zstd":        {"zstd", enc.EncodeAll(long, nil)},
		"zstd-stream": {"zstd", stream.Bytes()},
		"zstd-two":    {"zstd", append(slices.Clone(small), small...)},
	} {
		m := &memory{objects: map[string][]byte{"a/0": c.chunk, "a/.zarray": changed(`{"zarr_format": 2, "shape": [1000], "chunks": [1000],
			"dtype": "|u1", "order": "C", "fill_value": 0, "compressor": {"id": "C"}}`, `"C"}`, `"`+c.codec+`"}`)}}
		took := bytesTaken(func() { err = openA(t, m).Read(t.Context(), nd.Whole([]int{1000}), dense([]int{1000}, 1)) })
		if !errors.Is(err, ErrTooLong) || took > 16<<20 {
			t.Errorf("%s: %v, %d bytes taken", name, err, took)
		}
	}
	// Frames that together are right are one chunk.
	two := append(enc.EncodeAll(make([]byte, 500), nil), enc.EncodeAll(make([]byte, 500), nil)...)
	if out, err := unzstd(nil, two, 1000); err != nil || len(out) != 1000 {
		t.Errorf("two frames: %d bytes, %v", len(out), err)
	}
}

// bytesTaken is how much memory f allocates.
func bytesTaken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestSwapBytes(t *testing.T) {
	for _, size := range []int{1, 2, 4, 8} {
		for n := range 40 {
			b := make([]byte, n*size)
			for i := range b {
				b[i] = byte(i*7 + i>>8)
			}
			want := slices.Clone(b)
			for i := 0; i < len(b); i += size {
				slices.Reverse(want[i : i+size])
			}
			if swapBytes(b, size); !bytes.Equal(b, want) {
				t.Fatalf("%d elements of %d: %x, want %x", n, size, b, want)
			}
		}
	}
}
