package main

import "github.com/urfave/cli/v2"

// annotateCommand is the group of commands on annotations.
func annotateCommand() *cli.Command {
	return &cli.Command{
		Name:         "annotate",
		Usage:        "measure and compare annotations",
		Action:       noCommand,
		OnUsageError: onUsageError,
		Subcommands: []*cli.Command{
			annotateMeasureCommand(),
			annotateAgreeCommand(),
		},
	}
}
