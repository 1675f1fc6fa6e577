package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
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
	// MaxFindings are kept of a rule, the first by Less; the rest is counted in Result.Cut.
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

// looker is a rule at work.
type looker struct {
	rule   *Tuned
	looks  Looks
	mu     *sync.Mutex // held while it looks; nil for rules without state
	finish func(*Scope)
}

func (l *looker) scope(ctx context.Context, p *Pass) *Scope {
	return &Scope{ctx: ctx, rule: l.rule, pass: p}
}

// Pass hands evidence to rules. Its methods may be called from several goroutines.
type Pass struct {
	options  Options
	lookers  []*looker
	wanted   Evidence
	walks    int             // targets walked at a time
	seen     [9]atomic.Int64 // by the bit of the Evidence
	excepted atomic.Int64

	mu       sync.Mutex
	findings map[string][]*Finding // by rule
	cut      map[string]int64
}

func newPass(o Options) *Pass {
	p := &Pass{options: o, walks: 1, findings: map[string][]*Finding{}, cut: map[string]int64{}}
	for i := range o.Rules {
		l := &looker{rule: &o.Rules[i], looks: o.Rules[i].Looks}
		if l.rule.Across != nil {
			l.mu = new(sync.Mutex)
			l.looks, l.finish = l.rule.Across(l.scope(context.Background(), p))
		}
		p.lookers = append(p.lookers, l)
		p.wanted |= l.looks.Evidence()
	}
	return p
}

// Wants reports whether some rule looks at any of the kinds of evidence.
func (p *Pass) Wants(e Evidence) bool { return p.wanted&e != 0 }

// WantsRule reports whether a rule is selected, for work that serves no other.
func (p *Pass) WantsRule(id string) bool {
	for _, l := range p.lookers {
		if l.rule.ID == id {
			return true
		}
	}
	return false
}

// Jobs is how much to do in parallel.
func (p *Pass) Jobs() int { return p.options.Jobs }

// Memory is the bytes that a target may hold.
func (p *Pass) Memory() int64 { return p.options.Memory / int64(p.walks) }

// Progress tells of bytes that were looked at.
func (p *Pass) Progress(bytes int64) { p.options.Progress(bytes) }

