package loaders

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

const (
	// manifestLimit bounds what is read as a manifest: about a million shards.
	manifestLimit = 256 << 20
	// keptTails is how many remote shards keep their last 64 KiB, which hold the page indexes, or
	// all, of small ones.
	keptTails = 256
	// openFiles bounds how many footers are read at one time, and unless the options say otherwise,
	// all requests to a server: a thousand of them, 20 ms each, take a third of a second.
	openFiles = 64
	// indexMemory holds the indexes of arrays with four million chunks.
	indexMemory = 64 << 20
)

// Options say how a data set is read. The zero value works.
type Options struct {
	Workers      int   // goroutines that decode the chunks of one region; default all processors
	IndexMemory  int64 // bytes of indexes kept of arrays not in use; default 64 MiB
	VerifyDigest bool  // check the digest of every chunk, also where its page has a checksum
	Store        store.Options
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.IndexMemory <= 0 {
		o.IndexMemory = indexMemory
	}
	return o
}

// Dataset is an open data set, safe for concurrent use until it is closed.
type Dataset struct {
	options  Options
	store    store.Store
	remote   bool // its reads are requests
	manifest *schemas.Manifest
	shards   []*shard // in the order of the manifest
	arrays   *arrayCache

	samples struct { // see directory
		turn *semaphore.Weighted // of who reads it
		byID map[string]*sampleEntry
	}
}

// Open opens the data set at a location: a directory, a zip archive of one, or a file,
// HTTP or HTTPS URL of either. It reads the manifest and the footers of the shards, whose
// sizes and columns must be as promised, and nothing else. A newer major version of the
// format is a *[schemas.VersionError]. ctx bounds remote reads until Close.
func Open(ctx context.Context, location string, o Options) (_ *Dataset, err error) {
	if o.Store.MaxRequests == 0 {
		o.Store.MaxRequests = openFiles
	}
	s, err := store.Open(ctx, location, o.Store)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	d := &Dataset{options: o, store: s, remote: store.Remote(s), arrays: newArrayCache(o.IndexMemory)}
	d.samples.turn = semaphore.NewWeighted(1)
	if d.manifest, err = readManifest(ctx, s); err == nil {
		err = d.openShards(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// openShards opens every shard and reports every one that is damaged.
func (d *Dataset) openShards(ctx context.Context) error {
	d.shards = make([]*shard, len(d.manifest.Shards))
	errs := make([]error, len(d.shards))
	var g errgroup.Group
	g.SetLimit(openFiles)
	for i, entry := range d.manifest.Shards {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if d.shards[i], errs[i] = openShard(ctx, d.store, entry); errs[i] == nil && len(d.shards) > keptTails {
				store.ForgetTail(d.shards[i].at)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// shardsOf lists the shards of a table and split in the order of their rows; an empty split
// stands for all.
func (d *Dataset) shardsOf(table, split string) (shards []*shard) {
	for _, s := range d.shards {
		if s.Table == table && (split == "" || s.Split == split) {
			shards = append(shards, s)
		}
	}
	return shards
}

// Manifest is the data set's manifest, not to be changed.
func (d *Dataset) Manifest() *schemas.Manifest { return d.manifest }

// Close closes the files of the data set. Nothing may be read at the same time or after.
func (d *Dataset) Close() error {
	var errs []error
	for _, s := range d.shards {
		if s != nil {
			errs = append(errs, s.at.Close())
		}
	}
	return errors.Join(append(errs, d.store.Close())...)
}

func readManifest(ctx context.Context, s store.Store) (*schemas.Manifest, error) {
	data, err := s.Get(ctx, schemas.ManifestName, nil, manifestLimit)
	if errors.Is(err, store.ErrNotExist) {
		return nil, noManifest(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	m, err := schemas.ParseManifest(data)
	var version *schemas.VersionError
	if errors.As(err, &version) && version.Newer {
		return nil, fmt.Errorf("%s: %w", s, err) // not damaged
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, s, err)
	}
	return m, nil
}

// noManifest says what a location without a manifest is.
func noManifest(ctx context.Context, s store.Store) error {
	if list, err := s.List(ctx, ".micropq/"); err == nil && len(list) > 0 {
		return fmt.Errorf("%w: %s has no %s: its conversion is not finished; run the same convert command again", ErrDamaged, s, schemas.ManifestName)
	}
	return fmt.Errorf("%w: %s has no %s: this is no data set", ErrDamaged, s, schemas.ManifestName)
}
