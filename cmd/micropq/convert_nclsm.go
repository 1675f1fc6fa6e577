package main

import (
	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/convert/nclsm"
)

func convertNCLSMCommand() *cli.Command {
	return &cli.Command{
		Name:      "nclsm",
		Usage:     "convert NCL-SM sections (TIFF images and masks)",
		ArgsUsage: "SRC DST",
		Description: `SRC is an unpacked release or a part of one, its zip, or the URL of the zip. Its folders
are recognised by their names; what was made of them is printed. For files that are arranged
in another way, a layout file says which of them hold what (docs/nclsm.md).
DST is the folder of the new data set.

Example:

   micropq convert nclsm --technique IF --section 'S6*' --levels 4 NCL-SM.zip nclsm/`,
		Flags:        sectionFlags(),
		OnUsageError: onUsageError,
		Action:       func(c *cli.Context) error { return runConvertSections(c, nclsm.Kind()) },
	}
}
