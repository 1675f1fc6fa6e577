package itemfile

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// Input is a file of items. It does not change after it was opened and has learned.
type Input interface {
	// Name is the key of the file, or of the folder.
	Name() string
	Split() string
	// Columns are those of the file, in order. Those of untyped inputs are known once all of
	// it was read: see Learn.
	Columns() []schemas.Column
	Untyped() bool
	Units() []Unit
	// Read gives the records of a unit in order, with the values of the columns wanted, by
	// position; nil stands for all. It returns what yield returns, or an error past which
	// nothing of the unit can be read.
	Read(ctx context.Context, u int, wanted []int, yield func(Record) error) error
	// Learn tells an untyped input what reading it found out: its columns, and the rows of
	// its units.
	Learn(columns []schemas.Column, rows []int64)
}

// Unit is a part of an input that is read on its own.
type Unit struct {
	First int64 // its first row in the input
	Rows  int64
	Bytes int64
}

// Record is an item as an input gives it.
type Record struct {
	File   string // key of the file that holds it
	Row    int64  // in that file
	Line   int    // in the unit, from 1, of a text of lines
	Number int64  // in the input
	Values []any  // of the columns wanted
	Err    error  // why it cannot be read, else nil

	Item  map[string]any // of an untyped input: all that the item has
	Order []string       // its names in order

	Document bool // the file holds this item alone
}

// limits of what is read at once.
const (
	MaxItem = 256 << 20 // bytes of a line, a document, a row
	slice   = 8 << 20   // bytes of values read ahead
)

// Object is a file that is read by ranges.
type Object struct {
	Store store.Store
	Info  store.Info
}

// reader opens the object; the caller closes it.
func (o *Object) reader(ctx context.Context) (store.Reader, int64, error) {
	return store.ReaderAt(ctx, o.Store, o.Info.Key)
}

// Open opens a file as what its name says it is; of those that end in .json, as JSON Lines. It
// returns nil where the name says nothing. damage says that the file is cut off, or damaged behind
// the units that are returned.
func Open(ctx context.Context, o Object, split string) (in Input, damage, err error) {
	switch strings.ToLower(path.Ext(o.Info.Key)) {
	case ".arrow", ".arrows", ".feather":
		a, damage, err := openArrow(ctx, o, split)
		if a == nil {
			return nil, damage, err
		}
		return a, damage, nil
	case ".parquet":
		p, err := openParquet(ctx, o, split)
		if err != nil {
			return nil, nil, err
		}
		return p, nil, nil
	case ".jsonl", ".ndjson", ".json":
		l, err := openLines(ctx, o, split)
		if err != nil {
			return nil, nil, err
		}
		return l, nil, nil
	case ".csv":
		c, err := openCSV(ctx, o, split)
		if err != nil {
			return nil, nil, err
		}
		return c, nil, nil
	}
	return nil, nil, nil
}

var splitWord = regexp.MustCompile(`(?i)(?:^|[-_.])(train|test|validation|valid|val|dev)(?:$|[-_.0-9])`)

// SplitOf is the split that a file's name tells, or else the innermost of its folders that
// does; "" where none does.
func SplitOf(key string) string {
	parts := strings.Split(key, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if m := splitWord.FindStringSubmatch(parts[i]); m != nil {
			return strings.ToLower(m[1])
		}
	}
	return ""
}

// Error says which item cannot be read or converted and why.
type Error struct {
	File   string // key in the source
	Row    int64  // in the file, from 0
	Sample string // id, where it is known
	Where  string // column or field
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, row %d", e.File, e.Row)
	if e.Sample != "" {
		fmt.Fprintf(&b, " (%s)", e.Sample)
	}
	if e.Where != "" {
		b.WriteString(": " + e.Where)
	}
	return b.String() + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
