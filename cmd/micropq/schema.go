package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/schemas"
)

// manifestName is what `schema show` calls the manifest, beside the names of the tables.
const manifestName = "manifest"

// schemaCommand describes the format of a data set: what its tables hold.
func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:            "schema",
		Usage:           "describe the tables and the manifest of a data set",
		HideHelpCommand: true,
		Action:          noCommand,
		OnUsageError:    onUsageError,
		Subcommands: []*cli.Command{
			{
				Name:         "list",
				Usage:        "list the tables",
				Description:  "Example:\n\n   micropq schema list",
				OnUsageError: onUsageError,
				Action:       listSchemas,
			},
			{
				Name:        "show",
				Usage:       "show the columns of a table, or the JSON Schema of the manifest",
				ArgsUsage:   "TABLE",
				Description: "Example:\n\n   micropq schema show chunks --format arrow",
				Flags: []cli.Flag{&cli.StringFlag{
					Name:  "format",
					Value: schemas.AsMarkdown,
					Usage: "one of " + strings.Join(schemas.Notations(), ", ") + "; the manifest is JSON whatever it says",
				}},
				OnUsageError: onUsageError,
				Action:       showSchema,
			},
		},
	}
}

func listSchemas(c *cli.Context) error {
	if _, err := args(c); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for _, t := range schemas.Tables() {
		fmt.Fprintf(w, "%s\t%d columns\t%s\n", t.Name, len(t.Columns), t.Doc)
	}
	fmt.Fprintf(w, "%s\tformat %s\tthe shards of a data set and where it comes from\n", manifestName, schemas.FormatVersion())
	return w.Flush()
}

func showSchema(c *cli.Context) error {
	names, err := args(c, "TABLE")
	if err != nil {
		return err
	}
	name, format := names[0], c.String("format")
	if !slices.Contains(schemas.Notations(), format) {
		return usagef("--format %q: want one of %s", format, strings.Join(schemas.Notations(), ", "))
	}
	text := string(schemas.ManifestSchema())
	if name != manifestName {
		table, err := schemas.TableNamed(name)
		if err != nil {
			return usagef("%w, or %s", err, manifestName)
		}
		if text, err = table.Describe(format); err != nil {
			return err
		}
	}
	_, err = io.WriteString(c.App.Writer, text)
	return err
}
