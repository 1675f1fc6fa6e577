package labelfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zlib"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/internal/zarr"
	"github.com/micropq/micropq/schemas"
)

// Zarr is a folder that holds one zarr array; version 2 is written, 2 and 3 are read.
type Zarr struct{}

// Name implements exchange.Format.
func (Zarr) Name() string { return "zarr" }

// Matches implements exchange.Format.
func (Zarr) Matches(name string) bool {
	return strings.HasSuffix(name, ".zarr") || strings.HasSuffix(name, ".zarr.zip")
}

// Extents of the chunks that are written: about 2 MiB of 16-bit labels.
const (
	flatChunk = 1024
	deepChunk = 32 // along Z
	wideChunk = 256
)

// zarray is the metadata of the zarr specification, version 2.
type zarray struct {
	Format     int            `json:"zarr_format"`
	Shape      []int          `json:"shape"`
	Chunks     []int          `json:"chunks"`
	DType      string         `json:"dtype"`
	Compressor map[string]any `json:"compressor"`
	Fill       int            `json:"fill_value"`
	Order      string         `json:"order"`
	Filters    []any          `json:"filters"`
}

// Write implements exchange.Format. Chunks that hold nothing are left out, as zarr allows.
func (f Zarr) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (exchange.Report, error) {
	d, err := NewDrawing(f.Name(), c, objects, o.Lossy, schemas.Uint16, schemas.Uint32, schemas.Int64)
	if err != nil {
		return exchange.Report{}, err
	}
	meta := zarray{
		Format: 2, Shape: c.Shape(), Chunks: []int{deepChunk, wideChunk, wideChunk},
		Compressor: map[string]any{"id": "zlib", "level": 1}, Order: "C",
	}
	if c.Flat() {
		meta.Chunks = []int{flatChunk, flatChunk}
	}
	for i := range meta.Chunks {
		meta.Chunks[i] = max(1, min(meta.Chunks[i], meta.Shape[i]))
	}
	if meta.DType, err = npy.Descr(d.DType); err != nil {
		return exchange.Report{}, err
	}
	text, err := json.MarshalIndent(&meta, "", "  ")
	if err != nil {
		return exchange.Report{}, err
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		return exchange.Report{}, err
	}
	attrs, err := json.Marshal(map[string]string{"axes": c.Axes, "sample": c.Sample, "array": c.Array})
	if err != nil {
		return exchange.Report{}, err
	}
	return d.Report(), errors.Join(
		os.WriteFile(filepath.Join(path, ".zarray"), text, 0o666),
		os.WriteFile(filepath.Join(path, ".zattrs"), attrs, 0o666),
		writeChunks(ctx, path, d, meta.Chunks),
	)
}

// writeChunks draws a band at a time: of an image the chunks of a row, of a volume those of
// a slab of planes, for rows are drawn in order of Z, then Y.
func writeChunks(ctx context.Context, path string, d *Drawing, chunks []int) error {
	c, size := d.Canvas, d.DType.Size()
	cz, cy, cx := 1, chunks[len(chunks)-2], chunks[len(chunks)-1]
	band := cy
	if !c.Flat() {
		cz, band = chunks[0], c.Y
	}
	slab := make([]byte, cz*band*d.RowBytes())
	view := nd.Dense(slab, []int{cz, band, c.X}, size)
	buf := make([]byte, cz*cy*cx*size)
	chunk := nd.Dense(buf, []int{cz, cy, cx}, size)
	for z := 0; z < c.Z; z += cz {
		for top := 0; top < c.Y; top += band {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			clear(slab)
			for k := range min(cz, c.Z-z) {
				for y := range min(band, c.Y-top) {
					d.Row(slab[(k*band+y)*d.RowBytes():][:d.RowBytes()], z+k, top+y)
				}
			}
			for y := 0; y < band && top+y < c.Y; y += cy {
				for x := 0; x < c.X; x += cx {
					clear(buf)
					shape := []int{cz, min(cy, band-y), min(cx, c.X-x)}
					nd.Copy(chunk.Slice(nd.Whole(shape)), view.Slice(nd.Region{Origin: []int{0, y, x}, Shape: shape}))
					at := []int{z / cz, (top + y) / cy, x / cx}
					if c.Flat() {
						at = at[1:]
					}
					if err := writeChunk(filepath.Join(path, chunkName(at)), buf); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// chunkName is the key of a chunk in version 2: its place in the grid, joined by dots.
func chunkName(at []int) string {
	parts := make([]string, len(at))
	for i, n := range at {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ".")
}

func writeChunk(path string, data []byte) error {
	if bytes.Count(data, []byte{0}) == len(data) {
		return nil
	}
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// Read implements exchange.Format.
func (Zarr) Read(ctx context.Context, path string, c *exchange.Canvas) (_ []exchange.Object, err error) {
	// An array is named by its key in a store: its folder's in the folder around it, or, in an
	// archive, that of the same name.
	path = filepath.Clean(path)
	location, key := filepath.Dir(path), filepath.Base(path)
	if archive, ok := strings.CutSuffix(path, ".zip"); ok {
		location, key = path, filepath.Base(archive)
	}
	s, err := store.Open(ctx, location, store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	a, err := zarr.OpenArray(ctx, s, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	if err := checkShape(a.Shape(), c); err != nil {
		return nil, err
	}
	var scan mask.Scanner
	if err := scanZarr(ctx, a, c, &scan); err != nil {
		return nil, fmt.Errorf("%w: %w", exchange.ErrInput, err)
	}
	return Objects(&scan), nil
}

// scanZarr reads a row of chunks at a time.
func scanZarr(ctx context.Context, a *zarr.Array, c *exchange.Canvas, s *mask.Scanner) error {
	return a.EachBand(ctx, func(at []int, y int, rows []byte) error {
		z := 0
		if !c.Flat() {
			z = at[len(at)-1] // axes before it have one element
		}
		return s.Rows(rows, a.DType(), c.X, z, y)
	})
}
