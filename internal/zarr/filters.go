package zarr

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/blosc/shuffle"
	"github.com/micropq/micropq/schemas"
)

// Filters are those of numcodecs, whose decode methods say what they mean. They see a chunk
// as a flat run of elements, in the order in which they lie in its bytes.

// shuffle adds numcodecs.Shuffle: byte j of all elements after byte j-1 of all.
func (b *builder) shuffle(config json.RawMessage) error {
	var c struct {
		Size *int `json:"elementsize"`
	}
	if err := unmarshalConfig(config, &c); err != nil {
		return err
	}
	size := b.item
	if c.Size != nil {
		size = *c.Size
	}
	return b.push(step{name: "shuffle", ratio: 1, decode: func(_ *workspace, dst, src []byte, limit int) ([]byte, error) {
		if len(src) > limit {
			return nil, ErrTooLong
		}
		if size > 1 && len(src)%size != 0 {
			return nil, fmt.Errorf("%d bytes are no elements of %d", len(src), size)
		}
		dst = grow(dst, len(src))
		shuffle.Unshuffle(dst, src, size)
		return dst, nil
	}}, b.size, b.open)
}

// packBits adds numcodecs.PackBits: the number of bits of the last byte that are not used,
// then one bit a bool, the highest first.
func (b *builder) packBits(json.RawMessage) error {
	if b.open || !b.flat && b.dtype != schemas.Bool {
		return b.unsupported("codec packbits of other data than bools")
	}
	n := int(b.size)
	b.dtype = schemas.Uint8
	return b.push(step{name: "packbits", ratio: 8, decode: func(_ *workspace, dst, src []byte, _ int) ([]byte, error) {
		return unpackBits(grow(dst, n), src)
	}}, 1+(b.size+7)/8, false)
}

func unpackBits(dst, src []byte) ([]byte, error) {
	if len(src) < 1 {
		return nil, errors.New("empty")
	}
	if unused := int(src[0]); unused > 7 || 8*(len(src)-1)-unused != len(dst) {
		return nil, fmt.Errorf("%d bytes with %d unused bits are not %d elements", len(src), unused, len(dst))
	}
	i := 0
	for _, v := range src[1:] {
		for k := 7; k >= 0 && i < len(dst); k-- {
			dst[i] = v >> k & 1
			i++
		}
	}
	return dst, nil
}

// elementwise is the configuration of a filter that changes elements of one type into as
// many of another.
type elementwise struct {
	DType  string   `json:"dtype"`
	AsType string   `json:"astype"`
	Scale  *float64 `json:"scale"`
	Offset *float64 `json:"offset"`

	dtype, astype       schemas.DType
	bigDType, bigAsType bool
}

// elementwise reads the configuration of the filter of that name.
func (b *builder) elementwise(name string, config json.RawMessage) (c elementwise, err error) {
	if err = unmarshalConfig(config, &c); err != nil {
		return c, err
	}
	if c.dtype, c.bigDType, err = numpyType(c.DType); err != nil {
		return c, b.unsupported("codec %s of %v", name, err)
	}
	c.astype, c.bigAsType = c.dtype, c.bigDType
	if c.AsType != "" {
		if c.astype, c.bigAsType, err = numpyType(c.AsType); err != nil {
			return c, b.unsupported("codec %s as %v", name, err)
		}
	}
	if c.dtype == schemas.Bool || c.astype == schemas.Bool {
		return c, b.unsupported("codec %s of %s as %s", name, c.dtype, c.astype)
	}
	if b.open || b.size%int64(c.dtype.Size()) != 0 || !b.flat && b.dtype != c.dtype {
		return c, b.unsupported("codec %s of %s for %d bytes of %s", name, c.dtype, b.size, b.dtype)
	}
	b.dtype = c.astype
	return c, nil
}

// pushElements adds a filter that turns astype into dtype; decode is told the elements of
// either side, little-endian.
func (b *builder) pushElements(name string, c elementwise, decode func(dst, src []byte)) error {
	size, encoded := int64(c.dtype.Size()), int64(c.astype.Size())
	n := b.size / size
	if b.flat && c.bigDType {
		if err := b.swap(int(size)); err != nil {
			return err
		}
	}
	s := step{name: name, ratio: int(size), decode: func(_ *workspace, dst, src []byte, limit int) ([]byte, error) {
		if err := checkSize(len(src), int(n*encoded), false); err != nil {
			return nil, err
		}
		dst = grow(dst, limit)
		decode(dst, src)
		return dst, nil
	}}
	if size == encoded {
		s.decode, s.inPlace = nil, func(p []byte) ([]byte, error) {
			if err := checkSize(len(p), int(n*encoded), false); err != nil {
				return nil, err
			}
			decode(p, p)
			return p, nil
		}
	}
	if err := b.push(s, n*encoded, false); err != nil {
		return err
	}
	if b.flat && c.bigAsType {
		return b.swap(int(encoded))
	}
	return nil
}

// delta adds numcodecs.Delta: the first element, then differences between neighbours.
func (b *builder) delta(config json.RawMessage) error {
	c, err := b.elementwise("delta", config)
	if err != nil {
		return err
	}
	if c.dtype.Float() != c.astype.Float() {
		return b.unsupported("codec delta of %s as %s", c.dtype, c.astype)
	}
	decode := func(dst, src []byte) { sumInts(dst, src, c.dtype, c.astype) }
	if c.dtype.Float() {
		decode = func(dst, src []byte) { sumFloats(dst, src, c.dtype, c.astype) }
	}
	return b.pushElements("delta", c, decode)
}

// fixedScaleOffset adds numcodecs.FixedScaleOffset: (x - offset) * scale, rounded.
func (b *builder) fixedScaleOffset(config json.RawMessage) error {
	c, err := b.elementwise("fixedscaleoffset", config)
	if err != nil {
		return err
	}
	if c.Scale == nil || c.Offset == nil {
		return errors.New("fixedscaleoffset: no scale or no offset")
	}
	return b.pushElements("fixedscaleoffset", c, func(dst, src []byte) {
		unscale(dst, src, c.dtype, c.astype, *c.Scale, *c.Offset)
	})
}
