package loaders

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

// volume is an array of the fixture and its elements at every level, dense.
type volume struct {
	schemas.Array
	encoding chunkcodec.Encoding
	sparsity int      // of so many chunks one is not empty
	levels   [][]byte // filled by generate

	mu   sync.Mutex
	rows map[[2]int]schemas.Chunk // by level and chunk, those asked for so far
}

func (v *volume) shape(level int) []int {
	shape := make([]int, len(v.Shape))
	for i := range shape {
		shape[i] = schemas.LevelExtent(int(v.Shape[i]), v.Axes[i], level)
	}
	return shape
}

func (v *volume) view(level int) nd.View {
	return nd.Dense(v.levels[level], v.shape(level), schemas.DType(v.DType).Size())
}

// generate fills chunks with any elements, or labels 0 and 1.
func (v *volume) generate(t testing.TB, r *rand.Rand) {
	size := schemas.DType(v.DType).Size()
	for level := range int(v.Levels) {
		g, err := newGrid(&v.Array, level)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, nd.Elements(g.shape)*size)
		whole := nd.Dense(data, g.shape, size)
		nd.Fill(whole, nd.Element(schemas.DType(v.DType), v.Fill))
		v.levels = append(v.levels, data)
		box := g.newBox()
		for i := range g.rows {
			if v.sparsity > 1 && r.IntN(v.sparsity) > 0 {
				continue
			}
			g.box(i, box)
			part := make([]byte, box.Elements()*size)
			for k := 0; k < len(part); k += size {
				part[k] = byte(r.IntN(2))
				for b := 0; b < size && v.Role == schemas.RoleImage && v.DType != "bool"; b++ {
					part[k+b] = byte(r.Uint32())
				}
			}
			nd.Copy(whole.Slice(box), nd.Dense(part, box.Shape, size))
		}
	}
}

// fixture is a data set on disk and what is in it.
type fixture struct {
	dir     string
	volumes map[string][]*volume // by sample
	splits  map[string]string
	edit    func([]*schemas.Chunk) []*schemas.Chunk // of a split, may be nil
}

// fixtureVolumes are a volume of images, labels with a channel an object, a time series, and
// labels in two dimensions.
func fixtureVolumes() []*volume {
	return []*volume{
		{Array: schemas.Array{Name: "flat", Role: schemas.RoleLabels, Axes: "YX", Shape: []int64{30, 45}, Chunk: []int64{16, 16}, DType: "int64", Levels: 1}, encoding: chunkcodec.Zstd, sparsity: 2},
		{Array: schemas.Array{Name: "gt", Role: schemas.RoleLabels, Axes: "CZYX", Shape: []int64{5, 20, 33, 17}, Chunk: []int64{1, 8, 8, 8}, DType: "uint8", Levels: 2}, encoding: chunkcodec.ShuffleZstd, sparsity: 6},
		{Array: schemas.Array{Name: "half", Role: schemas.RoleImage, Axes: "ZYX", Shape: []int64{5, 6, 7}, Chunk: []int64{4, 4, 4}, DType: "float16", Fill: 1.5, Levels: 1}, encoding: chunkcodec.ShuffleZstd, sparsity: 3},
		{Array: schemas.Array{Name: "raw", Role: schemas.RoleImage, Axes: "CZYX", Shape: []int64{3, 20, 33, 17}, Chunk: []int64{3, 8, 8, 8}, DType: "uint16", Levels: 3}, encoding: chunkcodec.ShuffleZstd, sparsity: 1},
		{Array: schemas.Array{Name: "time", Role: schemas.RoleImage, Axes: "TCYX", Shape: []int64{4, 2, 9, 10}, Chunk: []int64{2, 1, 4, 8}, DType: "float32", Levels: 1}, encoding: chunkcodec.Raw, sparsity: 2},
	}
}

// chunkRow is the row of chunk i of a volume's grid at a level.
func (v *volume) chunkRow(t testing.TB, sample string, level, i int) schemas.Chunk {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	key := [2]int{level, i}
	row, ok := v.rows[key]
	if !ok {
		if v.rows == nil {
			v.rows = map[[2]int]schemas.Chunk{}
		}
		row = v.makeRow(t, sample, level, i)
		v.rows[key] = row
	}
	return row
}

