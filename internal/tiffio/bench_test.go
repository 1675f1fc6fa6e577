package tiffio

import (
	"bytes"
	"io"
	"testing"

	"github.com/micropq/micropq/internal/inflate"
	"github.com/micropq/micropq/internal/oracle"
)

var benchSamples = map[string]string{"deflate": "nclsm/S60_groundtruth.tiff", "lzw": "nclsm/S60_second_annotation.tiff"}

// BenchmarkBands reads the real masks band by band, opening the file each time.
func BenchmarkBands(b *testing.B) {
	for name, sample := range benchSamples {
		b.Run(name, func(b *testing.B) {
			path := oracle.Sample(b, sample)
			for b.Loop() {
				a := must(openFile(b, path).pages[0].Array())
				b.SetBytes(a.pages[0].Decoded)
				for _, err := range a.Bands(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkWhole reads the real masks to one piece of memory.
func BenchmarkWhole(b *testing.B) {
	for name, sample := range benchSamples {
		b.Run(name, func(b *testing.B) {
			path := oracle.Sample(b, sample)
			for b.Loop() {
				a := must(openFile(b, path).pages[0].Array())
				b.SetBytes(a.pages[0].Decoded)
				if _, err := a.ReadAll(b.Context(), 1<<30); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStrip decodes the Deflate strip of a real mask alone, piece by piece into a band:
// what a library for Deflate does, without a file and without turning samples around.
func BenchmarkStrip(b *testing.B) {
	path := oracle.Sample(b, benchSamples["deflate"])
	p := openFile(b, path).pages[0]
	packed := make([]byte, p.size[0])
	if err := readFull(p.file.r, packed, int64(p.offsets[0])); err != nil {
		b.Fatal(err)
	}
	band := make([]byte, usual.band)
	b.SetBytes(p.Decoded)
	for b.Loop() {
		r := inflate.NewZlibReader(bytes.NewReader(packed))
		n := int64(0)
		for {
			k, err := io.ReadFull(r, band)
			if n += int64(k); err == io.EOF || err == io.ErrUnexpectedEOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if n != p.Decoded {
			b.Fatalf("%d bytes of %d", n, p.Decoded)
		}
	}
}
