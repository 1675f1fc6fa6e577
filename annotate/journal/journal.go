package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/schemas"
)

// Names of the journal's files, relative to the data set.
const (
	Folder   = "annotations"
	fileName = "journal.jsonl"
	headName = "head.json"
	lockName = "lock"
)

// retry is how often a locked journal is tried again.
const retry = 10 * time.Millisecond

// Journal is the journal of one data set. It holds no file open and no lock between calls;
// a call brings it up to date with what other processes appended. It is not safe for
// concurrent use by goroutines: each opens its own.
type Journal struct {
	dir    string // DATASET/annotations
	file   string // its journal
	header header

	*state
	end   int64 // bytes of the file that are understood: of whole groups
	lines int64 // lines in them
	torn  bool  // something follows them
}

// head is what head.json says.
type head struct {
	Entries int64  `json:"entries"`
	Sum     string `json:"sum"` // of the last one's line
}

// Open reads the journal of the data set in a local folder; where none was written yet it
// is empty, and reading writes nothing. A journal that belongs to another manifest than the
// folder has is an error that wraps [ErrForeign], one that was changed [ErrDamaged].
func Open(ctx context.Context, dataset string) (*Journal, error) {
	manifest, err := os.ReadFile(filepath.Join(dataset, schemas.ManifestName))
	if err != nil {
		return nil, fmt.Errorf("the journal lies in the folder of its data set: %w", err)
	}
	m, err := schemas.ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(manifest)
	j := &Journal{
		dir:    filepath.Join(dataset, Folder),
		header: header{Journal: headerName, Version: headerVersion, Dataset: m.Name, Manifest: hex.EncodeToString(sum[:])},
		state:  newState(),
	}
	j.file = j.path(fileName)
	return j, j.Refresh(ctx)
}

// Read reads a journal file wherever it lies and whatever data set it belongs to, without a
// lock: one that someone sent, or that a published revision keeps. It cannot be appended to.
func Read(ctx context.Context, file string) (*Journal, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	j := &Journal{file: file, state: newState()}
	return j, j.catchUp(ctx)
}

func (j *Journal) path(name string) string { return filepath.Join(j.dir, name) }

// Refresh reads what others appended since.
func (j *Journal) Refresh(ctx context.Context) error {
	if _, err := os.Stat(j.file); errors.Is(err, fs.ErrNotExist) {
		return j.checkHead()
	}
	unlock, err := j.lock(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	return j.catchUp(ctx)
}

// lock waits for the journal. A journal that may only be read is read without.
func (j *Journal) lock(ctx context.Context, exclusive bool) (unlock func(), err error) {
	l := flock.New(j.path(lockName))
	try := l.TryRLockContext
	if exclusive {
		try = l.TryLockContext
	}
	_, err = try(ctx, retry)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && !exclusive && errors.Is(err, fs.ErrPermission):
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", j.dir, err)
	}
	return func() { _ = l.Close() }, nil
}

// catchUp reads from where the last call ended.
func (j *Journal) catchUp(ctx context.Context) error {
	f, err := os.Open(j.file)
	if errors.Is(err, fs.ErrNotExist) {
		return j.checkHead()
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(j.end, io.SeekStart); err != nil {
		return err
	}
	promised, err := j.readHead()
	if err != nil {
		return err
	}
	r := newLineReader(f, j.end)
	if j.lines == 0 {
		if torn, err := j.readHeader(r); torn || err != nil {
			return err
		}
	}
	err = j.readGroups(ctx, r)
	var damage *DamageError
	if errors.As(err, &damage) && promised != nil && j.seq >= promised.Entries {
		err = nil // a power cut: no command that wrote it ever ended
	}
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	j.torn = fi.Size() > j.end
	return j.checkHead()
}

// readHeader reports a header that a killed process left half written as torn.
func (j *Journal) readHeader(r *lineReader) (torn bool, err error) {
	line, err := r.next()
	if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
		return true, j.checkHead()
	}
	if err != nil {
		return false, j.damaged(1, err)
	}
	var h header
	sum, err := open("", line, &h)
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return false, j.damaged(1, err)
	}
	if j.dir == "" {
		j.header = h
	}
	if h.Manifest != j.header.Manifest {
		return false, fmt.Errorf("%w: %s was begun for %s with manifest %.12s, the folder has manifest %.12s: move the folder %s away",
			ErrForeign, j.file, h.Dataset, h.Manifest, j.header.Manifest, j.dir)
	}
	j.sum, j.end, j.lines = sum, r.at, 1
	return false, nil
}

// readGroups takes every whole group that follows.
func (j *Journal) readGroups(ctx context.Context, r *lineReader) error {
	var pending []placed
	sum := j.sum
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		offset := r.at
		line, err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return nil
		}
		number := j.lines + int64(len(pending)) + 1
		if err != nil {
			return j.damaged(number, err)
		}
		var e Entry
		if sum, err = open(sum, line, &e); err == nil {
			first := &e
			if len(pending) > 0 {
				first = &pending[0].Entry
			}
			err = j.checkNext(&e, len(pending), first)
		}
		if err != nil {
			return j.damaged(number, err)
		}
		if pending = append(pending, newPlaced(&e, offset)); e.Left > 0 {
			continue
		}
		if err := j.commit(pending, sum); err != nil {
			return j.damaged(number, err)
		}
		j.end, j.lines = r.at, number
		pending = pending[:0]
	}
}

func (s *State) withoutShape() *State {
	if s == nil || s.Shape == nil {
		return s
	}
	out := *s
	out.Shape = nil
	return &out
}

func (j *Journal) damaged(line int64, err error) error {
	file := j.file
	if j.dir != "" {
		file = filepath.Join(Folder, fileName)
	}
	return &DamageError{File: file, Line: line, Err: err}
}

// readHead is nil where nothing was written, or its writer was killed before its first head.
func (j *Journal) readHead() (*head, error) {
	if j.dir == "" {
		return nil, nil
	}
	data, err := os.ReadFile(j.path(headName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var h head
	if err := decodeStrict(data, &h); err != nil {
		return nil, &DamageError{File: filepath.Join(Folder, headName), Err: err}
	}
	return &h, nil
}

// checkHead finds a journal that is shorter than it was when a command ended.
func (j *Journal) checkHead() error {
	h, err := j.readHead()
	if err != nil || h == nil {
		return err
	}
	if h.Entries > j.seq || h.Entries == j.seq && h.Sum != j.sum {
		return j.damaged(0, fmt.Errorf("%s promises %d entries, %d are there: restore the file", headName, h.Entries, j.seq))
	}
	return nil
}

func (j *Journal) writeHead() error {
	data, err := json.Marshal(head{j.seq, j.sum})
	if err != nil {
		return err
	}
	return durable.Replace(j.path(headName), append(data, '\n'))
}