func (v *volume) makeRow(t testing.TB, sample string, level, i int) schemas.Chunk {
	t.Helper()
	g, err := newGrid(&v.Array, level)
	if err != nil {
		t.Fatal(err)
	}
	d := schemas.DType(v.DType)
	box := g.newBox()
	g.box(i, box)
	data := make([]byte, box.Elements()*d.Size())
	nd.Copy(nd.Dense(data, box.Shape, d.Size()), v.view(level).Slice(box))
	row := schemas.Chunk{SampleID: sample, Array: v.Name, Level: int32(level), SizeT: 1, SizeC: 1, SizeZ: 1, SizeY: 1, SizeX: 1,
		DType: v.DType, Encoding: string(v.encoding), Fill: v.Fill, Digest: xxhash.Sum64(data)}
	origin := map[byte]*int32{'T': &row.T, 'C': &row.C, 'Z': &row.Z, 'Y': &row.Y, 'X': &row.X}
	extent := map[byte]*int32{'T': &row.SizeT, 'C': &row.SizeC, 'Z': &row.SizeZ, 'Y': &row.SizeY, 'X': &row.SizeX}
	for k := range v.Axes {
		*origin[v.Axes[k]], *extent[v.Axes[k]] = int32(box.Origin[k]), int32(box.Shape[k])
	}
	fill := string(nd.Element(d, v.Fill))
	for k := 0; k < len(data); k += d.Size() {
		if string(data[k:k+d.Size()]) != fill {
			row.Foreground++
		}
	}
	if row.Foreground > 0 {
		row.Data = encode(t, v.encoding, data, d.Size())
	}
	return row
}

// encoders are kept: one is made of megabytes.
var encoders struct {
	sync.Mutex
	of map[chunkcodec.Encoding]*chunkcodec.Encoder
}

