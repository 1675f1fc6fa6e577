package shardfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Reader reads one shard, also one that another program rewrote. It is safe for concurrent
// use. The embedded File has what the footer says; rows are read by RowGroup.
type Reader struct {
	*parquet.File
	r     io.ReaderAt
	size  int64
	name  string
	first []int64 // first row of each row group
	leaf  map[string]parquet.LeafColumn

	mu    sync.Mutex
	pages map[chunkKey]*pageIndex
}

// chunkKey names a column of a row group.
type chunkKey struct{ group, leaf int }

// Buffer is memory for Payload and Load to read into; a goroutine keeps one.
type Buffer struct {
	page []byte
	span span
	// Read counts the bytes read from files: pages and indexes.
	Read int64
}

// Use makes the buffer read into memory as long as that suffices.
func (b *Buffer) Use(memory []byte) {
	memory = memory[:0:len(memory)]
	b.page, b.span = memory, span{bytes: memory}
}

// Held is the memory that the buffer keeps, in bytes.
func (b *Buffer) Held() int { return cap(b.page) + cap(b.span.bytes) }

const (
	// tailSize is how much of a file's end is read at once: more than most footers.
	tailSize = 64 << 10
	// magicSize is the size of "PAR1", which a file begins and ends with.
	magicSize = 4
	// trailerSize is the size of the footer's length and the magic behind it.
	trailerSize = 4 + magicSize
)

