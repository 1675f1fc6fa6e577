package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/loaders/batch"
	"github.com/micropq/micropq/loaders/draw"
	"github.com/micropq/micropq/schemas"
)

// samplingFlags say what is drawn, in which order, and what becomes of it.
func samplingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "array", Usage: "`NAME` of an array to draw, once for each (default: raw)"},
		&cli.StringFlag{Name: "size", Usage: "`EXTENT` of a box along Z,Y,X or Y,X"},
		&cli.StringFlag{Name: "kind", Value: string(batch.Crops), Usage: "crops at random places, tiles that cover every sample, or items: questions with their images"},
		&cli.StringFlag{Name: "split", Usage: "samples of this split (default: all)"},
		&cli.StringFlag{Name: "sample", Usage: "samples that match this `GLOB` (default: all)"},
		&cli.IntFlag{Name: "level", Usage: "pyramid level, 0 is full resolution"},
		&cli.IntFlag{Name: "batch", Value: 1, Usage: "items of a batch"},
		&cli.Int64Flag{Name: "count", Usage: "crops of an epoch (default: as many as cover the samples once)"},
		&cli.Float64Flag{Name: "foreground", Usage: "share of crops centred on an instance"},
		&cli.StringFlag{Name: "labels", Usage: "label `ARRAY` of those instances (default: the first among those drawn)"},
		&cli.BoolFlag{Name: "by-class", Usage: "draw a class, then an instance of it; else instances alike"},
		&cli.StringFlag{Name: "overlap", Usage: "elements that tiles share along each axis"},
		&cli.StringFlag{Name: "question-kind", Usage: "items that are a question, or a caption (default: both)"},
		&cli.StringFlag{Name: "type", Usage: "items that ask for this, such as modality (default: all)"},
		&cli.StringFlag{Name: "dataset", Usage: "items of this source data set (default: all)"},
		&cli.StringFlag{Name: "decode", Usage: "`HEIGHT,WIDTH` that images of items are decoded and resized to, as RGB (default: encoded)"},

		&cli.StringFlag{Name: "dtype", Usage: "element type of images (default: float32 where they are normalised, else as stored)"},
		&cli.StringFlag{Name: "range", Usage: "`LOW,HIGH`: clip images to it and map it to 0 to 1"},
		&cli.StringFlag{Name: "percentiles", Usage: "`LOW,HIGH`: the same with the range between these percentiles, of each channel, in 64 chunks drawn by the seed"},
		&cli.StringFlag{Name: "offset", Usage: "subtract from images: a number, or one a channel"},
		&cli.StringFlag{Name: "scale", Usage: "then divide them by: a number, or one a channel"},
		&cli.StringFlag{Name: "flip", Usage: "`AXES`, such as ZYX, along each of which half of the items are reversed"},
		&cli.BoolFlag{Name: "rotate", Usage: "turn items by none to three quarter turns in the plane of Y and X"},
		&cli.IntFlag{Name: "instances", Usage: "draw labels as masks of so many instances, the largest of the item (default: merged)"},
		&cli.StringSliceFlag{Name: "class", Usage: "draw labels as classes: `NAME` of class 1, 2, ..., once for each; * for all others"},

		&cli.StringFlag{Name: "shuffle", Value: string(draw.ModeNone), Usage: "order of tiles and items: none, global or buffered"},
		&cli.IntFlag{Name: "shuffle-buffer", Value: 4096, Usage: "items that a buffered shuffle mixes"},
		&cli.IntFlag{Name: "shuffle-block", Value: 64, Usage: "items that lie together and that it keeps together"},
		&cli.Uint64Flag{Name: "seed", Usage: "of all that is random"},
		&cli.Int64Flag{Name: "epochs", Value: 1, Usage: "epochs to draw, -1 for no end"},
		&cli.IntFlag{Name: "rank", Usage: "this process among --world"},
		&cli.IntFlag{Name: "world", Value: 1, Usage: "processes that share the epoch"},
		&cli.IntFlag{Name: "worker", Usage: "this worker among --workers of the rank"},
		&cli.IntFlag{Name: "workers", Value: 1, Usage: "workers that share the rank's batches"},
		&cli.StringFlag{Name: "remainder", Value: string(draw.Keep), Usage: "the items that fill no batch: keep, drop or pad"},
		&cli.Float64SliceFlag{Name: "weight", Usage: "share of each DST, in their order (default: every item once)"},
		&cli.StringFlag{Name: "state", Usage: "`FILE` with the state to go on from"},
		&cli.StringFlag{Name: "on-error", Value: string(batch.Fail), Usage: "what a damaged item does: fail, or skip it and say so"},
	}
}

// samplingOptions are the options of samplingFlags, and what could not be read of them.
func samplingOptions(c *cli.Context) (o batch.Options, errs []error) {
	o = batch.Options{
		Arrays: c.StringSlice("array"), Kind: batch.Kind(c.String("kind")), Split: c.String("split"), Sample: c.String("sample"),
		Level: c.Int("level"), Count: c.Int64("count"), Foreground: c.Float64("foreground"), Labels: c.String("labels"), ByClass: c.Bool("by-class"),
		Items:     batch.ItemOptions{Kind: c.String("question-kind"), Type: c.String("type"), Dataset: c.String("dataset")},
		Transform: batch.Transform{DType: schemas.DType(c.String("dtype")), Flip: c.String("flip"), Rotate: c.Bool("rotate"), Instances: c.Int("instances"), Classes: c.StringSlice("class")},
		Shuffle:   draw.Shuffle{Mode: draw.Mode(c.String("shuffle")), Block: c.Int("shuffle-block"), Buffer: c.Int("shuffle-buffer")},
		Epochs:    c.Int64("epochs"), OnError: batch.OnError(c.String("on-error")),
		Partition: draw.Partition{
			Batch: c.Int("batch"), Rank: c.Int("rank"), World: c.Int("world"), Worker: c.Int("worker"), Workers: c.Int("workers"),
			Remainder: draw.Remainder(c.String("remainder")),
		},
	}
	if c.IsSet("seed") {
		seed := c.Uint64("seed")
		o.Shuffle.Seed = &seed
	}
	errs = append(errs,
		numbers(c, "size", strconv.Atoi, &o.Size), numbers(c, "overlap", strconv.Atoi, &o.Overlap), numbers(c, "decode", strconv.Atoi, &o.Items.Decode),
		numbers(c, "range", parseFloat, &o.Transform.Range), numbers(c, "percentiles", parseFloat, &o.Transform.Percentiles),
		numbers(c, "offset", parseFloat, &o.Transform.Offset), numbers(c, "scale", parseFloat, &o.Transform.Scale))
	return o, errs
}

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

// numbers reads a flag such as 64,128,128, if it is set.
func numbers[T any](c *cli.Context, flag string, parse func(string) (T, error), to *[]T) error {
	if !c.IsSet(flag) {
		return nil
	}
	for part := range strings.SplitSeq(c.String(flag), ",") {
		n, err := parse(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("--%s %q: want numbers with commas between them", flag, c.String(flag))
		}
		*to = append(*to, n)
	}
	return nil
}
