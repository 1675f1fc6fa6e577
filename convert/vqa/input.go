package vqa

import (
	"context"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// input is a file of the source. It is made while planning and does not change after.
type input interface {
	// name is the key of the file, or of the folder.
	name() string
	split() string
	// columns are those of the file, in order. Those of untyped inputs are known once all of
	// it was read: see survey.
	columns() []schemas.Column
	untyped() bool
	units() []unit
	// read gives the records of a unit in order, with the values of the columns wanted, by
	// position; nil stands for all. It returns what yield returns, or an error past which
	// nothing of the unit can be read.
	read(ctx context.Context, u int, wanted []int, yield func(record) error) error
	// learn tells an untyped input what the survey found out: its columns, and the rows of
	// its units.
	learn(columns []schemas.Column, rows []int64)
}

// unit is a part of an input that is read on its own.
type unit struct {
	first int64 // its first row in the input
	rows  int64
	bytes int64
}

// record is an item as an input gives it.
type record struct {
	file   string // key of the file that holds it
	row    int64  // in that file
	number int64  // in the input
	values []any  // of the columns wanted
	err    error  // why it cannot be read, else nil

	item  map[string]any // of an untyped input: all that the item has
	order []string       // its names in order

	document bool // the file holds this item alone
}

// limits of what is read at once.
const (
	maxItem = 256 << 20 // bytes of a line, a document, a row
	slice   = 8 << 20   // bytes of values read ahead
)

// object is a file of the source that is read by ranges.
type object struct {
	store store.Store
	info  store.Info
}

// reader opens the object; the caller closes it.
func (o *object) reader(ctx context.Context) (store.Reader, int64, error) {
	return store.ReaderAt(ctx, o.store, o.info.Key)
}
