package shardfile

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/parquet-go/parquet-go"
)

// rowsAtOnce is how many rows are decoded at a time.
const rowsAtOnce = 256

// Rows reads n rows of a row group from its row first on, the columns that T names, and of each only
// the pages that hold them. A value is valid until the next one is drawn.
func Rows[T any](ctx context.Context, r *Reader, group int, first, n int64, options ...parquet.ReaderOption) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		rows, err := openRows[T](ctx, r, group, first, options)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		buffer := make([]T, min(rowsAtOnce, n))
		for end := first + n; first < end; {
			clear(buffer)
			k, err := readRows(ctx, rows, buffer[:min(int64(len(buffer)), end-first)])
			for i := range k {
				if !yield(&buffer[i], nil) {
					return
				}
			}
			if first += int64(k); k == 0 {
				yield(nil, fmt.Errorf("rows from %d of row group %d: %w", first, group, cmp.Or(err, io.ErrUnexpectedEOF)))
				return
			}
		}
	}
}

func openRows[T any](ctx context.Context, r *Reader, group int, first int64, options []parquet.ReaderOption) (rows *parquet.GenericReader[T], err error) {
	defer recovered(&err)
	rows = parquet.NewGenericRowGroupReader[T](r.RowGroup(ctx, group), options...)
	if first > 0 {
		err = rows.SeekToRow(first)
	}
	return rows, err
}

// readRows reads at least one row or fails.
func readRows[T any](ctx context.Context, rows *parquet.GenericReader[T], buffer []T) (n int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	defer recovered(&err)
	return rows.Read(buffer)
}

// Extent is where the pages of a row group lie in the file: from at on, n bytes. It is false where the
// footer says what cannot be.
func (r *Reader) Extent(group int) (at, n int64, ok bool) {
	end := int64(0)
	at = r.size
	for leaf := range r.File.Metadata().RowGroups[group].Columns {
		from, size := r.span(chunkKey{group, leaf})
		if from < 0 || size < 0 || size > r.size-from {
			return 0, 0, false
		}
		at, end = min(at, from), max(end, from+size)
	}
	return at, end - at, at <= end
}

// Hold gives a buffer the bytes of the file from at on, which the caller has read and must not change while the
// buffer is used: Payload takes pages out of them. A buffer that holds what is the caller's is not
// for Load.
func (r *Reader) Hold(bytes []byte, at int64, buf *Buffer) {
	buf.span = span{of: r, at: at, bytes: bytes}
}

// FirstRow is the number, in the file, of a row group's first row.
func (r *Reader) FirstRow(group int) int64 { return r.first[group] }
