package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// dir is a directory of files. Keys never leave it: links are followed where they point
// inside. A file is open for the length of one call only. Keys are as case sensitive as
// the file system is.
type dir struct {
	root *os.Root
	name string
}

func openDir(name string) (*dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &dir{root: root, name: name}, nil
}

func (d *dir) String() string { return d.name }

func (d *dir) Close() error { return d.root.Close() }

// stat finds the regular file of a key. It comes before any opening, which would wait for
// ever at a named pipe.
func (d *dir) stat(ctx context.Context, key string) (name string, size int64, err error) {
	if err := ctx.Err(); err != nil {
		return "", 0, err
	}
	if err := checkKey(key); err != nil {
		return "", 0, d.wrap(key, err)
	}
	if name, err = filepath.Localize(key); err != nil {
		return "", 0, d.wrap(key, fmt.Errorf("%w: no file of this system can have that name", ErrInvalidKey))
	}
	info, err := d.root.Stat(name)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return "", 0, d.wrap(key, ErrNotExist)
	case errors.Is(err, fs.ErrNotExist):
		return "", 0, d.missing(key, name)
	case err != nil:
		return "", 0, d.wrap(key, err)
	case info.IsDir():
		return "", 0, d.wrap(key, fmt.Errorf("%w: it is a directory", ErrNotExist))
	case !info.Mode().IsRegular():
		return "", 0, d.wrap(key, fmt.Errorf("not a regular file but %v", info.Mode().Type()))
	}
	return name, info.Size(), nil
}

// missing tells an absent file from a link to nowhere: an absent chunk means fill values,
// a broken link means lost data.
func (d *dir) missing(key, name string) error {
	if info, err := d.root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return d.wrap(key, errors.New("the link points to nothing"))
	}
	return d.wrap(key, ErrNotExist)
}

// wrap says where, and drops the path of a *fs.PathError, which repeats the key.
func (d *dir) wrap(key string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", path.Join(filepath.ToSlash(d.name), key), err)
}

func (d *dir) Stat(ctx context.Context, key string) (Info, error) {
	_, size, err := d.stat(ctx, key)
	if err != nil {
		return Info{}, err
	}
	return Info{Key: key, Size: size, Stored: size}, nil
}

func (d *dir) Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error) {
	name, size, err := d.stat(ctx, key)
	if err != nil {
		return dst, err
	}
	if err := checkLimit(key, size, limit); err != nil {
		return dst, fmt.Errorf("%s: %w", d.name, err)
	}
	return d.read(key, name, 0, size, dst)
}

func (d *dir) GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error) {
	name, size, err := d.stat(ctx, key)
	if err != nil {
		return dst, err
	}
	if err := checkRange(key, off, n, size); err != nil {
		return dst, fmt.Errorf("%s: %w", d.name, err)
	}
	return d.read(key, name, off, n, dst)
}

func (d *dir) read(key, name string, off, n int64, dst []byte) ([]byte, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return dst, d.wrap(key, err)
	}
	defer f.Close()
	all, added := extend(dst, n)
	if err := readFull(f, added, off); err != nil {
		return dst, d.wrap(key, fmt.Errorf("%d bytes from %d: %w", n, off, err))
	}
	return all, nil
}

// readFull fills p from off; an end before that is io.ErrUnexpectedEOF.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (d *dir) openReader(ctx context.Context, key string) (Reader, int64, error) {
	name, size, err := d.stat(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, 0, d.wrap(key, err)
	}
	return fileReader{f}, size, nil
}

// List follows links as Get does, so that it describes exactly what Get reads.
func (d *dir) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := checkPrefix(prefix); err != nil {
		return nil, d.wrap(prefix, err)
	}
	w := dirWalk{dir: d}
	start := strings.TrimSuffix(prefix, "/")
	info, err := d.root.Stat(filepath.FromSlash(path.Clean(start)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !info.IsDir() {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, d.wrap(start, err)
	}
	if err := w.folder(ctx, start, info); err != nil {
		return nil, err
	}
	slices.SortFunc(w.found, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	return w.found, nil
}

// dirWalk collects files below a folder.
type dirWalk struct {
	dir   *dir
	above []fs.FileInfo // the folders being walked, to notice a link back into one of them
	found []Info
}

func (w *dirWalk) folder(ctx context.Context, key string, self fs.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, up := range w.above {
		if os.SameFile(up, self) {
			return w.dir.wrap(key, errors.New("the link leads back to a folder that holds it"))
		}
	}
	w.above = append(w.above, self)
	defer func() { w.above = w.above[:len(w.above)-1] }()

	f, err := w.dir.root.Open(filepath.FromSlash(path.Clean(key)))
	if err != nil {
		return w.dir.wrap(key, err)
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return w.dir.wrap(key, err)
	}
	for _, entry := range entries {
		if err := w.entry(ctx, path.Join(key, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

func (w *dirWalk) entry(ctx context.Context, key string, entry fs.DirEntry) error {
	var info fs.FileInfo
	var err error
	if entry.Type()&fs.ModeSymlink != 0 {
		info, err = w.dir.root.Stat(filepath.FromSlash(key))
	} else {
		info, err = entry.Info()
	}
	if err != nil {
		return w.dir.wrap(key, err)
	}
	switch {
	case info.IsDir():
		return w.folder(ctx, key, info)
	case info.Mode().IsRegular():
		w.found = append(w.found, Info{Key: key, Size: info.Size(), Stored: info.Size()})
	}
	return nil
}
