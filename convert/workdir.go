package convert

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

// workName is the folder, inside the destination, of what an unfinished conversion keeps.
const workName = ".micropq"

// workdir is the state of an unfinished conversion on disk:
//
//	DST/.micropq/lock           held while a process works on DST
//	DST/.micropq/plan           the plan's fingerprint
//	DST/.micropq/tmp/           shards being written
//	DST/.micropq/receipts/ID    JSON, renamed into place after the shard itself
//	DST/.micropq/facts/ID       gob in zstd
//
// Only the plan is synced to the disk when it is written. What a power failure makes of the
// rest is found out by its digest, and the task is run again.
type workdir struct {
	dst  string
	dir  string
	lock *flock.Flock
}

// openWorkdir locks the destination for a plan, creating what is missing. To overwrite is to
// delete the data set there, finished or not.
func openWorkdir(dst, fingerprint string, overwrite bool) (_ *workdir, err error) {
	w := &workdir{dst: dst, dir: filepath.Join(dst, workName)}
	if err := os.MkdirAll(w.dir, 0o777); err != nil {
		return nil, err
	}
	w.lock = flock.New(filepath.Join(w.dir, "lock"))
	ok, err := w.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dst, err)
	}
	if !ok {
		return nil, fmt.Errorf("%w: another micropq is writing %s", ErrExists, dst)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if overwrite {
		if err := w.clear(); err != nil {
			return nil, err
		}
	}
	if err := w.claim(fingerprint); err != nil {
		return nil, err
	}
	// What a killed process left half written is of no use.
	if err := os.RemoveAll(w.path("tmp")); err != nil {
		return nil, err
	}
	for _, d := range []string{"tmp", "receipts", "facts"} {
		if err := os.MkdirAll(w.path(d), 0o777); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// clear deletes a data set and nothing else: the manifest first, so that what is left is
// never taken for one. The lock stays.
func (w *workdir) clear() error {
	names := []string{manifestName, schemas.RejectedName, "README.md", "croissant.json"}
	for _, t := range schemas.Tables() {
		names = append(names, t.Name)
	}
	for _, n := range []string{"plan", "tmp", "receipts", "facts"} {
		names = append(names, filepath.Join(workName, n))
	}
	for _, n := range names {
		if err := os.RemoveAll(filepath.Join(w.dst, n)); err != nil {
			return err
		}
	}
	return nil
}

// claim records the plan, or checks that the unfinished work is of the same plan.
func (w *workdir) claim(fingerprint string) error {
	have, err := os.ReadFile(w.path("plan"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.Join(w.replaceDurably(w.path("plan"), []byte(fingerprint)), durable.SyncDir(w.dir))
	case err != nil:
		return err
	case string(have) != fingerprint:
		return fmt.Errorf("%w: %s holds an unfinished conversion of another source or with other options: "+
			"finish that one, name another destination, or start over with --overwrite", ErrExists, w.dst)
	}
	return nil
}

func (w *workdir) path(elem ...string) string {
	return filepath.Join(append([]string{w.dir}, elem...)...)
}

func (w *workdir) close() error { return w.lock.Close() }

// remove deletes the work folder and unlocks.
func (w *workdir) remove() error {
	return errors.Join(w.lock.Close(), os.RemoveAll(w.dir))
}

// replace writes a small file so that a process sees it whole or not at all.
func (w *workdir) replace(path string, data []byte) error {
	return w.replaceBy(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// replaceDurably is replace, whole also after a power failure. The folder of the path is for
// the caller to sync.
func (w *workdir) replaceDurably(path string, data []byte) error {
	return w.replaceBy(path, func(f *os.File) error {
		_, err := f.Write(data)
		return errors.Join(err, f.Sync())
	})
}

func (w *workdir) replaceBy(path string, write func(*os.File) error) error {
	f, err := os.Create(w.path("new-" + filepath.Base(path)))
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// receipt says that a task is done: what its shard holds, and the SHA-256 of its facts.
type receipt struct {
	shardfile.Receipt
	Facts string `json:"facts,omitempty"`
}

// receipt returns the receipt of a done task. A receipt whose shard or facts are missing or
// have other bytes does not count: the task is run again.
func (w *workdir) receipt(ctx context.Context, t Task) (r receipt, ok bool, err error) {
	b, err := os.ReadFile(w.path("receipts", t.id()))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if json.Unmarshal(b, &r) != nil {
		return r, false, nil
	}
	sum, n, err := hashFile(ctx, filepath.Join(w.dst, filepath.FromSlash(t.Path())))
	ok = err == nil && sum == r.SHA256 && n == r.Bytes
	if ok && r.Facts != "" {
		sum, _, err = hashFile(ctx, w.path("facts", t.id()))
		ok = err == nil && sum == r.Facts
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, ok, err
}

func (w *workdir) putReceipt(t Task, r receipt) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return w.replace(w.path("receipts", t.id()), b)
}

// putFacts stores the facts of a task and returns their SHA-256.
func (w *workdir) putFacts(t Task, facts any) (sum string, err error) {
	f, err := os.Create(w.path("facts", t.id()))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	z, err := zstd.NewWriter(io.MultiWriter(f, h), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return "", err
	}
	if err := errors.Join(gob.NewEncoder(z).Encode(facts), z.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (w *workdir) facts(t Task, into any) error {
	f, err := os.Open(w.path("facts", t.id()))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(bufio.NewReader(f), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	if err := gob.NewDecoder(z).Decode(into); err != nil {
		return fmt.Errorf("facts of %s: %w", t.Path(), err)
	}
	return nil
}

// hashFile returns the SHA-256 and the size of a file.
func hashFile(ctx context.Context, path string) (sum string, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err = io.Copy(h, cancelledReader{ctx, f})
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// cancelledReader reads until its context is cancelled.
type cancelledReader struct {
	ctx context.Context
	io.Reader
}

func (r cancelledReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
