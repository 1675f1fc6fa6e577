package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/baseline"
	"github.com/micropq/micropq/validate/pictures"
	"github.com/micropq/micropq/validate/report"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target"
)

// errFindings ends a run that found what must not be there. It is not printed: the report is.
var errFindings = errors.New("findings")

// validateGC is how far the heap grows between collections, in percent of what is held, as long as the limit is far: evidence is
// small and soon forgotten, and at the default a sixth of the time goes into looking for it.
const validateGC = 400

func runValidate(c *cli.Context) error {
	v, err := parseValidation(c)
	if err != nil {
		return err
	}
	// A baseline that cannot be read is told before work that may take long.
	known, err := v.loadBaselines()
	if err != nil {
		return &usageError{err}
	}
	limitHeap(v.options.Memory)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(validateGC)
	}
	targets := openTargets(c.Context, v.locations, v.target)
	result, unreadable := v.run(c.Context, targets)
	if result == nil {
		return unreadable
	}
	var notes []string
	var mendErr error
	if v.fix {
		if notes, mendErr = mend(c.Context, targets, result); len(notes) > 0 {
			if result, unreadable = v.run(c.Context, targets); result == nil {
				return unreadable
			}
		}
	}
	r := &report.Report{
		Version: version, Base: v.base, Targets: v.locations, Catalogue: rules.All(), Rules: result.Rules, Fail: v.fail,
		Findings: result.Findings, Cut: result.Cut, Seen: result.Seen, Excepted: result.Excepted,
		Unreadable: targetErrors(unreadable), Notes: append(notes, v.exceptions.Notes()...),
	}
	err = errors.Join(unreadable, mendErr, v.compare(known, result, r), v.writePatch(r), v.draw(c.Context, r), v.write(c.App.Writer, r))
	if err == nil && v.fail != 0 && r.Worst() >= v.fail {
		err = errFindings
	}
	return err
}

// run is one pass over the targets.
func (v *validation) run(ctx context.Context, targets []validate.Target) (*validate.Result, error) {
	v.exceptions = v.config.Excepting(v.locations, v.now)
	v.options.Except = v.exceptions.Except
	v.progress.Start("validating", 0)
	defer v.progress.Stop()
	return validate.Run(ctx, targets, v.options)
}

// mend does what is safe and says what was done.
func mend(ctx context.Context, targets []validate.Target, result *validate.Result) (notes []string, err error) {
	all, err := validate.Mend(ctx, targets, result.Findings)
	for _, m := range all {
		if m.Fixed < len(m.Findings) {
			notes = append(notes, fmt.Sprintf("mended %s: %d of %d findings", m.Target, m.Fixed, len(m.Findings)))
			continue
		}
		for _, f := range m.Findings {
			notes = append(notes, fmt.Sprintf("mended %s: %s: %s", f.Target, f.Rule, f.Fix.Doc))
		}
	}
	return notes, err
}

// writePatch writes the edits that the findings of a report ask for.
func (v *validation) writePatch(r *report.Report) error {
	if v.patch == "" {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	requests := validate.Patch(r.Findings)
	for _, q := range requests {
		if err := e.Encode(q); err != nil {
			return err
		}
	}
	r.Notes = append(r.Notes, fmt.Sprintf("%s has %d edits: look at them, then micropq annotate apply %s %s", v.patch, len(requests), v.locations[0], v.patch))
	return durable.Replace(v.patch, b.Bytes())
}

// draw draws the findings of a report. A target that cannot be drawn is noted: what was found of it stands.
func (v *validation) draw(ctx context.Context, r *report.Report) (err error) {
	if v.pictures == "" {
		return nil
	}
	v.progress.Start("drawing", 0)
	defer v.progress.Stop()
	r.Pictures, err = pictures.Draw(ctx, v.pictures, r.Findings, pictures.Options{Image: v.target.Image})
	if r.Pictures == nil {
		return err
	}
	if err != nil {
		r.Notes = append(r.Notes, err.Error())
	}
	return nil
}

// baselines are those of --baseline and of the file that --write-baseline replaces; nil for none.
type baselines struct{ known, old *baseline.Baseline }

func (v *validation) loadBaselines() (b baselines, err error) {
	if v.baseline != "" {
		if b.known, err = baseline.Load(v.baseline); err != nil {
			return b, fmt.Errorf("--baseline: %w", err)
		}
	}
	if v.writeBaseline != "" {
		if b.old, err = baseline.Load(v.writeBaseline); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return b, fmt.Errorf("--write-baseline would replace what is no baseline: %w", err)
		}
		if b.old == nil {
			b.old = b.known
		}
	}
	return b, nil
}

