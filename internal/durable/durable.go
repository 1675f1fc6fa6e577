// Package durable puts files in place whole, so that neither a killed process nor a power
// cut leaves half of one under its name.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Replace writes a small file under a temporary name beside it, syncs it, and renames it.
// Two callers must not replace the same file at once. What is no file, such as a device, is left alone.
func Replace(path string, data []byte) error {
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is no file that could be replaced: name another", path)
	}
	part := path + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return SyncDir(filepath.Dir(path))
}

// Link makes dst another name of the file src, or a copy of it where the file system has no
// such thing or the two lie on different ones. linked says which.
func Link(src, dst string) (linked bool, err error) {
	if os.Link(src, dst) == nil {
		return true, nil
	}
	return false, Copy(src, dst)
}

// Copy copies a file to a new one and syncs it. Where it fails nothing is left.
func Copy(src, dst string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(dst))
	}
	return nil
}
