// Package cellpose exchanges annotations as the *_seg.npy files of cellpose: a pickled
// dictionary in a .npy file, of which masks is a label image.
//
// Written are the members that cellpose itself wants: masks, outlines, ismanual, flows
// (none), est_diam, chan_choose and filename. A mask that overlaps another, and an id past 32
// bits, are refused as in other label images.
package cellpose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/annotate/exchange/labelfile"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/pickle"
	"github.com/micropq/micropq/schemas"
)

// Format implements exchange.Format.
type Format struct{}

// Name implements exchange.Format.
func (Format) Name() string { return "cellpose" }

// Matches implements exchange.Format.
func (Format) Matches(name string) bool { return strings.HasSuffix(name, "_seg.npy") }

// Write implements exchange.Format.
func (f Format) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (r exchange.Report, err error) {
	d, err := labelfile.NewDrawing(f.Name(), c, objects, o.Lossy, schemas.Uint16, schemas.Uint32)
	if err != nil {
		return r, err
	}
	descr, err := npy.Descr(d.DType)
	if err != nil {
		return r, err
	}
	return d.Report(), exchange.Create(path, func(w io.Writer) error {
		if _, err := w.Write(npy.ObjectHeader()); err != nil {
			return err
		}
		p := pickle.NewWriter(w)
		s := &segmentation{ctx: ctx, w: w, p: p, d: d, descr: descr}
		p.Array("|O", nil, func() { p.List(func() { s.dict(objects) }) })
		return p.End()
	})
}

// segmentation writes the dictionary.
type segmentation struct {
	ctx   context.Context
	w     io.Writer
	p     *pickle.Writer
	d     *labelfile.Drawing
	descr string
}

func (s *segmentation) dict(objects []exchange.Object) {
	p := s.p
	p.Dict(func() {
		p.Text("masks")
		s.image(s.rows)
		p.Text("outlines")
		s.image(s.outlines)
		p.Text("ismanual")
		p.Array("|b1", []int{s.d.Objects}, func() {
			p.Bytes(s.d.Objects)
			s.write(bytes.Repeat([]byte{1}, s.d.Objects))
		})
		p.Text("flows")
		p.List(func() {
			for range 4 {
				p.List(func() {})
			}
			p.List(func() { p.List(func() {}) })
		})
		p.Text("est_diam")
		p.Float(medianDiameter(objects))
		p.Text("chan_choose")
		p.List(func() { p.Int(0); p.Int(0) })
		p.Text("filename")
		p.Text(s.d.Canvas.Sample)
	})
}

// medianDiameter is the median of the diameters of circles of the objects' areas.
func medianDiameter(objects []exchange.Object) float64 {
	if len(objects) == 0 {
		return 0
	}
	areas := make([]int64, len(objects))
	for i := range objects {
		areas[i] = objects[i].Mask.Area()
	}
	slices.Sort(areas)
	return 2 * math.Sqrt(float64(areas[len(areas)/2])/math.Pi)
}

func (s *segmentation) write(b []byte) {
	if s.p.Err == nil {
		_, s.p.Err = s.w.Write(b)
	}
}

// image writes an array of the canvas's shape.
func (s *segmentation) image(elements func()) {
	c := s.d.Canvas
	s.p.Array(s.descr, c.Shape(), func() {
		s.p.Bytes(s.d.RowBytes() * c.Y * c.Z)
		s.d.Rewind()
		elements()
	})
}

func (s *segmentation) rows() {
	row := make([]byte, s.d.RowBytes())
	for z := range s.d.Canvas.Z {
		for y := range s.d.Canvas.Y {
			if s.cancelled() {
				return
			}
			s.d.Row(row, z, y)
			s.write(row)
		}
	}
}

func (s *segmentation) cancelled() bool {
	if s.p.Err == nil && s.ctx.Err() != nil {
		s.p.Err = context.Cause(s.ctx)
	}
	return s.p.Err != nil
}

// outlines writes the elements of masks that have a neighbour in their plane, by an edge, of
// another value, or lie at the edge of the image; others are 0.
func (s *segmentation) outlines() {
	c, n := s.d.Canvas, s.d.RowBytes()
	above, here, below, out := make([]byte, n), make([]byte, n), make([]byte, n), make([]byte, n)
	for z := range c.Z {
		clear(here)
		for y := range c.Y {
			if s.cancelled() {
				return
			}
			if y == 0 {
				s.d.Row(below, z, 0)
			}
			above, here, below = here, below, above
			if y+1 < c.Y {
				s.d.Row(below, z, y+1)
			} else {
				clear(below)
			}
			s.outlineRow(out, above, here, below)
			s.write(out)
		}
	}
}

func (s *segmentation) outlineRow(out, above, here, below []byte) {
	size := s.d.DType.Size()
	clear(out)
	for i := 0; i < len(here); i += size {
		v := here[i : i+size]
		inside := i > 0 && i+size < len(here) && bytes.Equal(v, here[i-size:i]) && bytes.Equal(v, here[i+size:i+2*size]) &&
			bytes.Equal(v, above[i:i+size]) && bytes.Equal(v, below[i:i+size])
		if !inside {
			copy(out[i:], v)
		}
	}
}

// Read implements exchange.Format.
func (Format) Read(ctx context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	data, err := exchange.ReadLimited(path)
	if err != nil {
		return nil, err
	}
	return Parse(ctx, data, c)
}

// Parse reads the masks of a file.
func Parse(ctx context.Context, data []byte, c *exchange.Canvas) ([]exchange.Object, error) {
	a, err := masksOf(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	l, err := a.Layout()
	if err != nil {
		return nil, fmt.Errorf("%w: masks: %w", exchange.ErrInput, err)
	}
	var s mask.Scanner
	if err := labelfile.ScanLayout(ctx, bytes.NewReader(a.Data), l, c, &s); err != nil {
		return nil, fmt.Errorf("%w: masks: %w", exchange.ErrInput, err)
	}
	return labelfile.Objects(&s), nil
}

// masksOf finds the member masks of the dictionary.
func masksOf(data []byte) (*pickle.Array, error) {
	object, err := npy.Object(data)
	if err != nil {
		return nil, err
	}
	v, err := pickle.Read(object)
	if err != nil {
		return nil, err
	}
	a, ok := v.(*pickle.Array)
	if !ok || len(a.Objects) != 1 {
		return nil, errors.New("the file holds something else than one dictionary")
	}
	d, ok := a.Objects[0].(*pickle.Dict)
	if !ok {
		return nil, errors.New("the file holds something else than a dictionary")
	}
	masks, ok := d.Items["masks"].(*pickle.Array)
	if !ok || masks.DType == nil {
		return nil, errors.New("the dictionary has no masks")
	}
	return masks, nil
}
