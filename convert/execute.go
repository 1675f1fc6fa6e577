package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/progress"
	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

// Options of Execute and Run. The zero value works. None of them changes a byte of the
// data set.
type Options struct {
	Jobs      int   // processors to use, default all
	Memory    int64 // bytes to hold in buffers, default 1 GiB
	Overwrite bool  // delete what an earlier conversion left at the destination
	Progress  progress.Reporter
}

const (
	// maxLanes is the number of chains worked on at once. Each has a share of the memory,
	// and the processors are shared within a chain, so two are enough: one computes while
	// the other closes a shard.
	maxLanes = 2
	// rowGroupBytes bounds what a shard buffers before it reaches the disk.
	rowGroupBytes = 32 << 20
)

func (o Options) defaults() Options {
	if o.Jobs <= 0 {
		o.Jobs = runtime.NumCPU()
	}
	if o.Memory <= 0 {
		o.Memory = 1 << 30
	}
	if o.Progress == nil {
		o.Progress = progress.Discard
	}
	return o
}

// Result is what a finished conversion made.
type Result struct {
	Manifest *schemas.Manifest
	// Written and Kept count the shards written now and those an earlier run had written.
	Written, Kept int
	Report        *Report // nil where the source makes none, or nothing was left to do
}

// Run plans, executes and commits.
func Run(ctx context.Context, src Source, dst string, o Options) (*Result, error) {
	plan, err := src.Plan(ctx)
	if err != nil {
		return nil, err
	}
	return RunPlan(ctx, src, plan, dst, o)
}

// RunPlan executes and commits a plan made by src. Where dst already is the data set the
// plan describes, there is nothing to do.
func RunPlan(ctx context.Context, src Source, plan *Plan, dst string, o Options) (*Result, error) {
	if m, err := finished(ctx, plan, dst, o.Overwrite); m != nil || err != nil {
		if err != nil {
			return nil, err
		}
		return &Result{Manifest: m, Kept: len(m.Shards)}, nil
	}
	e, err := Execute(ctx, src, plan, dst, o)
	if err != nil {
		return nil, err
	}
	m, err := Commit(ctx, e)
	if err != nil {
		return nil, err
	}
	return &Result{Manifest: m, Written: len(m.Shards) - e.kept, Kept: e.kept, Report: e.report}, nil
}

// Execution is a plan whose shards are all written but not yet committed.
type Execution struct {
	plan        *Plan
	src         Source
	report      *Report
	dst         string
	fingerprint string
	work        *workdir
	receipts    map[string]receipt // by task id
	kept        int
}

