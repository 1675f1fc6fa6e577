// Command gen writes made-up samples of the data sets that micropq converts, in their own
// layouts and of any size:
//
//	go run ./testdata/gen fisbe -o DIR -samples 2 -shape 3,96,128,128 -neurons 4 -compressor blosc:zstd:bitshuffle -seed 1
//	go run ./testdata/gen nclsm -o DIR -sections 2 -size 96,128 -seed 1
//
// The same flags give the same bytes. Packages fisbegen and nclsmgen describe what is written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "fisbe":
		return runFISBe(ctx, args[1:], out)
	case "nclsm":
		return runNCLSM(ctx, args[1:], out)
	}
	return errUsage
}

var errUsage = errors.New("want: gen fisbe|nclsm -o DIR [flags] (gen fisbe -h lists them)")

func runFISBe(ctx context.Context, args []string, out io.Writer) error {
	dir, o, err := parseFISBe(args)
	if err != nil {
		return err
	}
	samples, err := fisbegen.Generate(ctx, dir, o)
	if err != nil {
		return err
	}
	for _, s := range samples {
		fmt.Fprintln(out, s.Folder())
	}
	return nil
}

// parseFISBe reads the flags of "gen fisbe"; dir is the release's folder.
func parseFISBe(args []string) (dir string, o fisbegen.Options, err error) {
	flags := flag.NewFlagSet("gen fisbe", flag.ContinueOnError)
	flags.StringVar(&dir, "o", "", "`folder` to write, absent or empty")
	flags.IntVar(&o.Samples, "samples", 2, "samples in each subset")
	flags.Func("subset", "completely, partly or completely,partly (default completely)", func(s string) error {
		o.Subsets = strings.Split(s, ",")
		return nil
	})
	flags.Func("shape", "size of raw, C,Z,Y,X (default 3,96,128,128)", sizes(&o.Shape))
	flags.Func("chunks", "chunks of both arrays, C,Z,Y,X (default 1,50,175,175)", sizes(&o.Chunks))
	flags.IntVar(&o.Neurons, "neurons", 4, "neurons in each sample, one ground truth channel each")
	flags.IntVar(&o.Empty, "empty", 0, "further ground truth channels without a voxel")
	flags.Func("labels", "what a neuron's voxels hold: binary (1) or ids (default binary)", func(s string) error {
		o.IDs = s == "ids"
		if !o.IDs && s != "binary" {
			return fmt.Errorf("%q: want binary or ids", s)
		}
		return nil
	})
	flags.StringVar(&o.LabelType, "dtype", "|u1", "`type` of the ground truth: |u1, |i1, <u2, <i2, <u4 or <i4")
	flags.StringVar(&o.Compressor, "compressor", "gzip", "none, gzip[:level], zlib[:level], zstd[:level] or blosc:codec:shuffle")
	flags.BoolVar(&o.Absent, "absent", false, "leave out chunks that hold nothing but 0")
	flags.BoolVar(&o.Zip, "zip", false, "write the archive of each subset too")
	flags.StringVar(&o.Defect, "defect", "", "`name` of damage to plant in the first sample: "+strings.Join(fisbegen.DefectNames(), ", "))
	flags.Uint64Var(&o.Seed, "seed", 1, "what everything random comes from")
	if err := flags.Parse(args); err != nil {
		return "", o, err
	}
	if dir == "" || flags.NArg() > 0 {
		return "", o, fmt.Errorf("want -o DIR and no further argument, got %q", flags.Args())
	}
	if o.Samples < 1 || o.Neurons < 1 {
		return "", o, errors.New("want at least one sample and one neuron")
	}
	return dir, o, nil
}

// sizes parses four sizes with commas between them.
func sizes(dst *[]int) func(string) error {
	return func(s string) error {
		*dst = nil
		for part := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(part)
			if err != nil {
				return err
			}
			*dst = append(*dst, n)
		}
		return nil
	}
}