func encode(t testing.TB, e chunkcodec.Encoding, data []byte, itemSize int) []byte {
	t.Helper()
	encoders.Lock()
	defer encoders.Unlock()
	enc, err := encoders.of[e], error(nil)
	if enc == nil {
		if enc, err = chunkcodec.NewEncoder(e, 0); err != nil {
			t.Fatal(err)
		}
		if encoders.of == nil {
			encoders.of = map[chunkcodec.Encoding]*chunkcodec.Encoder{}
		}
		encoders.of[e] = enc
	}
	payload, err := enc.Encode(nil, data, itemSize)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// chunkRows are the rows of a sample's arrays in the order of the format.
func (f *fixture) chunkRows(t testing.TB, sample string) (rows []*schemas.Chunk) {
	for _, v := range f.volumes[sample] {
		for level := range int(v.Levels) {
			g, err := newGrid(&v.Array, level)
			if err != nil {
				t.Fatal(err)
			}
			for i := range g.rows {
				row := v.chunkRow(t, sample, level, i)
				rows = append(rows, &row)
			}
		}
	}
	return rows
}

// instanceRows are an instance of id 10 + channel for label 1 of each channel of gt.
func (f *fixture) instanceRows(sample string) (rows []any) {
	one := int64(1)
	for _, v := range f.volumes[sample] {
		for c := int32(0); v.Name == "gt" && int64(c) < v.Shape[0]; c++ {
			rows = append(rows, &schemas.Instance{SampleID: sample, Array: "gt", InstanceID: int64(10 + c), Channel: &c, Label: &one})
		}
	}
	return rows
}

// sampleWithLine is a sample with a column of its source.
type sampleWithLine struct {
	schemas.Sample
	Line *string `parquet:"line,optional"`
	Dim  []int64 `parquet:"dim,optional,list"`
}

var samplesWithLine = schemas.MustTableOf[sampleWithLine](schemas.SamplesTable, "samples")

func (f *fixture) sampleRow(sample string) any {
	line := "line of " + sample
	row := &sampleWithLine{Line: &line, Dim: []int64{10, 12}}
	row.SampleID, row.Dataset, row.Split, row.Source = sample, new("fixture"), f.splits[sample], sample+".zarr"
	row.Preview = &schemas.Image{Bytes: []byte("\x89PNG of " + sample)}
	for _, v := range f.volumes[sample] {
		row.Arrays = append(row.Arrays, v.Array)
	}
	return row
}

// plain is the fixture that most tests use and its files: it is made once and then copied.
var plain struct {
	sync.Mutex
	fixture *fixture
	files   map[string][]byte
}

// newFixture writes a data set of three samples in two splits, with several shards and row
// groups. Its volumes are those of all such fixtures and not to be changed.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	plain.Lock()
	defer plain.Unlock()
	if plain.fixture == nil {
		f := newFixtureOf(t, fixtureVolumes)
		plain.fixture, plain.files = f, f.files(t)
		return f
	}
	f := &fixture{dir: t.TempDir(), volumes: plain.fixture.volumes, splits: plain.fixture.splits}
	for name, data := range plain.files {
		if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.path(name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// files are the files of the data set.
func (f *fixture) files(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(f.dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[name], err = os.ReadFile(f.path(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newFixtureOf(t testing.TB, volumes func() []*volume) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), volumes: map[string][]*volume{}, splits: map[string]string{"a": "train", "b": "train", "c": "val"}}
	r := rand.New(rand.NewPCG(7, 7))
	for _, sample := range []string{"a", "b", "c"} {
		f.volumes[sample] = volumes()
		for _, v := range f.volumes[sample] {
			v.generate(t, r)
		}
	}
	f.write(t, 8<<10)
	return f
}

// write writes the data set with row groups of about so many bytes.
func (f *fixture) write(t testing.TB, groupBytes int64) {
	t.Helper()
	m := &schemas.Manifest{Name: "fixture", Source: schemas.Source{Name: "fixture", Title: "Fixture", Licence: "CC0-1.0", Citation: "none"}}
	for _, split := range []string{"train", "val"} {
		var samples, instances, rows []any
		var chunks []*schemas.Chunk
		for _, id := range []string{"a", "b", "c"} {
			if f.splits[id] == split {
				samples = append(samples, f.sampleRow(id))
				chunks = append(chunks, f.chunkRows(t, id)...)
				instances = append(instances, f.instanceRows(id)...)
			}
		}
		if f.edit != nil {
			chunks = f.edit(chunks)
		}
		for _, c := range chunks {
			rows = append(rows, c)
		}
		m.Splits = append(m.Splits, split)
		m.Shards = append(m.Shards, f.shards(t, samplesWithLine, split, samples, 1, groupBytes)...)
		m.Shards = append(m.Shards, f.shards(t, schemas.Chunks, split, rows, 3, groupBytes)...)
		m.Shards = append(m.Shards, f.shards(t, schemas.Instances, split, instances, 1, groupBytes)...)
	}
	f.commit(t, m)
}

func (f *fixture) commit(t testing.TB, m *schemas.Manifest) {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path(schemas.ManifestName), b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// shards cuts rows into n shards.
func (f *fixture) shards(t testing.TB, table *schemas.Table, split string, rows []any, n int, groupBytes int64) (shards []schemas.Shard) {
	t.Helper()
	for i := range n {
		path := schemas.ShardPath(table.Name, split, i, n)
		receipt := writeShard(t, f.path(path), table, rows[len(rows)*i/n:len(rows)*(i+1)/n], groupBytes)
		shards = append(shards, schemas.Shard{Path: path, Table: table.Name, Split: split,
			Rows: receipt.Rows, Bytes: receipt.Bytes, SHA256: receipt.SHA256})
	}
	return shards
}

func writeShard(t testing.TB, path string, table *schemas.Table, rows []any, groupBytes int64) shardfile.Receipt {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path)
	meta, err := table.FileMetadata()
	if err != nil {
		t.Fatal(err)
	}
	w, err := shardfile.Create(path, table.Parquet(), shardfile.Options{Metadata: meta, PayloadColumns: table.Payload(), RowGroupBytes: groupBytes})
	if err != nil {
		t.Fatal(err)
	}
	var buf parquet.Row
	for _, row := range rows {
		if buf, err = table.Row(buf[:0], row); err == nil {
			err = w.Write(buf)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// open opens the fixture and closes it with the test.
func (f *fixture) open(t testing.TB, o Options) *Dataset {
	t.Helper()
	d, err := Open(t.Context(), f.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// randomRegion is a box inside a shape, sometimes all of it, sometimes without an element.
func randomRegion(r *rand.Rand, shape []int) Region {
	out := nd.Whole(shape)
	if r.IntN(10) == 0 {
		return out
	}
	for i := range shape {
		out.Origin[i] = r.IntN(shape[i] + 1)
		out.Shape[i] = r.IntN(shape[i] - out.Origin[i] + 1)
		if out.Shape[i] == 0 && r.IntN(20) > 0 {
			out.Origin[i], out.Shape[i] = r.IntN(shape[i]), 1
		}
	}
	return out
}

// want is a region of a volume, dense.
func (v *volume) want(level int, r Region) []byte {
	size := schemas.DType(v.DType).Size()
	out := make([]byte, r.Elements()*size)
	nd.Copy(nd.Dense(out, r.Shape, size), v.view(level).Slice(r))
	return out
}

func (f *fixture) volume(sample, name string) *volume {
	for _, v := range f.volumes[sample] {
		if v.Name == name {
			return v
		}
	}
	panic(fmt.Sprintf("no array %s", name))
}

// withoutC drops the entry of the C axis.
func withoutC(axes string, v []int) []int {
	c := strings.IndexByte(axes, 'C')
	if c < 0 {
		return v
	}
	return append(append([]int(nil), v[:c]...), v[c+1:]...)
}
