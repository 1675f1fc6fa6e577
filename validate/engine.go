package validate

import (
	"context"
	"errors"
	"runtime"
	"strings"
)

// Target is something to validate.
type Target interface {
	// Name is what the user called it.
	Name() string
	// Walk goes through the target once and shows its evidence. An error means that it cannot be
	// read any further, or not at all: what is wrong with its content is evidence.
	Walk(ctx context.Context, p *Pass) error
}

// Serial is a target that keeps one processor busy, such as a single file. Several are walked at a time.
type Serial interface {
	Target
	Serial()
}

// TargetError is a target that could not be read.
type TargetError struct {
	Target string
	Err    error
}

func (e *TargetError) Error() string {
	text := e.Err.Error()
	if strings.HasPrefix(text, e.Target) { // an error of a file names it
		return text
	}
	return e.Target + ": " + text
}
func (e *TargetError) Unwrap() error { return e.Err }

// Options say how to validate.
type Options struct {
	Rules  []Tuned
	Jobs   int   // samples looked at in parallel; 0 for all processors
	Memory int64 // bytes that targets may hold; 0 for 512 MiB
	// MaxFindings are kept of a rule, the worst; the rest is counted in Result.Cut.
	// 0 stands for 100,000.
	MaxFindings int
	// Except reports whether a finding is to be left out, and counted in Result.Excepted; nil for none.
	// It may be called from several goroutines.
	Except func(*Finding) bool
	// Classes are those that are defined, whatever targets say; nil to take theirs.
	Classes []string
	// Progress, which may be nil, is told the bytes that were looked at.
	Progress func(bytes int64)
}

func (o Options) withDefaults() Options {
	if o.Jobs == 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.Memory == 0 {
		o.Memory = 512 << 20
	}
	if o.MaxFindings == 0 {
		o.MaxFindings = 100_000
	}
	if o.Except == nil {
		o.Except = func(*Finding) bool { return false }
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	return o
}

// Result is what a run found.
type Result struct {
	Findings []*Finding       // worst first
	Cut      map[string]int64 // findings that were not kept, by rule
	Excepted int64            // findings that Options.Except left out
	Rules    []Tuned          // that looked
	Seen     map[string]int64 // pieces of evidence shown, by kind
}

// Run validates targets. The result holds all that was found even where there is an error, which
// joins a *TargetError for each target that could not be read; it is nil after ctx was cancelled.
func Run(ctx context.Context, targets []Target, o Options) (*Result, error) {
	p := newPass(o.withDefaults())
	unreadable, err := p.walk(ctx, targets)
	if err != nil {
		return nil, err
	}
	for _, l := range p.lookers {
		if l.finish != nil {
			l.finish(l.scope(ctx, p))
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return p.result(), unreadable
}

// walk goes through targets: through serial ones at the same time, through the others one by one.
func (p *Pass) walk(ctx context.Context, targets []Target) (unreadable, err error) {
	errs := make([]error, len(targets))
	walk := func(ctx context.Context, i int) error {
		if err := targets[i].Walk(ctx, p); err != nil {
			errs[i] = &TargetError{targets[i].Name(), err}
		}
		return context.Cause(ctx)
	}
	var serial, wide []int
	for i, t := range targets {
		if _, ok := t.(Serial); ok {
			serial = append(serial, i)
		} else {
			wide = append(wide, i)
		}
	}
	p.walks = max(1, min(len(serial), p.options.Jobs))
	if err := p.Parallel(ctx, len(serial), func(ctx context.Context, k int) error { return walk(ctx, serial[k]) }); err != nil {
		return nil, err
	}
	p.walks = 1
	for _, i := range wide {
		if err := walk(ctx, i); err != nil {
			return nil, err
		}
	}
	return errors.Join(errs...), nil
}
