package main

import "github.com/urfave/cli/v2"

// annotateCommand is the group of commands on annotations.
func annotateCommand() *cli.Command {
	return &cli.Command{
		Name:         "annotate",
		Usage:        "measure, compare, exchange and edit annotations",
		Action:       noCommand,
		OnUsageError: onUsageError,
		Subcommands: append([]*cli.Command{
			annotateMeasureCommand(),
			annotateAgreeCommand(),
		}, editCommands()...),
	}
}
