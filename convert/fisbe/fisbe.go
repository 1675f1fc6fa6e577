// Package fisbe converts FISBe, the FlyLight Instance Segmentation Benchmark (Mais et al.,
// CVPR 2024, arXiv 2404.00130): multicolour confocal volumes of fly brains in zarr.
//
// A sample is a zarr group <name>.zarr with volumes/raw, axes CZYX, and
// volumes/gt_instances, axes CZYX with one neuron a channel, so that neurons may overlap.
// The source may be a whole release, a part of it, a single sample, each as folders or
// zipped, or a zip behind an HTTP(S) URL.
//
// Raw chunks hold all channels; the chunks of labels hold one channel each.
package fisbe

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/micropq/micropq/internal/chunkcodec"
	layout "github.com/micropq/micropq/internal/fisbe"
	"github.com/micropq/micropq/schemas"
)

// Description of the data set, for its card.
const Description = "Multicolour confocal volumes of fly brains with every neuron, or some, segmented voxel by voxel: " +
	"the FlyLight Instance Segmentation Benchmark, as chunked Parquet."

var source = schemas.Source{
	Name:    "fisbe",
	Title:   "FISBe: FlyLight Instance Segmentation Benchmark",
	Licence: "CC-BY-4.0",
	Citation: "L. Mais, P. Hirsch, C. Managan, R. Kandarpa, J. L. Rumberger, A. Reinke, L. Maier-Hein, G. Ihrke, D. Kainmueller. " +
		"FISBe: A real-world benchmark dataset for instance segmentation of long-range thin filamentous structures. CVPR 2024.",
	DOI: "10.5281/zenodo.10875063",
	URL: "https://arxiv.org/abs/2404.00130",
}

// Options choose what is converted and how it is laid out. The zero value converts
// everything with the defaults of the fields.
type Options struct {
	Subsets   []string            // completely, partly; empty for both
	Splits    []string            // train, val, test; empty for all
	Samples   []string            // globs of sample names; empty for all
	Arrays    []string            // names below volumes/; empty for raw and gt_instances
	Chunk     [3]int              // extent of a chunk along Z, Y and X, default 64 each
	Levels    int                 // pyramid levels, default 1: full resolution only
	Encoding  chunkcodec.Encoding // default shuffle+zstd
	ShardSize int64               // target bytes of a shard, default 256 MiB
	SplitList string              // text of the official sample_list_per_split.txt, may be empty
}

// Bounds of the options.
const (
	maxChunk  = 1024
	maxLevels = 10
	minShard  = 64 << 10
)

// Defaults fills in what is not set.
func (o Options) Defaults() Options {
	if len(o.Arrays) == 0 {
		o.Arrays = []string{layout.Raw, layout.Instances}
	}
	for i := range o.Chunk {
		if o.Chunk[i] == 0 {
			o.Chunk[i] = 64
		}
	}
	if o.Levels == 0 {
		o.Levels = 1
	}
	if o.Encoding == "" {
		o.Encoding = chunkcodec.ShuffleZstd
	}
	if o.ShardSize == 0 {
		o.ShardSize = 256 << 20
	}
	return o
}

// Validate reports every option that cannot be met.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	o = o.Defaults()
	for _, s := range o.Subsets {
		if s != "completely" && s != "partly" {
			bad("subset %q: want completely or partly", s)
		}
	}
	for _, s := range o.Splits {
		if schemas.CheckSplit(s) != nil {
			bad("split %q: want train, val or test", s)
		}
	}
	for _, g := range o.Samples {
		if _, err := path.Match(g, ""); err != nil {
			bad("sample pattern %q: %v", g, err)
		}
	}
	seen := map[string]bool{}
	for _, a := range o.Arrays {
		if a == "" || strings.Contains(a, "/") || strings.HasPrefix(a, ".") || seen[a] {
			bad("array %q: want the names of arrays below volumes/, each once", a)
		}
		seen[a] = true
	}
	for _, c := range o.Chunk {
		if c < 1 || c > maxChunk {
			bad("chunk extent %d: want 1 to %d", c, maxChunk)
		}
	}
	if o.Levels < 1 || o.Levels > maxLevels {
		bad("%d levels: want 1 to %d", o.Levels, maxLevels)
	}
	if _, err := chunkcodec.Parse(string(o.Encoding)); err != nil {
		errs = append(errs, err)
	}
	if o.ShardSize < minShard {
		bad("shard size %d: want at least %d bytes", o.ShardSize, minShard)
	}
	return errors.Join(errs...)
}

// manifest is what the data set's manifest says of the options: those that decide its bytes.
func (o Options) manifest() map[string]any {
	return map[string]any{
		"subset":     anys(o.Subsets),
		"split":      anys(o.Splits),
		"sample":     anys(o.Samples),
		"arrays":     anys(o.Arrays),
		"chunk":      []any{o.Chunk[0], o.Chunk[1], o.Chunk[2]},
		"levels":     o.Levels,
		"encoding":   string(o.Encoding),
		"shard_size": o.ShardSize,
		"split_list": o.SplitList != "",
	}
}

func anys(v []string) []any {
	out := make([]any, len(v))
	for i, s := range v {
		out[i] = s
	}
	return out
}
