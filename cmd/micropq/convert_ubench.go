package main

import (
	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/convert/ubench"
)

func convertUbenchCommand() *cli.Command {
	return &cli.Command{
		Name:      "ubench",
		Usage:     "convert mu-Bench items (Arrow, Parquet, JSON Lines, JSON)",
		ArgsUsage: "SRC DST",
		Description: `SRC is a folder or a zip of .arrow, .parquet or .jsonl files or of one .json an image, one
such file, or an HTTP(S) URL of any of these. DST is the folder of the new data set:
samples with the original images, questions with their captions, and annotated objects.

Example:

   micropq convert ubench perception/0.1.0/ ubench/`,
		Flags:        vqaFlags(),
		OnUsageError: onUsageError,
		Action:       func(c *cli.Context) error { return convertItems(c, ubench.Open) },
	}
}
