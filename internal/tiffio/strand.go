package tiffio

import (
	"context"
	"io"
	"sync"

	"github.com/micropq/micropq/internal/inflate"
)

const (
	// pieceBytes is what is read of a large segment at once.
	pieceBytes = 256 << 10
	// trailStep is how far apart the points of a trail are in decoded bytes.
	trailStep = 16 << 20
)

// strandKey is a segment: page of the array, index of the segment.
type strandKey struct{ page, seg int }

// strand is a large compressed segment on its way from its beginning to its end.
type strand struct {
	r       *Reader
	p       *Page
	seg     int
	cut     bands
	segRows int // rows that the segment holds

	mu   sync.Mutex
	next int       // band of the segment that comes next
	src  io.Reader // nil: to be opened
	in   pieces
}

// trail are the points that the Deflate segments of a page can be gone on from, for all its
// readers: a window far down in a large strip, or a task that begins there, need not decode
// what comes before.
type trail struct {
	mu     sync.Mutex
	points map[int][]*inflate.Point // by segment, ascending
}

// before is the last point of a segment that has no more than out bytes decoded, nil where there is none.
func (t *trail) before(seg int, out int64) (last *inflate.Point) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.points[seg] {
		if p.Out > out {
			break
		}
		last = p
	}
	return last
}

// note adds a point where the last one is far behind.
func (t *trail) note(seg int, r *inflate.Reader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := int64(0)
	if all := t.points[seg]; len(all) > 0 {
		last = all[len(all)-1].Out
	}
	if r.Offset() < last+trailStep {
		return
	}
	if p := r.Point(); p != nil {
		if t.points == nil {
			t.points = map[int][]*inflate.Point{}
		}
		t.points[seg] = append(t.points[seg], p)
	}
}

// loadPart decodes a band of a compressed segment that has several. Bands before it are
// passed, and those of them that other regions wait for are kept.
func (r *Reader) loadPart(ctx context.Context, b *band, direct []byte) ([]byte, error) {
	s := r.strand(b)
	dst, rows, err := s.load(ctx, b, direct)
	if err != nil {
		return nil, r.at(s.p, s.seg, err)
	}
	if rows > 0 { // the strand goes on while these are finished
		w := workspaces.Get().(*workspace)
		defer workspaces.Put(w)
		s.p.finish(dst, dst, rows, &w.row)
	}
	if direct != nil && len(dst) > 0 && &dst[0] == &direct[0] {
		return nil, nil
	}
	return dst, nil
}

// strand is the one that a band belongs to.
func (r *Reader) strand(b *band) *strand {
	p, cut := r.a.pages[b.page], r.cuts[b.page]
	row := b.band / cut.perSeg
	k := strandKey{b.page, p.segmentIndex(b.plane, row, b.col)}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.strands[k]
	if s == nil {
		s = &strand{r: r, p: p, seg: k.seg, cut: cut, segRows: cut.segRows(row)}
		r.strands[k] = s
	}
	return s
}

// load decodes a band to direct, or to memory of its own where that is nil, and returns the
// memory. rows tells how many rows of it are yet to be finished, none where the band was
// found finished.
func (s *strand) load(ctx context.Context, b *band, direct []byte) (dst []byte, rows int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.r
	r.mu.Lock()
	passed := b.data // while this waited for the strand
	r.mu.Unlock()
	if passed != nil {
		return passed, 0, nil
	}
	want := b.band % s.cut.perSeg
	if err := s.seek(want); err != nil {
		return nil, 0, err
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	for ; s.next < want; s.next++ {
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		if err := s.pass(b, s.next-want, w); err != nil {
			s.src = nil
			return nil, 0, err
		}
	}
	n := b.rows * s.p.row()
	if dst = direct; dst == nil {
		dst = r.memory.get(n)
	}
	if rows, err = b.rows, s.fill(dst, b.rows, w); err == nil && n != b.rows*s.p.packedRow() {
		s.p.finish(dst, w.packed, b.rows, &w.row)
		rows = 0
	}
	if s.next++; err == nil && s.next == s.cut.perSeg {
		err = s.end()
	}
	if err != nil {
		s.src = nil
		return nil, 0, err
	}
	return dst, rows, nil
}

// fill decodes the next rows: to dst, or to w.packed where samples are to be widened.
func (s *strand) fill(dst []byte, rows int, w *workspace) error {
	n := rows * s.p.packedRow()
	if n != len(dst) {
		w.packed = resize(w.packed, n)
		dst = w.packed
	}
	if k, err := io.ReadFull(s.src, dst); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = corrupt("it ends %d bytes before its pixels do", n-k)
		}
		return damaged(err)
	}
	if f, ok := s.src.(*inflate.Reader); ok {
		s.p.trail.note(s.seg, f)
	}
	return nil
}

