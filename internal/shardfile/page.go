package shardfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// plainValue reads page p, of so many rows, and returns the value of one of them. It fails
// with errForeign where the page is not one of ours.
func (r *Reader) plainValue(ctx context.Context, p format.PageLocation, leaf parquet.LeafColumn, row, rows int64, buf *Buffer) ([]byte, bool, error) {
	b, err := r.pageBytes(ctx, p, buf)
	if err != nil {
		return nil, false, err
	}
	var h format.PageHeader
	rest, err := checkPage(b, &h)
	if err != nil {
		return nil, false, err
	}
	if len(rest) > 0 {
		return nil, false, fmt.Errorf("page header: the OffsetIndex says %d bytes more", len(rest))
	}
	if n := valuesOf(&h); n != rows {
		return nil, false, fmt.Errorf("page header: %d values, the OffsetIndex says %d", n, rows)
	}
	d := &h.DataPageHeader.V
	if h.Type != format.DataPage || d.Encoding != format.Plain ||
		leaf.MaxDefinitionLevel > 0 && d.DefinitionLevelEncoding != format.RLE ||
		leaf.Node.Compression().CompressionCodec() != format.Uncompressed {
		return nil, false, errForeign
	}
	return valueOf(b[len(b)-int(h.CompressedPageSize):], row, leaf.MaxDefinitionLevel)
}

// valueOf finds the value of a row in the body of a version 1 page: definition levels, if
// the column has any, then the values that are not null, each behind its length (Parquet
// format, Encodings.md).
func valueOf(body []byte, row int64, maxLevel int) (data []byte, null bool, err error) {
	before := row
	if maxLevel > 0 {
		var levels []byte
		if levels, body, err = prefixed(body); err != nil {
			return nil, false, fmt.Errorf("definition levels: %w", err)
		}
		if before, null, err = defined(levels, row, maxLevel); err != nil || null {
			return nil, null, err
		}
	}
	for ; before >= 0; before-- {
		if data, body, err = prefixed(body); err != nil {
			return nil, false, fmt.Errorf("value: %w", err)
		}
	}
	return data, false, nil
}

// prefixed splits off bytes that stand behind their length.
func prefixed(b []byte) (data, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > int64(len(b)-4) {
		return nil, nil, fmt.Errorf("%d bytes where %d are left in the page", n, len(b)-4)
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}

// foreignValue reads a value through the Parquet library. The headers of all pages that it
// reads on the way are checked here first: it allocates what they claim.
func (r *Reader) foreignValue(ctx context.Context, key chunkKey, row int64, buf *Buffer) (data []byte, null bool, err error) {
	defer recovered(&err)
	c := r.chunk(key)
	if at := c.MetaData.DictionaryPageOffset; at > 0 {
		if _, _, err := r.headerAt(ctx, at, buf); err != nil {
			return nil, false, fmt.Errorf("dictionary page at byte %d: %w", at, err)
		}
	}
	chunk, ok := r.File.RowGroups()[key.group].ColumnChunks()[key.leaf].(*parquet.FileColumnChunk)
	if !ok {
		return nil, false, errors.New("no column of a file")
	}
	if c.OffsetIndexLength > 0 {
		if _, err := chunk.OffsetIndex(); err != nil { // which the library then seeks by
			return nil, false, err
		}
	}
	pages := chunk.PagesFrom(bound{ctx, r.r})
	defer pages.Close()
	if err := pages.SeekToRow(row); err != nil {
		return nil, false, err
	}
	page, err := pages.ReadPage()
	if err != nil {
		return nil, false, err
	}
	defer parquet.Release(page)
	buf.Read += page.Size()
	var v [1]parquet.Value
	if n, err := page.Values().ReadValues(v[:]); n == 0 {
		return nil, false, fmt.Errorf("page without values: %w", err)
	}
	if v[0].IsNull() {
		return nil, true, nil
	}
	return slices.Clone(v[0].ByteArray()), false, nil
}
