package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// changes are the instances that the journal touched, by array.
type changes struct {
	touched map[schemas.ArrayRef]map[int64]journal.Key
	split   map[string]string    // of samples with touched instances
	size    map[string][]float64 // micrometres per element, of the same
	// after says behind which row the instances that a shard's array gained go: the array's last.
	after map[schemas.ArrayRef]place
}

// place is a row of a shard; the row atEnd is behind all.
type place struct {
	shard string
	row   int64
}

const atEnd = -1

// collect finds what the journal touched and where its rows go.
func (p *publisher) collect(ctx context.Context) (changes, error) {
	c := changes{
		touched: map[schemas.ArrayRef]map[int64]journal.Key{},
		split:   map[string]string{},
		size:    map[string][]float64{},
		after:   map[schemas.ArrayRef]place{},
	}
	j := p.editor.Journal
	for a := range j.Arrays() {
		ref := schemas.ArrayRef{Sample: a[0], Array: a[1]}
		c.touched[ref] = map[int64]journal.Key{}
		for _, k := range j.Changed(a[0], a[1]) {
			c.touched[ref][k.Instance] = k
		}
		c.split[a[0]] = ""
	}
	if len(c.touched) == 0 {
		return c, fmt.Errorf("%w: the journal is empty", ErrNothing)
	}
	for s, err := range p.editor.Dataset.Samples(ctx, loaders.SampleQuery{}) {
		if err != nil {
			return c, err
		}
		if _, ok := c.split[s.SampleID]; ok {
			c.split[s.SampleID], c.size[s.SampleID] = s.Split, s.PixelSizeUM
		}
	}
	for _, s := range p.editor.Dataset.Manifest().ShardsOf(schemas.InstancesTable, "") {
		if err := p.lastRows(s.Path, &c); err != nil {
			return c, err
		}
	}
	for ref := range c.touched {
		if _, ok := c.after[ref]; !ok {
			c.after[ref] = p.behind(c.split[ref.Sample])
		}
	}
	return c, nil
}

// behind is the place of an array's first instances: behind those of its split, in a shard
// of their own where the split has none.
func (p *publisher) behind(split string) place {
	shards := p.editor.Dataset.Manifest().ShardsOf(schemas.InstancesTable, split)
	if len(shards) == 0 {
		return place{schemas.ShardPath(schemas.InstancesTable, split, 0, 1), atEnd}
	}
	return place{shards[len(shards)-1].Path, atEnd}
}

// openShard opens a shard of the parent.
func (p *publisher) openShard(path string) (*shardfile.Reader, func() error, error) {
	f, err := os.Open(filepath.Join(p.src, filepath.FromSlash(path)))
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	r, err := shardfile.Open(f, fi.Size(), path)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w: %w", loaders.ErrDamaged, err), f.Close())
	}
	return r, f.Close, nil
}

// lastRows notes the last row of each touched array in a shard.
func (p *publisher) lastRows(path string, c *changes) (err error) {
	r, done, err := p.openShard(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	row := int64(0)
	for g := range r.RowGroups() {
		samples, err := shardfile.ReadColumn[string](r, g, "sample_id", nil)
		if err != nil {
			return fmt.Errorf("%w: %w", loaders.ErrDamaged, err)
		}
		arrays, err := shardfile.ReadColumn[string](r, g, "array", nil)
		if err != nil {
			return fmt.Errorf("%w: %w", loaders.ErrDamaged, err)
		}
		for i := range samples {
			ref := schemas.ArrayRef{Sample: samples[i], Array: arrays[i]}
			if c.touched[ref] != nil {
				c.after[ref] = place{strings.Clone(path), row}
			}
			row++
		}
	}
	return nil
}

// shard brings a shard of the parent into the revision.
func (p *publisher) shard(ctx context.Context, s schemas.Shard) (schemas.Shard, error) {
	src, dst := filepath.Join(p.src, filepath.FromSlash(s.Path)), filepath.Join(p.dst, filepath.FromSlash(s.Path))
	if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
		return s, err
	}
	if s.Table == schemas.InstancesTable && p.touches(s.Path) {
		return p.rewrite(ctx, s, dst)
	}
	linked := false
	var err error
	if p.options.Copy {
		err = durable.Copy(src, dst)
	} else {
		linked, err = durable.Link(src, dst)
	}
	if linked {
		p.result.Linked++
	} else {
		p.result.Copied++
	}
	return s, err
}

// touches reports whether rows of the shard may change.
func (p *publisher) touches(path string) bool {
	for _, at := range p.changes.after {
		if at.shard == path {
			return true
		}
	}
	return false
}

// rewrite writes a shard of instances with the journal's changes.
func (p *publisher) rewrite(ctx context.Context, s schemas.Shard, dst string) (_ schemas.Shard, err error) {
	r, done, err := p.openShard(s.Path)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c, err := mapColumns(r.Schema())
	if err != nil {
		return s, fmt.Errorf("%w: %s: %w", loaders.ErrDamaged, s.Path, err)
	}
	w, err := shardfile.Create(dst, r.Schema(), shardfile.Options{Metadata: metadata(r.File)})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.Abort()) }() // nothing once it is finished
	number := int64(0)
	err = eachRow(r.File, func(row parquet.Row) error {
		if err := p.copyRow(ctx, w, c, row); err != nil {
			return err
		}
		number++
		return p.addRows(ctx, w, c, place{s.Path, number - 1})
	})
	if err == nil {
		err = p.addRows(ctx, w, c, place{s.Path, atEnd})
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", s.Path, err)
	}
	return p.finish(w, s)
}

