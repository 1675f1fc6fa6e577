package validate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/validate"
)

// toy is a target of samples with instances of one run each, walked in an order and cut into files.
type toy struct {
	name    string
	dataset string
	samples int
	order   func(n int) []int // of the samples and of the instances of each; nil for ascending
	file    func(i int) string
	err     error // of the walk, after all was shown
}

// instances of each sample.
const toyInstances = 20

func (t *toy) Name() string { return t.name }

func (t *toy) Walk(ctx context.Context, p *validate.Pass) error {
	order := func(n int) []int {
		if t.order != nil {
			return t.order(n)
		}
		return ascending(n)
	}
	samples := order(t.samples)
	err := p.Parallel(ctx, t.samples, func(ctx context.Context, k int) error {
		i := samples[k]
		place := validate.Place{Target: t.name, Dataset: t.dataset, Sample: fmt.Sprintf("S%03d", i), Array: "gt"}
		if t.file != nil {
			place.File = t.file(i)
		}
		p.Sample(ctx, &validate.Sample{Place: place, Pixels: uint64(i % 7)})
		layer := &validate.Layer{Place: place, Kind: validate.Tissue, Axes: "YX", Shape: []int{100, 100}}
		for row, j := range order(toyInstances) {
			in := &validate.Instance{Place: place, ID: int64(j + 1), Mask: mask.Mask{{Y: int32(j), X: int32(i), N: int32(j%5 + 1)}}}
			id, at := in.ID, int64(1000*k+row)
			in.Instance, in.Row = &id, &at
			layer.Instances = append(layer.Instances, in)
		}
		p.Layer(ctx, layer)
		p.Progress(1)
		return nil
	})
	return errors.Join(err, t.err)
}

