package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// shard is one Parquet file, that the manifest lists or that lies where shards do.
type shard struct {
	path, table, split string

	claimed *schemas.Shard // nil where the manifest does not list it
	found   *schemas.Shard // nil where there is no file
	file    *window        // nil where it cannot be opened
	reader  *shardfile.Reader
	usable  bool // its columns are those of the table, as far as rows can be read

	mu   sync.Mutex
	errs []error
	keys map[string]*validate.KeyError // by what is wrong with them
	lost atomic.Bool                   // some of its rows are not known
}

// fail notes that something is wrong with the file.
func (s *shard) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) < maxErrors {
		s.errs = append(s.errs, err)
	} else if len(s.errs) == maxErrors {
		s.errs = append(s.errs, errors.New("there is more that is wrong with it"))
	}
}

// maxErrors bounds what is said of one file.
const maxErrors = 100

// lose notes that rows cannot be read, so that what refers to them is not said to be wrong too.
func (s *shard) lose(err error) {
	s.fail(err)
	s.lost.Store(true)
}

// badKey notes a key that is wrong in the same way as others.
func (s *shard) badKey(key, value, problem string, row int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string]*validate.KeyError{}
	}
	kind := key + " " + problem
	e := s.keys[kind]
	if e == nil {
		e = &validate.KeyError{Table: s.table, Key: key, Value: value, Problem: problem, Row: row}
		s.keys[kind] = e
	}
	if row < e.Row {
		e.Row, e.Value = row, value
	}
	e.Rows++
}

// evidence is what is shown of the shard.
func (s *shard) evidence(w *walk) *validate.Shard {
	e := &validate.Shard{Place: w.at(s.path, s.split, ""), Claimed: s.claimed, Found: s.found, Errs: s.errs}
	for _, kind := range sortedKeys(s.keys) {
		e.Errs = append(e.Errs, s.keys[kind])
	}
	return e
}

// openShards finds the shards that the manifest lists or that lie there, and opens them.
func (w *walk) openShards(ctx context.Context, files []store.Info) error {
	byPath := map[string]*shard{}
	add := func(path string) *shard {
		s := byPath[path]
		if s == nil {
			s = &shard{path: path}
			byPath[path] = s
			w.shards = append(w.shards, s)
		}
		return s
	}
	if w.manifest != nil {
		for i := range w.manifest.Shards {
			c := &w.manifest.Shards[i]
			s := add(c.Path)
			s.claimed, s.table, s.split = c, c.Table, c.Split
		}
	}
	for _, f := range files {
		if table, split, _, _, err := schemas.ParseShardPath(f.Key); err == nil {
			s := add(f.Key)
			s.table, s.split = table, split // as other readers take them
		}
	}
	listed := map[string]bool{}
	for path := range byPath {
		listed[path] = true
	}
	w.unknownFiles(files, listed)
	slices.SortFunc(w.shards, func(a, b *shard) int { return cmp.Compare(a.path, b.path) })
	var g errgroup.Group
	g.SetLimit(openAtOnce)
	for _, s := range w.shards {
		g.Go(func() error { return w.open(ctx, s) })
	}
	return g.Wait()
}

// openAtOnce bounds how many footers are read at one time.
const openAtOnce = 16

func (w *walk) closeShards() {
	for _, s := range w.shards {
		if s.file != nil {
			s.file.Close() // it was read only
		}
	}
}

// open opens a shard. What is wrong with it is evidence; an error is one of reading at all.
func (w *walk) open(ctx context.Context, s *shard) error {
	at, size, err := store.ReaderAt(ctx, w.store, s.path)
	switch {
	case errors.Is(err, store.ErrNotExist), errors.Is(err, store.ErrInvalidKey):
		s.lost.Store(true)
		return nil
	case store.IsTransport(err):
		return err
	case err != nil:
		s.found = &schemas.Shard{Path: s.path, Table: s.table, Split: s.split, Rows: -1}
		s.lose(err)
		return nil
	}
	s.file = &window{file: at}
	s.found = &schemas.Shard{Path: s.path, Table: s.table, Split: s.split, Rows: -1, Bytes: size}
	s.reader, err = shardfile.Open(s.file, size, s.path)
	if store.IsTransport(err) {
		return err
	}
	if err != nil {
		s.lose(err)
		return nil
	}
	s.found.Rows = s.reader.NumRows()
	table, err := schemas.TableNamed(s.table)
	if err != nil {
		s.lose(&validate.SchemaError{Problem: err.Error()})
		return nil
	}
	problems, usable := checkColumns(s.reader.Schema(), table)
	for _, p := range problems {
		s.fail(p)
	}
	s.usable = usable
	s.lost.Store(!usable)
	if err := checkFormat(s.reader, table.Name); err != nil {
		s.fail(err)
	}
	return nil
}

// of lists the shards of a table whose rows can be read.
func (w *walk) of(table string) (shards []*shard) {
	for _, s := range w.shards {
		if s.table == table && s.usable {
			shards = append(shards, s)
		}
	}
	return shards
}

// lost reports whether rows of a table and split are not known, "" standing for all splits.
func (w *walk) lost(table, split string) bool {
	return slices.ContainsFunc(w.shards, func(s *shard) bool {
		return s.lost.Load() && s.table == table && (split == "" || s.split == split)
	})
}

// rowError says in which rows an error of reading is.
func rowError(first, n int64, err error) error {
	var page *shardfile.PageError
	if errors.As(err, &page) {
		return err
	}
	return fmt.Errorf("rows %d to %d cannot be read: %w", first, first+n-1, err)
}
