package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/image/tiff"
)

// Pixels are the decoded pixels of an image.
type Pixels struct {
	Width, Height int
	Layout        string // L, LA, RGB, RGBA or CMYK, with ";16" for two bytes a sample
	Samples       int    // of a pixel
	Wide          bool   // two bytes a sample, little-endian
	Data          []byte // Height rows of Width pixels
}

// layouts by the number of samples.
var layouts = [...]string{1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

func newPixels(w, h, samples int, wide bool) *Pixels {
	p := &Pixels{Width: w, Height: h, Layout: layouts[samples], Samples: samples, Wide: wide}
	size := w * h * samples
	if wide {
		p.Layout += ";16"
		size *= 2
	}
	p.Data = make([]byte, size)
	return p
}

// Digest is the pixel digest that the package comment defines.
func (p *Pixels) Digest() uint64 {
	h := xxhash.New()
	head := append([]byte(p.Layout), 0)
	head = binary.LittleEndian.AppendUint32(head, uint32(p.Width))
	head = binary.LittleEndian.AppendUint32(head, uint32(p.Height))
	_, _ = h.Write(head)
	_, _ = h.Write(p.Data)
	return h.Sum64()
}

// Decode decodes an image of at most [MaxPixels].
func Decode(b []byte) (p *Pixels, err error) {
	info, err := Probe(b)
	if err != nil {
		return nil, err
	}
	if info.Width > MaxPixels/info.Height {
		return nil, fmt.Errorf("%w: %d by %d pixels, at most %d are decoded", ErrDamaged, info.Width, info.Height, MaxPixels)
	}
	defer func() {
		if v := recover(); v != nil { // the TIFF library has panicked over bad input before
			p, err = nil, damaged("%s: %v", info.Format, v)
		}
	}()
	switch info.Format {
	case PNG:
		return decodePNG(b, info)
	case JPEG:
		return decodeWith(jpeg.Decode, b, info)
	}
	return decodeWith(tiff.Decode, b, info)
}

func decodeWith[R any](decode func(R) (image.Image, error), b []byte, info Info) (*Pixels, error) {
	img, err := decode(any(bytes.NewReader(b)).(R))
	var t tiff.UnsupportedError
	var j jpeg.UnsupportedError
	var p png.UnsupportedError
	if errors.As(err, &t) || errors.As(err, &j) || errors.As(err, &p) {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnsupported, info.Format, err)
	}
	if err != nil {
		return nil, damaged("%s: %w", info.Format, err)
	}
	return fromImage(img, info)
}

// slowPNG decodes what decodePNG does not know: interlaced and packed images.
func slowPNG(b []byte, info Info) (*Pixels, error) { return decodeWith(png.Decode, b, info) }

// fromImage lays out the pixels of an image of the standard library.
func fromImage(img image.Image, info Info) (*Pixels, error) {
	r := img.Bounds()
	w, h := r.Dx(), r.Dy()
	grey := info.Mode == "LA"
	switch m := img.(type) {
	case *image.Gray:
		return rows(newPixels(w, h, 1, false), m.Pix, m.Stride, copyRow), nil
	case *image.Gray16:
		return rows(newPixels(w, h, 1, true), m.Pix, m.Stride, swapRow), nil
	case *image.YCbCr:
		return fromYCbCr(m), nil
	case *image.CMYK:
		p := rows(newPixels(w, h, 4, false), m.Pix, m.Stride, copyRow)
		p.Layout = "CMYK"
		return p, nil
	case *image.RGBA: // without alpha, by the decoders here
		return rows(newPixels(w, h, 3, false), m.Pix, m.Stride, dropRow(4, 3)), nil
	case *image.NRGBA:
		if grey {
			return rows(newPixels(w, h, 2, false), m.Pix, m.Stride, greyRow(1)), nil
		}
		return rows(newPixels(w, h, 4, false), m.Pix, m.Stride, copyRow), nil
	case *image.RGBA64:
		return rows(newPixels(w, h, 3, true), m.Pix, m.Stride, func(dst, src []byte) { dropRow(8, 6)(dst, src); swapRow(dst, dst) }), nil
	case *image.NRGBA64:
		if grey {
			return rows(newPixels(w, h, 2, true), m.Pix, m.Stride, func(dst, src []byte) { greyRow(2)(dst, src); swapRow(dst, dst) }), nil
		}
		return rows(newPixels(w, h, 4, true), m.Pix, m.Stride, swapRow), nil
	case *image.Paletted:
		return fromPaletted(m), nil
	}
	return nil, damaged("%s: decoded to %T", info.Format, img)
}

// rows fills p row by row.
func rows(p *Pixels, pix []byte, stride int, row func(dst, src []byte)) *Pixels {
	n := len(p.Data) / p.Height
	for y := range p.Height {
		row(p.Data[y*n:][:n], pix[y*stride:])
	}
	return p
}

func copyRow(dst, src []byte) { copy(dst, src) }

// swapRow makes little-endian samples of the big-endian ones of package image.
func swapRow(dst, src []byte) {
	for i := 0; i+1 < len(dst); i += 2 {
		dst[i], dst[i+1] = src[i+1], src[i]
	}
}

// dropRow keeps the first bytes of every pixel.
func dropRow(have, keep int) func(dst, src []byte) {
	return func(dst, src []byte) {
		for i, j := 0, 0; i < len(dst); i, j = i+keep, j+have {
			copy(dst[i:i+keep], src[j:])
		}
	}
}

// greyRow keeps one colour and alpha of pixels with four samples of so many bytes.
func greyRow(bytes int) func(dst, src []byte) {
	return func(dst, src []byte) {
		for i, j := 0, 0; i < len(dst); i, j = i+2*bytes, j+4*bytes {
			copy(dst[i:i+bytes], src[j:])
			copy(dst[i+bytes:i+2*bytes], src[j+3*bytes:])
		}
	}
}

func fromYCbCr(m *image.YCbCr) *Pixels {
	p := newPixels(m.Rect.Dx(), m.Rect.Dy(), 3, false)
	shift := 0 // of a pixel's place in a row to that of its colour
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		shift = 1
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		shift = 2
	}
	for y := range p.Height { // decoders give images that begin at 0, 0
		luma := m.Y[m.YOffset(0, y):][:p.Width]
		c := m.COffset(0, y)
		cb, cr := m.Cb[c:], m.Cr[c:]
		row := p.Data[3*y*p.Width:][:3*p.Width]
		for x, v := range luma {
			d := row[3*x : 3*x+3 : 3*x+3]
			d[0], d[1], d[2] = color.YCbCrToRGB(v, cb[x>>shift], cr[x>>shift])
		}
	}
	return p
}

func fromPaletted(m *image.Paletted) *Pixels {
	samples := 3
	colours := make([][4]byte, len(m.Palette))
	for i, c := range m.Palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		colours[i] = [4]byte{n.R, n.G, n.B, n.A}
		if n.A != 255 {
			samples = 4
		}
	}
	return rows(newPixels(m.Rect.Dx(), m.Rect.Dy(), samples, false), m.Pix, m.Stride, func(dst, src []byte) {
		for i := 0; i < len(dst); i += samples {
			c := colours[src[i/samples]]
			copy(dst[i:i+samples], c[:])
		}
	})
}
