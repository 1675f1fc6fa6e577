package loaders

import (
	"context"
	"errors"
	"fmt"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// manifestLimit bounds what is read as a manifest: about a million shards.
const manifestLimit = 256 << 20

// Options say how a data set is read. The zero value works.
type Options struct {
	Store store.Options // of remote locations
}

// Dataset is an open data set, safe for concurrent use until it is closed.
type Dataset struct {
	store    store.Store
	manifest *schemas.Manifest
}

// Open opens the data set at a location. It reads the manifest and the footers of the
// shards.
func Open(ctx context.Context, location string, o Options) (*Dataset, error) {
	s, err := store.Open(ctx, location, o.Store)
	if err != nil {
		return nil, err
	}
	m, err := readManifest(ctx, s)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Dataset{store: s, manifest: m}, nil
}

// Manifest is the data set's manifest, not to be changed.
func (d *Dataset) Manifest() *schemas.Manifest { return d.manifest }

// Close closes the data set.
func (d *Dataset) Close() error { return d.store.Close() }

func readManifest(ctx context.Context, s store.Store) (*schemas.Manifest, error) {
	data, err := s.Get(ctx, schemas.ManifestName, nil, manifestLimit)
	if errors.Is(err, store.ErrNotExist) {
		return nil, noManifest(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	m, err := schemas.ParseManifest(data)
	if err != nil {
		return nil, &DamageError{File: schemas.ManifestName, Row: -1, Err: err}
	}
	return m, nil
}

// noManifest says what a location without a manifest is.
func noManifest(ctx context.Context, s store.Store) error {
	if list, err := s.List(ctx, ".micropq/"); err == nil && len(list) > 0 {
		return fmt.Errorf("%w: %s has no %s: its conversion is not finished, run the same convert command again", ErrDamaged, s, schemas.ManifestName)
	}
	return fmt.Errorf("%w: %s has no %s: this is no data set", ErrDamaged, s, schemas.ManifestName)
}
