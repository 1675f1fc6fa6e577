package blosc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/malformed")

const malformedLimit = 1 << 20

// TestMalformed checks that every frame of testdata/malformed is found corrupt, for the
// reason in errors.txt.
func TestMalformed(t *testing.T) {
	dir := filepath.Join("testdata", "malformed")
	if *update {
		writeMalformed(t, dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.blosc"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var got strings.Builder
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode(nil, frame, malformedLimit)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v is no ErrCorrupt", file, err)
		}
		fmt.Fprintf(&got, "%s: %v\n", filepath.Base(file), err)
	}
	golden := filepath.Join(dir, "errors.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func writeMalformed(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	frames := malformed(t)
	for _, name := range slices.Sorted(maps.Keys(frames)) {
		if err := os.WriteFile(filepath.Join(dir, name+".blosc"), frames[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// malformed is what testdata/malformed is made of: frames with one thing wrong each. The
// base has four lz4 blocks of two streams, the last one not split.
func malformed(t *testing.T) map[string][]byte {
	t.Helper()
	base := malformedBase(t, "lz4")
	starts := func(i int) int { return int(binary.LittleEndian.Uint32(base[headerLen+4*i:])) }
	first := starts(0)
	frames := map[string][]byte{
		"empty-file":             {},
		"short-header":           base[:15],
		"header-only":            base[:16],
		"truncated":              base[:len(base)-1],
		"truncated-resized":      resized(base[:len(base)-1]),
		"followed-by-bytes":      append(bytes.Clone(base), 0),
		"gap-at-end":             resized(append(bytes.Clone(base), 0)),
		"frame-size-negative":    with32(base, 12, math.MaxUint32),
		"decoded-size-negative":  with32(base, 4, math.MaxUint32),
		"decoded-size-unpayable": with32(with32(base, 4, malformedLimit), 8, 128),
		"decoded-size-larger":    with32(base, 4, 4000),
		"block-size-zero":        with32(base, 8, 0),
		"block-size-negative":    with32(base, 8, 1<<31),
		"block-size-too-large":   with32(base, 8, 3501),
		"block-size-tiny":        with32(base, 8, 1),
		"block-size-odd":         with32(with32(base, 4, 4*999), 8, 999),
		"type-size-zero":         with8(base, 3, 0),
		"start-in-header":        with32(base, 16, 0),
		"start-in-table":         with32(base, 16, uint32(first)-4),
		"start-negative":         with32(base, 16, math.MaxUint32),
		"start-past-end":         with32(base, 20, uint32(len(base)+1)),
		"start-at-end":           with32(base, 20, uint32(len(base))),
		"starts-equal":           with32(base, 20, uint32(first)),
		"starts-off-by-one":      with32(base, 20, uint32(starts(1)+1)),
		"stream-size-negative":   with32(base, first, 1<<31),
		"stream-size-past-end":   with32(base, first, uint32(len(base))),
		"stream-size-zero":       with32(base, first, 0),
		"stored-too-short":       with8(base, 2, base[2]|flagStored),
	}
	for name, stream := range map[string][]byte{
		"match-overlong":  {0, 'a', 7 << 5, 255, 255, 255, 0, 0, 'b'},
		"match-too-far":   {0, 'a', 1 << 5, 1, 0, 'b'},
		"match-cut-short": {0, 'a', 7 << 5, 255, 255},
		"literal-overrun": {31, 'a', 'b'},
		"too-few-bytes":   {1, 'a', 'b'},
	} {
		frames["blosclz-"+name] = oneStream(codecBloscLZ, 200, stream)
	}
	for _, name := range []string{"lz4", "snappy", "zlib", "zstd"} {
		addMalformedStreams(t, frames, name)
	}
	return frames
}

// addMalformedStreams adds frames of one block whose only stream is damaged.
func addMalformedStreams(t *testing.T, frames map[string][]byte, name string) {
	t.Helper()
	id, compress, err := newCompressor(name, 5)
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("voxel "), 50)
	stream, err := compress(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(stream)
	flipped[len(flipped)-1] ^= 0xff
	frames[name+"-garbage"] = oneStream(id, len(plain), bytes.Repeat([]byte{0xff}, 40))
	frames[name+"-truncated"] = oneStream(id, len(plain), stream[:len(stream)-1])
	frames[name+"-followed-by-bytes"] = oneStream(id, len(plain), append(bytes.Clone(stream), 1, 2, 3))
	frames[name+"-decodes-to-less"] = oneStream(id, len(plain)+1, stream)
	frames[name+"-decodes-to-more"] = oneStream(id, len(plain)-1, stream)
	if name == "zlib" {
		frames[name+"-checksum"] = oneStream(id, len(plain), flipped)
	}
}

// malformedBase is a frame of 3500 bytes in blocks of 1000.
func malformedBase(t testing.TB, codec string) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	plain := make([]byte, 3500)
	for i := range plain {
		plain[i] = byte(i/2%50) * byte(i%2) * byte(1+r.IntN(2))
	}
	frame, err := Encode(nil, plain, Options{Codec: codec, Level: 5, Shuffle: ByteShuffle, TypeSize: 2, BlockSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// oneStream is a frame of n bytes in one block of single bytes with the given stream.
func oneStream(c codec, n int, stream []byte) []byte {
	frame := make([]byte, headerLen, headerLen+8+len(stream))
	frame[0], frame[1], frame[2], frame[3] = formatVersion, codecVersion, byte(c)<<codecShift|flagNotSplit, 1
	binary.LittleEndian.PutUint32(frame[4:], uint32(n))
	binary.LittleEndian.PutUint32(frame[8:], uint32(n))
	frame = binary.LittleEndian.AppendUint32(frame, headerLen+4)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(stream)))
	return resized(append(frame, stream...))
}

// resized is a copy of frame whose header states its size.
func resized(frame []byte) []byte { return with32(frame, 12, uint32(len(frame))) }

func with32(frame []byte, at int, v uint32) []byte {
	frame = bytes.Clone(frame)
	binary.LittleEndian.PutUint32(frame[at:], v)
	return frame
}

func with8(frame []byte, at int, v byte) []byte {
	frame = bytes.Clone(frame)
	frame[at] = v
	return frame
}
