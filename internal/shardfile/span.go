package shardfile

import (
	"context"
	"fmt"
	"sort"

	"github.com/parquet-go/parquet-go/format"
)

// Place is where the page that holds a value lies in the file, in bytes.
type Place struct{ Offset, Size int64 }

// End is the byte behind the page.
func (p Place) End() int64 { return p.Offset + p.Size }

// Locate returns the place of the page with the value of a byte array column in a row. The
// first time for a row group it reads the row group's OffsetIndex.
func (r *Reader) Locate(ctx context.Context, row int64, column string, buf *Buffer) (Place, error) {
	leaf, ok := r.leaf[column]
	if !ok || row < 0 || row >= r.NumRows() {
		return Place{}, fmt.Errorf("%s: no row %d of a column %q", r.name, row, column)
	}
	g := r.GroupOf(row)
	pages, at, err := r.locations(ctx, chunkKey{g, leaf.ColumnIndex}, buf)
	if err != nil {
		return Place{}, &PageError{File: r.name, Column: column, Row: row, Offset: at, Err: err}
	}
	p := pages[pageOf(pages, row-r.first[g])]
	return Place{p.Offset, int64(p.CompressedPageSize)}, nil
}

// pageOf is the page of a row of the row group. The first page begins with row 0.
func pageOf(pages []format.PageLocation, row int64) int {
	return sort.Search(len(pages), func(i int) bool { return pages[i].FirstRowIndex > row }) - 1
}

// span is a part of a file in memory.
type span struct {
	of    *Reader
	at    int64
	bytes []byte
}

// Load reads the file from one page to the end of another, in one request. Until the next Load
// Payload takes pages out of the buffer that lie between them, and their values hold until then. The
// caller bounds the size.
func (r *Reader) Load(ctx context.Context, from, to Place, buf *Buffer) error {
	b, err := r.bytes(ctx, buf.span.bytes, from.Offset, to.End()-from.Offset, buf)
	if err != nil {
		buf.span.of = nil
		return fmt.Errorf("%s: pages from byte %d to %d: %w", r.name, from.Offset, to.End(), err)
	}
	buf.span = span{of: r, at: from.Offset, bytes: b}
	return nil
}

// pageBytes are the bytes of a page, out of the span that was loaded or the file.
func (r *Reader) pageBytes(ctx context.Context, p format.PageLocation, buf *Buffer) ([]byte, error) {
	n := int64(p.CompressedPageSize)
	if s := &buf.span; s.of == r && p.Offset >= s.at && n > 0 && p.Offset-s.at <= int64(len(s.bytes))-n {
		return s.bytes[p.Offset-s.at:][:n:n], nil
	}
	b, err := r.bytes(ctx, buf.page, p.Offset, n, buf)
	if err == nil {
		buf.page = b
	}
	return b, err
}
