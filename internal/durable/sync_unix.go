//go:build unix

package durable

import (
	"errors"
	"os"
	"syscall"
)

// SyncDir makes names made or changed in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // the file system has no such thing
	}
	return errors.Join(err, d.Close())
}
