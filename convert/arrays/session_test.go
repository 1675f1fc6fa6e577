package arrays

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/schemas"
)

// memory is an array in memory, dense.
type memory struct {
	data  []byte
	shape []int
	dtype schemas.DType
	fail  error // what reading gives instead
}

func (m *memory) Shape() []int         { return m.shape }
func (m *memory) DType() schemas.DType { return m.dtype }

func (m *memory) Reader(schedule []nd.Region, budget int64, _ func(string, int64, []byte)) (Reader, error) {
	if budget <= 0 {
		return nil, fmt.Errorf("a budget of %d bytes", budget)
	}
	return &memoryReader{memory: m, schedule: schedule, read: make([]bool, len(schedule))}, nil
}

// memoryReader insists on what a Reader may rely on.
type memoryReader struct {
	*memory
	schedule []nd.Region
	mu       sync.Mutex
	read     []bool
}

func (r *memoryReader) Close() error { return nil }

func (r *memoryReader) Read(_ context.Context, i int, dst nd.View) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	if r.read[i] {
		return fmt.Errorf("region %d is read twice", i)
	}
	r.read[i] = true
	nd.Copy(dst, nd.Dense(r.data, r.shape, r.dtype.Size()).Slice(r.schedule[i]))
	return nil
}

// source converts arrays in memory to the chunks table alone.
type source struct {
	samples  []Sample
	encoding chunkcodec.Encoding
	target   int64
}

func (s *source) Plan(context.Context) (*convert.Plan, error) {
	tasks, err := PlanChunks("train", s.samples, s.target)
	return &convert.Plan{
		Name:   "memory",
		Source: schemas.Source{Name: "memory", Title: "Memory", Licence: "CC0-1.0", Citation: "none"},
		Tables: []*schemas.Table{schemas.Chunks}, Tasks: tasks,
	}, err
}

func (s *source) Session(_ context.Context, tasks []convert.Task, res convert.Resources) (convert.Session, error) {
	return NewSession(s.samples, tasks, s.encoding, res)
}

// rows are the rows of the chunks table that a conversion writes, in order.
func (s *source) rows(t *testing.T, o convert.Options) (rows []schemas.Chunk, shards int) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	if _, err := convert.Run(t.Context(), s, dst, o); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dst, "chunks", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r := parquet.NewGenericReader[schemas.Chunk](f)
		part := make([]schemas.Chunk, r.NumRows())
		if n, err := r.Read(part); n != len(part) || err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("%d of %d rows, %v", n, len(part), err)
		}
		rows = append(rows, part...)
		if err := errors.Join(r.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return rows, len(files)
}

// value is element i of dense data.
func value(data []byte, d schemas.DType, i int) float64 {
	le := binary.LittleEndian
	switch d {
	case schemas.Int8:
		return float64(int8(data[i]))
	case schemas.Uint16:
		return float64(le.Uint16(data[2*i:]))
	case schemas.Int32:
		return float64(int32(le.Uint32(data[4*i:])))
	case schemas.Float32:
		return float64(math.Float32frombits(le.Uint32(data[4*i:])))
	case schemas.Float64:
		return math.Float64frombits(le.Uint64(data[8*i:]))
	case schemas.Uint64:
		return float64(le.Uint64(data[8*i:]))
	}
	return float64(data[i])
}

// randomArray is an array of any axes, shape, chunk and type; values are small and exact.
func randomArray(r *rand.Rand, name string) Array {
	axes := []string{"CZYX", "ZYX", "YX", "TCYX", "TZYX", "ZCYX", "TCZYX", "ZYXC"}[r.IntN(8)]
	a := Array{Name: name, Role: schemas.RoleImage, Axes: axes, Levels: 1 + r.IntN(3)}
	types := []schemas.DType{schemas.Uint8, schemas.Int8, schemas.Uint16, schemas.Int32, schemas.Uint64, schemas.Float32, schemas.Float64}
	if axes[len(axes)-1] == 'X' && r.IntN(2) == 0 {
		a.Role, types = schemas.RoleLabels, []schemas.DType{schemas.Uint8, schemas.Uint16, schemas.Int32, schemas.Uint64}
	}
	m := &memory{dtype: types[r.IntN(len(types))]}
	for range axes {
		m.shape, a.Chunk = append(m.shape, 1+r.IntN(9)), append(a.Chunk, 1+r.IntN(6))
	}
	empty := r.IntN(5) == 0
	for range nd.Elements(m.shape) {
		v := r.IntN(4) * r.IntN(3)
		if empty {
			v = 0
		}
		m.data = append(m.data, nd.Element(m.dtype, float64(v))...)
	}
	a.Source = m
	return a
}