// compare leaves the new findings in a report, and writes baselines.
func (v *validation) compare(b baselines, result *validate.Result, r *report.Report) error {
	if v.writeBaseline != "" {
		if len(r.Unreadable) > 0 {
			r.Notes = append(r.Notes, "no baseline is written: a target could not be read")
			return nil
		}
		written, err := baseline.New(v.writeBaseline, result, b.old, v.now)
		if err != nil {
			return &usageError{err}
		}
		if err := written.Write(v.writeBaseline); err != nil {
			return err
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s has %d findings that count as known", v.writeBaseline, len(result.Findings)))
		b.known = written
	}
	if b.known == nil {
		return nil
	}
	c := b.known.Compare(result.Findings, baseline.Looked{Targets: readTargets(r), Rules: result.Rules}, v.now)
	r.Findings, r.Known, r.Since = c.New, c.Known, c.Since
	for _, e := range c.Expired {
		r.Notes = append(r.Notes, fmt.Sprintf("known until %s and counted again: %s %s: %s (%s)", e.Expires, e.Rule, e.Target, e.Message, e.Reason))
	}
	if len(c.Stale) == 0 {
		return nil
	}
	if !v.prune {
		r.Notes = append(r.Notes, staleNotes(c.Stale)...)
		return nil
	}
	n := b.known.Prune(c.Stale)
	r.Notes = append(r.Notes, fmt.Sprintf("%d findings that are no more were taken out of %s", n, v.baseline))
	return b.known.Write(v.baseline)
}

// staleNotes names some entries that --prune would take out.
func staleNotes(stale []baseline.Entry) (notes []string) {
	const shown = 10
	for i, e := range stale {
		if i == shown {
			notes = append(notes, fmt.Sprintf("and %d more", len(stale)-shown))
			break
		}
		notes = append(notes, fmt.Sprintf("in the baseline and found no more: %s %s: %s", e.Rule, e.Target, e.Message))
	}
	return append(notes, "--prune takes out of the baseline what is found no more")
}

// readTargets are those that were read to their end.
func readTargets(r *report.Report) []string {
	return slices.DeleteFunc(slices.Clone(r.Targets), func(name string) bool {
		return slices.ContainsFunc(r.Unreadable, func(u *validate.TargetError) bool { return u.Target == name })
	})
}

// write writes every report, those that can be even where one cannot. Where all go to files, a line tells
// what came of it.
func (v *validation) write(stdout io.Writer, r *report.Report) error {
	var errs []error
	if !slices.ContainsFunc(v.outputs, func(o reportOutput) bool { return o.file == "" }) {
		v.progress.Note(r.Summary())
	}
	for _, o := range v.outputs {
		switch {
		case o.file == "":
			errs = append(errs, o.format.Write(stdout, r))
		case o.append:
			errs = append(errs, appendReport(o, r))
		default:
			errs = append(errs, writeReport(o, r))
		}
	}
	return errors.Join(errs...)
}

// appendReport adds to a file that other steps of a job write to as well.
func appendReport(o reportOutput, r *report.Report) (err error) {
	f, err := os.OpenFile(o.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return o.format.Write(f, r)
}

func writeReport(o reportOutput, r *report.Report) error {
	out, err := createOutput(o.file)
	if err != nil {
		return err
	}
	if err := o.format.Write(out.file, r); err != nil {
		return errors.Join(err, out.abort())
	}
	return out.finish(nil)
}

// openTargets opens locations. One that cannot be opened says so when its turn comes, so that the others
// are validated all the same.
func openTargets(ctx context.Context, locations []string, o target.Options) (targets []validate.Target) {
	for _, location := range locations {
		t, err := target.Open(ctx, location, o)
		if err != nil {
			t = closedTarget{location, err}
		}
		targets = append(targets, t)
	}
	return targets
}

// closedTarget is a target that could not be opened.
type closedTarget struct {
	location string
	err      error
}

func (t closedTarget) Name() string                               { return t.location }
func (t closedTarget) Walk(context.Context, *validate.Pass) error { return t.err }

// targetErrors takes the errors of targets out of what Run returns.
func targetErrors(err error) (all []*validate.TargetError) {
	var one *validate.TargetError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, targetErrors(err)...)
		}
	} else if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}
