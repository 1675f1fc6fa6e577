package fisbegen

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/micropq/micropq/internal/nd"
	"golang.org/x/sync/errgroup"
)

// metadata is a zarr v2 array's .zarray, fields in the order that zarr-python writes.
type metadata struct {
	Chunks     []int           `json:"chunks"`
	Compressor json.RawMessage `json:"compressor"`
	DType      string          `json:"dtype"`
	FillValue  int             `json:"fill_value"`
	Filters    []string        `json:"filters"`
	Order      string          `json:"order"`
	Shape      []int           `json:"shape"`
	ZarrFormat int             `json:"zarr_format"`
}

// array writes one zarr v2 array. The fill value is 0.
type array struct {
	dir        string
	shape      []int
	chunks     []int
	dtype      string
	itemSize   int
	compressor Compressor
	absent     bool
	read       func(nd.Region) []byte // the content of a region, C order
}

func (a array) writeMetadata() error {
	return writeJSON(filepath.Join(a.dir, ".zarray"), metadata{
		Chunks: a.chunks, Compressor: a.compressor.Metadata(), DType: a.dtype, Order: "C", Shape: a.shape, ZarrFormat: 2,
	})
}

// write writes metadata and all chunks, as many at a time as there are processors.
func (a array) write(ctx context.Context) error {
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return err
	}
	if err := a.writeMetadata(); err != nil {
		return err
	}
	g, running := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for at := make([]int, len(a.shape)); running.Err() == nil; {
		index := append([]int(nil), at...)
		g.Go(func() error { return a.writeChunk(index) })
		if !a.next(at) {
			break
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// next moves at to the following chunk in C order; false after the last.
func (a array) next(at []int) bool {
	for i := len(at) - 1; i >= 0; i-- {
		at[i]++
		if at[i]*a.chunks[i] < a.shape[i] {
			return true
		}
		at[i] = 0
	}
	return false
}

func (a array) writeChunk(at []int) error {
	data := a.chunk(at)
	if a.absent && isFill(data) {
		return nil
	}
	return a.store(at, data)
}

// store compresses a chunk's bytes and writes them.
func (a array) store(at []int, data []byte) error {
	packed, err := a.compressor.Encode(data, a.itemSize)
	if err != nil {
		return err
	}
	return os.WriteFile(a.path(at), packed, 0o644)
}

func (a array) path(at []int) string {
	parts := make([]string, len(at))
	for i, n := range at {
		parts[i] = strconv.Itoa(n)
	}
	return filepath.Join(a.dir, strings.Join(parts, "."))
}

// chunk is a chunk's whole content: chunks at the far faces are filled up with 0.
func (a array) chunk(at []int) []byte {
	grid := nd.Region{Origin: make([]int, len(at)), Shape: a.chunks}
	for i := range at {
		grid.Origin[i] = at[i] * a.chunks[i]
	}
	inside, _ := grid.Intersect(nd.Whole(a.shape))
	data := a.read(inside)
	if inside.Elements() == grid.Elements() {
		return data
	}
	full := make([]byte, grid.Elements()*a.itemSize)
	nd.Copy(nd.Dense(full, a.chunks, a.itemSize).Slice(inside.Sub(grid.Origin)), nd.Dense(data, inside.Shape, a.itemSize))
	return full
}

func isFill(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}

// writeGroup makes a folder a zarr v2 group.
func writeGroup(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, ".zgroup"), map[string]int{"zarr_format": 2})
}

// writeJSON indents as zarr-python 2 does.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "    ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