// Whatever the arrays, chunks, shards and jobs: the rows are those of the definition.
func TestSessionAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		src := &source{encoding: []chunkcodec.Encoding{chunkcodec.Raw, chunkcodec.Zstd, chunkcodec.ShuffleZstd}[r.IntN(3)], target: 1 << (6 + r.IntN(12))}
		for _, id := range []string{"a", "b"} {
			src.samples = append(src.samples, Sample{ID: id, Split: "train", Source: id, Arrays: []Array{randomArray(r, "one"), randomArray(r, "two")}})
		}
		rows, shards := src.rows(t, convert.Options{Jobs: 1 + r.IntN(4), Memory: 16 << 20})
		t.Logf("round %d: %d rows in %d shards", round, len(rows), shards)
		for _, s := range src.samples {
			for i := range s.Arrays {
				for level := range s.Arrays[i].Levels {
					rows = checkUnit(t, rows, src.encoding, s.ID, &s.Arrays[i], level)
				}
			}
		}
		if len(rows) > 0 {
			t.Errorf("round %d: %d rows too many", round, len(rows))
		}
		if t.Failed() {
			return
		}
	}
}

// checkUnit checks the rows at the front against an array at a level, and returns the rest.
func checkUnit(t *testing.T, rows []schemas.Chunk, e chunkcodec.Encoding, sample string, a *Array, level int) []schemas.Chunk {
	t.Helper()
	want := definition(a, level)
	m := a.Source.(*memory)
	g := newGrid(a, level)
	dec := chunkcodec.NewDecoder()
	for i := range g.blocks() {
		for _, c := range g.channels(g.block(i)) {
			if len(rows) == 0 {
				t.Fatalf("%s %s level %d: a row is missing", sample, a.Name, level)
			}
			row := rows[0]
			rows = rows[1:]
			region := g.region(c)
			data := make([]byte, region.Elements()*m.dtype.Size())
			nd.Copy(nd.Dense(data, region.Shape, m.dtype.Size()), want.Slice(region))
			checkRow(t, dec, &row, e, sample, a, level, c, data)
		}
	}
	return rows
}

func checkRow(t *testing.T, dec *chunkcodec.Decoder, row *schemas.Chunk, e chunkcodec.Encoding, sample string, a *Array, level int, c box, data []byte) {
	t.Helper()
	d := a.Source.DType()
	where := fmt.Sprintf("%s %s (%s, %s) level %d, %+v", sample, a.Name, a.Axes, d, level, c)
	at := [...]int32{row.T, row.C, row.Z, row.Y, row.X}
	size := [...]int32{row.SizeT, row.SizeC, row.SizeZ, row.SizeY, row.SizeX}
	for ax := range nAxes {
		if int(at[ax]) != c.origin[ax] || int(size[ax]) != c.shape[ax] {
			t.Fatalf("%s: the row is at %v of size %v", where, at, size)
		}
	}
	if row.SampleID != sample || row.Array != a.Name || int(row.Level) != level || row.DType != string(d) || row.Encoding != string(e) || row.Fill != a.Fill {
		t.Fatalf("%s: %+v", where, row)
	}
	foreground, ids := int64(0), []int64{}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range len(data) / d.Size() {
		v := value(data, d, i)
		lo, hi = min(lo, v), max(hi, v)
		if v != a.Fill {
			foreground++
			ids = append(ids, int64(v))
		}
	}
	if row.Foreground != foreground || *row.Min != lo || *row.Max != hi || row.Digest != xxhash.Sum64(data) {
		t.Fatalf("%s: foreground %d, %v to %v, digest %x; want %d, %v to %v", where, row.Foreground, *row.Min, *row.Max, row.Digest, foreground, lo, hi)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); a.Role == schemas.RoleLabels && !slices.Equal(row.IDs, ids) || a.Role == schemas.RoleImage && row.IDs != nil {
		t.Fatalf("%s: ids %v, want %v", where, row.IDs, ids)
	}
	if (row.Data == nil) != (foreground == 0) {
		t.Fatalf("%s: data null %v with %d elements of foreground", where, row.Data == nil, foreground)
	}
	got := make([]byte, len(data))
	if row.Data != nil {
		if err := dec.Decode(got, row.Data, e, d.Size()); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if !slices.Equal(got, data) {
			t.Fatalf("%s: other elements", where)
		}
	}
}

// definition is an array at a level, element by element as docs/FORMAT.md defines it.
func definition(a *Array, level int) nd.View {
	m := a.Source.(*memory)
	size := m.dtype.Size()
	whole := nd.Dense(m.data, m.shape, size)
	if level == 0 {
		return whole
	}
	shape := slices.Clone(m.shape)
	for d := range shape {
		if strings.IndexByte("ZYX", a.Axes[d]) >= 0 {
			shape[d] = (shape[d] + 1<<level - 1) >> level
		}
	}
	out := nd.Dense(make([]byte, nd.Elements(shape)*size), shape, size)
	for i := range nd.Elements(shape) {
		covered := nd.Region{Origin: make([]int, len(shape)), Shape: make([]int, len(shape))}
		for d, left := len(shape)-1, i; d >= 0; d-- {
			f := 1
			if strings.IndexByte("ZYX", a.Axes[d]) >= 0 {
				f = 1 << level
			}
			covered.Origin[d] = left % shape[d] * f
			covered.Shape[d] = min(f, m.shape[d]-covered.Origin[d])
			left /= shape[d]
		}
		part := make([]byte, covered.Elements()*size)
		nd.Copy(nd.Dense(part, covered.Shape, size), whole.Slice(covered))
		copy(out.Data[i*size:], nd.Element(m.dtype, combine(part, m.dtype, a.Role)))
	}
	return out
}

