package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/store"
)

func convertFisbeCommand() *cli.Command {
	return &cli.Command{
		Name:      "fisbe",
		Usage:     "convert FISBe volumes (zarr)",
		ArgsUsage: "SRC DST",
		Description: `SRC is an unpacked release, an official zip, one .zarr folder, a zip of one, or an
HTTP(S) URL of any of these; from a remote zip only what is asked for is fetched.
DST is the folder of the new data set.

Example:

   micropq convert fisbe --split val --sample 'VT0*' fisbe_v1.0_completely.zip fisbe/`,
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "subset", Usage: "completely, partly (default: both)"},
			&cli.StringSliceFlag{Name: "split", Usage: "train, val, test (default: all)"},
			&cli.StringSliceFlag{Name: "sample", Usage: "`GLOB` of sample names (default: all)"},
			&cli.StringFlag{Name: "arrays", Value: "raw,gt_instances", Usage: "arrays below volumes/"},
			&cli.StringFlag{Name: "chunk", Value: "64,64,64", Usage: "extent of a chunk along Z,Y,X"},
			&cli.IntFlag{Name: "levels", Value: 1, Usage: "pyramid levels; 1 is full resolution only"},
			&cli.StringFlag{Name: "encoding", Value: string(chunkcodec.ShuffleZstd), Usage: "raw, zstd or shuffle+zstd"},
			&cli.StringFlag{Name: "split-list", Usage: "the release's sample_list_per_split.txt, to check or assign splits"},
		}, engineFlags()...),
		OnUsageError: onUsageError,
		Action:       runConvertFisbe,
	}
}

func runConvertFisbe(c *cli.Context) (err error) {
	paths, err := args(c, "SRC", "DST")
	if err != nil {
		return err
	}
	o, err := fisbeOptions(c)
	if err != nil {
		return err
	}
	if _, err := engineOptions(c); err != nil {
		return err // before the source is opened, which may be far away
	}
	s, err := store.Open(c.Context, paths[0], store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	src, err := fisbe.Open(s, paths[0], o)
	if err != nil {
		return err
	}
	return runConvert(c, src, paths[1])
}

func fisbeOptions(c *cli.Context) (o fisbe.Options, err error) {
	o = fisbe.Options{
		Subsets:  c.StringSlice("subset"),
		Splits:   c.StringSlice("split"),
		Samples:  c.StringSlice("sample"),
		Arrays:   strings.Split(c.String("arrays"), ","),
		Levels:   c.Int("levels"),
		Encoding: chunkcodec.Encoding(c.String("encoding")),
	}
	if o.Chunk, err = parseChunk(c.String("chunk")); err != nil {
		return o, err
	}
	if o.ShardSize, err = parseBytes(c.String("shard-size")); err != nil {
		return o, usagef("--shard-size: %w", err)
	}
	if f := c.String("split-list"); f != "" {
		text, err := os.ReadFile(f)
		if err != nil {
			return o, fmt.Errorf("--split-list: %w", err)
		}
		o.SplitList = string(text)
	}
	if o.Levels < 1 {
		return o, usagef("--levels %d: want at least 1", o.Levels)
	}
	if err := o.Validate(); err != nil {
		return o, &usageError{err}
	}
	return o, nil
}

// parseChunk reads Z,Y,X, or one extent for all three.
func parseChunk(s string) (chunk [3]int, err error) {
	parts := strings.Split(s, ",")
	for i := range chunk {
		part := parts[min(i, len(parts)-1)]
		if chunk[i], err = strconv.Atoi(strings.TrimSpace(part)); err != nil || chunk[i] < 1 || len(parts) != 1 && len(parts) != 3 {
			return chunk, usagef("--chunk %q: want three positive extents Z,Y,X, such as 64,64,64", s)
		}
	}
	return chunk, nil
}
