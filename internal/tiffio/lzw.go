package tiffio

import (
	"encoding/binary"
	"io"
)

// errCode is a code that no encoder writes.
var errCode = corrupt("an LZW code that is not in the table")

const (
	lzwClear = 256
	lzwEnd   = 257
	lzwFirst = 258
	lzwTable = 4096
	lzwBits  = 12
)

// lzw decodes LZW (TIFF 6.0, section 13). Every string of its table is one that was
// written before, so that the table holds places in the output and no strings.
//
// Files of before 1990 have codes with the lowest bit first, and grow them one code later;
// their first code, which is to clear the table, tells.
type lzw struct {
	src     []byte
	pos     int
	hold    uint64 // bits not yet used: the next one highest, in the old style lowest
	held    uint
	eof     bool // src is all there will be
	begun   bool
	old     bool
	width   uint
	next    int // code of the next string
	prev    lzwString
	ended   bool
	strings [lzwTable]lzwString
}

// lzwString is a string of the table: bytes of the output.
type lzwString struct{ at, n int32 }

type lzwStop uint8

const (
	lzwDone   lzwStop = iota // the stream has ended
	lzwInput                 // more input is wanted
	lzwOutput                // the next string does not fit
	lzwClean                 // the table was cleared: what was written before is not needed any more
)

func (d *lzw) reset(src []byte, eof bool) {
	d.src, d.pos, d.hold, d.held, d.eof = src, 0, 0, 0, eof
	d.begun, d.old, d.ended = false, false, false
	d.clear()
}

func (d *lzw) clear() { d.width, d.next, d.prev = 9, lzwFirst, lzwString{} }

// run decodes to dst from n on, where dst[:n] is what was written since the table was
// cleared last, and returns how far it came.
func (d *lzw) run(dst []byte, n int) (int, lzwStop, error) {
	if !d.begun {
		if len(d.src) < 2 && !d.eof {
			return n, lzwInput, nil
		}
		d.begun = true
		d.old = len(d.src) >= 2 && d.src[0] == 0 && d.src[1]&1 != 0
	}
	for !d.ended {
		if !d.old {
			var err error
			if n, err = d.fast(dst, n); err != nil {
				return n, 0, err
			}
		}
		before := *d.bits()
		code, ok := d.code()
		switch {
		case !ok && d.eof:
			d.ended = true
		case !ok:
			return n, lzwInput, nil
		case code == lzwEnd:
			d.ended = true
		case code == lzwClear:
			d.clear()
			return n, lzwClean, nil
		default:
			s, err := d.string(code)
			if err != nil {
				return n, 0, err
			}
			if int(s.n) > len(dst)-n {
				d.restore(before)
				return n, lzwOutput, nil
			}
			d.write(dst, n, code, s)
			n += int(s.n)
		}
	}
	return n, lzwDone, nil
}

// lzwPlace is a place in the input.
type lzwPlace struct {
	pos  int
	hold uint64
	held uint
}

func (d *lzw) bits() *lzwPlace     { return &lzwPlace{d.pos, d.hold, d.held} }
func (d *lzw) restore(at lzwPlace) { d.pos, d.hold, d.held = at.pos, at.hold, at.held }

// code takes the next code; ok is false where the input does not hold a whole one.
func (d *lzw) code() (code int, ok bool) {
	for d.held < d.width {
		if d.pos == len(d.src) {
			return 0, false
		}
		if d.old {
			d.hold |= uint64(d.src[d.pos]) << d.held
		} else {
			d.hold |= uint64(d.src[d.pos]) << (56 - d.held)
		}
		d.pos++
		d.held += 8
	}
	if d.old {
		code = int(d.hold & (1<<d.width - 1))
		d.hold >>= d.width
	} else {
		code = int(d.hold >> (64 - d.width))
		d.hold <<= d.width
	}
	d.held -= d.width
	return code, true
}

// string is what a code stands for, its first byte being in the output where it is one of
// the table.
func (d *lzw) string(code int) (s lzwString, err error) {
	switch {
	case code < lzwClear:
		return lzwString{n: 1}, nil
	case code < d.next:
		return d.strings[code], nil
	case code == d.next && d.prev.n > 0 && code < lzwTable:
		return lzwString{d.prev.at, d.prev.n + 1}, nil
	}
	return s, errCode
}

// write writes the string of a code to dst[n:] and adds the one before it, longer by this
// one's first byte, to the table.
func (d *lzw) write(dst []byte, n, code int, s lzwString) {
	switch {
	case code < lzwClear:
		dst[n] = byte(code)
	case int(s.at+s.n) <= n:
		copy(dst[n:], dst[s.at:s.at+s.n])
	default: // the string that is only now added: it ends in its own first byte
		copy(dst[n:], dst[s.at:s.at+s.n-1])
		dst[n+int(s.n)-1] = dst[n]
	}
	if d.prev.n > 0 && d.next < lzwTable {
		d.strings[d.next] = lzwString{d.prev.at, d.prev.n + 1}
		d.next++
		early := 1
		if d.old {
			early = 0
		}
		if d.next >= 1<<d.width-early && d.width < lzwBits {
			d.width++
		}
	}
	d.prev = lzwString{int32(n), s.n}
}