// combine is the mean of an image's elements, or the label of most.
func combine(part []byte, d schemas.DType, role string) float64 {
	n := len(part) / d.Size()
	sum, counts := 0.0, map[float64]int{}
	for i := range n {
		v := value(part, d, i)
		sum += v
		if v != 0 {
			counts[v]++
		}
	}
	if role == schemas.RoleImage {
		mean := sum / float64(n)
		if d != schemas.Float32 && d != schemas.Float64 {
			mean = math.Floor(mean + 0.5)
		}
		return mean
	}
	best := 0.0
	for v, c := range counts {
		if c > counts[best] || c == counts[best] && v < best {
			best = v
		}
	}
	return best
}

// A defect names the sample and the array, and nothing is committed.
func TestSessionNamesDefect(t *testing.T) {
	broken := errors.New("a broken chunk")
	src := &source{encoding: chunkcodec.Raw, target: 1 << 20, samples: []Sample{{ID: "s", Arrays: []Array{{
		Name: "raw", Role: schemas.RoleImage, Axes: "YX", Chunk: []int{2, 2}, Levels: 1,
		Source: &memory{data: make([]byte, 16), shape: []int{4, 4}, dtype: schemas.Uint8, fail: broken},
	}}}}}
	dst := filepath.Join(t.TempDir(), "out")
	_, err := convert.Run(t.Context(), src, dst, convert.Options{})
	var input *convert.InputError
	if !errors.As(err, &input) || input.Sample != "s" || input.Where != "raw" || !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dst, "manifest.json")); err == nil {
		t.Error("there is a manifest")
	}
}

// Where one block does not fit the memory the message says what to change, at any level.
func TestSessionTooLittleMemory(t *testing.T) {
	for levels, shape := range map[int][]int{1: {2, 300, 300}, 10: {2, 512, 512}} {
		src := &source{encoding: chunkcodec.Raw, target: 1 << 30, samples: []Sample{{ID: "s", Arrays: []Array{{
			Name: "raw", Role: schemas.RoleImage, Axes: "CYX", Chunk: []int{2, 300, 300}, Levels: levels,
			Source: &memory{data: make([]byte, nd.Elements(shape)), shape: shape, dtype: schemas.Uint8},
		}}}}}
		_, err := convert.Run(t.Context(), src, filepath.Join(t.TempDir(), "out"), convert.Options{Memory: 500 << 10})
		if err == nil || !strings.Contains(err.Error(), "raise --memory") || !strings.Contains(err.Error(), "s: raw") {
			t.Errorf("%d levels: error %v", levels, err)
		}
	}
}

// Pieces of a block cover it once and, but for single elements, stay within their size.
func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for range 200 {
		a := randomArray(r, "a")
		level := 1 + r.IntN(3)
		u := &openUnit{span: Span{Level: level}, array: &a, grid: newGrid(&a, level), full: newGrid(&a, 0).shape}
		u.piece = max(int(u.smallestPiece()), 1<<r.IntN(10))
		for i := range u.grid.blocks() {
			b := u.grid.block(i)
			elements := 0
			for _, p := range u.pieces(b) {
				elements += p.elements()
				if n := u.grid.source(p, level, u.full).elements() * a.Source.DType().Size(); n > u.piece {
					t.Fatalf("%s level %d: a piece of %d bytes, want at most %d", a.Axes, level, n, u.piece)
				}
			}
			if elements != b.elements() {
				t.Fatalf("the pieces have %d elements, the block %d", elements, b.elements())
			}
		}
	}
}

// The digest of a source does not depend on who read what when, and changed bytes show.
func TestSourceDigest(t *testing.T) {
	one, two, three := newObject("k1", 0, []byte("a")), newObject("k1", 5, []byte("b")), newObject("k2", 0, []byte("c"))
	of := func(objects ...[]Object) (string, error) {
		arrays := map[string]*ArrayFacts{}
		for i, o := range objects {
			arrays[fmt.Sprint(i)] = &ArrayFacts{Objects: o}
		}
		return SourceDigest(arrays)
	}
	want, err := of([]Object{one, two, three})
	if err != nil || !strings.HasPrefix(want, "sha256:") {
		t.Fatal(want, err)
	}
	if got, err := of([]Object{three, one}, []Object{two, one}); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if got, err := of([]Object{one, two}); err != nil || got == want {
		t.Errorf("an object less makes no difference: %s, %v", got, err)
	}
	if _, err := of([]Object{one, two, three}, []Object{newObject("k1", 0, []byte("x"))}); err == nil || !strings.Contains(err.Error(), "k1 changed while it was read") {
		t.Errorf("error %v", err)
	}
}
