package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/convert/vqa"
	"github.com/micropq/micropq/internal/store"
)

// vqaFlags are the flags of the converters of questions about images.
func vqaFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "no-decode", Usage: "read the headers of images only: no digest of pixels, no perceptual hash"},
		&cli.BoolFlag{Name: "keep-going", Usage: "leave out items that cannot be converted and list them in DST/rejected.jsonl"},
		&cli.StringFlag{Name: "row-group-size", Value: "32MiB", Usage: "size of the values of a row group at which it ends"},
	}, engineFlags()...)
}

func convertVQACommand() *cli.Command {
	return &cli.Command{
		Name:      "vqa",
		Usage:     "convert images with questions (Arrow, Parquet, JSON Lines, CSV)",
		ArgsUsage: "SRC DST",
		Description: `SRC is a folder or a zip of .arrow, .parquet, .jsonl or .csv files, one such file, or an
HTTP(S) URL of any of these. The map says which column is what: one of the maps that come
with micropq (` + strings.Join(vqa.Maps(), ", ") + `) or a YAML file, see docs/vqa.md. DST is the folder of
the new data set.

Example:

   micropq convert vqa --map microvqa MicroVQA/ microvqa/`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "map", Usage: "`NAME` of a map, or a YAML file"},
			&cli.BoolFlag{Name: "print-map", Usage: "print the map and do nothing else"},
		}, vqaFlags()...),
		OnUsageError: onUsageError,
		Action:       runConvertVQA,
	}
}

func runConvertVQA(c *cli.Context) error {
	name := c.String("map")
	if name == "" {
		return usagef("--map is missing: want one of %s, or a YAML file", strings.Join(vqa.Maps(), ", "))
	}
	text, err := readMap(name)
	if err != nil {
		return err
	}
	if c.Bool("print-map") {
		_, err := c.App.Writer.Write(text)
		return err
	}
	m, err := vqa.ParseMap(filepath.Base(name), text)
	if err != nil {
		return &usageError{err}
	}
	return convertItems(c, func(s store.Store, location string, o vqa.Options) (*vqa.Source, error) {
		o.Map = m
		return vqa.Open(s, location, o)
	})
}

// readMap reads a map that comes with micropq, or a file.
func readMap(name string) ([]byte, error) {
	if slices.Contains(vqa.Maps(), name) {
		return vqa.MapText(name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usagef("--map: %w; want one of %s, or a YAML file", err, strings.Join(vqa.Maps(), ", "))
	}
	return text, nil
}

// convertItems serves both converters of questions about images.
func convertItems(c *cli.Context, open func(store.Store, string, vqa.Options) (*vqa.Source, error)) (err error) {
	paths, err := args(c, "SRC", "DST")
	if err != nil {
		return err
	}
	o := vqa.Options{NoDecode: c.Bool("no-decode"), KeepGoing: c.Bool("keep-going")}
	var badShard, badGroup error
	o.ShardSize, badShard = parseBytes(c.String("shard-size"))
	o.RowGroup, badGroup = parseBytes(c.String("row-group-size"))
	if err := errors.Join(badShard, badGroup); err != nil {
		return &usageError{err}
	}
	s, files, err := openItems(c.Context, paths[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	o.Files = files
	src, err := open(s, paths[0], o)
	if err != nil {
		return &usageError{err}
	}
	return runConvert(c, src, paths[1])
}

// itemFiles are the extensions of files that are a source of their own.
var itemFiles = []string{".arrow", ".parquet", ".jsonl", ".ndjson", ".json", ".csv"}

// openItems opens the store of a source. A file is the only one to convert of its folder,
// where its images may be.
func openItems(ctx context.Context, location string) (store.Store, []string, error) {
	path, _, _ := strings.Cut(location, "?")
	if !slices.Contains(itemFiles, strings.ToLower(filepath.Ext(path))) {
		s, err := store.Open(ctx, location, store.Options{})
		return s, nil, err
	}
	if strings.Contains(location, "://") {
		i := strings.LastIndexByte(path, '/')
		s, err := store.Open(ctx, path[:i], store.Options{})
		return s, []string{path[i+1:]}, err
	}
	info, err := os.Stat(location)
	if err == nil && info.IsDir() {
		s, err := store.Open(ctx, location, store.Options{})
		return s, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", location, err)
	}
	s, err := store.Open(ctx, filepath.Dir(location), store.Options{})
	return s, []string{filepath.Base(location)}, err
}
