package shardfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// ErrChecksum is wrapped where a page's CRC does not match its bytes.
var ErrChecksum = errors.New("checksum mismatch")

// errForeign marks a page that another writer laid out differently.
var errForeign = errors.New("page is not one that micropq writes")

// PageError is a page that cannot be read.
type PageError struct {
	File   string
	Column string
	Row    int64 // in the file
	Offset int64 // of the page in the file
	Err    error
}

func (e *PageError) Error() string {
	return fmt.Sprintf("%s: column %s, row %d, page at byte %d: %v", e.File, e.Column, e.Row, e.Offset, e.Err)
}

func (e *PageError) Unwrap() error { return e.Err }

// Reader reads one shard. It is safe for concurrent use.
type Reader struct {
	*parquet.File
	r     io.ReaderAt
	size  int64
	name  string
	first []int64 // first row of each row group

	mu    sync.Mutex
	pages map[[2]int][]format.PageLocation // by row group and leaf
}

// Buffer is memory for Payload to read into; a goroutine keeps one.
type Buffer struct {
	page []byte
	// Read counts the bytes read from the file.
	Read int64
}

// Open reads the footer of a shard; name is what errors call it.
func Open(r io.ReaderAt, size int64, name string) (_ *Reader, err error) {
	defer recovered(name, &err)
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out := &Reader{File: f, r: r, size: size, name: name, pages: map[[2]int][]format.PageLocation{}}
	row := int64(0)
	for _, g := range f.Metadata().RowGroups {
		out.first = append(out.first, row)
		row += g.NumRows
	}
	return out, nil
}

// recovered makes an error of a panic of the Parquet library, which trusts some claims of
// a file that it should not.
func recovered(name string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: damaged Parquet file: %v", name, p)
	}
}

// Payload returns the value of a payload column in a row, in the memory of buf: it holds
// until the next call with the same buffer. A file that another program rewrote, with
// compressed or dictionary pages, is read too, only slower.
func (r *Reader) Payload(row int64, column string, buf *Buffer) (data []byte, null bool, err error) {
	leaf, ok := r.Schema().Lookup(strings.Split(column, ".")...)
	if !ok {
		return nil, false, fmt.Errorf("%s: no column %q", r.name, column)
	}
	if row < 0 || row >= r.NumRows() {
		return nil, false, fmt.Errorf("%s: row %d of %d", r.name, row, r.NumRows())
	}
	g := sort.Search(len(r.first), func(i int) bool { return r.first[i] > row }) - 1
	inGroup := row - r.first[g]
	var at int64
	pages, err := r.offsets(g, leaf.ColumnIndex)
	if err == nil {
		var p format.PageLocation
		if p, err = pageOf(pages, inGroup); err == nil {
			at = p.Offset
			data, null, err = r.payload(p, inGroup-p.FirstRowIndex, leaf, buf)
		}
	}
	if errors.Is(err, errForeign) {
		data, null, err = r.slow(g, leaf, inGroup, buf)
	}
	if err != nil {
		return nil, false, &PageError{File: r.name, Column: column, Row: row, Offset: at, Err: err}
	}
	return data, null, nil
}

// offsets reads the OffsetIndex of a column of a row group, once.
func (r *Reader) offsets(group, leaf int) ([]format.PageLocation, error) {
	key := [2]int{group, leaf}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.pages[key]; ok {
		return p, nil
	}
	c := r.File.Metadata().RowGroups[group].Columns[leaf]
	off, n := c.OffsetIndexOffset, int64(c.OffsetIndexLength)
	if n <= 0 {
		return nil, fmt.Errorf("%w: no OffsetIndex", errForeign)
	}
	if off < 0 || off > r.size-n {
		return nil, fmt.Errorf("OffsetIndex at %d+%d lies outside the file", off, n)
	}
	b := make([]byte, n)
	if _, err := r.r.ReadAt(b, off); err != nil {
		return nil, err
	}
	var index format.OffsetIndex
	if err := unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("OffsetIndex: %w", err)
	}
	r.pages[key] = index.PageLocations
	return index.PageLocations, nil
}

func unmarshal(b []byte, v any) (err error) {
	defer recovered("thrift", &err)
	return thrift.Unmarshal(new(thrift.CompactProtocol), b, v)
}

func pageOf(pages []format.PageLocation, row int64) (format.PageLocation, error) {
	i := sort.Search(len(pages), func(i int) bool { return pages[i].FirstRowIndex > row }) - 1
	if i < 0 {
		return format.PageLocation{}, errors.New("the OffsetIndex has no page for the row")
	}
	return pages[i], nil
}

