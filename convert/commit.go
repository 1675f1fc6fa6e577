package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/micropq/micropq/internal/card"
	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/schemas"
)

const manifestName = schemas.ManifestName

// Commit makes an execution a data set: the cards, then the manifest, whose rename is the
// last thing that happens to the destination but for the removal of the work folder. All
// that the manifest lists is on the disk before it.
func Commit(ctx context.Context, e *Execution) (m *schemas.Manifest, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if m, err = e.manifest(); err != nil {
		return nil, err
	}
	if err := e.tell(m); err != nil {
		return nil, err
	}
	data, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := e.cards(m); err != nil {
		return nil, err
	}
	if err := e.syncDirs(); err != nil {
		return nil, err
	}
	if err := e.work.replaceDurably(filepath.Join(e.dst, manifestName), data); err != nil {
		return nil, err
	}
	return m, errors.Join(durable.SyncDir(e.dst), e.work.remove())
}

// syncDirs makes the names of shards and cards durable; their bytes are.
func (e *Execution) syncDirs() error {
	dirs := map[string]bool{}
	for _, t := range e.plan.Tasks {
		dirs[filepath.Dir(filepath.FromSlash(t.Path()))] = true
	}
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		if err := durable.SyncDir(filepath.Join(e.dst, d)); err != nil {
			return err
		}
	}
	return durable.SyncDir(e.dst)
}

// manifest lists the shards by their receipts.
func (e *Execution) manifest() (*schemas.Manifest, error) {
	m := &schemas.Manifest{
		Name:    e.plan.Name,
		Plan:    e.fingerprint,
		Source:  e.plan.Source,
		Options: e.plan.Options,
	}
	for _, t := range e.plan.Tasks {
		if !slices.Contains(m.Splits, t.Split) {
			m.Splits = append(m.Splits, t.Split)
		}
		r, ok := e.receipts[t.id()]
		if !ok {
			return nil, fmt.Errorf("commit: %s has no receipt", t.Path())
		}
		fi, err := os.Stat(filepath.Join(e.dst, filepath.FromSlash(t.Path())))
		if err != nil {
			return nil, fmt.Errorf("commit: %w", err)
		}
		if fi.Size() != r.Bytes {
			return nil, fmt.Errorf("commit: %s has %d bytes, its receipt says %d: run the conversion again", t.Path(), fi.Size(), r.Bytes)
		}
		m.Shards = append(m.Shards, schemas.Shard{
			Path: t.Path(), Table: t.Table, Split: t.Split,
			Rows: r.Rows, Bytes: r.Bytes, SHA256: r.SHA256,
		})
	}
	return m, nil
}

// tell has the source report, and writes the list of what was left out.
func (e *Execution) tell(m *schemas.Manifest) (err error) {
	r, ok := e.src.(Reporter)
	if !ok {
		return nil
	}
	if e.report, err = r.Report(e.work.facts); err != nil {
		return err
	}
	if len(e.report.Repairs) > 0 {
		m.Repairs = e.report.Repairs
	}
	if len(e.report.Rejected) == 0 {
		return nil
	}
	var list bytes.Buffer
	enc := json.NewEncoder(&list)
	enc.SetEscapeHTML(false)
	p := &schemas.Partial{Path: schemas.RejectedName}
	for _, r := range e.report.Rejected {
		if err := enc.Encode(r); err != nil {
			return err
		}
		p.Rejected += max(r.Rows, 1)
	}
	p.Bytes, p.SHA256 = int64(list.Len()), fmt.Sprintf("%x", sha256.Sum256(list.Bytes()))
	m.Partial = p
	return e.work.replace(filepath.Join(e.dst, p.Path), list.Bytes())
}

func (e *Execution) cards(m *schemas.Manifest) error {
	d := card.Dataset{Manifest: m, Tables: e.plan.Tables, Description: e.plan.Description, Tags: e.plan.Tags}
	readme, err := card.Readme(d)
	if err != nil {
		return err
	}
	croissant, err := card.Croissant(d)
	if err != nil {
		return err
	}
	return errors.Join(
		e.work.replaceDurably(filepath.Join(e.dst, "README.md"), readme),
		e.work.replaceDurably(filepath.Join(e.dst, "croissant.json"), croissant),
	)
}

// finished returns the manifest when dst already is the data set of the plan. A data set of
// another plan is an error unless it may be overwritten.
func finished(ctx context.Context, plan *Plan, dst string, overwrite bool) (*schemas.Manifest, error) {
	data, err := os.ReadFile(filepath.Join(dst, manifestName))
	if overwrite || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fp, err := plan.Fingerprint()
	if err != nil {
		return nil, err
	}
	m, err := schemas.ParseManifest(data)
	if err != nil || m.Plan != fp {
		return nil, errors.Join(fmt.Errorf("%w: %s holds a data set made from another source or with other options: "+
			"name another destination or replace it with --overwrite", ErrExists, dst), err)
	}
	for _, s := range m.Shards {
		sum, n, err := hashFile(ctx, filepath.Join(dst, filepath.FromSlash(s.Path)))
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil && (sum != s.SHA256 || n != s.Bytes) {
			err = fmt.Errorf("%s: bytes differ from the manifest", s.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w; make it anew with --overwrite", ErrDamaged, dst, err)
		}
	}
	// A run killed between the manifest and the removal of its work folder left it behind.
	return m, os.RemoveAll(filepath.Join(dst, workName))
}

// prepare makes dst ready for a work folder: it must be new, empty, an unfinished conversion,
// or a data set that may be overwritten.
func prepare(dst string, overwrite bool) error {
	entries, err := os.ReadDir(dst)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dst, 0o777)
	}
	if err != nil {
		return err
	}
	if overwrite && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == schemas.AnnotationsFolder }) {
		return fmt.Errorf("%w: %s holds edits of annotations in %s, which belong to what would be replaced: move that folder away first",
			ErrExists, dst, schemas.AnnotationsFolder)
	}
	for _, e := range entries {
		if e.Name() == workName || overwrite && e.Name() == manifestName {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s is not empty and holds no unfinished conversion: name another destination", ErrExists, dst)
	}
	return nil
}
