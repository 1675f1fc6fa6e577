// Command micropq turns microscopy data sets into chunked, checked Parquet and reads them.
//
// Results go to stdout, progress and errors to stderr. The exit codes are:
//
//	0  done
//	1  findings (validate)
//	2  usage: an unknown flag, a missing argument, an option out of range
//	3  bad input: the source cannot be converted, the disk is full
//	4  a data set that is damaged or is none
//	5  interrupted
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is set by the linker for a release.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	err := app.RunContext(ctx, permute(app, args))
	code := exitCode(ctx, err)
	if err != nil && code != codeFindings {
		fmt.Fprintf(stderr, "micropq: %s\n", message(code, err))
	}
	return code
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:                   "micropq",
		Usage:                  "microscopy data sets as chunked, checked Parquet",
		Version:                version,
		Writer:                 stdout,
		ErrWriter:              stderr,
		UseShortOptionHandling: true,
		HideHelpCommand:        true,
		// cli would print and exit by itself, past every deferred call.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action:         noCommand,
		Commands: []*cli.Command{
			convertCommand(),
			inspectCommand(),
			itemsCommand(),
			readCommand(),
			previewCommand(),
			streamCommand(),
			serveCommand(),
			annotateCommand(),
			validateCommand(),
			rulesCommand(),
			schemaCommand(),
		},
	}
}

// noCommand serves a group of commands called without one of them.
func noCommand(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("%s has no command %q: see %s --help", c.Command.HelpName, c.Args().First(), c.Command.HelpName)
	}
	return cli.ShowSubcommandHelp(c)
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	return usagef("%v: see %s --help", err, c.Command.HelpName)
}

// args returns exactly the arguments that want names. Whatever looks like a flag was one,
// wherever it stood (see permute), so what is left are arguments.
func args(c *cli.Context, want ...string) ([]string, error) {
	if c.NArg() != len(want) {
		takes := "no argument"
		if len(want) > 0 {
			takes = strings.Join(want, " ")
		}
		return nil, usagef("%s takes %s, got %q: see %s --help", c.Command.HelpName, takes, c.Args().Slice(), c.Command.HelpName)
	}
	return c.Args().Slice(), nil
}
