package tiffio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/micropq/micropq/internal/store"
)

// File is an open TIFF file. It is safe for concurrent use.
type File struct {
	r      io.ReaderAt
	closer io.Closer
	size   int64
	name   string
	order  binary.ByteOrder
	big    bool
	pages  []*Page
	once   sync.Once
	series []*Series
}

const (
	maxSubIFDs = 1 << 12 // of one page
	maxBelow   = 8       // directories below each other
)

// Open reads the directories of a file of size bytes. name is its name in errors and facts.
func Open(ctx context.Context, r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{r: r, size: size, name: name}
	if err := f.readPages(ctx); err != nil {
		return nil, inFile(name, err)
	}
	return f, nil
}

// OpenStore opens the TIFF file under a key of a store. ctx bounds the reads too, until Close.
func OpenStore(ctx context.Context, s store.Store, key string) (*File, error) {
	r, size, err := store.ReaderAt(ctx, s, key)
	if err != nil {
		return nil, err
	}
	f, err := Open(ctx, r, size, key)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	f.closer = r
	return f, nil
}

// Close closes what OpenStore opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Name is the name that the file was opened by.
func (f *File) Name() string { return f.name }

// BigTIFF tells whether the file has offsets of 64 bits.
func (f *File) BigTIFF() bool { return f.big }

// BigEndian tells whether the file has its highest bytes first.
func (f *File) BigEndian() bool { return f.order == binary.BigEndian }

// Pages are the images of the file's chain of directories, in its order.
func (f *File) Pages() []*Page { return f.pages }

// Page is page i.
func (f *File) Page(i int) (*Page, error) {
	if i < 0 || i >= len(f.pages) {
		return nil, fmt.Errorf("%s: there is no page %d, the file has %d", f.name, i, len(f.pages))
	}
	return f.pages[i], nil
}

func (f *File) readPages(ctx context.Context) error {
	p := &parser{r: f.r, size: f.size, values: maxValues + f.size/16}
	first, err := p.readHeader()
	if err != nil {
		return err
	}
	f.order, f.big = p.order, p.big
	all, err := p.chain(first)
	if err != nil {
		return err
	}
	seen := map[int64]bool{}
	for _, d := range all {
		seen[d.off] = true
	}
	for i, d := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pg, err := p.page(d, fmt.Sprintf("page %d", i), f)
		if err != nil {
			return err
		}
		if err := f.below(p, d, pg, seen, 0); err != nil {
			return err
		}
		f.pages = append(f.pages, pg)
	}
	return nil
}

// below reads the directories below a page's. One that is met twice is an error: it is part
// of a cycle, or of a file that was put together wrongly.
func (f *File) below(p *parser, d *directory, pg *Page, seen map[int64]bool, depth int) error {
	offsets, err := p.uints(d, tagSubIFDs)
	if err != nil {
		return &Error{Where: pg.Name, Err: err}
	}
	if len(offsets) > maxSubIFDs {
		return &Error{Where: pg.Name, Err: corrupt("it has %d SubIFDs, at most %d are read", len(offsets), maxSubIFDs)}
	}
	if len(offsets) > 0 && depth == maxBelow {
		return &Error{Where: pg.Name, Err: corrupt("SubIFDs are nested more than %d deep", maxBelow)}
	}
	for k, v := range offsets {
		name := fmt.Sprintf("%s, SubIFD %d", pg.Name, k)
		off, err := p.offset(v)
		switch {
		case err != nil:
			return &Error{Where: name, Err: err}
		case seen[off]:
			return &Error{Where: name, Err: corrupt("its directory at %d was met before", off)}
		case len(seen) >= maxDirectories:
			return corrupt("there are more than %d directories", maxDirectories)
		}
		seen[off] = true
		sub, err := p.directory(off)
		if err != nil {
			return &Error{Where: name + " (" + directoryAt(off) + ")", Err: err}
		}
		child, err := p.page(sub, name, f)
		if err != nil {
			return err
		}
		if err := f.below(p, sub, child, seen, depth+1); err != nil {
			return err
		}
		pg.SubIFDs = append(pg.SubIFDs, child)
	}
	return nil
}
