package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate/config"
	"github.com/micropq/micropq/validate/rules"
)

// What `schema show` knows beside the names of the tables.
const (
	manifestName = "manifest"
	configName   = "config"
)

// schemaCommand describes the format of a data set: what its tables hold.
func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:            "schema",
		Usage:           "describe the tables and the manifest of a data set, and .micropq.yaml",
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
				Usage:       "show the columns of a table, or the JSON Schema of the manifest or of .micropq.yaml (config)",
				ArgsUsage:   "TABLE",
				Description: "Examples:\n\n   micropq schema show chunks --format arrow\n   micropq schema show config > micropq.schema.json",
				Flags: []cli.Flag{&cli.StringFlag{
					Name:  "format",
					Value: schemas.AsMarkdown,
					Usage: "one of " + strings.Join(schemas.Notations(), ", ") + "; the manifest and config are JSON whatever it says",
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
	fmt.Fprintf(w, "%s\t%s\twhat micropq validate is to make of annotations\n", configName, config.Name)
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
	text, err := schemaText(name, format)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.App.Writer, text)
	return err
}

func schemaText(name, format string) (string, error) {
	switch name {
	case manifestName:
		return string(schemas.ManifestSchema()), nil
	case configName:
		return string(config.Schema(rules.All())), nil
	}
	table, err := schemas.TableNamed(name)
	if err != nil {
		return "", usagef("%w, %s or %s", err, manifestName, configName)
	}
	return table.Describe(format)
}
