package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

const neurons = 8

// source is the folder of a generated sample whose chunks are compressed so. It is made
// once and kept.
func (s *setup) source(ctx context.Context, compressor string) (string, error) {
	dir := s.path("source-" + strings.ReplaceAll(compressor, ":", "-"))
	found, err := filepath.Glob(filepath.Join(dir, "completely", "*", "*.zarr"))
	if err != nil || len(found) == 1 {
		return strings.Join(found, ""), err
	}
	fmt.Printf("generating %s\n", dir)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	samples, err := fisbegen.Generate(ctx, part, fisbegen.Options{
		Samples: 1, Shape: s.scale.shape, Neurons: neurons, Compressor: compressor, Seed: 1,
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, samples[0].Folder()), os.Rename(part, dir)
}

// path is a place below build/bench for this scale.
func (s *setup) path(name string) string { return filepath.Join(s.dir, s.scale.name+"-"+name) }
