package mask_test

import (
	"testing"

	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

// cropped is a mask moved to the corner of an image of its own size, and the bytes of that image.
type cropped struct {
	mask   mask.Mask
	h, w   int
	pixels []byte
	code   string
}

// fibres are the masks of a real section, each cropped to its bounding box.
func fibres(b *testing.B) (all []cropped) {
	im, err := labelimage.Open(b.Context(), oracle.Sample(b, "nclsm/S60_groundtruth.tiff"))
	if err != nil {
		b.Fatal(err)
	}
	defer im.Close()
	var s mask.Scanner
	if err := im.Scan(b.Context(), &s, nil); err != nil {
		b.Fatal(err)
	}
	for _, m := range s.Instances() {
		box := m.BBox()
		c := cropped{mask: m.Shift(0, -box.Y0, -box.X0), h: int(box.Y1 - box.Y0), w: int(box.X1 - box.X0)}
		c.pixels = make([]byte, c.h*c.w)
		mask.Paint(c.pixels, c.mask.BBox(), c.mask, 1)
		c.code = mask.CompressCounts(c.mask.COCO(c.h, c.w))
		all = append(all, c)
	}
	b.ResetTimer()
	return all
}

// BenchmarkEncode makes compressed COCO RLE of all masks of a section: of runs, and of the
// pixels of an image.
func BenchmarkEncode(b *testing.B) {
	b.Run("runs", func(b *testing.B) {
		all := fibres(b)
		for b.Loop() {
			for _, c := range all {
				mask.CompressCounts(c.mask.COCO(c.h, c.w))
			}
		}
	})
	b.Run("pixels", func(b *testing.B) {
		all := fibres(b)
		for b.Loop() {
			for _, c := range all {
				var s mask.Scanner
				if err := s.Rows(c.pixels, schemas.Bool, c.w, 0, 0); err != nil {
					b.Fatal(err)
				}
				for _, m := range s.Instances() {
					mask.CompressCounts(m.COCO(c.h, c.w))
				}
			}
		}
	})
}

// BenchmarkDecode reads compressed COCO RLE of all masks of a section: to runs, and to the
// pixels of an image.
func BenchmarkDecode(b *testing.B) {
	decode := func(b *testing.B, c cropped) mask.Mask {
		counts, err := mask.ExpandCounts(c.code)
		if err != nil {
			b.Fatal(err)
		}
		m, err := mask.FromCOCO(counts, c.h, c.w)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	b.Run("runs", func(b *testing.B) {
		all := fibres(b)
		for b.Loop() {
			for _, c := range all {
				decode(b, c)
			}
		}
	})
	b.Run("pixels", func(b *testing.B) {
		all := fibres(b)
		for b.Loop() {
			for _, c := range all {
				m := decode(b, c)
				pixels := make([]byte, c.h*c.w)
				mask.Paint(pixels, schemas.BBox{Z1: 1, Y1: int32(c.h), X1: int32(c.w)}, m, 1)
			}
		}
	})
}
