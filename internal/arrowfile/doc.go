// Package arrowfile reads Arrow IPC files, in the stream and in the file format, a few rows
// at a time and from wherever they lie.
//
// A file is a run of messages, each a length, metadata and a body (Arrow columnar format,
// "Serialization and Interprocess Communication"). A stream has no index, but the length of
// every body stands in its metadata, so that the record batches of a file are found by
// reading metadata alone:
//
//	["ARROW1" 0 0]                         the file format only
//	schema | dictionary... | record batch  message: ff ff ff ff | length | metadata | body
//	...
//	ff ff ff ff 00 00 00 00                end of the stream
//	[footer | length | "ARROW1"]           the file format only, and not needed
//
// A record batch is read by rows: of each buffer, only the bytes that a slice of rows
// needs. So a batch of any size takes the memory of a slice, and columns that are not
// asked for are not read at all. Short buffers are read together and kept.
//
// Values are those of a row of a micropq table: nil, bool, int32, int64, uint64, float32,
// float64, string, []byte, []any for a list, map[string]any for a struct. What a file
// claims is checked before memory is taken for it; a damaged file is a *[Error], never a
// panic.
package arrowfile

import (
	"errors"
	"fmt"
	"strings"
)

// Error says what is wrong with a file and where.
type Error struct {
	File   string
	Row    int64  // in the file, from 0; -1 where no row is meant
	Column string // dotted path, may be empty
	Offset int64  // in the file; -1 where none is known
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Row >= 0 {
		fmt.Fprintf(&b, ", row %d", e.Row)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, ", column %s", e.Column)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, ", byte %d", e.Offset)
	}
	return b.String() + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Sentinels for errors.Is.
var (
	// ErrCut is a file that ends within a message.
	ErrCut = errors.New("the file is cut off")
	// ErrUnsupported is a column type, or an encoding, that is not read.
	ErrUnsupported = errors.New("unsupported")
	// ErrTooLarge is a value that takes more memory than allowed.
	ErrTooLarge = errors.New("too large")
)
