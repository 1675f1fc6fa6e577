// Command bench measures micropq beside other implementations. bench/run.sh calls it.
//
// A section is one comparison. Its contestants run alternately, several rounds, so that what
// else the machine does meets all of them, and medians are compared. Sections write below
// build/bench and print what docs/benchmarks.md quotes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// setup is what all sections share.
type setup struct {
	scale  scale
	rounds int
	python string
	dir    string
}

// scale is a size of the data and of the work.
type scale struct {
	name  string
	shape []int // of the generated sample, CZYX
	crops int   // of 64 a side, read by a contestant in a round; of larger ones as many voxels

	volumes  int    // of that shape, that are validated
	sections int    // of each technique, that are validated
	section  [2]int // their height and width
}

var scales = []scale{
	{"small", []int{3, 128, 256, 256}, 40, 4, 1, [2]int{3000, 4000}},
	{"full", []int{3, 390, 1058, 907}, 240, 2, 2, [2]int{12272, 15129}},
}

type section struct {
	name string
	run  func(context.Context, *setup) error
}

var sections = []section{
	{"convert", benchConvert},
	{"crops", benchCrops},
	{"codec", benchCodec},
	{"validate", benchValidate},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s := &setup{dir: "build/bench"}
	name := flag.String("scale", "full", "small or full")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds, of which the median counts")
	flag.StringVar(&s.python, "python", ".venv/bin/python", "interpreter with the peers' packages")
	threads := flag.Int("decode", 0, "only decode the chunks of the data sets named, with so many threads")
	flag.Parse()
	if *threads > 0 {
		return runDecode(ctx, *threads)
	}
	i := slices.IndexFunc(scales, func(c scale) bool { return c.name == *name })
	if i < 0 || s.rounds < 1 {
		return fmt.Errorf("-scale %s -rounds %d: want small or full, and at least one round", *name, s.rounds)
	}
	s.scale = scales[i]
	for _, a := range flag.Args() {
		if !slices.ContainsFunc(sections, func(c section) bool { return c.name == a }) {
			return fmt.Errorf("no section %q", a)
		}
	}
	if err := printMachine(ctx, s); err != nil {
		return err
	}
	for _, c := range sections {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), c.name) {
			continue
		}
		fmt.Printf("\n== %s\n", c.name)
		if err := c.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// median of values, which it sorts.
func median[T ~int64 | ~float64](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

func seconds(since time.Time) float64 { return time.Since(since).Seconds() }
