package shardfile

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Scalar is a Go type that the values of a small column can be read into.
type Scalar interface {
	bool | int32 | int64 | uint64 | float32 | float64 | string
}

// ReadColumn appends the values of a column of a row group to dst, one a row. The column is
// given by its dotted path and has the Parquet type of T. It is one read of the file. Where a
// value is missing, and for columns with several values a row, it fails.
func ReadColumn[T Scalar](r *Reader, group int, column string, dst []T) ([]T, error) {
	leaf, ok := r.leaf[column]
	if !ok || leaf.MaxRepetitionLevel > 0 || leaf.Node.Type().Kind() != kindOf[T]() {
		return dst, fmt.Errorf("%s: no column %q with one %v a row", r.name, column, kindOf[T]())
	}
	if group < 0 || group >= len(r.first) {
		return dst, fmt.Errorf("%s: row group %d of %d", r.name, group, len(r.first))
	}
	out, err := readChunk(r, chunkKey{group, leaf.ColumnIndex}, dst)
	var page *PageError
	if errors.As(err, &page) {
		page.File, page.Column = r.name, column
		return dst, err
	}
	if err != nil {
		return dst, fmt.Errorf("%s: column %s, row group %d: %w", r.name, column, group, err)
	}
	return out, nil
}

func kindOf[T Scalar]() parquet.Kind {
	var zero T
	switch any(zero).(type) {
	case bool:
		return parquet.Boolean
	case int32:
		return parquet.Int32
	case float32:
		return parquet.Float
	case float64:
		return parquet.Double
	case string:
		return parquet.ByteArray
	}
	return parquet.Int64
}

