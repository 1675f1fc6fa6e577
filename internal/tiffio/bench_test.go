package tiffio

import (
	"testing"

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
