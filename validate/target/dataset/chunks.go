package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// dataColumn holds the payloads.
const dataColumn = "data"

// withoutData leaves payloads unread.
var withoutData = parquet.StructTag(`parquet:"-"`, "Data")

// chunkPass is what the shards of chunks have in common.
type chunkPass struct {
	*walk
	rows int64 // of the table
	seen atomic.Int64
}

// readChunks reads the chunks and shows each sample once all of its chunks may have come.
func (w *walk) readChunks(ctx context.Context) error {
	if w.skipped = !w.wantsChunks(); w.skipped {
		return nil
	}
	c := &chunkPass{walk: w}
	shards := w.all(schemas.ChunksTable)
	for _, s := range shards {
		if s.usable {
			c.rows += s.reader.NumRows()
			c.expect(s)
		}
	}
	state := map[*shard]*shardState{}
	for _, s := range shards {
		state[s] = &shardState{}
	}
	err := w.scanAll(ctx, shards, func(ctx context.Context, s *shard, group int, held piece) error {
		return c.group(ctx, s, state[s], group, held)
	}, nil)
	w.totals.Chunks = c.seen.Load()
	if err != nil {
		return err
	}
	c.order(shards, state)
	return nil
}

// wantsChunks reports whether someone looks at what is made of chunks: SP001 compares their pixels.
func (w *walk) wantsChunks() bool {
	return w.pass.Wants(validate.Shards|validate.Chunks|validate.Arrays|validate.Layers|validate.Instances) || w.pass.WantsRule("SP001")
}

// shardState is what the rows of a shard are compared with from one row group to the next.
type shardState struct {
	first, last *schemas.Chunk // rows
	unordered   bool
}

// samplesOf lists the samples of which a row group may hold chunks, by the bounds in the footer.
func (c *chunkPass) samplesOf(s *shard, group int) []*sample {
	all := c.samples.sorted
	leaf, ok := s.reader.Schema().Lookup("sample_id")
	if !ok {
		return nil
	}
	chunk, ok := s.reader.RowGroups()[group].ColumnChunks()[leaf.ColumnIndex].(*parquet.FileColumnChunk)
	if !ok {
		return all
	}
	lo, hi, ok := bounds(chunk)
	if !ok {
		return all
	}
	from, _ := slices.BinarySearchFunc(all, lo, func(v *sample, id string) int { return cmp.Compare(v.SampleID, id) })
	to, found := slices.BinarySearchFunc(all, hi, func(v *sample, id string) int { return cmp.Compare(v.SampleID, id) })
	if found {
		to++
	}
	return all[from:max(from, to)]
}

func bounds(c *parquet.FileColumnChunk) (lo, hi string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	l, h, ok := c.Bounds()
	if !ok || l.IsNull() || h.IsNull() {
		return "", "", false
	}
	return string(l.ByteArray()), string(h.ByteArray()), true
}

// expect counts the row groups that samples have to wait for.
func (c *chunkPass) expect(s *shard) {
	for g := range s.reader.RowGroups() {
		for _, v := range c.samplesOf(s, g) {
			v.pending++
		}
	}
}

// group looks at the chunks of a row group.
func (c *chunkPass) group(ctx context.Context, s *shard, state *shardState, group int, held piece) error {
	first, n := s.reader.FirstRow(group), s.reader.RowGroups()[group].NumRows()
	rows := make([]schemas.Chunk, 0, min(n, 1<<16))
	for v, err := range shardfile.Rows[schemas.Chunk](ctx, s.reader, group, 0, n, withoutData) {
		if store.IsTransport(err) {
			return err
		}
		if err != nil {
			s.lose(rowError(first+int64(len(rows)), n-int64(len(rows)), err))
			break
		}
		rows = append(rows, *v)
	}
	c.noteNulls(ctx, s, group, schemas.Chunks)
	c.seen.Add(int64(len(rows)))
	ts := tasks{ws: c.workers}
	// A worker is given several: most chunks of labels are fill and take no time.
	for from := 0; from < len(rows); from += rowsAtOnce {
		part := rows[from:min(len(rows), from+rowsAtOnce)]
		for i := range part {
			c.inOrder(s, state, &part[i], first+int64(from+i))
		}
		ts.do(ctx, func(wk *worker) {
			buf := s.buffer(wk, held)
			for i := range part {
				if ctx.Err() != nil {
					return
				}
				c.chunk(ctx, wk, s, &part[i], first+int64(from+i), buf)
			}
		})
	}
	if err := ts.wait(); err != nil {
		return err
	}
	for _, v := range c.samplesOf(s, group) {
		v.mu.Lock()
		v.pending--
		done := v.pending == 0 && !v.shown
		v.shown = v.shown || done
		v.mu.Unlock()
		if done {
			if err := c.show(ctx, v, c.chunksLost(v)); err != nil {
				return err
			}
		}
	}
	return nil
}

