package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/convert/labels"
	"github.com/micropq/micropq/internal/chunkcodec"
	"github.com/micropq/micropq/internal/store"
)

// sectionFlags are the flags of the converters of pictures with masks.
func sectionFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "technique", Usage: "techniques, with commas between them (default: all)"},
		&cli.StringSliceFlag{Name: "section", Usage: "`GLOB` of section names (default: all)"},
		&cli.StringFlag{Name: "layout", Usage: "YAML `FILE` that says which files hold what (default: by their names)"},
		&cli.StringFlag{Name: "tile", Value: "1024,1024", Usage: "extent of a chunk along Y,X"},
		&cli.IntFlag{Name: "levels", Value: 1, Usage: "pyramid levels; 1 is full resolution only"},
		&cli.StringFlag{Name: "encoding", Value: string(chunkcodec.ShuffleZstd), Usage: "raw, zstd or shuffle+zstd"},
	}, engineFlags()...)
}

// runConvertSections converts pictures with masks that are of a kind.
func runConvertSections(c *cli.Context, kind labels.Kind) (err error) {
	paths, err := args(c, "SRC", "DST")
	if err != nil {
		return err
	}
	o, err := sectionOptions(c)
	if err != nil {
		return err
	}
	s, err := store.Open(c.Context, paths[0], store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	src, err := labels.Open(s, paths[0], kind, o)
	if err != nil {
		return err
	}
	return runConvert(c, src, paths[1])
}

func sectionOptions(c *cli.Context) (o labels.Options, err error) {
	o = labels.Options{
		Sections: c.StringSlice("section"),
		Levels:   c.Int("levels"),
		Encoding: chunkcodec.Encoding(c.String("encoding")),
	}
	if t := c.String("technique"); t != "" {
		o.Techniques = strings.Split(t, ",")
	}
	if o.Tile, err = parseTile(c.String("tile")); err != nil {
		return o, err
	}
	if o.Levels < 1 {
		return o, usagef("--levels %d: want at least 1", o.Levels)
	}
	if o.ShardSize, err = parseBytes(c.String("shard-size")); err != nil {
		return o, usagef("--shard-size: %w", err)
	}
	if err := o.Validate(); err != nil {
		return o, &usageError{err}
	}
	if f := c.String("layout"); f != "" {
		text, err := os.ReadFile(f)
		if err != nil {
			return o, fmt.Errorf("--layout: %w", err)
		}
		if o.Layout, err = labels.ParseLayout(f, text); err != nil {
			return o, err
		}
	}
	return o, nil
}

// parseTile reads Y,X, or one extent for both.
func parseTile(s string) (tile [2]int, err error) {
	parts := strings.Split(s, ",")
	for i := range tile {
		part := parts[min(i, len(parts)-1)]
		if tile[i], err = strconv.Atoi(strings.TrimSpace(part)); err != nil || tile[i] < 1 || len(parts) > 2 {
			return tile, usagef("--tile %q: want two positive extents Y,X, such as 1024,1024", s)
		}
	}
	return tile, nil
}
