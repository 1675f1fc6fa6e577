package main

import (
	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/convert/labels"
)

func convertLabelsCommand() *cli.Command {
	return &cli.Command{
		Name:      "labels",
		Usage:     "convert pictures with label masks (TIFF, PNG)",
		ArgsUsage: "SRC DST",
		Description: `SRC is a folder, a zip or the URL of a zip. Without a layout file, pairs are found by
name: the same name in folders such as images and masks, or NAME and NAME_mask in one folder;
folders named train, val and test are splits. A layout file says it otherwise (docs/nclsm.md).
DST is the folder of the new data set.

Example:

   micropq convert labels --tile 512,512 cells/ cells-parquet/`,
		Flags:        sectionFlags(),
		OnUsageError: onUsageError,
		Action:       func(c *cli.Context) error { return runConvertSections(c, labels.Pairs()) },
	}
}
