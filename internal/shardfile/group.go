package shardfile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
)

// readAhead is how much of the columns behind the one asked for is read with it. The small
// columns of a row group lie together: over HTTP they are one request then.
const readAhead = 256 << 10

// wholeColumn is the largest column that is read whole: those of keys and measures are smaller,
// those of pictures larger, of which some rows may be all that is wanted.
const wholeColumn = 8 << 20

// RowGroup is a row group for the readers of the Parquet library. A column of up to 8 MiB is
// read whole when its pages are first asked for, and what its pages claim, and their CRCs, are
// checked before the library sees them. A larger one the library reads page by page. ctx ends
// reads.
func (r *Reader) RowGroup(ctx context.Context, i int) parquet.RowGroup {
	g := &group{RowGroup: r.File.RowGroups()[i], ctx: ctx, r: r, index: i}
	for leaf, c := range g.RowGroup.ColumnChunks() {
		if file, ok := c.(*parquet.FileColumnChunk); ok {
			c = &checkedChunk{FileColumnChunk: file, group: g, leaf: leaf}
		}
		g.columns = append(g.columns, c)
	}
	return g
}

// group is a row group whose columns are checked.
type group struct {
	parquet.RowGroup
	ctx     context.Context // of the reads, which the library asks for without one
	r       *Reader
	index   int
	columns []parquet.ColumnChunk

	mu   sync.Mutex
	held chunkMemory // what was read last
}

func (g *group) ColumnChunks() []parquet.ColumnChunk { return g.columns }
func (g *group) Rows() parquet.Rows                  { return parquet.NewRowGroupRowReader(g) }

// checkedChunk is a column of a row group.
type checkedChunk struct {
	*parquet.FileColumnChunk
	group *group
	leaf  int
}

func (c *checkedChunk) Pages() parquet.Pages {
	if _, n := c.group.r.span(chunkKey{c.group.index, c.leaf}); n > wholeColumn {
		return c.PagesFrom(bound{c.group.ctx, c.group.r.r})
	}
	memory, err := c.group.load(c.leaf)
	if err != nil {
		return failedPages{err}
	}
	return c.PagesFrom(memory)
}

// load returns a column, checked.
func (g *group) load(leaf int) (*chunkMemory, error) {
	r, key := g.r, chunkKey{g.index, leaf}
	memory, err := g.read(key)
	if err == nil {
		err = r.checkPages(key, memory)
	}
	var page *PageError
	switch name := strings.Join(r.Schema().Columns()[leaf], "."); {
	case errors.As(err, &page):
		page.File, page.Column = r.name, name
	case err != nil:
		err = fmt.Errorf("%s: column %s, row group %d: %w", r.name, name, g.index, err)
	}
	return memory, err
}

// read returns the bytes of a column, and keeps those of its neighbours.
func (g *group) read(key chunkKey) (*chunkMemory, error) {
	at, n := g.r.span(key)
	g.mu.Lock()
	defer g.mu.Unlock()
	if part, ok := g.held.part(at, n); ok {
		return part, nil
	}
	end := at + n
	for next := key.leaf + 1; next < len(g.columns); next++ {
		off, more := g.r.span(chunkKey{g.index, next})
		if off != end || more < 0 || off+more-at > readAhead {
			break
		}
		end += more
	}
	var buf Buffer
	b, err := g.r.bytes(g.ctx, nil, at, end-at, &buf)
	if err != nil {
		return nil, err
	}
	g.held = chunkMemory{bytes: b, at: at}
	return &chunkMemory{bytes: b[:n:n], at: at}, nil
}

// failedPages are pages that cannot be read.
type failedPages struct{ err error }

func (p failedPages) ReadPage() (parquet.Page, error) { return nil, p.err }
func (p failedPages) SeekToRow(int64) error           { return p.err }
func (p failedPages) Close() error                    { return nil }