func ascending(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

func shuffled(seed uint64) func(n int) []int {
	return func(n int) []int { return rand.New(rand.NewPCG(seed, uint64(n))).Perm(n) }
}

// small finds instances below a size, twins samples with equal pixels.
var (
	small = validate.Rule{
		ID: "LB003", Severity: validate.Warning, For: validate.AnyKind, Limits: []validate.Limit{{Name: "min_area", Default: 3}},
		Looks: validate.Looks{Instance: func(s *validate.Scope, in *validate.Instance) {
			area := 0
			for _, r := range in.Mask {
				area += int(r.N)
			}
			if float64(area) < s.Limit("min_area") {
				s.Report(validate.Finding{Message: fmt.Sprintf("instance %d has %d pixels", in.ID, area), Place: in.Place, Value: area, Content: in.Content()})
			}
		}},
	}
	twins = validate.Rule{
		ID: "SP001", Severity: validate.Error, For: validate.AnyKind,
		Across: func(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
			seen := map[uint64][]validate.Place{} // without a lock: looks come one at a time
			return validate.Looks{Sample: func(_ *validate.Scope, s *validate.Sample) { seen[s.Pixels] = append(seen[s.Pixels], s.Place) }},
				func(s *validate.Scope) {
					for pixels, places := range seen {
						if len(places) < 2 {
							continue
						}
						slices.SortFunc(places, func(a, b validate.Place) int {
							return strings.Compare(a.Target+a.Sample, b.Target+b.Sample)
						})
						s.Report(validate.Finding{Message: fmt.Sprintf("%d samples have the pixels of %s", len(places), places[0].Sample), Place: places[0],
							Severity: validate.Warning, Detail: fmt.Sprint(pixels)})
					}
				}
		},
	}
)

func tuned(rules ...validate.Rule) (ts []validate.Tuned) {
	for _, r := range rules {
		ts = append(ts, r.Default())
	}
	return ts
}

// lines are findings as a report has them.
func lines(t *testing.T, r *validate.Result) string {
	t.Helper()
	b, err := json.MarshalIndent(r.Findings, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func run(t *testing.T, o validate.Options, targets ...validate.Target) *validate.Result {
	t.Helper()
	r, err := validate.Run(t.Context(), targets, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The result does not depend on how much is done in parallel.
func TestJobsDoNotMatter(t *testing.T) {
	targets := []validate.Target{&toy{name: "a", samples: 30}, &toy{name: "b", samples: 10}}
	want := ""
	for _, jobs := range []int{1, 2, 7, 32} {
		r := run(t, validate.Options{Rules: tuned(small, twins), Jobs: jobs}, targets...)
		if want == "" {
			want = lines(t, r)
			if n := len(r.Findings); n != 40*8+7 { // 8 of 20 have fewer than 3, and 7 digests are there
				t.Errorf("%d findings", n)
			}
			if r.Seen["samples"] != 40 || r.Seen["instances"] != 800 || r.Seen["layers"] != 40 {
				t.Errorf("seen %v", r.Seen)
			}
		}
		if got := lines(t, r); got != want {
			t.Errorf("%d jobs: differs", jobs)
		}
	}
}

// Of a rule that finds too much the worst is kept, whatever came first, and the rest is counted.
func TestTheWorstAreKept(t *testing.T) {
	const most = 10
	all := run(t, validate.Options{Rules: tuned(small, twins)}, &toy{name: "a", samples: 30})
	if len(all.Cut) != 0 {
		t.Errorf("cut: %v", all.Cut)
	}
	for seed := range uint64(5) {
		r := run(t, validate.Options{Rules: tuned(small, twins), Jobs: 4, MaxFindings: most}, &toy{name: "a", samples: 30, order: shuffled(seed)})
		if n := r.Cut["LB003"]; n != 30*8-most || r.Cut["SP001"] != 0 {
			t.Errorf("cut: %v", r.Cut)
		}
		kept := map[string]bool{}
		for _, f := range r.Findings {
			kept[f.Fingerprint] = true
		}
		n := 0
		for _, f := range all.Findings {
			if f.Rule == "LB003" && n < most {
				n++
				if !kept[f.Fingerprint] {
					t.Errorf("seed %d: %s is not kept", seed, f.Message)
				}
			}
		}
	}
}

// fingerprints are the sorted names of findings.
func fingerprints(r *validate.Result) (all []string) {
	for _, f := range r.Findings {
		all = append(all, f.Fingerprint)
	}
	slices.Sort(all)
	return all
}

// A fingerprint survives other shards, other rows, another order and another working folder; it does not
// survive another mask.
func TestFingerprintsAreStable(t *testing.T) {
	o := validate.Options{Rules: tuned(small)}
	want := fingerprints(run(t, o, &toy{name: "data/set", dataset: "set", samples: 9}))
	for i := range want[1:] {
		if want[i] == want[i+1] {
			t.Fatal("two findings have one fingerprint")
		}
	}
	for name, other := range map[string]*toy{
		"shards":         {name: "data/set", dataset: "set", samples: 9, file: func(i int) string { return fmt.Sprint("shard", i%3) }},
		"order":          {name: "data/set", dataset: "set", samples: 9, order: shuffled(1)},
		"another folder": {name: "/mnt/elsewhere", dataset: "set", samples: 9},
	} {
		if got := fingerprints(run(t, o, other)); !slices.Equal(got, want) {
			t.Errorf("%s: fingerprints differ", name)
		}
	}
	if got := fingerprints(run(t, o, &toy{name: "data/set", dataset: "other", samples: 9})); slices.Contains(want, got[0]) {
		t.Error("another data set has the same fingerprints")
	}
	content := func(f validate.Finding) string {
		r := validate.Rule{ID: "LB001", Severity: validate.Error, Looks: validate.Looks{Sample: func(s *validate.Scope, _ *validate.Sample) { s.Report(f) }}}
		return run(t, validate.Options{Rules: tuned(r)}, &toy{name: "a", samples: 1}).Findings[0].Fingerprint
	}
	base := validate.Finding{Place: validate.Place{Target: "masks/a.tiff"}, Content: 1, Detail: "x"}
	moved, redrawn, other, neighbour := base, base, base, base
	moved.Target, moved.File, moved.Line = "/abs/masks/a.tiff", "f", 7
	redrawn.Content, other.Detail, neighbour.Target = 2, "y", "masks/b.tiff"
	if content(moved) != content(base) {
		t.Error("the place in a file counts")
	}
	for _, f := range []validate.Finding{redrawn, other, neighbour} {
		if content(f) == content(base) {
			t.Errorf("%+v has the fingerprint of another", f)
		}
	}
}

// A target that cannot be read does not hide what is in the others, nor what was seen of it.
func TestTargetErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	r, err := validate.Run(t.Context(), []validate.Target{
		&toy{name: "a", samples: 2, err: broken}, &toy{name: "b", samples: 2}, &toy{name: "c", err: fmt.Errorf("c: %w", broken)},
	}, validate.Options{Rules: tuned(small)})
	var one *validate.TargetError
	if !errors.As(err, &one) || one.Target != "a" || !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if want := "a: the disk is gone\nc: the disk is gone"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if len(r.Findings) != 32 {
		t.Errorf("%d findings", len(r.Findings))
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	slow := validate.Rule{ID: "LB001", Severity: validate.Error, Looks: validate.Looks{Layer: func(s *validate.Scope, _ *validate.Layer) {
		cancel()
		<-s.Context().Done()
	}}}
	done := make(chan error, 1)
	go func() {
		r, err := validate.Run(ctx, []validate.Target{&toy{name: "a", samples: 1000}}, validate.Options{Rules: tuned(slow), Jobs: 2})
		if r != nil {
			err = errors.New("there is a result")
		}
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("goes on")
	}
}

func TestSeverities(t *testing.T) {
	report := func(rule, finding validate.Severity) validate.Severity {
		r := validate.Rule{ID: "LB001", Severity: rule, Looks: validate.Looks{Sample: func(s *validate.Scope, _ *validate.Sample) {
			s.Report(validate.Finding{Severity: finding, Value: math.Inf(1), Limit: []float64{math.NaN()}})
		}}}
		f := run(t, validate.Options{Rules: tuned(r)}, &toy{name: "a", samples: 1}).Findings[0]
		if _, err := json.Marshal(f); err != nil {
			t.Error(err)
		}
		return f.Severity
	}
	for _, test := range [][3]validate.Severity{
		{validate.Error, 0, validate.Error},
		{validate.Error, validate.Warning, validate.Warning}, // a finding may be less bad than its rule
		{validate.Info, validate.Warning, validate.Info},     // and not worse than the user wants
	} {
		if got := report(test[0], test[1]); got != test[2] {
			t.Errorf("rule %v, finding %v: got %v", test[0], test[1], got)
		}
	}
}

// What the user excepts is counted and takes no place.
func TestExcept(t *testing.T) {
	o := validate.Options{Rules: tuned(small), MaxFindings: 8, Except: func(f *validate.Finding) bool { return f.Sample != "S001" }}
	r := run(t, o, &toy{name: "a", samples: 9})
	if len(r.Findings) != 8 || r.Excepted != 64 || len(r.Cut) != 0 {
		t.Errorf("%d findings, %d excepted, cut %v", len(r.Findings), r.Excepted, r.Cut)
	}
}

func TestClassesOfTheUser(t *testing.T) {
	var got []string
	r := validate.Rule{ID: "CL001", Severity: validate.Error, Across: func(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
		return validate.Looks{
			Layer:    func(_ *validate.Scope, l *validate.Layer) { got = append(got, l.Classes...) },
			Instance: func(_ *validate.Scope, in *validate.Instance) { got = append(got, in.Classes...) },
		}, func(*validate.Scope) {}
	}}
	run(t, validate.Options{Rules: tuned(r), Classes: []string{"AM"}}, &toy{name: "a", samples: 1})
	if len(got) != 1+toyInstances {
		t.Errorf("%d of %d see the classes", len(got), 1+toyInstances)
	}
}

// serialToy is a toy that is walked beside others.
type serialToy struct{ toy }

func (*serialToy) Serial() {}

// Single files are walked at the same time, share the memory, and change nothing of the result.
func TestSerialTargets(t *testing.T) {
	var plain, serial []validate.Target
	for i := range 9 {
		one := toy{name: fmt.Sprint("t", i), samples: 3}
		if i == 4 {
			one.err = errors.New("broken")
		}
		plain, serial = append(plain, &one), append(serial, &serialToy{one})
	}
	o := validate.Options{Rules: tuned(small, twins), Jobs: 4, Memory: 400}
	want, wantErr := validate.Run(t.Context(), plain, o)
	got, err := validate.Run(t.Context(), serial, o)
	if lines(t, got) != lines(t, want) || err == nil || err.Error() != wantErr.Error() {
		t.Errorf("differs: %v, %v", err, wantErr)
	}
	var memory atomic.Int64
	var at, most atomic.Int64
	both := make(chan struct{})
	var once sync.Once
	probe := func(p *validate.Pass) {
		memory.Store(p.Memory())
		if most.Store(max(most.Load(), at.Add(1))); at.Load() == 2 {
			once.Do(func() { close(both) })
		}
		select {
		case <-both:
		case <-time.After(10 * time.Second):
		}
		at.Add(-1)
	}
	o.Jobs = 2
	if _, err := validate.Run(t.Context(), []validate.Target{serialProbe{probe}, serialProbe{probe}}, o); err != nil || most.Load() != 2 || memory.Load() != 200 {
		t.Errorf("%v, %d at a time with %d bytes each", err, most.Load(), memory.Load())
	}
}

type serialProbe struct{ probeTarget }

func (serialProbe) Serial() {}

// What no rule wants need not be made.
func TestWants(t *testing.T) {
	var wants []bool
	probe := probeTarget(func(p *validate.Pass) {
		wants = []bool{p.Wants(validate.Instances), p.Wants(validate.Samples | validate.Chunks), p.Wants(validate.Chunks), p.WantsRule("SP001"), p.WantsRule("LB003")}
	})
	run(t, validate.Options{Rules: tuned(twins)}, probe)
	if want := []bool{false, true, false, true, false}; !slices.Equal(wants, want) {
		t.Errorf("got %v, want %v", wants, want)
	}
}

type probeTarget func(*validate.Pass)

func (probeTarget) Name() string                                     { return "probe" }
func (t probeTarget) Walk(_ context.Context, p *validate.Pass) error { t(p); return nil }

func TestSelect(t *testing.T) {
	all := []validate.Rule{{ID: "LB003"}, {ID: "LB004", Off: true}, {ID: "PX004"}}
	for name, test := range map[string]struct {
		selected, ignored []string
		want              string
	}{
		"all that are on":        {nil, nil, "LB003 PX004"},
		"a family":               {[]string{"LB"}, nil, "LB003"},
		"one that is off":        {[]string{"LB004"}, nil, "LB004"},
		"a family but one":       {[]string{"LB", "LB004"}, []string{"LB003"}, "LB004"},
		"ignored though chosen":  {[]string{"LB003"}, []string{"LB"}, ""},
		"ignored without choice": {nil, []string{"LB"}, "PX004"},
	} {
		got, err := validate.Select(all, test.selected, test.ignored)
		var ids []string
		for _, r := range got {
			ids = append(ids, r.ID)
		}
		if err != nil || strings.Join(ids, " ") != test.want {
			t.Errorf("%s: %v, %v; want %s", name, ids, err, test.want)
		}
	}
	for _, unknown := range []string{"XX", "LB9", "", "lb003"} {
		if _, err := validate.Select(all, []string{unknown}, nil); err == nil {
			t.Errorf("%q is taken", unknown)
		}
	}
}
