package tiffio

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// encodedSlack is how much longer than its pixels a segment may be, beside twice their
// size: headers, and what a codec adds to data that it cannot pack.
const encodedSlack = 1 << 20

// load decodes a band that is marked busy: into direct where that is given, and returns nil
// then, else into memory of its own, which it returns.
func (r *Reader) load(ctx context.Context, b *band, direct []byte) ([]byte, error) {
	p := r.a.pages[b.page]
	if r.cuts[b.page].perSeg > 1 && p.Compression == None {
		return r.loadRows(b, direct)
	}
	if r.cuts[b.page].perSeg > 1 {
		return r.loadPart(ctx, b, direct)
	}
	dst := direct
	if direct == nil {
		dst = r.memory.get(b.rows * p.row())
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	group := r.cuts[b.page].group
	for k := range group {
		row := b.band*group + k
		if row >= p.down {
			break
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		rows := r.cuts[b.page].segRows(row)
		n := rows * p.row()
		at := k * p.segH * p.row()
		seg := p.segmentIndex(b.plane, row, b.col)
		if err := r.segment(p, seg, rows, dst[at:at+n], w, r.listener(b)); err != nil {
			return nil, r.at(p, seg, err)
		}
	}
	b.told = true
	if direct != nil {
		return nil, nil
	}
	return dst, nil
}

// listener is OnObject where it was not yet told of a band that is marked busy.
func (r *Reader) listener(b *band) func(string, int64, []byte) {
	if b.told || r.o.OnObject == nil {
		return func(string, int64, []byte) {}
	}
	return r.o.OnObject
}

// at says which segment an error is about.
func (r *Reader) at(p *Page, seg int, err error) error {
	return &Error{Where: fmt.Sprintf("%s at %d", p.segment(seg), p.offsets[seg]), Err: err}
}

// workspace is memory on the way from the file to a band.
type workspace struct{ encoded, packed, row []byte }

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// segment reads and decodes one segment to dst.
func (*Reader) segment(p *Page, seg, rows int, dst []byte, w *workspace, told func(string, int64, []byte)) error {
	if p.size[seg] == 0 {
		clear(dst)
		return nil
	}
	packed := rows * p.packedRow()
	n := int64(p.size[seg])
	if p.Compression == None {
		n = min(n, int64(packed))
	}
	if n > 2*int64(packed)+encodedSlack {
		return corrupt("its %d bytes are far more than the %d of its pixels", n, packed)
	}
	w.encoded = resize(w.encoded, int(n))
	if err := readFull(p.file.r, w.encoded, int64(p.offsets[seg])); err != nil {
		return err
	}
	told(p.file.name, int64(p.offsets[seg]), w.encoded)
	if p.lsbFirst && p.Compression != JPEG {
		reverseBits(w.encoded)
	}
	out := dst
	if packed != len(dst) {
		w.packed = resize(w.packed, packed)
		out = w.packed
	}
	if err := p.decode(out, w.encoded, p.segH*p.packedRow()); err != nil {
		return err
	}
	p.finish(dst, out, rows, &w.row)
	return nil
}

// loadRows reads a band of a large segment that is not compressed: it lies where it can be
// found.
func (r *Reader) loadRows(b *band, direct []byte) ([]byte, error) {
	p, cut := r.a.pages[b.page], r.cuts[b.page]
	seg := p.segmentIndex(b.plane, b.band/cut.perSeg, b.col)
	dst := direct
	if direct == nil {
		dst = r.memory.get(b.rows * p.row())
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	off := int64(b.band%cut.perSeg) * int64(cut.h) * int64(p.packedRow())
	if err := r.rows(p, seg, off, b.rows, dst, w, r.listener(b)); err != nil {
		return nil, r.at(p, seg, err)
	}
	b.told = true
	if direct != nil {
		return nil, nil
	}
	return dst, nil
}

// rows reads rows that lie uncompressed at off in a segment.
func (*Reader) rows(p *Page, seg int, off int64, rows int, dst []byte, w *workspace, told func(string, int64, []byte)) error {
	if p.size[seg] == 0 {
		clear(dst)
		return nil
	}
	packed := dst
	if n := rows * p.packedRow(); n != len(dst) {
		w.packed = resize(w.packed, n)
		packed = w.packed
	}
	off += int64(p.offsets[seg])
	if err := readFull(p.file.r, packed, off); err != nil {
		return err
	}
	told(p.file.name, off, packed)
	if p.lsbFirst {
		reverseBits(packed)
	}
	p.finish(dst, packed, rows, &w.row)
	return nil
}

// readFull fills b from off; an end before that is an error.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if n, err := r.ReadAt(b, off); n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}
