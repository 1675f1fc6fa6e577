package labels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
)

// pngStore holds a picture as a.png.
func pngStore(t *testing.T, img image.Image) store.Store {
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
	return s
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
			s := pngStore(t, tt.img)
			p, err := openHeader(t.Context(), s, "a.png")
			if err != nil {
				t.Fatal(err)
			}
			r, err := p.source(t.Context(), s).Reader([]nd.Region{nd.Whole(p.shape)}, 1<<20, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := make([]byte, nd.Elements(p.shape)*p.dtype.Size())
			if err := r.Read(t.Context(), 0, nd.Dense(got, p.shape, p.dtype.Size())); err != nil {
				t.Fatal(err)
			}
			if p.axes != tt.axes || !bytes.Equal(got, tt.want) {
				t.Errorf("axes %s, elements %v, want %s and %v", p.axes, got, tt.axes, tt.want)
			}
		})
	}
}

// Whatever the order of regions and however little memory there is, they read as the whole does.
func TestPNGRegions(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	img := image.NewNRGBA(image.Rect(0, 0, 700, 900))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.IntN(256)) & byte(i>>8)
	}
	s := pngStore(t, img)
	h, err := openHeader(t.Context(), s, "a.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, budget := range []int64{0, 1 << 20, 1 << 30} {
		var schedule []nd.Region
		for y := 0; y < 900; y += 190 {
			for x := 0; x < 700; x += 300 {
				schedule = append(schedule, nd.Region{Origin: []int{0, y, x}, Shape: []int{4, min(190, 900-y), min(300, 700-x)}})
			}
		}
		rng.Shuffle(len(schedule), func(i, j int) { schedule[i], schedule[j] = schedule[j], schedule[i] })
		sums := map[int64]uint64{}
		r, err := h.source(t.Context(), s).Reader(schedule, budget, func(_ string, off int64, encoded []byte) {
			sum := xxhash.Sum64(encoded)
			if was, again := sums[off]; again && was != sum {
				t.Errorf("the bytes at %d were told of in other pieces before", off)
			}
			sums[off] = sum
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, region := range schedule {
			got := make([]byte, region.Elements())
			if err := r.Read(t.Context(), i, nd.Dense(got, region.Shape, 1)); err != nil {
				t.Fatal(err)
			}
			for k, v := range got {
				x, y, c := k%region.Shape[2], k/region.Shape[2]%region.Shape[1], k/region.Shape[2]/region.Shape[1]
				if want := img.Pix[img.PixOffset(region.Origin[2]+x, region.Origin[1]+y)+c]; v != want {
					t.Fatalf("budget %d, region %v: element %d is %d, want %d", budget, region, k, v, want)
				}
			}
		}
		if held := r.(*pngReader).held; held != 0 {
			t.Errorf("budget %d: %d bytes are held when all is read", budget, held)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