// payload reads page p and returns the value of its row.
func (r *Reader) payload(p format.PageLocation, row int64, leaf parquet.LeafColumn, buf *Buffer) ([]byte, bool, error) {
	n := int64(p.CompressedPageSize)
	if p.Offset < 0 || n <= 0 || p.Offset > r.size-n {
		return nil, false, fmt.Errorf("page of %d bytes lies outside the file of %d", n, r.size)
	}
	if int64(cap(buf.page)) < n {
		buf.page = make([]byte, n)
	}
	b := buf.page[:n]
	if _, err := r.r.ReadAt(b, p.Offset); err != nil {
		return nil, false, err
	}
	buf.Read += n
	h, body, err := pageHeader(b)
	if err != nil {
		return nil, false, err
	}
	if h.CRC != 0 && crc32.ChecksumIEEE(body) != uint32(h.CRC) {
		return nil, false, fmt.Errorf("%w: CRC %08x, the page says %08x", ErrChecksum, crc32.ChecksumIEEE(body), uint32(h.CRC))
	}
	d := h.DataPageHeader.V
	if !h.DataPageHeader.Valid || d.Encoding != format.Plain || d.DefinitionLevelEncoding != format.RLE ||
		leaf.MaxRepetitionLevel > 0 || h.UncompressedPageSize != h.CompressedPageSize {
		return nil, false, errForeign
	}
	return plain(body, row, int64(d.NumValues), leaf.MaxDefinitionLevel)
}

// pageHeader splits a page into its header and body.
func pageHeader(b []byte) (h format.PageHeader, body []byte, err error) {
	defer recovered("page header", &err)
	in := bytes.NewReader(b)
	if err := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(in)).Decode(&h); err != nil {
		return h, nil, fmt.Errorf("page header: %w", err)
	}
	body = b[len(b)-in.Len():]
	if int64(h.CompressedPageSize) != int64(len(body)) {
		return h, nil, fmt.Errorf("page body of %d bytes, its header says %d", len(body), h.CompressedPageSize)
	}
	return h, body, nil
}

// plain finds the value of a row in the body of a version 1 page: definition levels, if the
// column has any, then the values that are not null, each behind its length (Parquet format,
// Encodings.md).
func plain(body []byte, row, rows int64, maxDef int) (data []byte, null bool, err error) {
	if row >= rows {
		return nil, false, fmt.Errorf("row %d of a page of %d rows", row, rows)
	}
	skip := row
	if maxDef > 0 {
		if len(body) < 4 {
			return nil, false, io.ErrUnexpectedEOF
		}
		n := int64(binary.LittleEndian.Uint32(body))
		if n > int64(len(body)-4) {
			return nil, false, fmt.Errorf("definition levels of %d bytes in a page of %d", n, len(body))
		}
		levels := body[4 : 4+n]
		body = body[4+n:]
		if skip, null, err = defined(levels, row, maxDef); err != nil || null {
			return nil, null, err
		}
	}
	for {
		if len(body) < 4 {
			return nil, false, io.ErrUnexpectedEOF
		}
		n := int64(binary.LittleEndian.Uint32(body))
		body = body[4:]
		if n > int64(len(body)) {
			return nil, false, fmt.Errorf("value of %d bytes, %d are left in the page", n, len(body))
		}
		if skip == 0 {
			return body[:n:n], false, nil
		}
		body = body[n:]
		skip--
	}
}

// defined walks definition levels in the RLE/bit-packed hybrid (Encodings.md) up to a row
// and returns the number of values before it.
func defined(levels []byte, row int64, maxDef int) (before int64, null bool, err error) {
	width := 0
	for v := maxDef; v > 0; v >>= 1 {
		width++
	}
	bytesPer := (width + 7) / 8
	for at := int64(0); ; {
		head, n := binary.Uvarint(levels)
		if n <= 0 {
			return 0, false, io.ErrUnexpectedEOF
		}
		levels = levels[n:]
		packed, count := head&1 == 1, int64(head>>1)
		need := bytesPer
		if packed {
			if count > int64(len(levels)) {
				return 0, false, io.ErrUnexpectedEOF
			}
			need, count = int(count)*width, count*8
		}
		if len(levels) < need || count <= 0 {
			return 0, false, io.ErrUnexpectedEOF
		}
		if !packed {
			full := int(levels[0]) == maxDef
			if row < at+count {
				if full {
					before += row - at
				}
				return before, !full, nil
			}
			if full {
				before += count
			}
		} else {
			for i := int64(0); i < count; i++ {
				full := bits(levels, i*int64(width), width) == maxDef
				if at+i == row {
					return before, !full, nil
				}
				if full {
					before++
				}
			}
		}
		at += count
		levels = levels[need:]
	}
}

// bits reads width bits from bit position at, least significant first.
func bits(b []byte, at int64, width int) (v int) {
	for k := range width {
		p := at + int64(k)
		v |= int(b[p/8]>>(p%8)&1) << k
	}
	return v
}

// slow reads a value through the Parquet library, page by page from the row group's start
// where there is no index.
func (r *Reader) slow(group int, leaf parquet.LeafColumn, row int64, buf *Buffer) (data []byte, null bool, err error) {
	defer recovered(r.name, &err)
	pages := r.File.RowGroups()[group].ColumnChunks()[leaf.ColumnIndex].Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	if err := pages.SeekToRow(row); err != nil {
		return nil, false, err
	}
	page, err := pages.ReadPage()
	if err != nil {
		return nil, false, err
	}
	defer parquet.Release(page)
	var v [1]parquet.Value
	if n, err := page.Values().ReadValues(v[:]); n == 0 {
		return nil, false, errors.Join(err, io.ErrUnexpectedEOF)
	}
	if v[0].IsNull() {
		return nil, true, nil
	}
	buf.page = append(buf.page[:0], v[0].ByteArray()...)
	buf.Read += page.Size()
	return buf.page, false, nil
}
