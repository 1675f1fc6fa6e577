package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/micropq/micropq/testdata/gen/nclsmgen"
)

func runNCLSM(ctx context.Context, args []string, out io.Writer) error {
	dir, o, err := parseNCLSM(args)
	if err != nil {
		return err
	}
	sections, err := nclsmgen.Generate(ctx, dir, o)
	if err != nil {
		return err
	}
	for _, s := range sections {
		fmt.Fprintf(out, "%s %s\n", s.Technique, s.Name)
	}
	return nil
}

// parseNCLSM reads the flags of "gen nclsm"; dir is the release's folder.
func parseNCLSM(args []string) (dir string, o nclsmgen.Options, err error) {
	var size []int
	flags := flag.NewFlagSet("gen nclsm", flag.ContinueOnError)
	flags.StringVar(&dir, "o", "", "`folder` to write, absent or empty")
	flags.IntVar(&o.Sections, "sections", 2, "sections of each technique")
	flags.Func("technique", "IMC, IF or IMC,IF (default IMC,IF)", func(s string) error {
		o.Techniques = strings.Split(s, ",")
		return nil
	})
	flags.Func("size", "height and width in pixels (default 96,128)", sizes(&size))
	flags.IntVar(&o.Cell, "cell", 16, "pitch of the fibres in pixels")
	flags.BoolVar(&o.Zip, "zip", false, "write an archive of the release too")
	flags.StringVar(&o.Defect, "defect", "", "`name` of damage to plant in the first section: "+strings.Join(nclsmgen.DefectNames(), ", "))
	flags.Uint64Var(&o.Seed, "seed", 1, "what everything random comes from")
	if err := flags.Parse(args); err != nil {
		return "", o, err
	}
	if dir == "" || flags.NArg() > 0 || size != nil && len(size) != 2 {
		return "", o, fmt.Errorf("want -o DIR, -size HEIGHT,WIDTH and no further argument, got %q", flags.Args())
	}
	if size != nil {
		o.Height, o.Width = size[0], size[1]
	}
	return dir, o, nil
}
