// Package datasettest writes small data sets for tests, whole or with damage planted. What it says of the elements it
// finds by plain loops of its own, so that it is a second opinion of what validation recomputes.
package datasettest

import (
	"cmp"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

// Set is a data set as rows, which a test changes before it writes them.
type Set struct {
	Manifest  schemas.Manifest
	Samples   []schemas.Sample
	Chunks    []schemas.Chunk // sorted when written, unless Unsorted is set
	Instances []schemas.Instance
	Questions []schemas.Question
	Unsorted  bool
	// RowGroup is the bytes of a row group, 4096 where it is 0.
	RowGroup int64
	// Added are the columns of samples behind those released, and Values what each sample has there.
	Added  []schemas.Column
	Values [][]any
}

// Array is an array of two axes, Y and X, or three, Z, Y and X.
type Array struct {
	Name, Role string
	DType      schemas.DType // uint8 or uint16
	Shape      []int
	Chunk      int // extent along each axis
	Levels     int
	Values     []uint16
}

// Pattern is an array of intensities of a shape.
func Pattern(name string, seed, levels int, shape ...int) Array {
	n := 1
	for _, s := range shape {
		n *= s
	}
	a := Array{Name: name, Role: schemas.RoleImage, DType: schemas.Uint8, Shape: shape, Chunk: 16, Levels: levels, Values: make([]uint16, n)}
	for i := range a.Values {
		a.Values[i] = uint16(i*i*7+seed*31+i/3) % 251
	}
	return a
}

// Labels is a plane of labels in which each box (y0, x0, y1, x1) has the label of its place in the list, from 1.
func Labels(name string, levels, h, w int, boxes ...[4]int) Array {
	a := Array{Name: name, Role: schemas.RoleLabels, DType: schemas.Uint16, Shape: []int{h, w}, Chunk: 16, Levels: levels, Values: make([]uint16, h*w)}
	for i, b := range boxes {
		a.Fill(b, uint16(i+1))
	}
	return a
}

// Fill sets the elements of a box (y0, x0, y1, x1).
func (a *Array) Fill(b [4]int, v uint16) {
	for y := b[0]; y < b[2]; y++ {
		for x := b[1]; x < b[3]; x++ {
			a.Values[y*a.Shape[1]+x] = v
		}
	}
}

// New is a data set without samples that lacks nothing.
func New(name string) *Set {
	return &Set{Manifest: schemas.Manifest{
		Name: name, Source: schemas.Source{Name: name, Title: "A test", Licence: "CC-BY-4.0", Citation: "Nobody, 2026"}, Options: map[string]any{},
	}}
}

func ptr[T any](v T) *T { return &v }

// Add adds a sample with arrays; their labels get rows in instances where rows is set and their names do not
// begin with mask_.
func (s *Set) Add(t testing.TB, id, split string, rows bool, arrays ...Array) {
	t.Helper()
	sample := schemas.Sample{
		SampleID: id, Split: split, Dataset: &s.Manifest.Source.Name, Licence: ptr("CC-BY-4.0"), Source: id + ".tiff",
		PixelSizeUM: []float64{0.5, 0.5}, Subset: ptr("completely"),
	}
	for i := range arrays {
		a := &arrays[i]
		d := schemas.Array{Name: a.Name, Role: a.Role, Axes: "ZYX"[3-len(a.Shape):], DType: string(a.DType), Levels: int32(a.Levels)}
		for _, n := range a.Shape {
			d.Shape, d.Chunk = append(d.Shape, int64(n)), append(d.Chunk, int64(a.Chunk))
		}
		if len(a.Shape) == 3 {
			sample.PixelSizeUM = []float64{1, 0.5, 0.5}
		}
		sample.Arrays = append(sample.Arrays, d)
		s.Chunks = append(s.Chunks, a.chunks(t, id)...)
		if rows && a.Role == schemas.RoleLabels && (len(a.Name) < 5 || a.Name[:5] != "mask_") {
			s.Instances = append(s.Instances, a.instances(id)...)
		}
	}
	s.Samples = append(s.Samples, sample)
}

// extents are three extents, along Z, Y and X.
func (a *Array) extents() [3]int {
	if len(a.Shape) == 2 {
		return [3]int{1, a.Shape[0], a.Shape[1]}
	}
	return [3]int(a.Shape)
}

// level is the elements of a level, by definition.
func (a *Array) level(n int) (values []uint16, shape [3]int) {
	full, f := a.extents(), 1<<n
	fz := f
	if len(a.Shape) == 2 {
		fz = 1
	}
	shape = [3]int{(full[0] + fz - 1) / fz, (full[1] + f - 1) / f, (full[2] + f - 1) / f}
	for z := range shape[0] {
		for y := range shape[1] {
			for x := range shape[2] {
				sum, count, votes := 0, 0, map[uint16]int{}
				for k := z * fz; k < min((z+1)*fz, full[0]); k++ {
					for j := y * f; j < min((y+1)*f, full[1]); j++ {
						for i := x * f; i < min((x+1)*f, full[2]); i++ {
							v := a.Values[(k*full[1]+j)*full[2]+i]
							sum, count = sum+int(v), count+1
							votes[v]++
						}
					}
				}
				best := uint16(math.Floor(float64(sum)/float64(count) + 0.5))
				if a.Role == schemas.RoleLabels {
					best = 0
					delete(votes, 0)
					for v, n := range votes {
						if n > votes[best] || n == votes[best] && v < best {
							best = v
						}
					}
				}
				values = append(values, best)
			}
		}
	}
	return values, shape
}

// chunks are the rows of all chunks.
func (a *Array) chunks(t testing.TB, sample string) (rows []schemas.Chunk) {
	t.Helper()
	for n := range a.Levels {
		values, shape := a.level(n)
		c := a.Chunk
		cz := min(c, shape[0])
		for z := 0; z < shape[0]; z += cz {
			for y := 0; y < shape[1]; y += c {
				for x := 0; x < shape[2]; x += c {
					size := [3]int{min(cz, shape[0]-z), min(c, shape[1]-y), min(c, shape[2]-x)}
					var part []uint16
					for k := range size[0] {
						for j := range size[1] {
							at := ((z+k)*shape[1]+y+j)*shape[2] + x
							part = append(part, values[at:at+size[2]]...)
						}
					}
					r := a.Row(t, part)
					r.SampleID, r.Array, r.Level = sample, a.Name, int32(n)
					r.Z, r.Y, r.X = int32(z), int32(y), int32(x)
					r.SizeT, r.SizeC, r.SizeZ, r.SizeY, r.SizeX = 1, 1, int32(size[0]), int32(size[1]), int32(size[2])
					rows = append(rows, r)
				}
			}
		}
	}
	return rows
}

// Row is the row of a chunk of the elements, without its place.
func (a *Array) Row(t testing.TB, part []uint16) schemas.Chunk {
	t.Helper()
	r := schemas.Chunk{DType: string(a.DType), Encoding: string(chunkcodec.ShuffleZstd)}
	var data []byte
	seen := map[uint16]bool{}
	lo, hi := part[0], part[0]
	for _, v := range part {
		if a.DType == schemas.Uint8 {
			data = append(data, byte(v))
		} else {
			data = binary.LittleEndian.AppendUint16(data, v)
		}
		if lo, hi = min(lo, v), max(hi, v); v != 0 {
			r.Foreground++
			seen[v] = true
		}
	}
	if a.Role == schemas.RoleLabels {
		r.IDs = []int64{}
		for v := range seen {
			r.IDs = append(r.IDs, int64(v))
		}
		slices.Sort(r.IDs)
	}
	r.Min, r.Max, r.Digest = ptr(float64(lo)), ptr(float64(hi)), xxhash.Sum64(data)
	if r.Foreground == 0 {
		return r
	}
	enc, err := chunkcodec.NewEncoder(chunkcodec.ShuffleZstd, 0)
	if err == nil {
		r.Data, err = enc.Encode(nil, data, a.DType.Size())
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// instances are the rows of the labels of an array.
func (a *Array) instances(sample string) (rows []schemas.Instance) {
	e := a.extents()
	masks := map[uint16][]mask.Run{}
	for i, v := range a.Values {
		if v != 0 {
			masks[v] = append(masks[v], mask.Run{Z: int32(i / (e[1] * e[2])), Y: int32(i / e[2] % e[1]), X: int32(i % e[2]), N: 1})
		}
	}
	order := mask.COrder
	if len(a.Shape) == 2 {
		order = mask.ColumnMajor
	}
	for v := range masks {
		m := mask.Of(masks[v])
		b := m.BBox()
		rows = append(rows, schemas.Instance{
			SampleID: sample, Array: a.Name, InstanceID: int64(v), Label: ptr(int64(v)), BBox: &b, Area: ptr(m.Area()),
			Centroid: ptr(m.Centroid()), RLE: m.Counts(b, order),
		})
	}
	slices.SortFunc(rows, func(a, b schemas.Instance) int { return cmp.Compare(a.InstanceID, b.InstanceID) })
	return rows
}

// Write writes the data set into a folder: a shard of each table and split.
func (s *Set) Write(t testing.TB, dir string) {
	t.Helper()
	splitOf, splits := map[string]string{}, []string{}
	for _, v := range s.Samples {
		splitOf[v.SampleID] = v.Split
		if !slices.Contains(splits, v.Split) {
			splits = append(splits, v.Split)
		}
	}
	if !s.Unsorted {
		slices.SortStableFunc(s.Chunks, func(a, b schemas.Chunk) int {
			return cmp.Or(cmp.Compare(a.SampleID, b.SampleID), cmp.Compare(a.Array, b.Array), cmp.Compare(a.Level, b.Level),
				cmp.Compare(a.Z, b.Z), cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X))
		})
	}
	in := func(split string) func(string) bool {
		// What belongs to no sample lies in the first split.
		return func(id string) bool { return cmp.Or(splitOf[id], splits[0]) == split }
	}
	m := s.Manifest
	m.Splits, m.Shards = splits, nil
	for _, split := range splits {
		samples := make([]any, 0)
		values := [][]any{}
		for i := range s.Samples {
			if s.Samples[i].Split == split {
				samples = append(samples, &s.Samples[i])
				if len(s.Added) > 0 {
					values = append(values, s.Values[i])
				}
			}
		}
		wide, err := schemas.Samples.With(s.Added...)
		if err != nil {
			t.Fatal(err)
		}
		m.Shards = append(m.Shards, writeShard(t, dir, wide, split, s.RowGroup, samples, values))
		for _, part := range []struct {
			table *schemas.Table
			rows  []any
		}{
			{schemas.Chunks, pick(s.Chunks, func(r *schemas.Chunk) bool { return in(split)(r.SampleID) })},
			{schemas.Instances, pick(s.Instances, func(r *schemas.Instance) bool { return in(split)(r.SampleID) })},
			{schemas.Questions, pick(s.Questions, func(r *schemas.Question) bool { return in(split)(r.SampleID) })},
		} {
			if len(part.rows) > 0 {
				m.Shards = append(m.Shards, writeShard(t, dir, part.table, split, s.RowGroup, part.rows, nil))
			}
		}
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, schemas.ManifestName), data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func pick[T any](rows []T, keep func(*T) bool) (out []any) {
	for i := range rows {
		if keep(&rows[i]) {
			out = append(out, &rows[i])
		}
	}
	return out
}

// writeShard writes the only shard of a table and split, and returns what a manifest says of it.
func writeShard(t testing.TB, dir string, table *schemas.Table, split string, group int64, rows []any, added [][]any) schemas.Shard {
	t.Helper()
	meta, err := table.FileMetadata()
	if err != nil {
		t.Fatal(err)
	}
	path := schemas.ShardPath(table.Name, split, 0, 1)
	file := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	w, err := shardfile.Create(file, table.Parquet(), shardfile.Options{Metadata: meta, PayloadColumns: table.Payload(), RowGroupBytes: cmp.Or(group, 4096)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		var extra []any
		if len(added) > 0 {
			extra = added[i]
		}
		row, err := table.Row(nil, rows[i], extra...)
		if err == nil {
			err = w.Write(row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return schemas.Shard{Path: path, Table: table.Name, Split: split, Rows: r.Rows, Bytes: r.Bytes, SHA256: r.SHA256}
}