const rowsAtOnce = 8

// chunksLost reports whether chunks of a sample may be among those that cannot be read.
func (w *walk) chunksLost(v *sample) bool {
	return w.skipped || w.lost(schemas.ChunksTable, v.Place.Split) || w.lost(schemas.ChunksTable, v.Sample.Sample.Split)
}

// inOrder checks that a row comes after the one before it.
func (c *chunkPass) inOrder(s *shard, state *shardState, r *schemas.Chunk, row int64) {
	if state.first == nil {
		state.first = r
	}
	if state.last != nil && !state.unordered && compareChunks(state.last, r) > 0 {
		state.unordered = true
		s.badKey("rows", "", "are not sorted by (sample_id, array, level, t, z, y, x, c)", row)
	}
	state.last = r
}

// order checks that the shards of a split go on where the one before ends.
func (c *chunkPass) order(shards []*shard, state map[*shard]*shardState) {
	for i := 1; i < len(shards); i++ {
		a, b := state[shards[i-1]], state[shards[i]]
		if shards[i-1].split == shards[i].split && a.last != nil && b.first != nil && compareChunks(a.last, b.first) > 0 {
			shards[i].badKey("rows", "", "begin before the end of the shard before", 0)
		}
	}
}

func compareChunks(a, b *schemas.Chunk) int {
	return cmp.Or(cmp.Compare(a.SampleID, b.SampleID), cmp.Compare(a.Array, b.Array), cmp.Compare(a.Level, b.Level),
		cmp.Compare(a.T, b.T), cmp.Compare(a.Z, b.Z), cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X), cmp.Compare(a.C, b.C))
}

// find is the array and level of a row, nil where there is none; the shard is told.
func (c *chunkPass) find(s *shard, r *schemas.Chunk, row int64) (*sample, *array, *level) {
	v := c.samples.volume[r.SampleID]
	if v == nil {
		if !c.lost(schemas.SamplesTable, "") {
			problem := "is that of no sample"
			if c.samples.ids.has(hashOf(r.SampleID)) {
				problem = "is that of a sample without arrays"
			}
			s.badKey("sample_id", r.SampleID, problem, row)
		}
		return nil, nil, nil
	}
	if v.Place.Split != s.split {
		s.badKey("sample_id", r.SampleID, "is that of a sample in another split", row)
	}
	i := slices.IndexFunc(v.arrays, func(a *array) bool { return a.Name == r.Array })
	if i < 0 {
		s.badKey("array", r.Array, "is none of its sample", row)
		return v, nil, nil
	}
	a := v.arrays[i]
	if !a.whole {
		return v, nil, nil // its description is what is wrong
	}
	if r.Level < 0 || int(r.Level) >= len(a.levels) {
		s.badKey("level", fmt.Sprint(r.Level), "is none of its array", row)
		return v, nil, nil
	}
	return v, a, a.levels[r.Level]
}

// chunk looks at a row and shows it.
func (c *chunkPass) chunk(ctx context.Context, wk *worker, s *shard, r *schemas.Chunk, row int64, buf *shardfile.Buffer) {
	v, a, l := c.find(s, r, row)
	e := &validate.Chunk{Place: c.at(s.path, s.split, r.SampleID), Row: r}
	e.Row.Data = nil
	e.Place.Row, e.Place.Array, e.Place.Level = &row, r.Array, int(r.Level)
	b := boxOf(r)
	e.Place.BBox = b.bbox()
	if a == nil {
		c.pass.Chunk(ctx, e)
		return
	}
	e.Array = &a.Array.Array
	a.once.Do(func() { a.begin(c.rows, c.pass.Memory()/int64(4*c.pass.Jobs())) })
	number := l.number(&b)
	if number < 0 {
		s.badKey("t, c, z, y, x", b.String(), "is no chunk of the grid of its array", row)
		e.Err = fmt.Errorf("the box at %s of %v elements is none of the grid", b.String(), b.size)
		c.pass.Chunk(ctx, e)
		return
	}
	a.mu.Lock()
	again := l.seen != nil && l.seen.add(number)
	if !again {
		l.rows++
	}
	a.mu.Unlock()
	if again {
		s.badKey("t, c, z, y, x", fmt.Sprintf("%s %s level %d %s", r.SampleID, r.Array, r.Level, b.String()), "is taken twice", row)
	}
	e.Found, e.Err = c.look(ctx, wk, s, v, a, l, r, row, &b, number, again, buf)
	if ctx.Err() == nil {
		c.pass.Chunk(ctx, e)
	}
}