func (p *publisher) finish(w *shardfile.Writer, s schemas.Shard) (schemas.Shard, error) {
	receipt, err := w.Finish()
	s.Rows, s.Bytes, s.SHA256 = receipt.Rows, receipt.Bytes, receipt.SHA256
	p.result.Written++
	return s, err
}

// metadata is the key-value metadata of a file.
func metadata(f *parquet.File) map[string]string {
	m := map[string]string{}
	for _, kv := range f.Metadata().KeyValueMetadata {
		m[kv.Key] = kv.Value
	}
	return m
}

// copyRow writes a row of the parent as the journal left it.
func (p *publisher) copyRow(ctx context.Context, w *shardfile.Writer, c *columns, row parquet.Row) error {
	in, err := c.instance(row)
	if err != nil {
		return err
	}
	ref := schemas.ArrayRef{Sample: in.SampleID, Array: in.Array}
	if p.changes.touched[ref] == nil {
		return w.Write(row)
	}
	d, err := p.drawingOf(ctx, ref)
	if err != nil {
		return err
	}
	override, err := d.override(c, in.InstanceID)
	if err != nil {
		return err
	}
	k, touched := p.changes.touched[ref][in.InstanceID]
	if !touched {
		if len(override) == 0 {
			return w.Write(row)
		}
		return w.Write(c.row(&in, row, override))
	}
	p.done[k] = true
	before := journal.StateOf(&in)
	after, _, err := p.editor.Journal.State(k)
	switch {
	case err != nil:
		return err
	case after == nil:
		p.result.Deleted++
		return nil
	case after.Equal(before) && len(override) == 0:
		return w.Write(row)
	case !after.Equal(before):
		p.result.Changed++
	}
	after.Apply(&in)
	return w.Write(c.row(&in, row, override))
}

// drawingOf draws an array once; rows of an array follow each other.
func (p *publisher) drawingOf(ctx context.Context, ref schemas.ArrayRef) (*drawing, error) {
	if p.last.drawing != nil && p.last.ref == ref {
		return p.last.drawing, nil
	}
	d, err := p.draw(ctx, ref)
	if err != nil {
		return nil, err
	}
	p.last.ref, p.last.drawing = ref, d
	if d.redrawn {
		p.redrawn[ref] = true
	}
	return d, nil
}

// addRows writes the instances that the arrays gained whose place it is. Those that the
// parent has are done by then.
func (p *publisher) addRows(ctx context.Context, w *shardfile.Writer, c *columns, at place) error {
	for _, ref := range sortedRefs(p.changes.after) {
		if p.changes.after[ref] != at {
			continue
		}
		for _, id := range sortedKeys(p.changes.touched[ref]) {
			if err := p.addRow(ctx, w, c, p.changes.touched[ref][id]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *publisher) addRow(ctx context.Context, w *shardfile.Writer, c *columns, k journal.Key) error {
	s, _, err := p.editor.Journal.State(k)
	if err != nil || s == nil || p.done[k] { // nil: added and deleted again
		return err
	}
	d, err := p.drawingOf(ctx, schemas.ArrayRef{Sample: k.Sample, Array: k.Array})
	if err != nil {
		return err
	}
	override, err := d.override(c, k.Instance)
	if err != nil {
		return err
	}
	in := schemas.Instance{SampleID: k.Sample, Array: k.Array, InstanceID: k.Instance}
	s.Apply(&in)
	p.result.Added++
	return w.Write(c.row(&in, nil, override))
}

// newShards writes the instances of splits that had none.
func (p *publisher) newShards(ctx context.Context) (shards []schemas.Shard, err error) {
	have := p.editor.Dataset.Manifest().ShardsOf(schemas.InstancesTable, "")
	seen := map[string]bool{}
	for _, s := range have {
		seen[s.Path] = true
	}
	for _, ref := range sortedRefs(p.changes.after) {
		at := p.changes.after[ref]
		if seen[at.shard] {
			continue
		}
		seen[at.shard] = true
		s, err := p.newShard(ctx, schemas.Shard{Path: at.shard, Table: schemas.InstancesTable, Split: p.changes.split[ref.Sample]})
		if err != nil {
			return nil, err
		}
		shards = append(shards, s)
	}
	return shards, nil
}

func (p *publisher) newShard(ctx context.Context, s schemas.Shard) (_ schemas.Shard, err error) {
	dst := filepath.Join(p.dst, filepath.FromSlash(s.Path))
	if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
		return s, err
	}
	meta, err := schemas.Instances.FileMetadata()
	if err != nil {
		return s, err
	}
	c, err := mapColumns(schemas.Instances.Parquet())
	if err != nil {
		return s, err
	}
	w, err := shardfile.Create(dst, schemas.Instances.Parquet(), shardfile.Options{Metadata: meta})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if err := p.addRows(ctx, w, c, place{s.Path, atEnd}); err != nil {
		return s, err
	}
	return p.finish(w, s)
}

func sortedKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }

func sortedRefs(places map[schemas.ArrayRef]place) []schemas.ArrayRef {
	return slices.SortedFunc(maps.Keys(places), compareRefs)
}

func compareRefs(a, b schemas.ArrayRef) int {
	return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Array, b.Array))
}
