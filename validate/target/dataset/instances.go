package dataset

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// instances says where the rows of annotated objects are.
type instances struct {
	keys   keys
	mu     sync.Mutex
	arrays map[string]bool                  // arrays that have rows, of any sample
	volume map[string]map[string][]rowRange // of samples that have arrays: by sample and array
	others []rowRange                       // of samples that have none: each of one sample and array
}

// rowRange is rows of a row group that follow each other and are of one sample and array.
type rowRange struct {
	shard    *shard
	group    int
	first, n int64 // in the row group
}

// instanceHead are the columns that say whose row it is.
type instanceHead struct {
	SampleID   string  `parquet:"sample_id,dict"`
	Array      string  `parquet:"array,dict"`
	InstanceID int64   `parquet:"instance_id"`
	Class      *string `parquet:"class,optional"`
}

// readInstances reads the keys of instances.
func (w *walk) readInstances(ctx context.Context) error {
	w.instances.arrays, w.instances.volume = map[string]bool{}, map[string]map[string][]rowRange{}
	return w.scanAll(ctx, w.all(schemas.InstancesTable), w.instanceGroup, nil)
}

func (w *walk) instanceGroup(ctx context.Context, s *shard, group int, _ piece) error {
	w.noteNulls(ctx, s, group, schemas.Instances)
	first, n := s.reader.FirstRow(group), s.reader.RowGroups()[group].NumRows()
	i := int64(0)
	var last instanceHead
	var run *rowRange
	flush := func() {
		if run != nil {
			w.instances.put(w, run, &last)
		}
	}
	for h, err := range shardfile.Rows[instanceHead](ctx, s.reader, group, 0, n) {
		if store.IsTransport(err) {
			return err
		}
		if err != nil {
			s.lose(rowError(first+i, n-i, err))
			break
		}
		w.noteInstance(s, h, first+i)
		if run == nil || h.SampleID != last.SampleID || h.Array != last.Array {
			flush()
			run, last = &rowRange{s, group, i, 0}, *h
		}
		run.n++
		i++
	}
	flush()
	return nil
}

// noteInstance checks the key of a row.
func (w *walk) noteInstance(s *shard, h *instanceHead, row int64) {
	if w.instances.keys.add(hashOf(h.SampleID, h.Array, fmt.Sprint(h.InstanceID))) {
		s.badKey("sample_id, array, instance_id", fmt.Sprintf("%s %s %d", h.SampleID, h.Array, h.InstanceID), "is taken twice", row)
	}
	subset := ""
	if v := w.samples.volume[h.SampleID]; v != nil {
		subset = textOf(v.Subset)
		if v.Place.Split != s.split {
			s.badKey("sample_id", h.SampleID, "is that of a sample in another split", row)
		}
	} else if !w.samples.ids.has(hashOf(h.SampleID)) && !w.lost(schemas.SamplesTable, "") {
		s.badKey("sample_id", h.SampleID, "is that of no sample", row)
	}
	w.totals.instance(subset, h.Array, h.Class)
}

func (in *instances) put(w *walk, run *rowRange, h *instanceHead) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.arrays[h.Array] = true
	if w.samples.volume[h.SampleID] == nil {
		in.others = append(in.others, *run)
		return
	}
	of := in.volume[h.SampleID]
	if of == nil {
		of = map[string][]rowRange{}
		in.volume[h.SampleID] = of
	}
	of[h.Array] = append(of[h.Array], *run)
}

// take returns where the rows of a sample are, and forgets it.
func (in *instances) take(sample string) map[string][]rowRange {
	in.mu.Lock()
	defer in.mu.Unlock()
	ranges := in.volume[sample]
	delete(in.volume, sample)
	return ranges
}

// claim is a row of an instance and where it is.
type claim struct {
	schemas.Instance
	place validate.Place
}

// cursor reads rows of instances. Ranges that follow each other in a row group are read without a new start.
type cursor struct {
	walk *walk
	at   rowRange // the rest of the row group that is being read
	next func() (*schemas.Instance, error, bool)
	stop func()
}

func (c *cursor) close() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// read reads the rows of ranges. Rows that cannot be read are noted with their shard.
func (c *cursor) read(ctx context.Context, ranges []rowRange) (claims []claim, err error) {
	for _, r := range ranges {
		c.seek(ctx, r)
		for k := range r.n {
			v, err, ok := c.next()
			if store.IsTransport(err) {
				return nil, err
			}
			if err != nil || !ok {
				first := r.shard.reader.FirstRow(r.group) + r.first + k
				r.shard.lose(rowError(first, r.n-k, err))
				c.close()
				break
			}
			c.at.first++
			row := r.shard.reader.FirstRow(r.group) + r.first + k
			p := c.walk.at(r.shard.path, r.shard.split, v.SampleID)
			p.Array, p.Row, p.Instance = v.Array, &row, &v.InstanceID
			cl := claim{*v, p}
			cl.place.Instance = &cl.InstanceID
			claims = append(claims, cl)
		}
	}
	return claims, nil
}

// skipped is how many rows are rather read over than sought.
const skipped = 1024

// seek makes the first row of a range the next one.
func (c *cursor) seek(ctx context.Context, r rowRange) {
	ahead := r.first - c.at.first
	if c.stop != nil && c.at.shard == r.shard && c.at.group == r.group && ahead >= 0 && ahead <= skipped {
		for ; ahead > 0; ahead-- {
			c.next() // an error comes again
			c.at.first++
		}
		return
	}
	c.close()
	n := r.shard.reader.RowGroups()[r.group].NumRows()
	c.at = rowRange{r.shard, r.group, r.first, n - r.first}
	c.next, c.stop = iter.Pull2(shardfile.Rows[schemas.Instance](ctx, r.shard.reader, r.group, r.first, n-r.first))
}