// pass decodes the band that comes steps (which is negative) before b in its segment, and
// keeps it where a region still waits for it and the budget has room.
func (s *strand) pass(b *band, steps int, w *workspace) error {
	r := s.r
	k := b.bandKey
	k.band += steps
	_, rows := s.cut.at(k.band)
	n := rows * s.p.row()
	buf := r.memory.get(n)
	if err := s.fill(buf, rows, w); err != nil {
		return err
	}
	if !r.wanted(k) {
		r.memory.put(buf)
		return nil
	}
	packed := buf
	if n != rows*s.p.packedRow() {
		packed = w.packed
	}
	s.p.finish(buf, packed, rows, &w.row)
	r.offer(k, buf)
	return nil
}

// wanted tells whether a region waits for a band that is not in memory.
func (r *Reader) wanted(k bandKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.bands[k]
	return b != nil && len(b.uses) > 0 && b.data == nil
}

// offer gives a band bytes that were decoded on the way, which are kept where somebody waits
// for them now, and where the budget has room or bands that are used later can go.
func (r *Reader) offer(k bandKey, buf []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.bands[k]
	if b == nil || len(b.uses) == 0 || b.data != nil {
		r.memory.put(buf)
		return
	}
	n := int64(len(buf))
	for r.held+n > r.o.Budget {
		victim := r.furthest()
		if victim == nil || victim.uses[0] <= b.uses[0] {
			break
		}
		r.drop(victim)
	}
	if b.busy == nil && r.held+n > r.o.Budget {
		r.memory.put(buf)
		return
	}
	r.keep(b, buf)
}

// seek sees to it that the strand is at a band of its segment, or before it.
func (s *strand) seek(want int) error {
	if s.p.size[s.seg] == 0 {
		s.src, s.next = zeros{}, want
		return nil
	}
	bandBytes := int64(s.cut.h) * int64(s.p.packedRow())
	from := s.p.trail.before(s.seg, int64(want)*bandBytes)
	ahead := s.src != nil && s.next <= want
	if ahead && (from == nil || from.Out <= int64(s.next)*bandBytes) {
		return nil
	}
	if from == nil {
		s.in.open(s, 0)
		s.next = 0
		var err error
		s.src, err = codecs[s.p.Compression].stream(s.p, &s.in, s.segRows)
		return err
	}
	if err := s.in.open(s, from.In); err != nil {
		return err
	}
	f := inflate.NewReader(nil)
	f.Resume(from, &s.in)
	s.next = int((from.Out + bandBytes - 1) / bandBytes)
	s.src = f
	if _, err := io.CopyN(io.Discard, f, int64(s.next)*bandBytes-from.Out); err != nil {
		s.src = nil
		return damaged(err)
	}
	return nil
}

// end checks that nothing comes after the last row, checksums included.
func (s *strand) end() error {
	if _, ok := s.src.(zeros); ok {
		return nil
	}
	var more [1]byte
	n, err := io.ReadFull(s.src, more[:])
	switch {
	case n > 0 && s.segRows < s.p.segH: // rows past the image
		return nil
	case n > 0:
		return damaged(ErrTooLong)
	case err != io.EOF:
		return damaged(err)
	}
	return nil
}

// zeros is a segment that the file leaves out.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// pieces reads the bytes of a segment in order, in pieces that always begin at the same
// places: OnObject is told of each once, from the segment's beginning on, so that what it is
// told does not depend on where the decoding began.
type pieces struct {
	s         *strand
	at        int64 // of the piece to be read next in the segment
	told      int64 // where the first piece is that OnObject was not told of
	buf, rest []byte
}

// open makes the reader begin at a byte of the segment.
func (in *pieces) open(s *strand, off int64) error {
	in.s, in.rest = s, nil
	begin := off / pieceBytes * pieceBytes
	if s.r.o.OnObject != nil {
		for in.at = in.told; in.at < begin; {
			if err := in.fetch(); err != nil {
				return err
			}
		}
	}
	if in.at = begin; off == begin {
		return nil
	}
	if err := in.fetch(); err != nil {
		return err
	}
	in.rest = in.buf[off-begin:]
	return nil
}

// fetch reads a piece.
func (in *pieces) fetch() error {
	p, seg := in.s.p, in.s.seg
	in.buf = resize(in.buf, int(min(pieceBytes, int64(p.size[seg])-in.at)))
	off := int64(p.offsets[seg]) + in.at
	if err := readFull(p.file.r, in.buf, off); err != nil {
		return err
	}
	if f := in.s.r.o.OnObject; f != nil && in.at >= in.told {
		f(p.file.name, off, in.buf)
		in.told = in.at + int64(len(in.buf))
	}
	if in.at += int64(len(in.buf)); p.lsbFirst {
		reverseBits(in.buf)
	}
	return nil
}

func (in *pieces) Read(b []byte) (int, error) {
	if len(in.rest) == 0 {
		if in.at >= int64(in.s.p.size[in.s.seg]) {
			return 0, io.EOF
		}
		if err := in.fetch(); err != nil {
			return 0, err
		}
		in.rest = in.buf
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}
