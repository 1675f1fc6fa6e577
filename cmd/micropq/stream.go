package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/arrowstream"
	"github.com/micropq/micropq/loaders/batch"
)

func streamCommand() *cli.Command {
	return &cli.Command{
		Name:      "stream",
		Usage:     "draw batches and write them as an Arrow IPC stream",
		ArgsUsage: "DST...",
		Description: `DST is a folder, a zip of one, or an HTTP(S) URL of either. Each batch is one record
batch; an array is a column of fixed shape tensors, which pyarrow gives to numpy uncopied:

   for batch in pyarrow.ipc.open_stream(pipe):
       raw = batch["raw"].to_numpy_ndarray()   # (N, C, Z, Y, X)

What is drawn depends on the data, the options and the seed alone. The column state says
where to go on; --state takes it back, into any number of ranks and workers.

Examples:

   micropq stream fisbe/ --array raw --array gt_instances --size 64,64,64 --batch 4 --seed 1 --foreground 0.5 > crops.arrows
   micropq stream fisbe/ --array raw --size 64,64,64 --seed 1 --range 0,1500 --flip ZYX --rotate > crops.arrows
   micropq stream fisbe/ --kind tiles --array raw --size 64,128,128 --overlap 0,16,16 > tiles.arrows
   micropq stream ubench/ --kind items --type modality --shuffle global --seed 1 --batch 32 --decode 224,224 > items.arrows`,
		Flags:        append(samplingFlags(), streamFlags()...),
		OnUsageError: onUsageError,
		Action:       runStream,
	}
}

func streamFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Usage: "write to who connects to unix:PATH or tcp:HOST:PORT, to each the whole stream, instead of standard output"},
		&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "processors to use (default: all)"},
		&cli.StringFlag{Name: "memory", Value: "1GiB", Usage: "memory of the program: batches read ahead, chunks kept and reads under way"},
		&cli.StringFlag{Name: "progress", Value: "none", Usage: "auto, bar, lines, json or none"},
	}
}

func runStream(c *cli.Context) (err error) {
	if c.NArg() == 0 {
		return usagef("%s takes DST..., got no argument: see %s --help", c.Command.HelpName, c.Command.HelpName)
	}
	o, err := streamOptions(c)
	if err != nil {
		return err
	}
	mode, err := progress.ParseMode(c.String("progress"))
	if err != nil {
		return usagef("--progress: %w", err)
	}
	report := progress.New(c.App.ErrWriter, mode, isTerminal(c.App.ErrWriter))
	o.OnSkipped = func(item batch.Item, err error) {
		report.Note(skipped(item, err))
	}
	sources, err := openSources(c, o.Memory)
	defer func() {
		for _, s := range sources {
			err = errors.Join(err, s.Dataset.Close())
		}
	}()
	if err != nil {
		return err
	}
	o.Memory = limitMemory(o.Memory, datasetsOf(sources))
	l, err := newLoader(c, sources, o)
	if err != nil {
		return err
	}
	if address := c.String("listen"); address != "" {
		return listen(c.Context, address, report, func(ctx context.Context, w io.Writer) error {
			return arrowstream.Write(ctx, w, l, nil)
		})
	}
	if isTerminal(c.App.Writer) {
		return usagef("an Arrow stream is nothing to look at: redirect it to a file or into a program")
	}
	report.Start("streaming", 0)
	defer report.Stop()
	err = arrowstream.Write(c.Context, c.App.Writer, l, func(b *batch.Batch) { report.Add(b.Stats.Requested) })
	if errors.Is(err, syscall.EPIPE) {
		return nil // whoever reads has enough
	}
	return err
}

// skipped says which item was left out.
func skipped(item batch.Item, err error) string {
	if q := item.Question; q != nil {
		return fmt.Sprintf("skipped question %s of %s: %v", q.QuestionID, item.Sample, err)
	}
	return fmt.Sprintf("skipped the box at %v of %s: %v", item.Origin, item.Sample, err)
}

// newLoader makes the loader of a command line; the state, being of its order, is read with it.
func newLoader(c *cli.Context, sources []batch.Source, o batch.Options) (*batch.Loader, error) {
	l, err := batch.New(c.Context, sources, o)
	var memory *batch.MemoryError
	if errors.As(err, &memory) {
		return nil, usagef("--memory %s: two batches of %s and the buffers to read them need at least --memory %dMiB",
			c.String("memory"), formatBytes(memory.Batch), neededMemory(memory.Need, datasetsOf(sources))>>20+1)
	}
	if err != nil || c.String("state") == "" {
		return l, err
	}
	data, err := os.ReadFile(c.String("state"))
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	s, err := l.ParseState(data)
	if err != nil {
		return nil, usagef("--state %s: %w", c.String("state"), err)
	}
	return l.Resume(s)
}

func datasetsOf(sources []batch.Source) (sets []*loaders.Dataset) {
	for _, s := range sources {
		sets = append(sets, s.Dataset)
	}
	return sets
}

func openSources(c *cli.Context, memory int64) (sources []batch.Source, err error) {
	weights := c.Float64Slice("weight")
	if len(weights) > 0 && len(weights) != c.NArg() {
		return nil, usagef("%d times --weight for %d data sets", len(weights), c.NArg())
	}
	for i, location := range c.Args().Slice() {
		d, err := loaders.Open(c.Context, location, loaders.Options{Workers: c.Int("jobs"), IndexMemory: memory / indexShare})
		if err != nil {
			return sources, err
		}
		sources = append(sources, batch.Source{Dataset: d})
		if len(weights) > 0 {
			sources[i].Weight = weights[i]
		}
	}
	return sources, nil
}

// streamOptions are the options of a command line, for this process.
func streamOptions(c *cli.Context) (o batch.Options, err error) {
	o, errs := samplingOptions(c)
	o.Workers = c.Int("jobs")
	if o.Memory, err = parseBytes(c.String("memory")); err != nil {
		errs = append(errs, fmt.Errorf("--memory: %w", err))
	}
	if err := errors.Join(append(errs, o.Validate())...); err != nil {
		return o, &usageError{err}
	}
	return o, nil
}

// listen serves a stream of its own to everyone who connects, until ctx is done.
func listen(ctx context.Context, address string, report progress.Reporter, serve func(context.Context, io.Writer) error) error {
	network, where, ok := strings.Cut(address, ":")
	if !ok || network != "unix" && network != "tcp" {
		return usagef("--listen %q: want unix:PATH or tcp:HOST:PORT", address)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, where)
	if err != nil {
		return usagef("--listen: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	report.Note("listening on " + network + ":" + l.Addr().String())
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		clients.Go(func() {
			// A client that goes away ends its own stream and no other.
			ended := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer ended()
			out := bufio.NewWriterSize(conn, 1<<16)
			err := errors.Join(serve(ctx, out), out.Flush(), conn.Close())
			if err != nil && ctx.Err() == nil {
				report.Note(fmt.Sprintf("a client's stream ended early: %v", err))
			}
		})
	}
}
