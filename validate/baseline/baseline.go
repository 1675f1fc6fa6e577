// Package baseline remembers findings that are known, so that only new ones fail.
//
// Words:
//
//   - A baseline is a file of entries, one for each fingerprint, with how often it was found. What it says
//     beside the fingerprint is for readers.
//   - A finding is known where an entry has its fingerprint, as often as the entry counts it, and new
//     otherwise. An entry may expire: from the next day on its findings are new.
//   - An entry is stale where what it names was looked for and not found as often as it counts.
//
// The same findings on the same day make the same bytes. A baseline that is written anew keeps of the one
// before since when entries are known, their reasons and their last days.
package baseline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/validate"
)

// version is that of the file. A reader refuses another.
const version = 1

// maxBytes bounds a file that is read: two million entries.
const maxBytes = 1 << 30

// Baseline is the entries of a file.
type Baseline struct {
	Version int     `json:"baseline"`
	Entries []Entry `json:"findings"`

	dir string // that targets are named from
}

// Entry is a finding that is known.
type Entry struct {
	Rule        string `json:"rule"`
	Target      string `json:"target"`          // slash-separated, from the folder of the baseline
	Place       string `json:"place,omitempty"` // in the target
	Message     string `json:"message"`
	Fingerprint string `json:"fingerprint"`
	Count       int    `json:"count,omitempty"` // how often it was found, where it is more than once
	Since       string `json:"since"`           // the day it was first written, 2006-01-02
	Reason      string `json:"reason,omitempty"`
	Expires     string `json:"expires,omitempty"` // the last day it holds, 2006-01-02
}

// count is at least 1.
func (e *Entry) count() int { return max(e.Count, 1) }

// CutError is a baseline that would not hold all there is: a rule found more than was kept.
type CutError struct{ Cut map[string]int64 }

func (e *CutError) Error() string {
	var parts []string
	for rule, n := range e.Cut {
		parts = append(parts, fmt.Sprintf("%s has %d findings more than are kept", rule, n))
	}
	slices.Sort(parts)
	return "no baseline is written, it would not be whole: " + strings.Join(parts, ", ") + ": leave the rule out, or mend what causes so many"
}

// New is the baseline of a result, to be written to a file. It keeps of old, which may be nil, what people and
// the calendar have added. A result that was cut is a *CutError.
func New(file string, result *validate.Result, old *Baseline, now time.Time) (*Baseline, error) {
	if len(result.Cut) > 0 {
		return nil, &CutError{result.Cut}
	}
	dir, err := folder(file)
	if err != nil {
		return nil, err
	}
	before := map[string]*Entry{}
	if old != nil {
		for i := range old.Entries {
			before[old.Entries[i].Fingerprint] = &old.Entries[i]
		}
	}
	b := &Baseline{Version: version, Entries: []Entry{}, dir: dir}
	at := map[string]int{}
	for _, f := range result.Findings {
		if i, ok := at[f.Fingerprint]; ok {
			b.Entries[i].Count = b.Entries[i].count() + 1
			continue
		}
		at[f.Fingerprint] = len(b.Entries)
		e := Entry{Rule: f.Rule, Target: b.name(f.Target), Place: place(f), Message: f.Message, Fingerprint: f.Fingerprint, Since: now.Format(time.DateOnly)}
		if o := before[f.Fingerprint]; o != nil {
			e.Since, e.Reason, e.Expires = o.Since, o.Reason, o.Expires
		}
		b.Entries = append(b.Entries, e)
	}
	slices.SortFunc(b.Entries, compare)
	return b, nil
}

func compare(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Place, b.Place),
		cmp.Compare(a.Message, b.Message), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// place says in short what a finding is about. It is no position: that would change when nothing else does.
func place(f *validate.Finding) string {
	var parts []string
	for _, p := range []string{f.Sample, f.Array, f.Question} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if f.Instance != nil {
		parts = append(parts, fmt.Sprint(*f.Instance))
	}
	return strings.Join(parts, " ")
}

func folder(file string) (string, error) {
	abs, err := filepath.Abs(file)
	return filepath.Dir(abs), err
}

// name is a target as entries have it.
func (b *Baseline) name(target string) string {
	if strings.Contains(target, "://") {
		return target
	}
	if abs, err := filepath.Abs(target); err == nil {
		if rel, err := filepath.Rel(b.dir, abs); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(target)
}

// Load reads a file.
func Load(file string) (*Baseline, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%s: %d bytes, a baseline of at most %d is read", file, info.Size(), maxBytes)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: no baseline: %w", file, err)
	}
	b.dir, err = folder(file)
	return b, err
}

func parse(data []byte) (*Baseline, error) {
	var head struct {
		Version int `json:"baseline"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	if head.Version != version {
		return nil, fmt.Errorf("version %d, this micropq reads %d", head.Version, version)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var b Baseline
	if err := d.Decode(&b); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return &b, b.check()
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{16}$`)

// check reports every entry that cannot be.
func (b *Baseline) check() error {
	var errs []error
	seen := map[string]bool{}
	for i, e := range b.Entries {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("findings[%d]: %s", i, fmt.Sprintf(format, args...)))
		}
		if !fingerprint.MatchString(e.Fingerprint) {
			bad("fingerprint %q: want 16 hexadecimal digits", e.Fingerprint)
		}
		if seen[e.Fingerprint] {
			bad("fingerprint %s stands twice: want its count", e.Fingerprint)
		}
		seen[e.Fingerprint] = true
		if e.Rule == "" {
			bad("the rule is missing")
		}
		if e.Count < 0 {
			bad("count %d", e.Count)
		}
		for _, day := range []string{e.Since, e.Expires} {
			if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
				bad("%q: want a day as 2006-01-02", day)
			}
		}
	}
	return errors.Join(errs...)
}

// Write replaces a file as a whole.
func (b *Baseline) Write(file string) error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(b); err != nil {
		return err
	}
	return durable.Replace(file, out.Bytes())
}
