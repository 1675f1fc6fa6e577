package inflate

import (
	"encoding/binary"
	"io"
)

const (
	// pieceIn is what a Reader asks its source for at once.
	pieceIn = 64 << 10
	// pieceOut is what is decoded at once behind the history. With it the window stays in
	// a second-level cache.
	pieceOut = 128 << 10
)

// Reader decodes a stream piece by piece, in memory that does not depend on the stream's
// length. It is the loop of Decode with a window that slides: 32 KiB of history, and behind
// them what was decoded last.
type Reader struct {
	d       decoder
	src     io.Reader
	in      []byte // d.src is a part of it
	taken   int64  // bytes taken from src
	window  []byte
	r, w    int // window[r:w] is decoded and not yet read
	out     int64
	wrapped bool   // in a zlib stream
	sum     uint32 // of what was decoded, where wrapped
	err     error  // what comes after window[r:w]
}

// NewReader decodes the raw DEFLATE stream that src gives. It may take more from src than
// the stream has.
func NewReader(src io.Reader) *Reader {
	r := &Reader{src: src, in: make([]byte, pieceIn), window: make([]byte, maxDistance+pieceOut)}
	r.d.reset(r.in[:0], false)
	return r
}

// NewZlibReader decodes a zlib stream (RFC 1950) and checks its checksum when its end is read.
func NewZlibReader(src io.Reader) *Reader {
	r := NewReader(src)
	r.wrapped, r.sum = true, adlerStart
	return r
}

// Read fills p with what comes next; after the end of the stream it returns io.EOF.
func (r *Reader) Read(p []byte) (n int, err error) {
	// A large p is decoded to in place once it holds a history; then no more than that goes
	// through the window.
	piece := pieceOut
	if len(p) > 2*pieceOut {
		piece = maxDistance
	}
	for {
		k := copy(p[n:], r.window[r.r:r.w])
		r.r, n = r.r+k, n+k
		switch {
		case n == len(p):
			return n, nil
		case r.err != nil:
			return n, r.err
		case n >= maxDistance && len(p)-n > piece:
			n = r.direct(p, n)
		default:
			r.decode(piece)
		}
	}
}

// direct decodes to p[n:], with p[:n] as the history, as far as whole symbols fit.
func (r *Reader) direct(p []byte, n int) int {
	from := n
	n = r.run(p, n)
	copy(r.window, p[n-maxDistance:n])
	r.r, r.w = maxDistance, maxDistance
	r.note(p[from:n])
	return n
}

// run decodes to dst[n:] as far as whole symbols fit, and returns how far it came; the end of
// the stream and failures go to err.
func (r *Reader) run(dst []byte, n int) int {
	for {
		var why stop
		var err error
		n, why, err = r.d.run(dst, n)
		if err == nil && why == needInput {
			err = r.refill()
		}
		switch {
		case err != nil:
			r.err = err
		case why == done:
			r.err = io.EOF
		case why == needInput:
			continue
		}
		return n
	}
}

// note takes output into account, and the end of the stream behind it.
func (r *Reader) note(b []byte) {
	if r.wrapped {
		r.sum = adler(r.sum, b)
	}
	r.out += int64(len(b))
	if r.err == io.EOF && r.wrapped {
		if err := r.trailer(); err != nil {
			r.err = err
		}
	}
}

// decode makes about so much more output in the window, or sets err.
func (r *Reader) decode(piece int) {
	if r.out == 0 && r.wrapped && r.taken == 0 {
		if r.err = r.header(); r.err != nil {
			return
		}
	}
	if r.w > maxDistance {
		copy(r.window, r.window[r.w-maxDistance:r.w])
		r.w = maxDistance
	}
	r.r = r.w
	r.w = r.run(r.window[:r.w+piece], r.w)
	r.note(r.window[r.r:r.w])
}

// refill moves the unused input to the front and takes more behind it.
func (r *Reader) refill() error {
	r.d.settle()
	n := copy(r.in, r.d.src[r.d.pos:])
	for {
		k, err := r.src.Read(r.in[n:])
		r.taken += int64(k)
		r.d.src, r.d.pos = r.in[:n+k], 0
		if err == io.EOF {
			r.d.eof = true
			return nil
		}
		if k > 0 || err != nil {
			return err
		}
	}
}

// take is the next n bytes of the input.
func (r *Reader) take(n int) ([]byte, error) {
	for len(r.d.src)-r.d.pos < n {
		if r.d.eof {
			return nil, ErrTruncated
		}
		if err := r.refill(); err != nil {
			return nil, err
		}
	}
	b := r.d.src[r.d.pos:][:n]
	r.d.pos += n
	return b, nil
}

func (r *Reader) header() error {
	b, err := r.take(2)
	if err != nil {
		return err
	}
	return zlibHeader(b)
}

func (r *Reader) trailer() error {
	b, err := r.take(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) != r.sum {
		return ErrChecksum
	}
	return nil
}

// Offset is the number of bytes that were read.
func (r *Reader) Offset() int64 { return r.out - int64(r.w-r.r) }

// Point is a place of a stream that reading can go on from, some 64 KiB of memory.
type Point struct {
	In      int64 // bytes of the stream before it
	Out     int64 // bytes decoded before it
	d       decoder
	history []byte
	wrapped bool
	sum     uint32
}

// Point is the place up to which the stream is decoded: Offset, or some way behind it. It is
// nil where there is none, at the end and before the beginning.
func (r *Reader) Point() *Point {
	if r.err != nil || r.out == 0 {
		return nil
	}
	r.d.settle()
	p := &Point{In: r.taken - int64(len(r.d.src)-r.d.pos), Out: r.out, d: r.d, wrapped: r.wrapped, sum: r.sum}
	p.d.src, p.d.pos, p.d.eof = nil, 0, false
	p.history = append(p.history, r.window[max(0, r.w-maxDistance):r.w]...)
	return p
}

// Resume makes the reader go on from a point; src gives the stream from the point's In on.
func (r *Reader) Resume(p *Point, src io.Reader) {
	r.d = p.d
	r.d.src = r.in[:0]
	r.src, r.taken, r.out = src, p.In, p.Out
	r.w = copy(r.window, p.history)
	r.r, r.wrapped, r.sum, r.err = r.w, p.wrapped, p.sum, nil
}
