package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// Options say more about a data set than it does itself. The zero value works.
type Options struct {
	// Classes is a map of its classes to those of someone else, to be checked for being complete; nil
	// for none. A class that is mapped to "" is meant to be left out.
	Classes map[string]string
	Store   store.Options
}

// Target is a data set.
type Target struct {
	location string
	options  Options
}

// New is the target of the data set at a location, as [store.Open] takes it.
func New(location string, o Options) *Target { return &Target{location, o} }

// Name implements validate.Target.
func (t *Target) Name() string { return t.location }

// Walk implements validate.Target.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) error {
	s, err := store.Open(ctx, t.location, t.options.Store)
	if err != nil {
		return err
	}
	w := &walk{pass: p, store: s, options: t.options, place: validate.Place{Target: t.location}}
	return errors.Join(w.run(ctx), s.Close())
}

// walk is one walk through a data set.
type walk struct {
	pass    *validate.Pass
	store   store.Store
	options Options
	place   validate.Place // of the data set

	manifest *schemas.Manifest
	problems []error
	shards   []*shard // in the order of their names
	workers  *workers

	samples   samples
	instances instances
	questions keys
	totals    totals
	layout    *layout
	skipped   bool // nobody wants what chunks hold
}

func (w *walk) run(ctx context.Context) error {
	files, err := w.readManifest(ctx)
	if err != nil {
		return err
	}
	show := func() {
		w.pass.Dataset(ctx, &validate.Dataset{
			Place: w.place, Manifest: w.manifest, Problems: w.problems, Totals: w.totals.Totals, Classes: w.options.Classes,
		})
	}
	if isNewer(w.problems) {
		show() // what its tables mean is not known
		return nil
	}
	if err := w.openShards(ctx, files); err != nil {
		return err
	}
	defer w.closeShards()
	w.totals.init()
	w.layout = layoutOf(w.manifest)
	w.workers = newWorkers(w.pass.Jobs())
	defer w.workers.stop()
	for _, step := range []func(context.Context) error{
		w.readSamples, w.readInstances, w.readQuestions, w.readChunks, w.showRest,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, s := range w.shards {
		w.pass.Shard(ctx, s.evidence(w))
	}
	show()
	return nil
}

// readManifest reads the manifest as far as it goes, and lists the files where the store can.
func (w *walk) readManifest(ctx context.Context) (files []store.Info, err error) {
	files, err = w.store.List(ctx, "")
	if errors.Is(err, store.ErrNoList) {
		files, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := w.store.Get(ctx, schemas.ManifestName, nil, manifestLimit)
	var large *store.TooLargeError
	var sum *store.ChecksumError
	switch {
	case errors.Is(err, store.ErrNotExist) && !holdsShards(files):
		return nil, fmt.Errorf("%s has no %s and no tables: this is no data set", w.store, schemas.ManifestName)
	case errors.Is(err, store.ErrNotExist):
		w.problem("there is no %s: the conversion was not finished, or the file was lost", schemas.ManifestName)
		return files, nil
	case errors.As(err, &large), errors.As(err, &sum):
		w.problem("%w", err)
		return files, nil
	case err != nil:
		return nil, err
	}
	w.manifest, err = schemas.ParseManifest(data)
	if err != nil {
		w.problems = append(w.problems, err)
		w.manifest = leniently(data)
	}
	if w.manifest != nil {
		w.place.Dataset = cmp.Or(w.manifest.Name, w.manifest.Source.Name)
		err = w.checkRejected(ctx)
	} else {
		err = nil // it is among the problems
	}
	return files, err
}

// checkRejected compares the list of rows that a partial data set lacks with what the manifest says of it.
func (w *walk) checkRejected(ctx context.Context) error {
	p := w.manifest.Partial
	if p == nil {
		return nil
	}
	differ := func(what, claim, found string) {
		if claim != found {
			w.problems = append(w.problems, &validate.ClaimError{Column: p.Path + ": " + what, Claim: claim, Found: found})
		}
	}
	data, err := w.store.Get(ctx, p.Path, nil, manifestLimit)
	if store.IsTransport(err) && !errors.Is(err, store.ErrNotExist) {
		return err
	}
	if err != nil {
		w.problems = append(w.problems, &validate.ClaimError{Column: p.Path, Claim: "listed", Found: "there: " + err.Error()})
		return nil
	}
	differ("its size", fmt.Sprint(p.Bytes), fmt.Sprint(len(data)))
	differ("its SHA-256", p.SHA256, fmt.Sprintf("%x", sha256.Sum256(data)))
	return nil
}

// manifestLimit bounds what is read as a manifest: about a million shards.
const manifestLimit = 256 << 20

func (w *walk) problem(format string, args ...any) {
	w.problems = append(w.problems, &validate.SchemaError{Problem: fmt.Errorf(format, args...).Error()})
}

func holdsShards(files []store.Info) bool {
	for _, f := range files {
		if _, _, _, _, err := schemas.ParseShardPath(f.Key); err == nil {
			return true
		}
	}
	return false
}

func isNewer(problems []error) bool {
	for _, err := range problems {
		var version *schemas.VersionError
		if errors.As(err, &version) && version.Newer {
			return true
		}
	}
	return false
}

// at is a place in the data set.
func (w *walk) at(file, split, sample string) validate.Place {
	p := w.place
	p.File, p.Split, p.Sample = file, split, sample
	return p
}

// unknownFiles reports what lies in the folders of tables and is no shard that the manifest lists.
func (w *walk) unknownFiles(files []store.Info, listed map[string]bool) {
	for _, f := range files {
		folder, _, _ := strings.Cut(f.Key, "/")
		if _, err := schemas.TableNamed(folder); err != nil || listed[f.Key] || folder == f.Key {
			continue
		}
		if _, _, _, _, err := schemas.ParseShardPath(f.Key); err != nil && path.Ext(f.Key) == ".parquet" {
			w.problem("%s: %w", f.Key, err)
		}
	}
}
