package vqa

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/micropq/micropq/internal/store"
)

// linked is a store one of whose objects is a link to a file elsewhere, as the cache of the Hugging Face hub has them:
// named for the user, stored under a hash. A store follows no link out of its folder, but the user named this one.
type linked struct {
	store.Store
	name   string
	target store.Store // that holds the file
	key    string      // of it
}

// followed is s, or s with the file at a location followed to where it is.
func followed(ctx context.Context, s store.Store, location string) (store.Store, error) {
	if info, err := os.Lstat(location); err != nil || info.Mode()&os.ModeSymlink == 0 {
		return s, nil // an error comes again when it is read
	}
	file, err := filepath.EvalSymlinks(location)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	target, err := store.Open(ctx, filepath.Dir(file), store.Options{})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &linked{s, filepath.Base(location), target, filepath.Base(file)}, nil
}

// of is where the object of a key is.
func (l *linked) of(key string) (store.Store, string) {
	if key == l.name {
		return l.target, l.key
	}
	return l.Store, key
}

func (l *linked) Stat(ctx context.Context, key string) (store.Info, error) {
	s, k := l.of(key)
	info, err := s.Stat(ctx, k)
	info.Key = key
	return info, err
}

func (l *linked) Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error) {
	s, k := l.of(key)
	return s.Get(ctx, k, dst, limit)
}

func (l *linked) GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error) {
	s, k := l.of(key)
	return s.GetRange(ctx, k, off, n, dst)
}

func (l *linked) Close() error { return errors.Join(l.Store.Close(), l.target.Close()) }
