package shardfile

import (
	"errors"
	"fmt"
)

// ErrChecksum is wrapped where a page's CRC does not match its bytes.
var ErrChecksum = errors.New("checksum mismatch")

// errForeign marks a page that another program laid out differently.
var errForeign = errors.New("page is not one that micropq writes")

// PageError is a page that cannot be read.
type PageError struct {
	File   string
	Column string // dotted path
	Row    int64  // in the file, from 0
	Offset int64  // of the page in the file, or of the index that should say it
	Err    error
}

func (e *PageError) Error() string {
	return fmt.Sprintf("%s: column %s, row %d, page at byte %d: %v", e.File, e.Column, e.Row, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *PageError) Unwrap() error { return e.Err }
