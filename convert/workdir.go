package convert

import (
	"bufio"
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

	"github.com/micropq/micropq/internal/shardfile"
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
type workdir struct {
	dst  string
	dir  string
	lock *flock.Flock
}

// openWorkdir locks the destination for a plan, creating what is missing.
func openWorkdir(dst, fingerprint string) (w *workdir, err error) {
	w = &workdir{dst: dst, dir: filepath.Join(dst, workName)}
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

// claim records the plan, or checks that the unfinished work is of the same plan.
func (w *workdir) claim(fingerprint string) error {
	have, err := os.ReadFile(w.path("plan"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w.replace(w.path("plan"), []byte(fingerprint))
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

// replace writes a small file so that it is there whole or not at all.
func (w *workdir) replace(path string, data []byte) error {
	f, err := os.CreateTemp(w.dir, "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Chmod(f.Name(), 0o666&^umask)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// receipt returns the receipt of a done task. A receipt whose shard is missing or has
// other bytes does not count: the task is run again.
func (w *workdir) receipt(t Task) (r shardfile.Receipt, ok bool, err error) {
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
	sum, n, err := hashFile(filepath.Join(w.dst, filepath.FromSlash(t.Path())))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	return r, err == nil && sum == r.SHA256 && n == r.Bytes, err
}

func (w *workdir) putReceipt(t Task, r shardfile.Receipt) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return w.replace(w.path("receipts", t.id()), b)
}

func (w *workdir) putFacts(t Task, facts any) (err error) {
	f, err := os.Create(w.path("facts", t.id()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(z).Encode(facts), z.Close())
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

func hashFile(path string) (sum string, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}
