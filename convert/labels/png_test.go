package labels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// readPNG encodes a picture and reads it back through a source.
func readPNG(t *testing.T, img image.Image, budget int64) (*picture, []byte, error) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.png"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p, err := openPicture(t.Context(), s, "a.png")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	r, err := p.source(t.Context(), s).Reader([]nd.Region{nd.Whole(p.shape)}, budget, func(key string, off int64, encoded []byte) {
		seen += len(encoded)
	})
	if err != nil {
		return p, nil, err
	}
	defer r.Close()
	data := make([]byte, nd.Elements(p.shape)*p.dtype.Size())
	if err := r.Read(t.Context(), 0, nd.Dense(data, p.shape, p.dtype.Size())); err != nil {
		t.Fatal(err)
	}
	if seen != b.Len() {
		t.Errorf("%d bytes were told of, the file has %d", seen, b.Len())
	}
	return p, data, nil
}

func TestPNG(t *testing.T) {
	rect := image.Rect(0, 0, 3, 2)
	grey16 := image.NewGray16(rect)
	rgb := image.NewRGBA(rect)
	rgba := image.NewNRGBA(rect)
	palette := image.NewPaletted(rect, color.Palette{color.Black, color.White, color.Black, color.Gray{7}})
	for i := range 6 {
		x, y := i%3, i/3
		grey16.SetGray16(x, y, color.Gray16{Y: uint16(1000 * i)})
		rgb.SetRGBA(x, y, color.RGBA{uint8(i), uint8(10 * i), uint8(100 + i), 255})
		rgba.SetNRGBA(x, y, color.NRGBA{uint8(i), uint8(10 * i), uint8(100 + i), uint8(50 * i)})
		palette.SetColorIndex(x, y, uint8(i%4))
	}
	var wide []byte
	for i := range 6 {
		wide = binary.LittleEndian.AppendUint16(wide, uint16(1000*i))
	}
	planes := []byte{0, 1, 2, 3, 4, 5, 0, 10, 20, 30, 40, 50, 100, 101, 102, 103, 104, 105}
	tests := []struct {
		name string
		img  image.Image
		axes string
		want []byte
	}{
		{"grey, 16 bits", grey16, "YX", wide},
		{"red, green, blue", rgb, "CYX", planes},
		// The colour of what is wholly transparent survives too.
		{"with alpha", rgba, "CYX", append(slices.Clone(planes), 0, 50, 100, 150, 200, 250)},
		{"indices of a palette", palette, "YX", []byte{0, 1, 2, 3, 0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, got, err := readPNG(t, tt.img, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if p.axes != tt.axes || !bytes.Equal(got, tt.want) {
				t.Errorf("axes %s, elements %v, want %s and %v", p.axes, got, tt.axes, tt.want)
			}
		})
	}
}

// image/png spreads grey samples of few bits; labels come back as they were.
func TestUnscale(t *testing.T) {
	for _, tt := range []struct {
		depth int
		step  byte
	}{{1, 255}, {2, 85}, {4, 17}, {8, 1}} {
		row := []byte{0, tt.step, 255}
		unscale(row, tt.depth)
		if want := []byte{0, 1, byte(1<<tt.depth - 1)}; !bytes.Equal(row, want) {
			t.Errorf("%d bits: %v, want %v", tt.depth, row, want)
		}
	}
}

func TestPNGTooLargeForTheMemory(t *testing.T) {
	_, _, err := readPNG(t, image.NewGray(image.Rect(0, 0, 1000, 1000)), 1<<20)
	if err == nil || !strings.Contains(err.Error(), "--memory") {
		t.Errorf("got %v", err)
	}
}
