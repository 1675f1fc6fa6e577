package tiffio

import (
	"bufio"
	"io"
)

// decodePackBits decodes PackBits (TIFF 6.0, section 9) and returns how many bytes it is.
func decodePackBits(dst, src []byte) (n int, err error) {
	for len(src) > 0 {
		head := int8(src[0])
		src = src[1:]
		switch {
		case head == -128: // nothing
		case n == len(dst):
			if len(src) <= 4 { // padding
				return n, nil
			}
			return n, ErrTooLong
		case head >= 0:
			k := int(head) + 1
			if k > len(src) {
				return n, io.ErrUnexpectedEOF
			}
			if k > len(dst)-n {
				return n, ErrTooLong
			}
			n += copy(dst[n:], src[:k])
			src = src[k:]
		default:
			k := 1 - int(head)
			if len(src) == 0 {
				return n, io.ErrUnexpectedEOF
			}
			if k > len(dst)-n {
				return n, ErrTooLong
			}
			run := dst[n : n+k]
			for i := range run {
				run[i] = src[0]
			}
			n += k
			src = src[1:]
		}
	}
	return n, nil
}

// packBitsReader decodes a stream piece by piece.
type packBitsReader struct {
	src     *bufio.Reader
	literal int // bytes to come as they are
	repeat  int // bytes to come that are all value
	value   byte
}

func (r *packBitsReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case r.literal > 0:
			k, err := io.ReadFull(r.src, p[n:min(len(p), n+r.literal)])
			n, r.literal = n+k, r.literal-k
			if err != nil {
				return n, io.ErrUnexpectedEOF
			}
		case r.repeat > 0:
			k := min(r.repeat, len(p)-n)
			for i := range k {
				p[n+i] = r.value
			}
			n, r.repeat = n+k, r.repeat-k
		default:
			if err := r.head(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (r *packBitsReader) head() error {
	b, err := r.src.ReadByte()
	if err != nil {
		return err
	}
	switch head := int8(b); {
	case head == -128:
	case head >= 0:
		r.literal = int(head) + 1
	default:
		r.repeat = 1 - int(head)
		if r.value, err = r.src.ReadByte(); err != nil {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}
