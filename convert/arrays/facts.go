package arrays

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/schemas"
)

// Facts are what a task of chunks learned of the arrays it read at level 0.
type Facts struct{ Arrays []ArrayFacts }

// ArrayFacts is the part of one array that one task read.
type ArrayFacts struct {
	Sample, Array string
	Objects       []Object
	Projection    *Projection
	Parts         Parts // label arrays only
}

// Object is an encoded object of the source, or a range of one, that was read.
type Object struct {
	Key       string
	Off, Size int64
	Sum       uint64 // xxh64
}

func newArrayFacts(s *Sample, a *Array) *ArrayFacts {
	f := &ArrayFacts{Sample: s.ID, Array: a.Name, Projection: newProjection(a)}
	if a.Role == schemas.RoleLabels {
		f.Parts = Parts{}
	}
	return f
}

func newObject(key string, off int64, encoded []byte) Object {
	return Object{Key: key, Off: off, Size: int64(len(encoded)), Sum: xxhash.Sum64(encoded)}
}

// merge adds the facts of a later task of the same array.
func (f *ArrayFacts) merge(g *ArrayFacts) {
	f.Objects = append(f.Objects, g.Objects...)
	f.Projection.merge(g.Projection)
	f.Parts.merge(g.Parts)
}

// Gatherer collects the facts of samples, which it is asked for in plan order.
type Gatherer struct {
	tasks []convert.Task // of chunks
	spans [][]Span
	read  func(convert.Task, any) error
	// A shard may hold many small samples: the facts read last are kept.
	last  int
	facts Facts
}

// NewGatherer reads the facts of the tasks of chunks among tasks by means of read.
func NewGatherer(tasks []convert.Task, read func(convert.Task, any) error) (*Gatherer, error) {
	g := &Gatherer{read: read, last: -1}
	for _, t := range tasks {
		if t.Table != schemas.ChunksTable {
			continue
		}
		d, err := ParseDetail(t)
		if err != nil {
			return nil, err
		}
		g.tasks, g.spans = append(g.tasks, t), append(g.spans, d.Spans)
	}
	return g, nil
}

// Sample merges the facts of a sample's arrays, those that wanted accepts, by array name.
func (g *Gatherer) Sample(id string, wanted func(array string) bool) (map[string]*ArrayFacts, error) {
	out := map[string]*ArrayFacts{}
	match := func(s Span) bool { return s.Sample == id && s.Level == 0 && wanted(s.Array) }
	for i := range g.tasks {
		if !slices.ContainsFunc(g.spans[i], match) {
			continue
		}
		if g.last != i {
			g.last, g.facts = i, Facts{}
			if err := g.read(g.tasks[i], &g.facts); err != nil {
				return nil, err
			}
		}
		for j := range g.facts.Arrays {
			f := &g.facts.Arrays[j]
			switch have := out[f.Array]; {
			case f.Sample != id || !wanted(f.Array):
			case have == nil:
				out[f.Array] = f
			default:
				have.merge(f)
			}
		}
	}
	return out, nil
}

// SourceDigest is "sha256:" over the keys, offsets, sizes and hashes of every object read,
// sorted, each once. Two tasks that saw different bytes under one key are an error: the
// source changed while it was read.
func SourceDigest(arrays map[string]*ArrayFacts) (string, error) {
	var all []Object
	for _, f := range arrays {
		all = append(all, f.Objects...)
	}
	return digest(all)
}

func digest(all []Object) (string, error) {
	slices.SortFunc(all, func(a, b Object) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(a.Off, b.Off))
	})
	h := sha256.New()
	for i, o := range all {
		if i > 0 && o.Key == all[i-1].Key && o.Off == all[i-1].Off {
			if o != all[i-1] {
				return "", fmt.Errorf("%s changed while it was read: run the conversion again with --overwrite", o.Key)
			}
			continue
		}
		fmt.Fprintf(h, "%s %d %d %016x\n", o.Key, o.Off, o.Size, o.Sum)
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)), nil
}
