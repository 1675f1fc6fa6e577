package tiffio

import (
	"context"
	"fmt"
	"io"
	"sync"
)

const (
	// pieceBytes is what is read of a large segment at once.
	pieceBytes = 256 << 10
	// encodedSlack is how much longer than its pixels a segment may be, beside twice their
	// size: headers, and what a codec adds to data that it cannot pack.
	encodedSlack = 1 << 20
)

// load decodes a band that is marked busy: into direct where that is given, and returns nil
// then, else into memory of its own, which it returns.
func (r *Reader) load(ctx context.Context, b *band, direct []byte) ([]byte, error) {
	p := r.a.pages[b.page]
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
		if err := r.segment(p, seg, rows, dst[at:at+n], w); err != nil {
			return nil, r.at(p, seg, err)
		}
	}
	if direct != nil {
		return nil, nil
	}
	return dst, nil
}

// at says which segment an error is about.
func (r *Reader) at(p *Page, seg int, err error) error {
	return &Error{Where: fmt.Sprintf("%s at %d", p.segment(seg), p.offsets[seg]), Err: err}
}

// workspace is memory on the way from the file to a band.
type workspace struct{ encoded, packed, row []byte }

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// segment reads and decodes one segment to dst.
func (r *Reader) segment(p *Page, seg, rows int, dst []byte, w *workspace) error {
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
	if r.o.OnObject != nil {
		r.o.OnObject(p.file.name, int64(p.offsets[seg]), w.encoded)
	}
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

// strandKey is a segment: page of the array, index of the segment.
type strandKey struct{ page, seg int }

// strand is a large segment on its way from its beginning to its end.
type strand struct {
	mu       sync.Mutex
	next     int // band of the segment that comes next
	src      io.Reader
	in       pieces
	reported int64 // bytes of the segment that OnObject was told of
}

// loadPart decodes a band of a segment that has several. Bands before it are passed, and
// those of them that other regions wait for are kept.
func (r *Reader) loadPart(ctx context.Context, b *band, direct []byte) ([]byte, error) {
	p, cut := r.a.pages[b.page], r.cuts[b.page]
	seg := p.segmentIndex(b.plane, b.band/cut.perSeg, b.col)
	s := r.strand(b.page, seg)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.mu.Lock()
	passed := b.data // while this waited for the strand
	r.mu.Unlock()
	if passed != nil {
		return passed, nil
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	want := b.band % cut.perSeg
	if err := s.seek(r, p, seg, want, cut); err != nil {
		return nil, r.at(p, seg, err)
	}
	for ; s.next < want; s.next++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := r.pass(s, b, s.next-want, w); err != nil {
			s.src = nil
			return nil, r.at(p, seg, err)
		}
	}
	dst := direct
	if direct == nil {
		dst = r.memory.get(b.rows * p.row())
	}
	if err := s.rows(p, dst, b.rows, w); err != nil {
		s.src = nil
		return nil, r.at(p, seg, err)
	}
	if s.next++; s.next == cut.perSeg {
		if err := s.end(p); err != nil {
			return nil, r.at(p, seg, err)
		}
	}
	if direct != nil {
		return nil, nil
	}
	return dst, nil
}

func (r *Reader) strand(page, seg int) *strand {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := strandKey{page, seg}
	s := r.strands[k]
	if s == nil {
		s = &strand{}
		r.strands[k] = s
	}
	return s
}

// pass decodes the band that comes steps (which is negative) before b in its segment, and
// keeps it where a region still waits for it and the budget has room.
func (r *Reader) pass(s *strand, b *band, steps int, w *workspace) error {
	p, cut := r.a.pages[b.page], r.cuts[b.page]
	k := b.bandKey
	k.band += steps
	_, rows := cut.at(k.band)
	n := rows * p.row()
	buf := r.memory.get(n)
	if err := s.rows(p, buf, rows, w); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.bands[k]
	if o == nil || len(o.uses) == 0 || o.data != nil {
		r.memory.put(buf)
		return nil
	}
	for r.held+int64(n) > r.o.Budget {
		victim := r.furthest()
		if victim == nil || victim.uses[0] <= o.uses[0] {
			break
		}
		r.drop(victim)
	}
	if o.busy == nil && r.held+int64(n) > r.o.Budget {
		r.memory.put(buf)
		return nil
	}
	r.keep(o, buf)
	return nil
}

// seek sees to it that the strand is at or before a band.
func (s *strand) seek(r *Reader, p *Page, seg, want int, cut bands) error {
	if p.size[seg] == 0 {
		s.src, s.next = zeros{}, want
		return nil
	}
	if p.Compression == None {
		off := int64(want) * int64(cut.h) * int64(p.packedRow())
		s.open(r, p, seg, off)
		s.src, s.next = &s.in, want
		return nil
	}
	if s.src != nil && s.next <= want {
		return nil
	}
	s.open(r, p, seg, 0)
	var err error
	s.src, err = codecs[p.Compression].stream(p, &s.in)
	s.next = 0
	return err
}

// open begins to read the segment's bytes at off.
func (s *strand) open(r *Reader, p *Page, seg int, off int64) {
	s.in = pieces{s: s, r: r, p: p, base: int64(p.offsets[seg]), at: off, end: int64(p.size[seg]), buf: s.in.buf}
}

// rows decodes the next rows to dst.
func (s *strand) rows(p *Page, dst []byte, rows int, w *workspace) error {
	packed := rows * p.packedRow()
	out := dst
	if packed != len(dst) {
		w.packed = resize(w.packed, packed)
		out = w.packed
	}
	if n, err := io.ReadFull(s.src, out); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = corrupt("it ends %d bytes before its pixels do", packed-n)
		}
		return damaged(err)
	}
	p.finish(dst, out, rows, &w.row)
	return nil
}

// end checks that nothing comes after the last row, checksums included.
func (s *strand) end(p *Page) error {
	if _, ok := s.src.(zeros); ok || p.Compression == None {
		return nil
	}
	var more [1]byte
	n, err := io.ReadFull(s.src, more[:])
	switch {
	case n > 0 && p.segH > p.Height: // rows past the image
		return nil
	case n > 0:
		return damaged(errTooLong)
	case err != io.EOF:
		return damaged(err)
	}
	return nil
}

// zeros is a segment that the file leaves out.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// pieces reads the bytes of a segment in order.
type pieces struct {
	s             *strand
	r             *Reader
	p             *Page
	base, at, end int64 // of the segment in the file; what was read of it; its size
	buf, rest     []byte
}

func (in *pieces) Read(b []byte) (int, error) {
	if len(in.rest) == 0 {
		if in.at >= in.end {
			return 0, io.EOF
		}
		in.buf = resize(in.buf, int(min(pieceBytes, in.end-in.at)))
		if err := readFull(in.p.file.r, in.buf, in.base+in.at); err != nil {
			return 0, err
		}
		in.told()
		in.at += int64(len(in.buf))
		if in.rest = in.buf; in.p.lsbFirst {
			reverseBits(in.rest)
		}
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// told tells OnObject of a piece that it was not told of before.
func (in *pieces) told() {
	if f := in.r.o.OnObject; f != nil && in.at+int64(len(in.buf)) > in.s.reported {
		from := max(in.s.reported-in.at, 0)
		f(in.p.file.name, in.base+in.at+from, in.buf[from:])
		in.s.reported = in.at + int64(len(in.buf))
	}
}
