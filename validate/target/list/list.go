// Package list validates lists of samples by split, before there is any picture: the official
// sample_list_per_split.txt of FISBe. The names of the samples say their line and slide.
package list

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/validate"
)

// Target is a list.
type Target struct{ location string }

// New is the list at a location on this machine.
func New(location string) *Target { return &Target{location} }

// Name implements validate.Target.
func (t *Target) Name() string { return t.location }

// Walk implements validate.Target.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) (err error) {
	f, err := os.Open(t.location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	listed, err := fisbe.ReadList(f)
	if err != nil {
		return err
	}
	file := &validate.File{Place: validate.Place{Target: t.location}, Format: "list"}
	lines := map[string]int{}
	for i, l := range listed {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name, ok := fisbe.ParseName(l.Name)
		if !ok {
			file.Problems = append(file.Problems, fmt.Sprintf("line %d: %q is no name of a sample: want <line>-<YYYYMMDD>_<slide>_<position>", l.Line, l.Name))
		}
		if lines[l.Name]++; lines[l.Name] == 2 {
			file.Keys = append(file.Keys, &validate.KeyError{Table: "samples", Key: "name", Value: l.Name, Problem: "is taken twice", Row: int64(i), Rows: 1})
		}
		p.Sample(ctx, sample(t.location, l, name, ok))
	}
	p.File(ctx, file)
	return nil
}

// sample is what a line and the name on it say.
func sample(target string, l fisbe.Listed, name fisbe.Name, named bool) *validate.Sample {
	s := &validate.Sample{Kind: validate.Volume}
	s.Place = validate.Place{Target: target, Line: l.Line, Split: l.Split, Sample: l.Name}
	s.SampleID, s.Subset, s.Sample.Split = l.Name, &l.Subset, l.Split
	if named {
		batch := name.Batch()
		s.GroupID, s.BatchID = &name.Line, &batch
	}
	return s
}
