// Package picture says what encoded images are: their format, size and mode from the
// header alone, and a digest and a perceptual hash of their pixels. PNG, JPEG and TIFF are
// known.
//
// The words it uses:
//
//   - The mode is what Pillow calls it: 1, L, LA, P, RGB, RGBA, CMYK, I;16, I or F.
//   - The layout is how decoded pixels lie in memory: L, LA, RGB, RGBA or CMYK with a byte a
//     sample, or the same with ";16" behind for two, little-endian. Rows from the top, pixels
//     from the left, samples interleaved, no padding, alpha not multiplied in. Modes 1 and P
//     are unpacked to L, and to RGB or RGBA where the palette has alpha; I;16 is L;16.
//   - The pixel digest is the xxh64, seed 0, of the layout's name, a zero byte, width and
//     height as little-endian uint32, and the pixels. Images of a lossless format have the
//     same digest exactly when they have the same pixels; for JPEG the pixels are those of
//     Go's image/jpeg.
//   - The perceptual hash is [Pixels.Hash]: images that look alike differ in few bits of it.
package picture

import (
	"errors"
	"fmt"
)

// Formats.
const (
	PNG  = "PNG"
	JPEG = "JPEG"
	TIFF = "TIFF"
)

// ErrFormat is bytes that are no image of a known format.
var ErrFormat = errors.New("not a PNG, JPEG or TIFF image")

// ErrDamaged is an image whose bytes do not decode.
var ErrDamaged = errors.New("damaged image")

// ErrUnsupported is an image that may well be good but that is not decoded here, such as a
// TIFF with 32 bits a sample. Its header was read.
var ErrUnsupported = errors.New("images of this kind are not decoded")

// Info is what the header of an image says.
type Info struct {
	Format        string // PNG, JPEG or TIFF
	Width, Height int    // in pixels
	Mode          string // as Pillow calls it
	Channels      int    // samples of a pixel
	Bits          int    // of a sample
}

// MaxPixels is the most that is decoded of an image: 2048 times a megapixel would be a
// bomb, the largest images of the data sets have 4 megapixels.
const MaxPixels = 1 << 27

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// Probe reads the header of an image.
func Probe(b []byte) (Info, error) {
	var info Info
	var err error
	switch {
	case hasPrefix(b, pngMagic):
		info, err = probePNG(b)
	case hasPrefix(b, "\xff\xd8\xff"):
		info, err = probeJPEG(b)
	case hasPrefix(b, "II*\x00"), hasPrefix(b, "MM\x00*"):
		info, err = probeTIFF(b)
	default:
		return info, ErrFormat
	}
	if err != nil {
		return info, err
	}
	if info.Width < 1 || info.Height < 1 {
		return info, damaged("%d by %d pixels", info.Width, info.Height)
	}
	return info, nil
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
