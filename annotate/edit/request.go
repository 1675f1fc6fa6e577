package edit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/schemas"
)

// Request is one edit that is asked for.
type Request struct {
	Op       journal.Op    `json:"op"`
	Sample   string        `json:"sample"`
	Array    string        `json:"array"`
	Instance int64         `json:"instance,omitempty"` // add: 0 for the next id that is free
	Class    *string       `json:"class,omitempty"`    // reclass: required; add: optional
	Reasons  []string      `json:"reasons,omitempty"`  // reject: required; reclass and add: optional
	With     []int64       `json:"with,omitempty"`     // merge: the instances that vanish
	BBox     *schemas.BBox `json:"bbox,omitempty"`     // add, replace: as in the instances table
	RLE      []int64       `json:"rle,omitempty"`      // add, replace: as in the instances table
	Author   string        `json:"author,omitempty"`   // default: that of the command
	Time     *time.Time    `json:"time,omitempty"`     // default: that of the command
	Version  *int64        `json:"version,omitempty"`  // that the author had seen: the edit is refused where it is another

	entry *journal.Entry // taken from another journal: to be made where before is how things are
}

// check reports what is missing or out of place.
func (r *Request) check() error {
	if r.entry != nil {
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.Sample == "" || r.Array == "" {
		bad("sample and array are missing")
	}
	if r.Instance < 0 || r.Instance == 0 && r.Op != journal.Add {
		bad("instance %d: want a positive id", r.Instance)
	}
	switch r.Op {
	case journal.Reclass:
		if r.Class == nil || *r.Class == "" {
			bad("reclass wants a class")
		}
	case journal.Reject:
		if len(r.Reasons) == 0 {
			bad("reject wants a reason")
		}
	case journal.Merge:
		if len(r.With) == 0 {
			bad("merge wants the instances to merge with")
		}
	case journal.Add, journal.Replace:
		if r.BBox == nil || r.RLE == nil {
			bad("%s wants a mask: bbox and rle", r.Op)
		} else if err := (&journal.Shape{BBox: r.BBox, RLE: r.RLE}).Check(); err != nil {
			errs = append(errs, err)
		}
	case journal.Accept, journal.Delete:
	default:
		bad("op %q: want reclass, reject, accept, add, delete, replace or merge", r.Op)
	}
	return errors.Join(errs...)
}

// maxPatchLine bounds a line of a patch: the mask of a very large instance.
const maxPatchLine = 128 << 20

// PatchError is a patch that cannot be read.
type PatchError struct {
	File string
	Line int
	Err  error
}

func (e *PatchError) Error() string { return fmt.Sprintf("%s, line %d: %v", e.File, e.Line, e.Err) }

// Unwrap is the cause.
func (e *PatchError) Unwrap() error { return e.Err }

// ReadPatch reads a file of requests, one JSON object a line, or the journal of another copy
// of the data set, of which the edits that were not undone are asked for.
func ReadPatch(ctx context.Context, file string) ([]Request, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if isJournal(r) {
		return fromJournal(ctx, file)
	}
	return parsePatch(ctx, r, file)
}

// isJournal looks at the first line only.
func isJournal(r *bufio.Reader) bool {
	start, _ := r.Peek(len(`{"journal":`))
	return string(start) == `{"journal":`
}

func fromJournal(ctx context.Context, file string) (requests []Request, err error) {
	j, err := journal.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	active := j.Active()
	for e, err := range j.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		if active[e.Group] {
			requests = append(requests, Request{entry: e})
		}
	}
	return requests, nil
}

func parsePatch(ctx context.Context, r io.Reader, file string) (requests []Request, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxPatchLine)
	line := 0
	for s.Scan() {
		line++
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		var q Request
		err := d.Decode(&q)
		if err == nil && d.More() {
			err = errors.New("more than one JSON value")
		}
		if err == nil {
			err = q.check()
		}
		if err != nil {
			return nil, &PatchError{file, line, err}
		}
		requests = append(requests, q)
	}
	if err := s.Err(); err != nil {
		return nil, &PatchError{file, line + 1, err}
	}
	return requests, nil
}
