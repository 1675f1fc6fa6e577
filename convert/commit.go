package convert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/micropq/micropq/internal/card"
	"github.com/micropq/micropq/schemas"
)

const manifestName = schemas.ManifestName

// Commit makes an execution a data set: the cards, then the manifest, whose rename is the
// last thing that happens to the destination but for the removal of the work folder.
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
	data, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := e.cards(m); err != nil {
		return nil, err
	}
	if err := e.work.replace(filepath.Join(e.dst, manifestName), data); err != nil {
		return nil, err
	}
	return m, e.work.remove()
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
		e.work.replace(filepath.Join(e.dst, "README.md"), readme),
		e.work.replace(filepath.Join(e.dst, "croissant.json"), croissant),
	)
}

// finished returns the manifest when dst already is the data set of the plan. A data set of
// another plan is an error unless it may be overwritten.
func finished(plan *Plan, dst string, overwrite bool) (*schemas.Manifest, error) {
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
		sum, n, err := hashFile(filepath.Join(dst, filepath.FromSlash(s.Path)))
		if err == nil && (sum != s.SHA256 || n != s.Bytes) {
			err = fmt.Errorf("%s: bytes differ from the manifest", s.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("%s is damaged, make it anew with --overwrite: %w", dst, err)
		}
	}
	// A run killed between the manifest and the removal of its work folder left it behind.
	return m, os.RemoveAll(filepath.Join(dst, workName))
}

// prepare makes dst ready for a work folder: it must be new, empty, or an unfinished
// conversion, or be allowed to be overwritten.
func prepare(dst string, overwrite bool) error {
	if overwrite {
		if err := clear(dst); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dst)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dst, 0o777)
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == workName {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s is not empty and holds no unfinished conversion: name another destination", ErrExists, dst)
	}
	return nil
}

// clear deletes a data set, finished or not, and nothing else: the manifest first, so that
// what is left is never taken for one.
func clear(dst string) error {
	_, manifest := os.Stat(filepath.Join(dst, manifestName))
	_, work := os.Stat(filepath.Join(dst, workName))
	if manifest != nil && work != nil {
		return nil
	}
	names := []string{manifestName, "README.md", "croissant.json"}
	for _, t := range schemas.Tables() {
		names = append(names, t.Name)
	}
	for _, n := range append(names, workName) {
		if err := os.RemoveAll(filepath.Join(dst, n)); err != nil {
			return err
		}
	}
	return nil
}
