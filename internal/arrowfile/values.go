package arrowfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/float16"
)

// Options of ReadBatch. The zero value works.
type Options struct {
	Columns []int // to read, by position; nil for all
	// Slice is about how many bytes are held of values at one time; default 8 MiB.
	Slice int64
	// Limit is the most that a single row, or the buffers of a batch that are kept, may
	// take; default 256 MiB.
	Limit int64
}

// maxSliceRows bounds a slice of small rows.
const maxSliceRows = 256

// Row is a row of a file.
type Row struct {
	Number int64 // in the file
	Values []any // of the columns asked for; []byte aliases memory that is not reused
	Err    error // *[Error]: the row cannot be read, others can; Values is nil
}

// ReadBatch gives the rows of a batch in order, until yield returns an error, which it
// returns. A row that cannot be read is given with its error; an error of ReadBatch itself
// means that no further row of the batch can be read.
func (f *File) ReadBatch(i int, o Options, yield func(Row) error) error {
	if o.Slice <= 0 {
		o.Slice = 8 << 20
	}
	if o.Limit <= 0 {
		o.Limit = 256 << 20
	}
	if o.Columns == nil {
		for c := range f.schema.NumFields() {
			o.Columns = append(o.Columns, c)
		}
	}
	r, err := f.open(f.batches[i], o.Columns, o.Limit)
	if err != nil {
		return err
	}
	for at := int64(0); at < r.batch.Rows; {
		n := r.fit(o, at)
		rows, err := r.rows(o, at, n)
		if err != nil && n > 1 { // find the row that is at fault
			n = 1
			rows, err = r.rows(o, at, n)
		}
		if err != nil {
			rows = []Row{{Number: r.batch.First + at, Err: err}}
		}
		for _, row := range rows {
			if err := yield(row); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

// fit is how many rows from one on make a slice.
func (r *reader) fit(o Options, at int64) int64 {
	n := min(maxSliceRows, r.batch.Rows-at)
	for ; n > 1; n /= 2 {
		total := int64(0)
		for _, c := range o.Columns {
			size, err := r.size(r.columns[c], at, n)
			if err != nil {
				return 1 // which will say so
			}
			if total += size; total > o.Slice {
				break
			}
		}
		if total <= o.Slice {
			break
		}
	}
	return n
}

// rows reads n rows.
func (r *reader) rows(o Options, at, n int64) (rows []Row, err error) {
	columns := make([][]any, len(o.Columns))
	for k, c := range o.Columns {
		v := r.columns[c]
		err := guard(func() (err error) {
			size, err := r.size(v, at, n)
			if err != nil {
				return err
			}
			if size > r.limit {
				return fmt.Errorf("%w: %d bytes, at most %d are read", ErrTooLarge, size, r.limit)
			}
			columns[k], err = r.values(v, at, n)
			return err
		})
		if err != nil {
			return nil, r.blame(v, at, err)
		}
	}
	rows = make([]Row, n)
	flat := make([]any, int(n)*len(columns))
	for i := range rows {
		values := flat[i*len(columns):][:len(columns):len(columns)]
		for k := range columns {
			values[k] = columns[k][i]
		}
		rows[i] = Row{Number: r.batch.First + at + int64(i), Values: values}
	}
	return rows, nil
}

func (r *reader) blame(v *vector, at int64, err error) error {
	var e *Error
	if errors.As(err, &e) { // an error of reading says where already
		e.Row, e.Column = r.batch.First+at, v.name
		return e
	}
	return &Error{File: r.file.name, Row: r.batch.First + at, Column: v.name, Offset: r.batch.offset, Err: err}
}

// values reads n rows of a vector.
func (r *reader) values(v *vector, at, n int64) (out []any, err error) {
	if at < 0 || n < 0 || at+n > v.length {
		return nil, fmt.Errorf("rows %d to %d of %d", at, at+n, v.length)
	}
	out = make([]any, n)
	if v.kind == arrow.NULL || n == 0 {
		return out, nil
	}
	null, err := r.nullMask(v, at, n)
	if err != nil {
		return nil, err
	}
	switch {
	case v.kind == arrow.STRUCT:
		err = r.structs(v, at, n, out)
	case v.kind == arrow.FIXED_SIZE_LIST:
		err = r.fixedLists(v, at, n, out)
	case v.data != nil && v.offsets != nil:
		err = r.binaries(v, at, n, out)
	case v.offsets != nil:
		err = r.lists(v, at, n, out)
	default:
		err = r.scalars(v, at, n, out)
	}
	for i := range out {
		if null != nil && null(int64(i)) {
			out[i] = nil
		}
	}
	return out, err
}

// nullMask tells which of n rows are null; nil for none.
func (r *reader) nullMask(v *vector, at, n int64) (func(int64) bool, error) {
	if v.nulls == 0 {
		return nil, nil
	}
	first := at / 8
	bits, err := r.slice(v.valid, first, (at+n+7)/8-first)
	if err != nil {
		return nil, fmt.Errorf("validity: %w", err)
	}
	return func(i int64) bool {
		k := at + i - 8*first
		return bits[k/8]>>(k%8)&1 == 0
	}, nil
}

func (r *reader) structs(v *vector, at, n int64, out []any) error {
	rows := make([]map[string]any, n)
	for i := range rows {
		rows[i] = make(map[string]any, len(v.children))
		out[i] = rows[i]
	}
	for k, c := range v.children {
		values, err := r.values(c, at, n)
		if err != nil {
			return fmt.Errorf("field %s: %w", v.fields[k], err)
		}
		for i, value := range values {
			rows[i][v.fields[k]] = value
		}
	}
	return nil
}

func (r *reader) lists(v *vector, at, n int64, out []any) error {
	offsets, err := r.offsets(v, at, n)
	if err != nil {
		return err
	}
	elements, err := r.values(v.children[0], offsets[0], offsets[n]-offsets[0])
	if err != nil {
		return err
	}
	for i := range out {
		lo, hi := offsets[i]-offsets[0], offsets[i+1]-offsets[0]
		out[i] = elements[lo:hi:hi]
	}
	return nil
}

func (r *reader) fixedLists(v *vector, at, n int64, out []any) error {
	elements, err := r.values(v.children[0], at*v.width, n*v.width)
	if err != nil {
		return err
	}
	for i := range out {
		lo, hi := int64(i)*v.width, int64(i+1)*v.width
		out[i] = elements[lo:hi:hi]
	}
	return nil
}

func (r *reader) binaries(v *vector, at, n int64, out []any) error {
	offsets, err := r.offsets(v, at, n)
	if err != nil {
		return err
	}
	data, err := r.slice(v.data, offsets[0], offsets[n]-offsets[0])
	if err != nil {
		return err
	}
	text := v.kind == arrow.STRING || v.kind == arrow.LARGE_STRING
	for i := range out {
		lo, hi := offsets[i]-offsets[0], offsets[i+1]-offsets[0]
		if text {
			out[i] = string(data[lo:hi])
		} else {
			out[i] = data[lo:hi:hi]
		}
	}
	return nil
}

func (r *reader) scalars(v *vector, at, n int64, out []any) error {
	if v.kind == arrow.BOOL {
		first := at / 8
		bits, err := r.slice(v.data, first, (at+n+7)/8-first)
		for i := range out {
			if err != nil {
				return err
			}
			k := at + int64(i) - 8*first
			out[i] = bits[k/8]>>(k%8)&1 == 1
		}
		return err
	}
	w := v.width / 8
	p, err := r.slice(v.data, at*w, n*w)
	if err != nil {
		return err
	}
	for i := range out {
		if out[i], err = scalar(v.kind, p[int64(i)*w:]); err != nil {
			return err
		}
	}
	return nil
}

func scalar(kind arrow.Type, p []byte) (any, error) {
	le := binary.LittleEndian
	switch kind {
	case arrow.INT8:
		return int32(int8(p[0])), nil
	case arrow.UINT8:
		return int32(p[0]), nil
	case arrow.INT16:
		return int32(int16(le.Uint16(p))), nil
	case arrow.UINT16:
		return int32(le.Uint16(p)), nil
	case arrow.INT32, arrow.DATE32:
		return int32(le.Uint32(p)), nil
	case arrow.UINT32:
		return int64(le.Uint32(p)), nil
	case arrow.INT64:
		return int64(le.Uint64(p)), nil
	case arrow.UINT64:
		return le.Uint64(p), nil
	case arrow.FLOAT16:
		return float16.FromBits(le.Uint16(p)).Float32(), nil
	case arrow.FLOAT32:
		return math.Float32frombits(le.Uint32(p)), nil
	case arrow.FLOAT64:
		return math.Float64frombits(le.Uint64(p)), nil
	}
	return nil, fmt.Errorf("%w: Arrow type %s", ErrUnsupported, kind)
}
