package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
	"github.com/micropq/micropq/testdata/gen/nclsmgen"
)

// benchValidate validates data sets in full, and decodes all of their chunks and does nothing else, by turns and
// with as many threads.
func benchValidate(ctx context.Context, s *setup) error {
	sets, err := s.validated(ctx)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, dir := range append(sets, "") {
		args, name := []string{dir}, filepath.Base(dir)
		if dir == "" {
			args, name = sets, "all of them"
		}
		if err := s.validateBeside(ctx, self, name, args); err != nil {
			return err
		}
	}
	return nil
}

// fibrePitch makes fibres of the size that those of NCL-SM have: the median of section S60 is 52,194 pixels.
const fibrePitch = 240

// validateThreads is how many threads either has.
const validateThreads = 2

func (s *setup) validateBeside(ctx context.Context, self, name string, dirs []string) error {
	stored, decoded, err := sizesOf(ctx, dirs)
	if err != nil {
		return err
	}
	threads := strconv.Itoa(validateThreads)
	// Findings are no failure here: generated data have some.
	validate := append([]string{"bin/micropq", "validate", "--fail-level", "none", "--progress", "none", "--jobs", threads, "--report", "json=" + s.path("validate.json")}, dirs...)
	decode := append([]string{self, "-decode", threads}, dirs...)
	var wall, cpu [2][]float64
	peak := 0.0
	for range s.rounds {
		for i, args := range [][]string{decode, validate} {
			c, err := measure(ctx, args...)
			if err != nil {
				return err
			}
			wall[i], cpu[i] = append(wall[i], c.wall), append(cpu[i], c.cpu)
			if i == 1 {
				peak = max(peak, c.peak)
			}
		}
	}
	d, v := median(wall[0]), median(wall[1])
	dc, vc := median(cpu[0]), median(cpu[1])
	fmt.Printf("  %-22s %6.2f GB stored, %6.2f GB decoded: decode %6.2f s (%.2f s of processors), validate %6.2f s (%.2f), speed %.0f%% (%.0f%%), peak %.0f MiB\n",
		name, stored/1e9, decoded/1e9, d, dc, v, vc, 100*d/v, 100*dc/vc, peak/(1<<20))
	return nil
}

// validated are data sets of volumes and of sections, which are made once and kept.
func (s *setup) validated(ctx context.Context) (dirs []string, err error) {
	for _, kind := range []struct {
		name     string
		generate func(dir string) error
	}{
		{"fisbe", func(dir string) error {
			_, err := fisbegen.Generate(ctx, dir, fisbegen.Options{Samples: s.scale.volumes, Shape: s.scale.shape, Neurons: neurons, Compressor: "blosc:zstd:shuffle", Seed: 2})
			return err
		}},
		{"nclsm", func(dir string) error {
			_, err := nclsmgen.Generate(ctx, dir, nclsmgen.Options{Sections: s.scale.sections, Height: s.scale.section[0], Width: s.scale.section[1], Cell: fibrePitch, Seed: 2})
			return err
		}},
	} {
		dir := s.path("validate-" + kind.name)
		dirs = append(dirs, dir)
		if _, err := os.Stat(filepath.Join(dir, schemas.ManifestName)); err == nil {
			continue
		}
		source := dir + ".source"
		fmt.Printf("generating %s\n", dir)
		if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(source), kind.generate(source)); err != nil {
			return nil, err
		}
		if _, err := measure(ctx, "bin/micropq", "convert", kind.name, source, dir, "--progress", "none"); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(source); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

// sizesOf are the bytes of data sets, and of their chunks once they are decoded.
func sizesOf(ctx context.Context, dirs []string) (stored, decoded float64, err error) {
	for _, dir := range dirs {
		n, err := treeSize(dir)
		if err != nil {
			return 0, 0, err
		}
		stored += n
		d, err := loaders.Open(ctx, dir, loaders.Options{})
		if err != nil {
			return 0, 0, err
		}
		for v, err := range d.Samples(ctx, loaders.SampleQuery{}) {
			if err != nil {
				return 0, 0, errors.Join(err, d.Close())
			}
			for _, a := range v.Arrays {
				n := float64(schemas.DType(a.DType).Size())
				for _, extent := range a.Shape {
					n *= float64(extent)
				}
				decoded += n
			}
		}
		if err := d.Close(); err != nil {
			return 0, 0, err
		}
	}
	return stored, decoded, nil
}

// decodeAll is the other contestant, a process of its own: the shards of chunks, as many at a time as there are
// threads, each payload read and decoded.
func decodeAll(ctx context.Context, threads int, dirs []string) error {
	var g errgroup.Group
	g.SetLimit(threads)
	for _, dir := range dirs {
		s, err := store.Open(ctx, dir, store.Options{})
		if err != nil {
			return err
		}
		defer s.Close()
		files, err := s.List(ctx, schemas.ChunksTable+"/")
		if err != nil {
			return err
		}
		for _, f := range files {
			g.Go(func() error { return decodeShard(ctx, s, f.Key) })
		}
	}
	return g.Wait()
}

// decodedRow is what decoding needs to know of a chunk.
type decodedRow struct {
	SizeT    int32  `parquet:"size_t"`
	SizeC    int32  `parquet:"size_c"`
	SizeZ    int32  `parquet:"size_z"`
	SizeY    int32  `parquet:"size_y"`
	SizeX    int32  `parquet:"size_x"`
	DType    string `parquet:"dtype,dict"`
	Encoding string `parquet:"encoding,dict"`
}

func decodeShard(ctx context.Context, s store.Store, key string) (err error) {
	at, size, err := store.ReaderAt(ctx, s, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.Close()) }()
	r, err := shardfile.Open(at, size, key)
	if err != nil {
		return err
	}
	var buf shardfile.Buffer
	var chunk []byte
	d, row := chunkcodec.NewDecoder(), int64(0)
	for g := range r.RowGroups() {
		for v, err := range shardfile.Rows[decodedRow](ctx, r, g, 0, r.RowGroups()[g].NumRows()) {
			if err != nil {
				return err
			}
			payload, null, err := r.Payload(ctx, row, "data", &buf)
			if row++; err != nil {
				return err
			}
			if null {
				continue
			}
			item := schemas.DType(v.DType).Size()
			n := int(v.SizeT*v.SizeC*v.SizeZ*v.SizeY*v.SizeX) * item
			if cap(chunk) < n {
				chunk = make([]byte, n)
			}
			if err := d.Decode(chunk[:n], payload, chunkcodec.Encoding(v.Encoding), item); err != nil {
				return err
			}
		}
	}
	return nil
}

// runDecode is the command line of the other contestant.
func runDecode(ctx context.Context, threads int) error {
	if flag.NArg() == 0 {
		return errors.New("-decode wants data sets")
	}
	if err := decodeAll(ctx, threads, flag.Args()); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
