package arrays

import (
	"encoding/json"
	"fmt"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/schemas"
)

// Span is a run of blocks of one unit.
type Span struct {
	Sample string `json:"sample"`
	Array  string `json:"array"`
	Level  int    `json:"level"`
	First  int    `json:"first_block"`
	Blocks int    `json:"blocks"`
}

// Detail is what the plan keeps of a task of chunks.
type Detail struct {
	Spans []Span `json:"spans"`
	// Sources are the Source of every sample in Spans, so that the plan's fingerprint
	// changes with the source.
	Sources []string `json:"sources"`
}

// rowOverhead is what a row of chunks costs besides its payload, and what a null row costs.
const rowOverhead = 64

// inflation bounds the decoded bytes of a shard to a multiple of its target size, so that
// even an array that compresses to nothing is cut into tasks of bearable length.
const inflation = 16

// unit is one array at one level, with the estimates that decide the shards.
type unit struct {
	sample  *Sample
	array   *Array
	level   int
	blocks  int
	decoded int64 // bytes of its blocks
	work    int64 // decoded source bytes read for them
	stored  int64 // estimated bytes in the shard
}

func units(samples []Sample) (us []unit) {
	for i := range samples {
		s := &samples[i]
		for j := range s.Arrays {
			for level := range s.Arrays[j].Levels {
				us = append(us, newUnit(s, &s.Arrays[j], level))
			}
		}
	}
	return us
}

func newUnit(s *Sample, a *Array, level int) unit {
	g, size := newGrid(a, level), int64(a.Source.DType().Size())
	u := unit{sample: s, array: a, level: level, blocks: g.blocks()}
	u.decoded = size * int64(box{shape: g.shape}.elements())
	u.work = size * int64(box{shape: newGrid(a, 0).shape}.elements())
	u.stored = u.decoded
	if a.Stored > 0 {
		// What the source's own compression reached is the best estimate there is.
		u.stored = min(u.decoded, int64(float64(u.decoded)*float64(a.Stored)/float64(u.work)))
	}
	u.stored += rowOverhead * int64(u.blocks) * int64(g.count[axC])
	return u
}

// shard collects the spans of one task while the layout is decided.
type shard struct {
	spans []Span
	work  int64
	size  int64
	chain int
}

// PlanChunks lays the chunks of the samples, which are all of one split and sorted by id,
// out over shards of about target bytes. A unit larger than that is cut into equal parts,
// between blocks; tasks that share a unit form a chain.
func PlanChunks(split string, samples []Sample, target int64) ([]convert.Task, error) {
	var shards []*shard
	var cur *shard
	chain := -1
	open := func(sameChain bool) {
		if !sameChain {
			chain++
		}
		cur = &shard{chain: chain}
		shards = append(shards, cur)
	}
	for _, u := range units(samples) {
		size := max(u.stored, u.decoded/inflation)
		parts := min(max(1, int((size+target/2)/target)), max(1, u.blocks))
		if cur == nil || parts > 1 || cur.size+size > target {
			open(false)
		}
		for p := range parts {
			if p > 0 {
				open(true)
			}
			lo, hi := u.blocks*p/parts, u.blocks*(p+1)/parts
			cur.spans = append(cur.spans, Span{Sample: u.sample.ID, Array: u.array.Name, Level: u.level, First: lo, Blocks: hi - lo})
			cur.work += u.work*int64(p+1)/int64(parts) - u.work*int64(p)/int64(parts)
			cur.size += size / int64(parts)
		}
	}
	return tasks(split, samples, shards)
}

func tasks(split string, samples []Sample, shards []*shard) ([]convert.Task, error) {
	source := map[string]string{}
	for _, s := range samples {
		source[s.ID] = s.Source
	}
	out := make([]convert.Task, len(shards))
	for i, sh := range shards {
		d := Detail{Spans: sh.spans}
		for j, sp := range sh.spans {
			if j == 0 || sp.Sample != sh.spans[j-1].Sample {
				d.Sources = append(d.Sources, source[sp.Sample])
			}
		}
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		out[i] = convert.Task{
			Table: schemas.ChunksTable, Split: split, Index: i, Count: len(shards),
			Chain: fmt.Sprintf("%s/%s/%d", schemas.ChunksTable, split, sh.chain), Work: sh.work, Detail: b,
		}
	}
	return out, nil
}

// ParseDetail reads a task's Detail.
func ParseDetail(t convert.Task) (d Detail, err error) {
	if err := json.Unmarshal(t.Detail, &d); err != nil {
		return d, fmt.Errorf("task %s: %w", t.Path(), err)
	}
	return d, nil
}
