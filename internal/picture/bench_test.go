package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// noisy is an image that compresses about as well as a micrograph.
func noisy(side int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, side, side))
	state := uint32(1)
	for y := range side {
		for x := range side {
			state = state*1664525 + 1013904223
			n := uint8(state>>24) / 16
			m.SetNRGBA(x, y, color.NRGBA{uint8(x/2+y/3) + n, uint8(x-y) + n, uint8(y) + n, 255})
		}
	}
	return m
}

func encodedPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	m := noisy(512)
	for name, data := range map[string][]byte{"png": encodedPNG(b, m), "jpeg": encodedJPEG(b, m)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(512 * 512 * 3)
			for b.Loop() {
				if _, err := Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("image/png", func(b *testing.B) {
		data := encodedPNG(b, m)
		b.SetBytes(512 * 512 * 3)
		for b.Loop() {
			if _, err := png.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	p, err := Decode(encodedPNG(b, noisy(512)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(p.Data)))
	for b.Loop() {
		p.Hash()
	}
}
