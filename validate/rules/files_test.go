package rules_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target"
)

// write writes a file below a folder and returns its path.
func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// open is a location as a target.
func open(t *testing.T, location string, o target.Options) []validate.Target {
	t.Helper()
	opened, err := target.Open(t.Context(), location, o)
	if err != nil {
		t.Fatal(err)
	}
	return []validate.Target{opened}
}

// grid is an array of numbers.
type grid struct {
	shape  []int
	values []float64
}

func newGrid(shape ...int) *grid {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return &grid{shape, make([]float64, n)}
}

// drawn is an image of labels, a character a pixel: . is 0, A is 10.
func drawn(rows ...string) *grid {
	g := newGrid(len(rows), len(rows[0]))
	for y, row := range rows {
		for x, c := range row {
			switch {
			case c >= 'A':
				g.values[y*len(row)+x] = float64(c-'A') + 10
			case c != '.':
				g.values[y*len(row)+x] = float64(c - '0')
			}
		}
	}
	return g
}

// box fills a box of the last two axes, in plane 0.
func (g *grid) box(v float64, y0, x0, y1, x1 int) *grid {
	w := g.shape[len(g.shape)-1]
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			g.values[y*w+x] = v
		}
	}
	return g
}

// squares are instances of a number of pixels, each in a cell of its own, in n rows of n.
func squares(n, cell int, area func(i int) int) *grid {
	g := newGrid(n*cell, n*cell)
	for i := range n * n {
		y, x := i/n*cell, i%n*cell
		for k := range area(i) {
			g.values[(y+1+k/(cell-2))*n*cell+x+1+k%(cell-2)] = float64(i + 1)
		}
	}
	return g
}

// bytes are the elements, little-endian.
func (g *grid) bytes(d schemas.DType) (data []byte) {
	le := binary.LittleEndian
	for _, v := range g.values {
		switch d {
		case schemas.Float32:
			data = le.AppendUint32(data, math.Float32bits(float32(v)))
		default:
			data = append(data, le.AppendUint64(nil, uint64(int64(v)))[:d.Size()]...)
		}
	}
	return data
}

// npy writes the grid as .npy.
func (g *grid) npy(t *testing.T, dir, name string, d schemas.DType) string {
	t.Helper()
	header, err := npy.Header(d, g.shape)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, name, append(header, g.bytes(d)...))
}

// zarr writes the grid as a zarr array of version 2, one chunk.
func (g *grid) zarr(t *testing.T, dir, name string, d schemas.DType) {
	t.Helper()
	descr, err := npy.Descr(d)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := json.Marshal(map[string]any{"zarr_format": 2, "shape": g.shape, "chunks": g.shape, "dtype": descr,
		"compressor": nil, "filters": nil, "fill_value": 0, "order": "C"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, name+"/.zarray", meta)
	write(t, dir, name+"/"+strings.TrimSuffix(strings.Repeat("0.", len(g.shape)), "."), g.bytes(d))
}

// tiff writes a grid of uint8 as a TIFF of one uncompressed strip, with a description and a resolution in pixels
// per centimetre, 0 for none.
func (g *grid) tiff(t *testing.T, dir, name, description string, resolution uint32) string {
	t.Helper()
	return write(t, dir, name, tiff(g.shape[0], g.shape[1], g.bytes(schemas.Uint8), 1, description, resolution))
}

// tiff is a TIFF of uint8 with one strip (TIFF 6.0, section 2).
func tiff(height, width int, strip []byte, compression uint16, description string, resolution uint32) []byte {
	le := binary.LittleEndian
	text := append([]byte(description), 0)
	rational := le.AppendUint32(le.AppendUint32(nil, resolution), 1)
	var entries, values []byte
	type field struct {
		tag, kind uint16
		count     int
		value     uint32
	}
	const shorts, longs, ascii, rationals = 3, 4, 2, 5
	n := uint32(10)
	if resolution > 0 {
		n += 3
	}
	valuesAt := 8 + 2 + 12*n + 4
	textAt, rationalAt := valuesAt, valuesAt+uint32(len(text))
	stripAt := rationalAt + uint32(len(rational))
	values = append(append(values, text...), rational...)
	fields := []field{
		{256, longs, 1, uint32(width)}, {257, longs, 1, uint32(height)}, {258, shorts, 1, 8}, {259, shorts, 1, uint32(compression)},
		{262, shorts, 1, 1}, {270, ascii, len(text), textAt}, {273, longs, 1, stripAt}, {277, shorts, 1, 1},
		{278, longs, 1, uint32(height)}, {279, longs, 1, uint32(len(strip))},
	}
	if len(text) <= 4 { // a short text stands in the entry itself
		var short [4]byte
		copy(short[:], text)
		fields[5].value = le.Uint32(short[:])
	}
	if resolution > 0 {
		fields = append(fields, field{282, rationals, 1, rationalAt}, field{283, rationals, 1, rationalAt}, field{296, shorts, 1, 3})
	}
	for _, f := range fields {
		entries = le.AppendUint16(le.AppendUint16(entries, f.tag), f.kind)
		entries = le.AppendUint32(le.AppendUint32(entries, uint32(f.count)), f.value)
	}
	out := le.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(len(fields)))
	return append(append(append(append(out, entries...), 0, 0, 0, 0), values...), strip...)
}

// zeros are n bytes of 0 as one zstd frame.
func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for ; n > 0; n -= len(block) {
		if _, err := w.Write(block[:min(n, len(block))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ome is a description of an image of one channel whose plane says which channel it is of.
func ome(height, width, theC int) string {
	return fmt.Sprintf(`<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" `+
		`DimensionOrder="XYCZT" SizeC="1" SizeT="1" SizeX="%d" SizeY="%d" SizeZ="1" Type="uint8"><TiffData/><Plane TheC="%d" TheT="0" TheZ="0"/></Pixels></Image></OME>`, width, height, theC)
}
