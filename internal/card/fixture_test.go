package card

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/schemas"
)

// addedColumns are columns such as converters add: nested, repeated, named badly.
var addedColumns = []schemas.Column{
	{Name: "magnification", Type: schemas.TypeFloat32, Nullable: true},
	{Name: "acquired", Type: schemas.TypeDate, Nullable: true, Doc: "day of the acquisition"},
	{Name: "µm per pixel/ü", Type: schemas.TypeFloat64, Nullable: true},
	{Name: "label", Type: schemas.TypeInt64, Nullable: true, Classes: []string{"monocyte", "platelet"}},
	{Name: "matrix", Type: schemas.TypeList, Nullable: true,
		Elem: &schemas.Column{Type: schemas.TypeList, Elem: &schemas.Column{Type: schemas.TypeFloat64}}},
	{Name: "captions", Type: schemas.TypeStruct, Nullable: true, Fields: []schemas.Column{
		{Name: "modality_0", Type: schemas.TypeStruct, Nullable: true, Fields: []schemas.Column{
			{Name: "name", Type: schemas.TypeString, Nullable: true},
			{Name: "options", Type: schemas.TypeList, Nullable: true, Elem: &schemas.Column{Type: schemas.TypeString}},
		}},
		{Name: "parent", Type: schemas.TypeString, Nullable: true},
		{Name: "a b", Type: schemas.TypeInt32, Nullable: true},
	}},
}

var fixtureSource = schemas.Source{
	Name:     "fisbe",
	Title:    "FISBe: FlyLight \"Instance Segmentation\" Benchmark",
	Licence:  "CC-BY-4.0",
	Citation: "L. Mais, P. Hirsch and others. FISBe. CVPR 2024.",
	DOI:      "10.5281/zenodo.10875063",
	URL:      "https://arxiv.org/abs/2404.00130",
}

// fixture writes a data set of every table into dir: splits of one and of two shards, a
// shard without rows, and samples with and without added values.
func fixture(t *testing.T, dir string) Dataset {
	t.Helper()
	samples, err := schemas.Samples.With(addedColumns...)
	if err != nil {
		t.Fatal(err)
	}
	d := Dataset{
		Manifest:    &schemas.Manifest{Name: "fisbe", Source: fixtureSource, Splits: []string{"val", "train"}},
		Tables:      []*schemas.Table{samples, schemas.Chunks, schemas.Instances, schemas.Questions},
		Description: "Confocal volumes of fly brains, as chunked Parquet.",
		Tags:        []string{"microscopy", "biology: 3-D"},
	}
	none := make([]any, len(addedColumns))
	write := func(table *schemas.Table, split string, i, n int, rows ...parquet.Row) {
		d.Manifest.Shards = append(d.Manifest.Shards, writeShard(t, dir, table, split, i, n, rows))
	}
	// Not in the order of names, which the cards must not depend on.
	write(schemas.Chunks, "train", 1, 2, row(t, schemas.Chunks, chunk(t, "a", 4)))
	write(schemas.Chunks, "train", 0, 2, row(t, schemas.Chunks, nullChunk("a", 0)), row(t, schemas.Chunks, chunk(t, "a", 2)))
	write(schemas.Chunks, "val", 0, 1, row(t, schemas.Chunks, chunk(t, "b", 0)))
	write(samples, "val", 0, 1, row(t, samples, sample(t, "b", "val", false), none...))
	write(samples, "train", 0, 1, row(t, samples, sample(t, "a", "train", true), addedValues()...))
	write(schemas.Questions, "val", 0, 1)
	write(schemas.Questions, "train", 0, 1, row(t, schemas.Questions, schemas.Question{
		SampleID: "a", QuestionID: "q0", Kind: "question", Options: []string{"yes", "no"}, AnswerIndex: ptr(int32(1)),
	}))
	write(schemas.Instances, "train", 0, 1,
		row(t, schemas.Instances, schemas.Instance{SampleID: "a", Array: "gt", InstanceID: 1, RLE: []int64{1, 2, 1},
			BBox: &schemas.BBox{Z1: 1, Y1: 2, X1: 2}, Area: ptr(int64(2)), Centroid: &schemas.Point{Y: 0.5, X: 0.5}}),
		row(t, schemas.Instances, schemas.Instance{SampleID: "a", Array: "gt", InstanceID: 2}))
	return d
}

func addedValues() []any {
	return []any{
		float32(40), int32(17000), 0.44, int64(1), []any{[]any{1.0, 2.0}, []any{}},
		map[string]any{
			"modality_0": map[string]any{"name": "light", "options": []any{"light", "electron"}},
			"parent":     "x", "a b": int32(7),
		},
	}
}

func sample(t *testing.T, id, split string, preview bool) schemas.Sample {
	s := schemas.Sample{
		SampleID: id, Dataset: new("fisbe"), Split: split, Source: id + ".zarr", Shape: []int64{3, 4, 5, 6},
		Arrays: []schemas.Array{
			{Name: "raw", Role: schemas.RoleImage, Axes: "CZYX", Shape: []int64{3, 4, 5, 6}, Chunk: []int64{3, 4, 4, 4}, DType: "uint16", Levels: 1},
			{Name: "gt", Role: schemas.RoleLabels, Axes: "ZYX", Shape: []int64{4, 5, 6}, Chunk: []int64{4, 4, 4}, DType: "uint16", Levels: 1},
		},
	}
	if preview {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 7, 5))); err != nil {
			t.Fatal(err)
		}
		s.Preview = &schemas.Image{Bytes: b.Bytes()}
	}
	return s
}

func nullChunk(id string, x int32) schemas.Chunk {
	return schemas.Chunk{SampleID: id, Array: "raw", X: x, SizeT: 1, SizeC: 1, SizeZ: 1, SizeY: 2, SizeX: 3,
		DType: "uint16", Encoding: "shuffle+zstd"}
}

// chunk has the elements 1000, 1001, ... 1005.
func chunk(t *testing.T, id string, x int32) schemas.Chunk {
	c := nullChunk(id, x)
	var low, high []byte
	for i := range uint16(6) {
		v := binary.LittleEndian.AppendUint16(nil, 1000+i)
		low, high = append(low, v[0]), append(high, v[1])
	}
	enc, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true)) // the content size in every frame
	if err != nil {
		t.Fatal(err)
	}
	c.Data = enc.EncodeAll(append(low, high...), nil)
	return c
}

func row(t *testing.T, table *schemas.Table, v any, added ...any) parquet.Row {
	t.Helper()
	r, err := table.Row(nil, v, added...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func writeShard(t *testing.T, dir string, table *schemas.Table, split string, i, n int, rows []parquet.Row) schemas.Shard {
	t.Helper()
	metadata, err := table.FileMetadata()
	if err != nil {
		t.Fatal(err)
	}
	options := []parquet.WriterOption{table.Parquet()}
	for _, key := range []string{schemas.ArrowKey, schemas.HuggingFaceKey, schemas.MicropqKey} {
		options = append(options, parquet.KeyValueMetadata(key, metadata[key]))
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, options...)
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := schemas.ShardPath(table.Name, split, i, n)
	writeFile(t, filepath.Join(dir, filepath.FromSlash(path)), b.Bytes())
	sum := sha256.Sum256(b.Bytes())
	return schemas.Shard{
		Path: path, Table: table.Name, Split: split,
		Rows: int64(len(rows)), Bytes: int64(b.Len()), SHA256: hex.EncodeToString(sum[:]),
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }
