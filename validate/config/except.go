package config

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/micropq/micropq/validate"
)

// Exceptions decide which findings are left out of one run.
type Exceptions struct {
	config *Config
	all    []exception
	paths  map[string]string // of targets, from the folder of the configuration
}

type exception struct {
	Exception
	expired bool
	met     atomic.Int64 // findings
}

// Excepting prepares the exceptions for targets, as the user named them, on the day of now where the user is.
func (c *Config) Excepting(targets []string, now time.Time) *Exceptions {
	e := &Exceptions{config: c, all: make([]exception, len(c.Exceptions)), paths: map[string]string{}}
	today := now.Format(time.DateOnly)
	for i := range e.all {
		x := &e.all[i]
		x.Exception = c.Exceptions[i]
		x.expired = x.Expires != "" && x.Expires < today // dates of this form are in order as text
	}
	for _, t := range targets {
		e.paths[t] = c.relative(t)
	}
	return e
}

// relative is the slash-separated path of a target from the folder of the configuration. One that does not lie
// in it keeps its own.
func (c *Config) relative(target string) string {
	if strings.Contains(target, "://") || c.File == "" {
		return target
	}
	abs, err := filepath.Abs(target)
	if err != nil {
		return filepath.ToSlash(target)
	}
	rel, err := filepath.Rel(filepath.Dir(c.File), abs)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(rel)
}

// Except reports whether a finding is left out. It may be called from several goroutines.
func (e *Exceptions) Except(f *validate.Finding) bool {
	target, ok := e.paths[f.Target]
	if !ok { // a file that belongs to a target
		target = e.config.relative(f.Target)
	}
	for i := range e.all {
		x := &e.all[i]
		if !x.covers(target, f) {
			continue
		}
		x.met.Add(1)
		if !x.expired {
			return true
		}
	}
	return false
}

func (x *exception) covers(target string, f *validate.Finding) bool {
	rule := validate.Rule{ID: f.Rule}
	if !slices.ContainsFunc(x.Rules, rule.Matches) {
		return false
	}
	if x.Sample != "" && !match(x.Sample, f.Sample) {
		return false
	}
	return x.Path == "" || match(x.Path, path.Join(target, f.File))
}

// Notes tell of exceptions that expired and whose findings count again.
func (e *Exceptions) Notes() (notes []string) {
	for i := range e.all {
		x := &e.all[i]
		if n := x.met.Load(); x.expired && n > 0 {
			notes = append(notes, fmt.Sprintf("exception %d (%s) expired on %s: its findings count again, %d of them: %s",
				i+1, strings.Join(x.Rules, ", "), x.Expires, n, x.Reason))
		}
	}
	return notes
}

// checkGlob reports a glob that is malformed.
func checkGlob(glob string) error {
	for part := range strings.SplitSeq(glob, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("%q: %w", glob, err)
		}
	}
	return nil
}

// match reports whether a glob matches a path, or a folder that it lies in.
func match(glob, name string) bool {
	glob = strings.TrimPrefix(path.Clean(glob), "./")
	return glob == "." || matchParts(strings.Split(glob, "/"), strings.Split(name, "/"))
}

func matchParts(globs, names []string) bool {
	for ; len(globs) > 0; globs, names = globs[1:], names[1:] {
		if globs[0] == "**" {
			for i := range len(names) + 1 {
				if matchParts(globs[1:], names[i:]) {
					return true
				}
			}
			return false
		}
		if len(names) == 0 {
			return false
		}
		if ok, _ := path.Match(globs[0], names[0]); !ok { // checked when it was read
			return false
		}
	}
	return true
}