// lzwNear is what fast leaves of the input to run, and of the output beside a string.
const lzwNear = 8

// fast decodes codes while there is plenty of input and output and nothing odd.
func (d *lzw) fast(dst []byte, n int) (int, error) {
	src, pos, hold, held := d.src, d.pos, d.hold, d.held
	width, next, prev := d.width, d.next, d.prev
	for pos <= len(src)-lzwNear {
		if held < lzwBits {
			hold |= binary.BigEndian.Uint64(src[pos:]) >> held
			pos += int((63 - held) >> 3)
			held |= 56
		}
		code := int(hold >> (64 - width))
		var size int32
		switch {
		case code < lzwClear:
			if n > len(dst)-lzwNear {
				goto out
			}
			size = 1
			dst[n] = byte(code)
		case code >= lzwFirst && code < next:
			s := d.strings[code]
			size = s.n
			if int(size) > len(dst)-lzwNear-n {
				goto out
			}
			if size <= 8 {
				binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[s.at:]))
			} else {
				copy(dst[n:n+int(size)], dst[s.at:])
			}
		case code == next && prev.n > 0 && code < lzwTable:
			size = prev.n + 1
			if int(size) > len(dst)-lzwNear-n {
				goto out
			}
			copy(dst[n:n+int(size)-1], dst[prev.at:])
			dst[n+int(size)-1] = dst[n]
		default:
			goto out
		}
		hold <<= width
		held -= width
		if prev.n > 0 && next < lzwTable {
			d.strings[next] = lzwString{prev.at, prev.n + 1}
			next++
			if next >= 1<<width-1 && width < lzwBits {
				width++
			}
		}
		prev = lzwString{int32(n), size}
		n += int(size)
	}
out:
	// What was loaded past held is loaded again.
	if held < 64 {
		hold &^= 1<<(64-held) - 1
	}
	d.pos, d.hold, d.held = pos, hold, held
	d.width, d.next, d.prev = width, next, prev
	return n, nil
}

// decodeLZW decodes src to dst and returns how many bytes it is.
func decodeLZW(dst, src []byte) (int, error) {
	d := lzwDecoders.Get().(*lzw)
	defer lzwDecoders.Put(d)
	d.reset(src, true)
	defer func() { d.src = nil }()
	n := 0
	for {
		var why lzwStop
		var err error
		n, why, err = d.run(dst, n)
		switch {
		case err != nil:
			return n, err
		case why == lzwDone:
			return n, nil
		case why == lzwOutput:
			// A stream without an end code may be followed by a few bytes of padding.
			if n == len(dst) && len(src)-d.pos+int(d.held/8) <= 4 {
				return n, nil
			}
			return n, ErrTooLong
		}
	}
}

// lzwReader decodes a stream piece by piece. Its window holds what was decoded since the
// table was cleared: at most the strings that fill the table, some 8 MiB.
type lzwReader struct {
	d      lzw
	src    io.Reader
	in     []byte
	window []byte
	r, w   int // window[r:w] is decoded and not yet read
	frozen int // of a full table: what comes behind it is not referred to
	clean  bool
	err    error
}

// lzwPiece is what is read and decoded at once.
const lzwPiece = 64 << 10

func newLZWReader(src io.Reader) *lzwReader {
	r := &lzwReader{src: src, in: make([]byte, lzwPiece), window: make([]byte, 2*lzwPiece)}
	r.d.reset(r.in[:0], false)
	return r
}

func (r *lzwReader) Read(p []byte) (n int, err error) {
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
func (r *lzwReader) decode() {
	switch {
	case r.clean:
		r.r, r.w, r.frozen, r.clean = 0, 0, 0, false
	case r.frozen == 0 && r.d.next == lzwTable:
		r.frozen = r.w
	case r.frozen > 0:
		r.r, r.w = r.frozen, r.frozen
	}
	if len(r.window)-r.w < lzwPiece {
		grown := make([]byte, 2*len(r.window))
		copy(grown, r.window[:r.w])
		r.window = grown
	}
	for r.err == nil {
		n, why, err := r.d.run(r.window[:min(len(r.window), r.r+lzwPiece)], r.w)
		r.w = n
		switch {
		case err != nil:
			r.err = err
		case why == lzwDone:
			r.err = io.EOF
		case why == lzwClean:
			r.clean = true
			return
		case why == lzwInput:
			r.refill()
		default:
			return
		}
	}
}

func (r *lzwReader) refill() {
	n := copy(r.in, r.d.src[r.d.pos:])
	for {
		k, err := r.src.Read(r.in[n:])
		r.d.src, r.d.pos = r.in[:n+k], 0
		if err == io.EOF {
			r.d.eof = true
			return
		}
		if r.err = err; k > 0 || err != nil {
			return
		}
	}
}
