package shardfile

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"github.com/parquet-go/parquet-go/format"
)

// pageIndex is where the pages of a column of a row group lie, once it was asked for.
type pageIndex struct {
	turn  *semaphore.Weighted   // of who reads it
	pages []format.PageLocation // sorted, from row 0 of the row group; sizes include the header
}

// locations returns where the pages of a column of a row group lie and the offset of what
// says so.
func (r *Reader) locations(ctx context.Context, key chunkKey, buf *Buffer) (pages []format.PageLocation, at int64, err error) {
	c := r.chunk(key)
	r.mu.Lock()
	index := r.pages[key]
	if index == nil {
		index = &pageIndex{turn: semaphore.NewWeighted(1)}
		r.pages[key] = index
	}
	r.mu.Unlock()

	if err := index.turn.Acquire(ctx, 1); err != nil {
		return nil, c.OffsetIndexOffset, err
	}
	defer index.turn.Release(1)
	if index.pages != nil {
		return index.pages, c.OffsetIndexOffset, nil
	}
	if c.OffsetIndexLength == 0 {
		at = c.MetaData.DataPageOffset
		pages, err = r.scan(ctx, c, buf)
	} else {
		at = c.OffsetIndexOffset
		pages, err = r.readIndex(ctx, c, buf)
	}
	if err == nil {
		err = checkLocations(pages, r.rowsOf(key.group))
	}
	if err != nil {
		return nil, at, err
	}
	index.pages = pages
	return pages, at, nil
}

func (r *Reader) readIndex(ctx context.Context, c *format.ColumnChunk, buf *Buffer) ([]format.PageLocation, error) {
	b, err := r.bytes(ctx, nil, c.OffsetIndexOffset, int64(c.OffsetIndexLength), buf)
	if err != nil {
		return nil, fmt.Errorf("OffsetIndex: %w", err)
	}
	var index format.OffsetIndex
	if _, err := unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("OffsetIndex: %w", err)
	}
	return index.PageLocations, nil
}

// bytes reads n bytes at off, into b where it is large enough.
func (r *Reader) bytes(ctx context.Context, b []byte, off, n int64, buf *Buffer) ([]byte, error) {
	if n <= 0 || off < 0 || off > r.size-n {
		return nil, fmt.Errorf("%d bytes at byte %d lie outside the file of %d", n, off, r.size)
	}
	if int64(cap(b)) < n {
		b = make([]byte, n)
	}
	b = b[:n]
	if err := readAt(bound{ctx, r.r}, b, off); err != nil {
		return nil, err
	}
	buf.Read += n
	return b, nil
}

func checkLocations(pages []format.PageLocation, rows int64) error {
	next := int64(0)
	for i, p := range pages {
		if p.FirstRowIndex < next || p.FirstRowIndex >= rows || i == 0 && p.FirstRowIndex != 0 {
			return fmt.Errorf("OffsetIndex: page %d begins with row %d of %d", i, p.FirstRowIndex, rows)
		}
		next = p.FirstRowIndex + 1
	}
	if len(pages) == 0 {
		return errors.New("OffsetIndex: no pages")
	}
	return nil
}

// scanStep is how much is read to find a page header, enough where it has no statistics;
// maxHeader is the most that is looked at.
const (
	scanStep  = 512
	maxHeader = 16 << 20
)

// scan finds the pages of a column without OffsetIndex by their headers. The column has one
// value a row.
func (r *Reader) scan(ctx context.Context, c *format.ColumnChunk, buf *Buffer) (pages []format.PageLocation, err error) {
	at, end := c.MetaData.DataPageOffset, r.size
	row := int64(0)
	for row < c.MetaData.NumValues && at < end {
		h, size, err := r.headerAt(ctx, at, buf)
		if err != nil {
			return nil, fmt.Errorf("page at byte %d: %w", at, err)
		}
		size += int64(h.CompressedPageSize)
		if n := valuesOf(&h); n > 0 {
			if size != int64(int32(size)) {
				return nil, fmt.Errorf("page at byte %d: %d bytes", at, size)
			}
			pages = append(pages, format.PageLocation{Offset: at, CompressedPageSize: int32(size), FirstRowIndex: row})
			row += n
		}
		at += size
	}
	return pages, nil
}

// valuesOf is the number of values of a data page, 0 of others.
func valuesOf(h *format.PageHeader) int64 {
	switch {
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		return int64(h.DataPageHeader.V.NumValues)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return int64(h.DataPageHeaderV2.V.NumValues)
	}
	return 0
}

// headerAt reads the page header at an offset and returns its size.
func (r *Reader) headerAt(ctx context.Context, at int64, buf *Buffer) (h format.PageHeader, size int64, err error) {
	for n := int64(scanStep); ; n *= 8 {
		n = min(n, r.size-at)
		b, err := r.bytes(ctx, buf.page, at, n, buf)
		if err != nil {
			return h, 0, err
		}
		buf.page = b
		rest, err := unmarshal(b, &h)
		if err == nil {
			return h, n - int64(len(rest)), checkHeader(&h)
		}
		if !errors.Is(err, errThrift) || n == r.size-at || n > maxHeader {
			return h, 0, fmt.Errorf("page header: %w", err)
		}
	}
}

// maxRatio is the most that a page may inflate: no codec but Brotli does more than zstd,
// whose blocks hold up to 128 KiB in 4 bytes. A page of smallest bytes is always fine.
// maxValues bounds the nulls of a page, which take no bytes.
const (
	maxRatio  = 128 << 10 / 4
	smallest  = 1 << 20
	maxValues = 1 << 26
)

// checkHeader checks the sizes that a page claims.
func checkHeader(h *format.PageHeader) error {
	packed, size := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
	if packed < 0 || size < 0 || size > smallest+packed*maxRatio {
		return fmt.Errorf("page header: %d bytes out of %d", size, packed)
	}
	if d := h.DictionaryPageHeader; d.Valid && int64(d.V.NumValues) > size {
		return fmt.Errorf("page header: a dictionary of %d values in %d bytes", d.V.NumValues, size)
	}
	if n := valuesOf(h); n < 0 || n > maxValues {
		return fmt.Errorf("page header: %d values", n)
	}
	return nil
}