// Execute writes every shard of the plan that has no valid receipt yet. When it fails or
// is cancelled, the receipts of finished shards stay, and calling it again goes on there.
// The caller commits the execution or closes it.
func Execute(ctx context.Context, src Source, plan *Plan, dst string, o Options) (_ *Execution, err error) {
	o = o.defaults()
	fp, err := plan.Fingerprint()
	if err != nil {
		return nil, err
	}
	if err := prepare(dst, o.Overwrite); err != nil {
		return nil, err
	}
	work, err := openWorkdir(dst, fp, o.Overwrite)
	if err != nil {
		return nil, err
	}
	e := &Execution{plan: plan, src: src, dst: dst, fingerprint: fp, work: work, receipts: map[string]receipt{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	o.Progress.Start("converting", plan.Work())
	defer o.Progress.Stop()
	if err := e.resume(ctx, o); err != nil {
		return nil, err
	}
	x := &executor{Execution: e, o: o, cpu: NewCPU(o.Jobs)}
	for stage := range plan.stages() {
		if err := x.stage(ctx, stage); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Close unlocks the destination and keeps what is done for a later run.
func (e *Execution) Close() error { return e.work.close() }

// resume collects the receipts of an earlier run.
func (e *Execution) resume(ctx context.Context, o Options) error {
	for _, t := range e.plan.Tasks {
		r, ok, err := e.work.receipt(ctx, t)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("receipt of %s: %w", t.Path(), err)
		}
		if ok {
			e.receipts[t.id()] = r
			e.kept++
			o.Progress.Add(t.Work)
		}
	}
	if e.kept > 0 {
		o.Progress.Note(fmt.Sprintf("going on: %d of %d shards were already written", e.kept, len(e.plan.Tasks)))
	}
	return nil
}

// executor runs the tasks of one Execute on this machine.
type executor struct {
	*Execution
	o   Options
	cpu *CPU
}

// stage runs the chains of a stage, the longest first, a few at once.
func (x *executor) stage(ctx context.Context, stage int) error {
	chains := x.plan.chains(stage, func(t Task) bool { _, ok := x.receipts[t.id()]; return ok })
	sort.SliceStable(chains, func(i, j int) bool { return chainWork(chains[i]) > chainWork(chains[j]) })
	lanes := min(maxLanes, x.o.Jobs, max(1, len(chains)))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lanes)
	results := make([][]receipt, len(chains))
	for i, tasks := range chains {
		g.Go(func() (err error) {
			results[i], err = x.chain(gctx, tasks, x.o.Memory/int64(lanes))
			return err
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	for i, tasks := range chains {
		for j, t := range tasks {
			x.receipts[t.id()] = results[i][j]
		}
	}
	return nil
}

func chainWork(tasks []Task) (n int64) {
	for _, t := range tasks {
		n += t.Work
	}
	return n
}

// chain runs the tasks of a chain. While one shard goes to the disk the next is written.
func (x *executor) chain(ctx context.Context, tasks []Task, memory int64) (rs []receipt, err error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	s, err := x.src.Session(ctx, tasks, Resources{
		Memory:   memory,
		Workers:  x.o.Jobs,
		CPU:      x.cpu,
		Progress: x.o.Progress.Add,
		Facts:    x.work.facts,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	rs = make([]receipt, len(tasks))
	seals, sctx := errgroup.WithContext(ctx)
	seals.SetLimit(1)
	for i, t := range tasks {
		var w *written
		if w, err = x.write(sctx, s, t); err != nil {
			break
		}
		seals.Go(func() (err error) {
			rs[i], err = x.seal(w)
			return err
		})
	}
	if sealed := seals.Wait(); sealed != nil {
		return nil, sealed // what then stopped the writing
	}
	return rs, err
}

// written is a shard with all its rows, under a temporary name.
type written struct {
	task  Task
	path  string
	w     *shardfile.Writer
	facts any
}

func (x *executor) write(ctx context.Context, s Session, t Task) (*written, error) {
	table, err := x.plan.table(t.Table)
	if err != nil {
		return nil, err
	}
	meta, err := table.FileMetadata()
	if err != nil {
		return nil, err
	}
	tmp := x.work.path("tmp", t.id())
	w, err := shardfile.Create(tmp, table.Parquet(), shardfile.Options{
		Metadata:       meta,
		PayloadColumns: table.Payload(),
		RowGroupBytes:  cmp.Or(x.plan.RowGroupBytes, rowGroupBytes),
	})
	if err != nil {
		return nil, err
	}
	facts, err := s.Run(ctx, t, &Shard{table: table, w: w})
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx) // before the disk is waited for
	}
	if err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return &written{task: t, path: tmp, w: w, facts: facts}, nil
}

// seal makes a shard durable and gives it its own name when it is whole. The receipt comes
// last: whatever is killed before it, the task is run again.
func (x *executor) seal(s *written) (r receipt, err error) {
	if r.Receipt, err = s.w.Finish(); err != nil {
		return r, err
	}
	if s.facts != nil {
		if r.Facts, err = x.work.putFacts(s.task, s.facts); err != nil {
			return r, err
		}
	}
	final := filepath.Join(x.dst, filepath.FromSlash(s.task.Path()))
	if err := os.MkdirAll(filepath.Dir(final), 0o777); err != nil {
		return r, err
	}
	if err := os.Rename(s.path, final); err != nil {
		return r, err
	}
	return r, x.work.putReceipt(s.task, r)
}
