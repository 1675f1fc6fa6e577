package tiffio

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// jpegWhole decodes a JPEG segment to interleaved samples (TIFF Technical Note 2). The tables
// that the segments of a page share are put before each.
func jpegWhole(p *Page, dst, src []byte) (int, error) {
	c, err := jpeg.DecodeConfig(p.jpegStream(src))
	if err != nil {
		return 0, jpegError(err)
	}
	row := p.packedRow()
	switch {
	case c.Width != p.segW:
		return 0, corrupt("a JPEG stream of %d columns, %d are wanted", c.Width, p.segW)
	case c.Height > p.segH || c.Height*row > len(dst):
		return 0, ErrTooLong
	}
	img, err := jpeg.Decode(p.jpegStream(src))
	if err != nil {
		return 0, jpegError(err)
	}
	return c.Height * row, p.fromImage(dst, img)
}

func (p *Page) jpegStream(src []byte) io.Reader {
	if n := len(p.tables); n > 4 && len(src) > 2 {
		return io.MultiReader(bytes.NewReader(p.tables[:n-2]), bytes.NewReader(src[2:]))
	}
	return bytes.NewReader(src)
}

// jpegError tells what this reader lacks from what is broken.
func jpegError(err error) error {
	if u := jpeg.UnsupportedError(""); errors.As(err, &u) {
		return unsupported("JPEG with %s", string(u))
	}
	return err
}

// jpegReadable says why a JPEG page cannot be read.
func (p *Page) jpegReadable() error {
	switch {
	case p.Bits != 8 || p.format != formatUint:
		return unsupported("JPEG with samples of %d bits and format %d (%s)", p.Bits, p.format, formatNames[uint64(p.format)])
	case p.spp != 1 && p.spp != 3:
		return unsupported("JPEG with %d samples a pixel", p.spp)
	case p.Photometric == YCbCr && p.spp != 3:
		return unsupported("JPEG in YCbCr with planes apart")
	}
	return nil
}

// fromImage interleaves the components of an image, as RGB where they are YCbCr.
func (p *Page) fromImage(dst []byte, img image.Image) error {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	switch img := img.(type) {
	case *image.Gray:
		if p.spp != 1 {
			return corrupt("a JPEG stream of one component, %d are wanted", p.spp)
		}
		for y := range h {
			copy(dst[y*w:][:w], img.Pix[y*img.Stride:])
		}
		return nil
	case *image.YCbCr:
		if p.spp == 3 {
			return p.fromYCbCr(dst, img)
		}
	case *image.RGBA: // three components that the stream itself calls RGB
		if p.spp == 3 {
			for y := range h {
				for x := range w {
					copy(dst[(y*w+x)*3:][:3], img.Pix[y*img.Stride+4*x:])
				}
				if p.Photometric == YCbCr {
					toRGB(dst[y*w*3:][:w*3])
				}
			}
			return nil
		}
	}
	return corrupt("a JPEG stream of %T, %d samples are wanted", img, p.spp)
}

// fromYCbCr interleaves three components, the second and third enlarged where they are
// subsampled.
func (p *Page) fromYCbCr(dst []byte, img *image.YCbCr) error {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	hs, vs, err := ratio(img.SubsampleRatio)
	if err != nil {
		return err
	}
	cw, ch := ceilDiv(w, hs), ceilDiv(h, vs)
	up := upsampler{w: cw, h: ch, stride: img.CStride, hs: hs, vs: vs}
	cb, cr := make([]byte, cw*hs), make([]byte, cw*hs)
	for y := range h {
		up.row(cb, img.Cb, y)
		up.row(cr, img.Cr, y)
		out := dst[y*w*3:][:w*3]
		for x, v := range img.Y[y*img.YStride:][:w] {
			out[3*x], out[3*x+1], out[3*x+2] = v, cb[x], cr[x]
		}
		if p.Photometric == YCbCr {
			toRGB(out)
		}
	}
	return nil
}

func ratio(r image.YCbCrSubsampleRatio) (h, v int, err error) {
	switch r {
	case image.YCbCrSubsampleRatio444:
		return 1, 1, nil
	case image.YCbCrSubsampleRatio422:
		return 2, 1, nil
	case image.YCbCrSubsampleRatio420:
		return 2, 2, nil
	case image.YCbCrSubsampleRatio440:
		return 1, 2, nil
	case image.YCbCrSubsampleRatio411:
		return 4, 1, nil
	case image.YCbCrSubsampleRatio410:
		return 4, 2, nil
	}
	return 0, 0, fmt.Errorf("JPEG with chroma subsampled as %v", r)
}

// upsampler enlarges a component with the triangle filter that libjpeg uses (its
// "fancy upsampling"): each new sample is 3/4 of the nearer and 1/4 of the further one, along
// each axis. Ratios of 4 repeat samples.
type upsampler struct {
	w, h, stride, hs, vs int
	sums                 []int
}

// row makes row y of the enlarged component.
func (u *upsampler) row(dst, plane []byte, y int) {
	near := plane[min(y/u.vs, u.h-1)*u.stride:][:u.w]
	if u.hs == 1 && u.vs == 1 {
		copy(dst, near)
		return
	}
	if u.hs == 4 {
		for x := range dst {
			dst[x] = near[x/4]
		}
		return
	}
	far, upper := near, y%2 == 0
	if u.vs == 2 {
		k := y/2 + 1
		if upper {
			k = y/2 - 1
		}
		far = plane[max(0, min(k, u.h-1))*u.stride:][:u.w]
	}
	if u.hs == 1 {
		bias := 2
		if upper {
			bias = 1
		}
		for x := range dst {
			dst[x] = byte((3*int(near[x]) + int(far[x]) + bias) >> 2)
		}
		return
	}
	u.wide(dst, near, far)
}

// wide doubles a row: of one row's samples, or of two rows' where they are mixed 3 to 1.
func (u *upsampler) wide(dst, near, far []byte) {
	if cap(u.sums) < u.w {
		u.sums = make([]int, u.w)
	}
	s := u.sums[:u.w]
	// The rounding is libjpeg's: down on the left and up on the right of a sample.
	shift, left, right := 2, 1, 2
	for x := range s {
		s[x] = int(near[x])
	}
	if u.vs == 2 {
		shift, left, right = 4, 8, 7
		for x := range s {
			s[x] = 3*int(near[x]) + int(far[x])
		}
	}
	n := u.w - 1
	for x, v := range s {
		before, after := s[max(x-1, 0)], s[min(x+1, n)]
		dst[2*x] = byte((3*v + before + left) >> shift)
		dst[2*x+1] = byte((3*v + after + right) >> shift)
	}
}

// toRGB converts interleaved YCbCr of full range (JFIF 1.02) in place, in the fixed-point
// arithmetic of libjpeg.
func toRGB(row []byte) {
	const half = 1 << 15
	for i := 0; i+3 <= len(row); i += 3 {
		y, cb, cr := int(row[i]), int(row[i+1])-128, int(row[i+2])-128
		row[i] = clamp(y + (91881*cr+half)>>16)
		row[i+1] = clamp(y + (-22554*cb-46802*cr+half)>>16)
		row[i+2] = clamp(y + (116130*cb+half)>>16)
	}
}

func clamp(v int) byte { return byte(max(0, min(v, 255))) }
