package vqa

import (
	"errors"
	"fmt"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/arrowfile"
)

// itemError says which item cannot be converted and why.
type itemError struct {
	file   string // key in the source
	row    int64  // in the file, from 0
	sample string // id, where it is known
	where  string // column or field
	err    error
}

func (e *itemError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, row %d", e.file, e.row)
	if e.sample != "" {
		fmt.Fprintf(&b, " (%s)", e.sample)
	}
	if e.where != "" {
		b.WriteString(": " + e.where)
	}
	return b.String() + ": " + e.err.Error()
}

func (e *itemError) Unwrap() error { return e.err }

// rejection is what the list of rejected items says of an error about the item of a record.
func rejection(r record, err error) convert.Rejection {
	out := convert.Rejection{File: r.file, Row: r.row, Error: err.Error()}
	var item *itemError
	var file *arrowfile.Error
	switch {
	case errors.As(err, &item):
		out.Sample, out.Where, out.Error = item.sample, item.where, item.err.Error()
	case errors.As(err, &file):
		out.Where, out.Error = file.Column, file.Err.Error()
		if file.Offset >= 0 {
			out.Offset = &file.Offset
		}
	}
	return out
}

// maxProblems is how many items are reported before a conversion that does not keep going
// stops.
const maxProblems = 10
