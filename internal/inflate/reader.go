package inflate

import (
	"encoding/binary"
	"hash"
	"hash/adler32"
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
	wrapped bool        // in a zlib stream
	sum     hash.Hash32 // of what was decoded, where wrapped
	err     error       // what comes after window[r:w]
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
	r.wrapped, r.sum = true, adler32.New()
	return r
}

// Read fills p with what comes next; after the end of the stream it returns io.EOF.
func (r *Reader) Read(p []byte) (n int, err error) {
	for {
		k := copy(p[n:], r.window[r.r:r.w])
		r.r, n = r.r+k, n+k
		switch {
		case n == len(p):
			return n, nil
		case r.err != nil:
			return n, r.err
		}
		r.decode()
	}
}

// decode makes some more output, or sets err.
func (r *Reader) decode() {
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
	for {
		n, why, err := r.d.run(r.window, r.w)
		if err == nil && why == needInput {
			err = r.refill()
		}
		r.w = n
		switch {
		case err != nil:
			r.err = err
		case why == done:
			r.err = io.EOF
		case why == needInput:
			continue
		}
		break
	}
	if r.sum != nil {
		r.sum.Write(r.window[r.r:r.w])
	}
	r.out += int64(r.w - r.r)
	if r.err == io.EOF && r.wrapped {
		if err := r.trailer(); err != nil {
			r.err = err
		}
	}
}

// refill moves the unused input to the front and takes more behind it.
func (r *Reader) refill() error {
	// Whole bytes in hold go back: what follows may want them as bytes.
	d := &r.d
	d.pos -= int(d.held / 8)
	d.held &= 7
	d.hold &= 1<<d.held - 1
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
	if r.sum != nil && binary.BigEndian.Uint32(b) != r.sum.Sum32() {
		return ErrChecksum
	}
	return nil
}

// Offset is the number of bytes decoded and read.
func (r *Reader) Offset() int64 { return r.out - int64(r.w-r.r) }
