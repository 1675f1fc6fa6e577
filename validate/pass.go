package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

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