func readChunk[T Scalar](r *Reader, key chunkKey, dst []T) (_ []T, err error) {
	defer recovered(&err)
	rows := r.rowsOf(key.group)
	if rows == 0 {
		return dst, nil
	}
	memory, err := r.loadChunk(context.Background(), key)
	if err != nil {
		return dst, err
	}
	chunk, ok := r.File.RowGroups()[key.group].ColumnChunks()[key.leaf].(*parquet.FileColumnChunk)
	if !ok {
		return dst, errors.New("no column of a file")
	}
	pages := chunk.PagesFrom(memory)
	defer pages.Close()
	want := len(dst) + int(rows)
	values := make([]parquet.Value, min(rows, 1024))
	for len(dst) < want {
		page, err := pages.ReadPage()
		if err != nil {
			return dst, fmt.Errorf("%d of %d rows: %w", rows-int64(want-len(dst)), rows, noEOF(err))
		}
		dst, err = appendPage(dst, page, values, want)
		parquet.Release(page)
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendPage appends the values of a page, which must not make dst longer than want.
func appendPage[T Scalar](dst []T, page parquet.Page, values []parquet.Value, want int) ([]T, error) {
	reader := page.Values()
	for {
		n, err := reader.ReadValues(values)
		if n > want-len(dst) {
			return dst, errors.New("more values than rows")
		}
		for _, v := range values[:n] {
			if v.IsNull() {
				return dst, errors.New("a value is missing")
			}
		}
		dst = appendValues(dst, values[:n])
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

func appendValues[T Scalar](dst []T, values []parquet.Value) []T {
	switch d := any(&dst).(type) {
	case *[]bool:
		for _, v := range values {
			*d = append(*d, v.Boolean())
		}
	case *[]int32:
		for _, v := range values {
			*d = append(*d, v.Int32())
		}
	case *[]int64:
		for _, v := range values {
			*d = append(*d, v.Int64())
		}
	case *[]uint64:
		for _, v := range values {
			*d = append(*d, v.Uint64())
		}
	case *[]float32:
		for _, v := range values {
			*d = append(*d, v.Float())
		}
	case *[]float64:
		for _, v := range values {
			*d = append(*d, v.Double())
		}
	case *[]string:
		for _, v := range values {
			*d = appendString(*d, v.ByteArray())
		}
	}
	return dst
}

// appendString shares the memory of equal neighbours: keys are sorted.
func appendString(dst []string, b []byte) []string {
	if n := len(dst); n > 0 && dst[n-1] == string(b) {
		return append(dst, dst[n-1])
	}
	return append(dst, string(b))
}

// chunkMemory is a column of a row group in memory, for a reader that knows its place in the
// file.
type chunkMemory struct {
	bytes []byte
	at    int64
}

func (m *chunkMemory) ReadAt(p []byte, off int64) (int, error) {
	if off < m.at || off-m.at > int64(len(m.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, m.bytes[off-m.at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// part is n bytes of the memory from a place in the file on, where it has them.
func (m *chunkMemory) part(at, n int64) (*chunkMemory, bool) {
	if at < m.at || n < 0 || at-m.at > int64(len(m.bytes))-n {
		return nil, false
	}
	return &chunkMemory{bytes: m.bytes[at-m.at:][:n:n], at: at}, true
}

// span is where a column of a row group lies.
func (r *Reader) span(key chunkKey) (at, n int64) {
	c := r.chunk(key)
	at = c.MetaData.DataPageOffset
	if dict := c.MetaData.DictionaryPageOffset; dict > 0 && dict < at {
		at = dict
	}
	return at, c.MetaData.TotalCompressedSize
}

// loadChunk reads the pages of a column of a row group and checks them.
func (r *Reader) loadChunk(ctx context.Context, key chunkKey) (*chunkMemory, error) {
	at, n := r.span(key)
	var buf Buffer
	b, err := r.bytes(ctx, nil, at, n, &buf)
	if err != nil {
		return nil, err
	}
	m := &chunkMemory{bytes: b, at: at}
	return m, r.checkPages(key, m)
}

// checkPages checks what the pages of a column of a row group claim, and their CRCs.
func (r *Reader) checkPages(key chunkKey, m *chunkMemory) error {
	row := r.first[key.group]
	for rest := m.bytes; len(rest) > 0; {
		offset := m.at + int64(len(m.bytes)-len(rest))
		var h format.PageHeader
		var err error
		if rest, err = checkPage(rest, &h); err != nil {
			return &PageError{Row: row, Offset: offset, Err: err}
		}
		row += valuesOf(&h)
	}
	return nil
}

// checkPage checks the page at the start of b and returns the bytes behind it.
func checkPage(b []byte, h *format.PageHeader) (rest []byte, err error) {
	body, err := unmarshal(b, h)
	if err != nil {
		return nil, fmt.Errorf("page header: %w", err)
	}
	if err := checkHeader(h); err != nil {
		return nil, err
	}
	n := int64(h.CompressedPageSize)
	if n > int64(len(body)) {
		return nil, fmt.Errorf("page header: %d bytes where %d are left", n, len(body))
	}
	return body[n:], checkSum(h, body[:n])
}

// checkSum compares a page with its CRC. The Parquet library leaves out a CRC that happens
// to be 0.
func checkSum(h *format.PageHeader, body []byte) error {
	if h.CRC == 0 {
		return nil
	}
	if sum := crc32.ChecksumIEEE(body); sum != uint32(h.CRC) {
		return fmt.Errorf("%w: CRC %08x, the page says %08x", ErrChecksum, sum, uint32(h.CRC))
	}
	return nil
}

// Nulls counts the nulls of a column of a row group that has at most one value a row, and returns the row, in the
// file, of the first.
func (r *Reader) Nulls(ctx context.Context, group int, column string) (first, n int64, err error) {
	leaf, ok := r.leaf[column]
	if !ok || leaf.MaxRepetitionLevel > 0 {
		return 0, 0, fmt.Errorf("%s: no column %q with one value a row", r.name, column)
	}
	defer recovered(&err)
	pages := r.RowGroup(ctx, group).ColumnChunks()[leaf.ColumnIndex].Pages()
	defer pages.Close()
	values := make([]parquet.Value, 1024)
	row := r.first[group]
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return first, n, nil
		}
		if err != nil {
			return 0, 0, err
		}
		for reader := page.Values(); err == nil; {
			var k int
			k, err = reader.ReadValues(values)
			for _, v := range values[:k] {
				if v.IsNull() {
					if n == 0 {
						first = row
					}
					n++
				}
				row++
			}
		}
		parquet.Release(page)
		if !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
	}
}
