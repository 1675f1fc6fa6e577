package vqa

import (
	"errors"
	"github.com/micropq/micropq/internal/itemfile"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/arrowfile"
)

// rejection is what the list of rejected items says of an error about the item of a record.
func rejection(r itemfile.Record, err error) convert.Rejection {
	out := convert.Rejection{File: r.File, Row: r.Row, Error: err.Error()}
	var item *itemfile.Error
	var file *arrowfile.Error
	switch {
	case errors.As(err, &item):
		out.Sample, out.Where, out.Error = item.Sample, item.Where, item.Err.Error()
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
