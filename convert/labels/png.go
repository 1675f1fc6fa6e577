package labels

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"sync"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// A PNG begins with its signature and IHDR (PNG 3rd edition, 11.2.1), which holds the bits
// of a sample at pngDepth.
const (
	pngHead  = 33
	pngDepth = 24
)

// noPixelSize is why a PNG has none: its pHYs chunk is for print and screens.
const noPixelSize = "PNG holds no physical size of what was imaged"

// openPNG reads the header of a PNG file.
func openPNG(ctx context.Context, s store.Store, key string) (_ *picture, err error) {
	r, size, err := store.ReaderAt(ctx, s, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var head [pngHead]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("no PNG: %w", err)
	}
	// The palette, which image/png wants to see, may lie behind other chunks.
	c, err := png.DecodeConfig(bufio.NewReader(io.NewSectionReader(r, 0, size)))
	if err != nil {
		return nil, err
	}
	p := &picture{key: key, axes: "YX", shape: []int{c.Height, c.Width}, dtype: schemas.Uint8, whyNot: noPixelSize}
	channels := 1
	switch c.ColorModel {
	case color.RGBAModel, color.RGBA64Model:
		channels = 3
	case color.NRGBAModel, color.NRGBA64Model:
		channels = 4
	}
	if channels > 1 {
		p.axes, p.shape = "CYX", []int{channels, c.Height, c.Width}
	}
	depth := int(head[pngDepth])
	if depth == 16 {
		p.dtype = schemas.Uint16
	}
	p.reader = func(ctx context.Context, s store.Store) arrays.Source {
		return &pngSource{store: s, picture: p, depth: depth}
	}
	return p, nil
}

// pngSource is a PNG file as the source of an array. It is decoded whole: there is no other
// way into its one stream that image/png offers.
type pngSource struct {
	store   store.Store
	picture *picture
	depth   int // bits of a sample as it is kept
}

func (s *pngSource) Shape() []int         { return s.picture.shape }
func (s *pngSource) DType() schemas.DType { return s.picture.dtype }

func (s *pngSource) Reader(schedule []nd.Region, budget int64, onObject func(key string, off int64, encoded []byte)) (arrays.Reader, error) {
	// image/png holds its own picture, of up to 4/3 the size for RGB, beside ours.
	if n := int64(nd.Elements(s.Shape())) * int64(s.DType().Size()); n > budget*3/7 {
		return nil, fmt.Errorf("a PNG is decoded whole, and this one takes %d MiB: raise --memory to %d MiB or make it a TIFF", n>>20, (n*7/3)>>19+64)
	}
	return &pngReader{source: s, schedule: schedule, onObject: onObject}, nil
}

type pngReader struct {
	source   *pngSource
	schedule []nd.Region
	onObject func(key string, off int64, encoded []byte)

	once  sync.Once
	whole nd.View
	err   error
}

func (r *pngReader) Read(ctx context.Context, i int, dst nd.View) error {
	// Whoever comes first decodes for all: the context of every region is of one session.
	r.once.Do(func() { r.err = r.decode(ctx) })
	if r.err != nil {
		return r.err
	}
	nd.Copy(dst, r.whole.Slice(r.schedule[i]))
	return nil
}

func (r *pngReader) Close() error {
	r.whole = nd.View{}
	return nil
}

func (r *pngReader) decode(ctx context.Context) error {
	p := r.source.picture
	// What PNG cannot compress grows by its framing only.
	limit := int64(nd.Elements(p.shape))*int64(p.dtype.Size()) + 64<<20
	encoded, err := r.source.store.Get(ctx, p.key, nil, limit)
	if err != nil {
		return err
	}
	if r.onObject != nil {
		r.onObject(p.key, 0, encoded)
	}
	img, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	if hw := p.plane(); img.Bounds() != image.Rect(0, 0, hw[1], hw[0]) {
		return fmt.Errorf("it has %v pixels now, and had %d x %d: it changed while it was read", img.Bounds().Size(), hw[1], hw[0])
	}
	size := p.dtype.Size()
	data := make([]byte, nd.Elements(p.shape)*size)
	if err := unpack(data, img, p, r.source.depth); err != nil {
		return err
	}
	r.whole = nd.Dense(data, p.shape, size)
	return nil
}

// unpack writes the samples of img channel by channel, as they are kept in the file.
func unpack(data []byte, img image.Image, p *picture, depth int) error {
	var pix []byte
	var stride, samples int // of a row in bytes, of a pixel as image/png holds it
	switch m := img.(type) {
	case *image.Gray:
		pix, stride, samples = m.Pix, m.Stride, 1
	case *image.Paletted:
		pix, stride, samples, depth = m.Pix, m.Stride, 1, 8
	case *image.Gray16:
		pix, stride, samples = m.Pix, m.Stride, 1
	case *image.RGBA: // opaque: not multiplied by anything
		pix, stride, samples = m.Pix, m.Stride, 4
	case *image.NRGBA:
		pix, stride, samples = m.Pix, m.Stride, 4
	case *image.RGBA64:
		pix, stride, samples = m.Pix, m.Stride, 4
	case *image.NRGBA64:
		pix, stride, samples = m.Pix, m.Stride, 4
	default:
		return fmt.Errorf("a PNG that decodes as %T is not read", img)
	}
	hw, size := p.plane(), p.dtype.Size()
	if samples < p.channelCount() {
		return fmt.Errorf("its pixels have %d samples, its header says %d", samples, p.channelCount())
	}
	for c := range p.channelCount() {
		for y := range hw[0] {
			out, in := data[(c*hw[0]+y)*hw[1]*size:][:hw[1]*size], pix[y*stride+c*size:]
			for x := range hw[1] {
				if o := x * samples * size; size == 1 {
					out[x] = in[o]
				} else { // big-endian in PNG
					out[2*x], out[2*x+1] = in[o+1], in[o]
				}
			}
			if p.channelCount() == 1 && size == 1 {
				unscale(out, depth)
			}
		}
	}
	return nil
}

// unscale undoes what image/png does to grey samples of less than 8 bits: it spreads them
// over 0 to 255, and a label must stay what it is.
func unscale(row []byte, depth int) {
	if step := byte(255 / (1<<depth - 1)); step > 1 {
		for i := range row {
			row[i] /= step
		}
	}
}
