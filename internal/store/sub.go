package store

import (
	"context"
	"strings"
)

// Sub is the folder of s under prefix, as a store of its own: keys are relative to it.
// Closing it does nothing; s stays its owner's to close. Errors name the full keys of s.
func Sub(s Store, prefix string) Store {
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix == "" {
		return s
	}
	return &sub{store: s, prefix: prefix + "/"}
}

type sub struct {
	store  Store
	prefix string
}

func (s *sub) Stat(ctx context.Context, key string) (Info, error) {
	info, err := s.store.Stat(ctx, s.prefix+key)
	info.Key = strings.TrimPrefix(info.Key, s.prefix)
	return info, err
}

func (s *sub) Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error) {
	return s.store.Get(ctx, s.prefix+key, dst, limit)
}

func (s *sub) GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error) {
	return s.store.GetRange(ctx, s.prefix+key, off, n, dst)
}

func (s *sub) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	found, err := s.store.List(ctx, s.prefix+prefix)
	for i := range found {
		found[i].Key = strings.TrimPrefix(found[i].Key, s.prefix)
	}
	return found, err
}

func (s *sub) String() string {
	return strings.TrimSuffix(s.store.String(), "/") + "/" + strings.TrimSuffix(s.prefix, "/")
}

func (s *sub) Close() error { return nil }
