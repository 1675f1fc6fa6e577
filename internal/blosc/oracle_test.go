package blosc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

const script = "testdata/frames.py"

var pythons = []struct {
	name string
	path func(testing.TB) string
}{{"zarr3", oracle.Python}, {"zarr2", oracle.PythonZarr2}}

func TestDecodeFramesOfNumcodecs(t *testing.T) {
	if testing.Short() {
		t.Skip("decoding has no goroutines: nothing for the race detector")
	}
	const frames = 2400
	for i, p := range pythons {
		t.Run(p.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "frames")
			oracle.Run(t, p.path(t), script, "write", file, fmt.Sprint(1000*i), fmt.Sprint(frames), fmt.Sprint(500_000))
			var dst []byte
			count := eachItem(t, file, func(it item) {
				got, err := Decode(dst, it.frame, len(it.plain))
				if err != nil || !bytes.Equal(got, it.plain) {
					t.Errorf("%s: %d bytes, %v", it.label, len(got), err)
				}
				if err == nil {
					dst = got
				}
			})
			if count != frames {
				t.Errorf("compared %d frames, want %d", count, frames)
			}
		})
	}
}

func TestNumcodecsDecodesEncode(t *testing.T) {
	if testing.Short() {
		t.Skip("decoding has no goroutines: nothing for the race detector")
	}
	const frames = 600
	for _, p := range pythons {
		t.Run(p.name, func(t *testing.T) {
			codecs := []string{"lz4", "lz4hc", "zlib", "zstd"}
			if p.name == "zarr3" { // numcodecs lacks snappy, imagecodecs has it
				codecs = append(codecs, "snappy")
			}
			python := p.path(t)
			file := filepath.Join(t.TempDir(), "frames")
			if err := os.WriteFile(file, encodedItems(t, codecs, frames), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(string(oracle.Run(t, python, script, "check", file))); got != fmt.Sprint(frames) {
				t.Errorf("compared %s frames, want %d", got, frames)
			}
		})
	}
}

// encodedItems is a container of frames with random options.
func encodedItems(t *testing.T, codecs []string, count int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	var out []byte
	for i := range count {
		o := Options{
			Codec:     codecs[r.IntN(len(codecs))],
			Level:     r.IntN(10),
			Shuffle:   Filter(r.IntN(3)),
			TypeSize:  []int{1, 2, 3, 4, 8, 12, 16, 17, 1 + r.IntN(255)}[r.IntN(9)],
			BlockSize: []int{0, 0, 1, 700, 5000, 70_000}[r.IntN(6)],
		}
		plain := sample(r, 1<<r.IntN(18)+r.IntN(16)-1)
		frame, err := Encode(nil, plain, o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		out = appendItem(out, item{fmt.Sprintf("%d: %+v length %d", i, o, len(plain)), plain, frame})
	}
	return out
}

// sample is n bytes: a little-endian walk of 16-bit values, noise, or a few values.
func sample(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	kind, value := r.IntN(3), 1000
	for i := range b {
		switch kind {
		case 0:
			value += (r.IntN(7) - 3) * (1 - i%2)
			b[i] = byte(value >> (8 * (i % 2)))
		case 1:
			b[i] = byte(r.Uint32())
		case 2:
			b[i] = byte(r.IntN(4) * r.IntN(2) * r.IntN(2))
		}
	}
	return b
}