// Open reads the footer of a shard and nothing else; name is what errors call it.
func Open(r io.ReaderAt, size int64, name string) (_ *Reader, err error) {
	out := &Reader{r: r, size: size, name: name, pages: map[chunkKey]*pageIndex{}}
	if err := out.open(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

func (r *Reader) open() (err error) {
	defer recovered(&err)
	t := &tail{ReaderAt: r.r}
	defer t.free()
	if err := t.load(r.size); err != nil {
		return err
	}
	r.File, err = parquet.OpenFile(t, r.size, parquet.SkipMagicBytes(true),
		parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	r.leaf = map[string]parquet.LeafColumn{}
	for _, path := range r.Schema().Columns() {
		leaf, _ := r.Schema().Lookup(path...)
		r.leaf[strings.Join(path, ".")] = leaf
	}
	return r.checkGroups()
}

// checkGroups checks what the footer says of row groups against its schema, and adds up the
// rows.
func (r *Reader) checkGroups() error {
	total, columns := int64(0), r.Schema().Columns()
	for i, g := range r.File.Metadata().RowGroups {
		if g.NumRows < 0 || g.NumRows > r.NumRows()-total {
			return fmt.Errorf("row group %d has %d rows, %d are left of the file's", i, g.NumRows, r.NumRows()-total)
		}
		if len(g.Columns) != len(columns) {
			return fmt.Errorf("row group %d has %d columns, the schema %d", i, len(g.Columns), len(columns))
		}
		for k, path := range columns {
			name, m := strings.Join(path, "."), &g.Columns[k].MetaData
			if kind := r.leaf[name].Node.Type().Kind(); parquet.Kind(m.Type) != kind || !slices.Equal(m.PathInSchema, path) {
				return fmt.Errorf("row group %d: column %d is %s of type %v, the schema says %s of type %v",
					i, k, strings.Join(m.PathInSchema, "."), parquet.Kind(m.Type), name, kind)
			}
		}
		r.first = append(r.first, total)
		total += g.NumRows
	}
	if total != r.NumRows() {
		return fmt.Errorf("the row groups have %d rows, the file %d", total, r.NumRows())
	}
	return nil
}

// tail serves the end of a file from memory while the file is opened.
type tail struct {
	io.ReaderAt
	bytes  []byte
	at     int64
	pooled *[tailSize]byte
}

// tails are memory for the ends of files: a data set may have thousands, which are opened at
// one time.
var tails = sync.Pool{New: func() any { return new([tailSize]byte) }}

// free lets go of the bytes. Later reads go to the file.
func (t *tail) free() {
	if t.bytes = nil; t.pooled != nil {
		tails.Put(t.pooled)
		t.pooled = nil
	}
}

// load reads the footer and checks its claims.
func (t *tail) load(size int64) error {
	if size < magicSize+trailerSize {
		return fmt.Errorf("%d bytes are no Parquet file", size)
	}
	if err := t.read(size, min(size, tailSize)); err != nil {
		return err
	}
	trailer := t.bytes[len(t.bytes)-trailerSize:]
	if string(trailer[4:]) != "PAR1" {
		return fmt.Errorf("ends in %q, a Parquet file in \"PAR1\"", trailer[4:])
	}
	footer := int64(binary.LittleEndian.Uint32(trailer))
	if footer > size-magicSize-trailerSize {
		return fmt.Errorf("footer of %d bytes in a file of %d", footer, size)
	}
	if footer+trailerSize > int64(len(t.bytes)) {
		if err := t.read(size, footer+trailerSize); err != nil {
			return err
		}
	}
	w := walker{b: t.bytes[int64(len(t.bytes))-footer-trailerSize:]}
	if err := w.value(thriftStruct, 0); err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	return nil
}

func (t *tail) read(size, n int64) error {
	t.free()
	if n <= tailSize {
		t.pooled = tails.Get().(*[tailSize]byte)
		t.bytes = t.pooled[:n]
	} else {
		t.bytes = make([]byte, n)
	}
	t.at = size - n
	if err := readAt(t.ReaderAt, t.bytes, t.at); err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	return nil
}

// ReadAt reads bytes of the tail from memory, others from the file.
func (t *tail) ReadAt(p []byte, off int64) (int, error) {
	if t.bytes != nil && off >= t.at && off-t.at <= int64(len(t.bytes)-len(p)) {
		return copy(p, t.bytes[off-t.at:]), nil
	}
	return t.ReaderAt.ReadAt(p, off)
}

// bound is a file for reads that a context ends. Files that know contexts, as package store
// opens them, end a read under way.
type bound struct {
	ctx context.Context
	io.ReaderAt
}

func (b bound) ReadAt(p []byte, off int64) (int, error) {
	if r, ok := b.ReaderAt.(interface {
		ReadAtContext(context.Context, []byte, int64) (int, error)
	}); ok {
		return r.ReadAtContext(b.ctx, p, off)
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.ReaderAt.ReadAt(p, off)
}

// readAt fills p, for which a reader may also say that the file ends there.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Payload returns the value of a byte array column, given by its dotted path, in a row. It
// lies in the memory of buf and holds until the next call with the same buffer. A page is
// one read; the first one of a row group reads the row group's OffsetIndex, too. A damaged
// page is a [*PageError]. Pages that another program compressed or gave a dictionary are
// read, too, only slower.
func (r *Reader) Payload(ctx context.Context, row int64, column string, buf *Buffer) (data []byte, null bool, err error) {
	leaf, ok := r.leaf[column]
	if !ok || leaf.Node.Type().Kind() != parquet.ByteArray || leaf.MaxRepetitionLevel > 0 {
		return nil, false, fmt.Errorf("%s: no column %q with one byte array a row", r.name, column)
	}
	if row < 0 || row >= r.NumRows() {
		return nil, false, fmt.Errorf("%s: row %d of %d", r.name, row, r.NumRows())
	}
	g := r.GroupOf(row)
	at, data, null, err := r.payload(ctx, chunkKey{g, leaf.ColumnIndex}, leaf, row-r.first[g], buf)
	if err != nil {
		return nil, false, &PageError{File: r.name, Column: column, Row: row, Offset: at, Err: err}
	}
	return data, null, nil
}

// GroupOf is the row group of a row.
func (r *Reader) GroupOf(row int64) int {
	return sort.Search(len(r.first), func(i int) bool { return r.first[i] > row }) - 1
}

// payload also returns where the page or, failing that, the index lies. The row is one of
// the row group.
func (r *Reader) payload(ctx context.Context, key chunkKey, leaf parquet.LeafColumn, row int64, buf *Buffer) (at int64, data []byte, null bool, err error) {
	pages, at, err := r.locations(ctx, key, buf)
	if err != nil {
		return at, nil, false, err
	}
	i := pageOf(pages, row)
	end := r.rowsOf(key.group)
	if i+1 < len(pages) {
		end = pages[i+1].FirstRowIndex
	}
	p := pages[i]
	data, null, err = r.plainValue(ctx, p, leaf, row-p.FirstRowIndex, end-p.FirstRowIndex, buf)
	if errors.Is(err, errForeign) {
		data, null, err = r.foreignValue(ctx, key, row, buf)
	}
	return p.Offset, data, null, err
}

func (r *Reader) rowsOf(group int) int64 { return r.File.Metadata().RowGroups[group].NumRows }

func (r *Reader) chunk(key chunkKey) *format.ColumnChunk {
	return &r.File.Metadata().RowGroups[key.group].Columns[key.leaf]
}
