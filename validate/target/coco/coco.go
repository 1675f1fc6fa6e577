package coco

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/micropq/micropq/internal/jsonscan"
	"github.com/micropq/micropq/validate"
)

// Target is a file of COCO JSON.
type Target struct{ path string }

// New is the target of the file at a path.
func New(path string) *Target { return &Target{path} }

// Name implements validate.Target.
func (t *Target) Name() string { return t.path }

// walk is one walk through a file.
type walk struct {
	*index
	target  *Target
	file    *os.File
	pass    *validate.Pass
	memory  *semaphore.Weighted // for layers
	budget  int64               // all of memory
	classes []string            // nil where nothing defines them
	broken  problems            // what keeps records from being read
	workers sync.Pool           // of *worker
}

// Walk implements validate.Target. An error names, by its offset, each place where the file is no JSON, up to some;
// everything around them is looked at.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) error {
	file, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := &walk{target: t, file: file, pass: p, budget: p.Memory() / 2}
	w.memory = semaphore.NewWeighted(w.budget)
	cut := error(nil)
	if w.index, cut = readIndex(ctx, file, p.Memory()/4); ctx.Err() != nil {
		return context.Cause(ctx)
	} else if errors.Is(cut, jsonscan.ErrTooLong) {
		cut = fmt.Errorf("%w: raise --memory; what comes after is not looked at", cut)
	} else if cut != nil {
		cut = fmt.Errorf("%w; what comes after is not looked at", cut)
	}
	if err := w.usable(cut); err != nil {
		return err
	}
	p.Progress(w.size - w.bytes)
	w.classes = w.definedClasses()
	err = w.layers(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.File(ctx, &validate.File{Place: validate.Place{Target: t.path}, Format: "COCO", Keys: w.keys.list()})
	return errors.Join(cut, err, w.broken.join())
}

// usable reports whether there is anything to look at.
func (w *walk) usable(cut error) error {
	if len(w.spans) > 0 || w.has["annotations"] && w.has["images"] {
		return nil
	}
	if cut != nil {
		return cut
	}
	return errors.New("this is no COCO file: it has no images and annotations")
}

// definedClasses are the names of the categories, nil where the file has no list of them.
func (w *walk) definedClasses() []string {
	if !w.has["categories"] {
		return nil
	}
	names := []string{}
	for _, c := range w.categories {
		names = append(names, *c)
	}
	return names
}