// Parallel calls do for 0 to n-1, as many at a time as there are jobs, until one returns an error.
func (p *Pass) Parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(p.options.Jobs)
	for i := range n {
		if within.Err() != nil {
			break
		}
		group.Go(func() error { return do(within, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // within has ended with the group
}

// Dataset shows a data set.
func (p *Pass) Dataset(ctx context.Context, d *Dataset) {
	show(ctx, p, 0, func(l *Looks) func(*Scope, *Dataset) { return l.Dataset }, d)
}

// Shard shows a shard.
func (p *Pass) Shard(ctx context.Context, s *Shard) {
	show(ctx, p, 1, func(l *Looks) func(*Scope, *Shard) { return l.Shard }, s)
}

// File shows a file.
func (p *Pass) File(ctx context.Context, f *File) {
	show(ctx, p, 2, func(l *Looks) func(*Scope, *File) { return l.File }, f)
}

// Sample shows a sample.
func (p *Pass) Sample(ctx context.Context, s *Sample) {
	show(ctx, p, 3, func(l *Looks) func(*Scope, *Sample) { return l.Sample }, s)
}

// Array shows an array.
func (p *Pass) Array(ctx context.Context, a *Array) {
	show(ctx, p, 4, func(l *Looks) func(*Scope, *Array) { return l.Array }, a)
}

// Chunk shows a chunk.
func (p *Pass) Chunk(ctx context.Context, c *Chunk) {
	show(ctx, p, 5, func(l *Looks) func(*Scope, *Chunk) { return l.Chunk }, c)
}

// Layer shows a layer and each of its instances.
func (p *Pass) Layer(ctx context.Context, layer *Layer) {
	if p.options.Classes != nil {
		layer.Classes = p.options.Classes
	}
	show(ctx, p, 6, func(l *Looks) func(*Scope, *Layer) { return l.Layer }, layer)
	p.instances(ctx, layer.Instances...)
}

// Instance shows an instance that is part of no layer.
func (p *Pass) Instance(ctx context.Context, in *Instance) { p.instances(ctx, in) }

func (p *Pass) instances(ctx context.Context, list ...*Instance) {
	if p.options.Classes != nil {
		for _, in := range list {
			in.Classes = p.options.Classes
		}
	}
	show(ctx, p, 7, func(l *Looks) func(*Scope, *Instance) { return l.Instance }, list...)
}

// Question shows a question.
func (p *Pass) Question(ctx context.Context, q *Item) {
	show(ctx, p, 8, func(l *Looks) func(*Scope, *Item) { return l.Question }, q)
}

// evidenceNames are the keys of Result.Seen.
var evidenceNames = [9]string{"datasets", "shards", "files", "samples", "arrays", "chunks", "layers", "instances", "questions"}

// show has each rule look at pieces of evidence of a kind.
func show[T any](ctx context.Context, p *Pass, kind int, look func(*Looks) func(*Scope, T), evidence ...T) {
	p.seen[kind].Add(int64(len(evidence)))
	if !p.Wants(1 << kind) {
		return
	}
	for _, l := range p.lookers {
		f := look(&l.looks)
		if f == nil {
			continue
		}
		if l.mu != nil {
			l.mu.Lock()
		}
		scope := l.scope(ctx, p)
		for _, e := range evidence {
			f(scope, e)
		}
		if l.mu != nil {
			l.mu.Unlock()
		}
	}
}

// report keeps a finding. Past twice the limit the worst half is dropped, so that what is kept does
// not depend on who came first.
func (p *Pass) report(f *Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fs := append(p.findings[f.Rule], f)
	if len(fs) >= 2*p.options.MaxFindings {
		fs = p.trim(f.Rule, fs)
	}
	p.findings[f.Rule] = fs
}

func (p *Pass) trim(rule string, fs []*Finding) []*Finding {
	sortFindings(fs)
	if n := len(fs) - p.options.MaxFindings; n > 0 {
		p.cut[rule] += int64(n)
		clear(fs[p.options.MaxFindings:])
		fs = fs[:p.options.MaxFindings]
	}
	return fs
}

func (p *Pass) result() *Result {
	r := &Result{Cut: p.cut, Excepted: p.excepted.Load(), Rules: p.options.Rules, Seen: map[string]int64{}}
	for rule, fs := range p.findings {
		r.Findings = append(r.Findings, p.trim(rule, fs)...)
	}
	sortFindings(r.Findings)
	for i, name := range evidenceNames {
		if n := p.seen[i].Load(); n > 0 {
			r.Seen[name] = n
		}
	}
	return r
}

// Scope is what a rule is given with its evidence: its limits, and where to report.
type Scope struct {
	ctx  context.Context
	rule *Tuned
	pass *Pass
}

// Context ends when the run is cancelled; a look that takes long must heed it.
func (s *Scope) Context() context.Context { return s.ctx }

// Jobs is how much a look may do in parallel.
func (s *Scope) Jobs() int { return s.pass.options.Jobs }

// For reports whether the rule is for a kind of data. Data of no known kind, 0, is for all.
func (s *Scope) For(kind Kind) bool { return kind == 0 || s.rule.For&kind != 0 }

// Limit is the value of one of the rule's limits.
func (s *Scope) Limit(name string) float64 {
	v, ok := s.rule.Values[name]
	if !ok {
		panic(fmt.Sprintf("rule %s has no limit %q", s.rule.ID, name))
	}
	return v
}

// Report adds a finding. Rule and fingerprint are filled in, and the severity where there is none.
func (s *Scope) Report(f Finding) {
	f.Rule = s.rule.ID
	f.Place = f.Place.clone() // targets use the memory of evidence again
	if f.Severity == 0 || f.Severity > s.rule.Severity {
		f.Severity = s.rule.Severity
	}
	f.Value, f.Limit = writable(f.Value), writable(f.Limit)
	f.Fixable = f.Fix != nil
	f.Fingerprint = f.fingerprint()
	if s.pass.options.Except(&f) {
		s.pass.excepted.Add(1)
		return
	}
	s.pass.report(&f)
}

// writable is a value that JSON has: what it has not, such as infinity, becomes text.
func writable(v any) any {
	switch v.(type) {
	case nil, bool, int, int32, int64, string: // most are
		return v
	}
	if _, err := json.Marshal(v); err != nil {
		return fmt.Sprint(v)
	}
	return v
}
