package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/internal/card"
	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/schemas"
)

// Sentinels for errors.Is.
var (
	// ErrExists is a destination that is there already.
	ErrExists = errors.New("destination exists")
	// ErrNothing is a journal without an edit that counts.
	ErrNothing = errors.New("nothing to publish")
)

// historyFolder holds the journals of a revision and its ancestors.
var historyFolder = filepath.Join(journal.Folder, "history")

// Options say how a revision is made. The zero value works.
type Options struct {
	Copy bool // copy unchanged shards, never link them
}

// Result says what a revision holds.
type Result struct {
	Manifest *schemas.Manifest
	Changed  int64 // rows of instances that differ from the parent's
	Added    int64 // rows that the parent does not have
	Deleted  int64 // rows that only the parent has
	Linked   int   // shards that are the parent's own files
	Copied   int   // shards that are copies of the parent's
	Written  int   // shards of instances that were written
}

// Publish makes dst, which must not exist, the revision of the data set in folder src that
// its editor's journal describes. dst appears whole or not at all.
func Publish(ctx context.Context, e *edit.Editor, src, dst string, o Options) (_ *Result, err error) {
	if err := e.Journal.Refresh(ctx); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%w: %s: name another", ErrExists, dst), err)
	}
	part, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dst)), ".publish-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	p := &publisher{editor: e, src: src, dst: part, options: o}
	if err := p.write(ctx); err != nil {
		return nil, err
	}
	if err := os.Chmod(part, 0o755); err != nil { // MkdirTemp makes it private
		return nil, err
	}
	if err := os.Rename(part, dst); err != nil {
		return nil, err
	}
	return &p.result, durable.SyncDir(filepath.Dir(filepath.Clean(dst)))
}

// publisher writes one revision.
type publisher struct {
	editor   *edit.Editor
	src, dst string
	options  Options
	changes  changes
	result   Result
	redrawn  map[schemas.ArrayRef]bool
	done     map[journal.Key]bool // instances whose row of the parent is written
	last     struct {
		ref     schemas.ArrayRef
		drawing *drawing
	}
}

func (p *publisher) write(ctx context.Context) error {
	parent := p.editor.Dataset.Manifest()
	changes, err := p.collect(ctx)
	if err != nil {
		return err
	}
	p.changes, p.redrawn, p.done = changes, map[schemas.ArrayRef]bool{}, map[journal.Key]bool{}
	m := *parent
	m.Plan, m.Shards, m.Splits = "", nil, slices.Clone(parent.Splits)
	for _, s := range parent.Shards {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		s, err := p.shard(ctx, s)
		if err != nil {
			return err
		}
		m.Shards = append(m.Shards, s)
	}
	added, err := p.newShards(ctx)
	if err != nil {
		return err
	}
	m.Shards = append(m.Shards, added...)
	if p.result.Changed+p.result.Added+p.result.Deleted == 0 {
		return fmt.Errorf("%w: the journal leaves every instance as it is", ErrNothing)
	}
	m.Revision = p.revision(parent)
	p.result.Manifest = &m
	if err := p.history(m.Revision.Number); err != nil {
		return err
	}
	if err := errors.Join(p.cards(parent, &m), p.others()); err != nil {
		return err
	}
	data, err := m.Encode()
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(p.dst, schemas.ManifestName), data)
}

func (p *publisher) revision(parent *schemas.Manifest) *schemas.Revision {
	r := &schemas.Revision{
		Number: 1, Parent: p.editor.Journal.Manifest(),
		Entries: p.editor.Journal.Len(), Journal: p.editor.Journal.Sum(), Redrawn: []schemas.ArrayRef{},
	}
	if parent.Revision != nil {
		r.Number = parent.Revision.Number + 1
		for _, a := range parent.Revision.Redrawn {
			p.redrawn[a] = true
		}
	}
	for a := range p.redrawn {
		r.Redrawn = append(r.Redrawn, a)
	}
	slices.SortFunc(r.Redrawn, compareRefs)
	return r
}

// history keeps the journals of the ancestors and the one that was published.
func (p *publisher) history(number int) error {
	dir := filepath.Join(p.dst, historyFolder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	old, err := os.ReadDir(filepath.Join(p.src, historyFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range old {
		if err := durable.Copy(filepath.Join(p.src, historyFolder, f.Name()), filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	out, err := os.Create(filepath.Join(dir, fmt.Sprintf("%04d.jsonl", number)))
	if err != nil {
		return err
	}
	err = p.editor.Journal.Save(out)
	return errors.Join(err, out.Sync(), out.Close())
}

// cards brings the parent's cards up to date. A data set without cards gets none.
func (p *publisher) cards(parent, m *schemas.Manifest) error {
	text := map[string][]byte{readme: nil, croissant: nil}
	for name := range text {
		b, err := os.ReadFile(filepath.Join(p.src, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		text[name] = b
	}
	text[readme], text[croissant] = card.Revise(text[readme], text[croissant], parent, m)
	for name, b := range text {
		if len(b) == 0 {
			continue
		}
		if err := durable.Replace(filepath.Join(p.dst, name), b); err != nil {
			return err
		}
	}
	return nil
}

const (
	readme    = "README.md"
	croissant = "croissant.json"
)

// others brings along what else lies beside the manifest: a list of rejected rows, a licence.
func (p *publisher) others() error {
	entries, err := os.ReadDir(p.src)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || slices.Contains([]string{schemas.ManifestName, readme, croissant}, e.Name()) {
			continue
		}
		if err := durable.Copy(filepath.Join(p.src, e.Name()), filepath.Join(p.dst, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
