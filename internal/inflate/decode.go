package inflate

import "encoding/binary"

// decoder is the state of a stream between two calls of run. It stops between symbols only.
type decoder struct {
	src []byte
	bitState
	eof   bool // src is all there will be
	state state
	last  bool // this is the stream's last block
	left  int  // bytes to come of a stored block
	lit   [litTable]entry
	dist  [distTable]entry
}

// bitState is the place in the input.
type bitState struct {
	pos  int    // of the next byte of src to go into hold
	hold uint64 // bits taken from src and not yet used, the next one lowest
	held uint   // number of them
}

type state uint8

const (
	inHeader state = iota
	inStored
	inCodes
	atEnd
)

// stop says why run came back.
type stop uint8

const (
	done stop = iota
	needInput
	needOutput
)

const (
	// maxHeader is the most a block's header takes: 3 + 14 bits, 19 lengths of 3 bits, and
	// 320 lengths of at most 7 + 7 bits.
	maxHeader = (3+14+19*3+320*14)/8 + 1
	maxMatch  = 258
	// Distances that the fast loop leaves to the ends of input and output: it loads 8 bytes
	// twice and writes three pairs of literals and a match, up to 7 bytes past its end.
	fastIn  = 16
	fastOut = 6 + maxMatch + 8
	// maxDistance is how far back a match may begin.
	maxDistance = 32 << 10
)

func (d *decoder) reset(src []byte, eof bool) {
	d.src, d.bitState, d.eof = src, bitState{}, eof
	d.state, d.last, d.left = inHeader, false, 0
}

// run decodes into dst from n on, with dst[:n] as what came before, and returns how far it
// came. It asks for output when a symbol does not fit any more, and for input when less is
// left than the next step may take; never for input at the end of it.
func (d *decoder) run(dst []byte, n int) (int, stop, error) {
	for {
		switch d.state {
		case inHeader:
			if !d.eof && d.rest() < maxHeader {
				return n, needInput, nil
			}
			if err := d.header(); err != nil {
				return n, 0, err
			}
		case inStored:
			k := copy(dst[n:min(len(dst), n+d.left)], d.src[d.pos:])
			n, d.pos, d.left = n+k, d.pos+k, d.left-k
			switch {
			case d.left == 0:
				d.endBlock()
			case n == len(dst):
				return n, needOutput, nil
			case d.eof:
				return n, 0, ErrTruncated
			default:
				return n, needInput, nil
			}
		case inCodes:
			var err error
			if n, err = d.fast(dst, n); err != nil {
				return n, 0, err
			}
			if d.state != inCodes {
				continue
			}
			var why stop
			if n, why, err = d.careful(dst, n); err != nil || d.state == inCodes && why != done {
				return n, why, err
			}
		case atEnd:
			return n, done, nil
		}
	}
}

// rest is the number of whole bytes of input not yet used.
func (d *decoder) rest() int { return len(d.src) - d.pos + int(d.held/8) }

// unread gives the whole bytes in hold back to src, and drops the bits up to there.
func (d *decoder) unread() {
	d.pos -= int(d.held / 8)
	d.hold, d.held = 0, 0
}

// settle gives the whole bytes in hold back to src, and keeps the bits that are left.
func (d *decoder) settle() {
	d.pos -= int(d.held / 8)
	d.held &= 7
	d.hold &= 1<<d.held - 1
}

func (d *decoder) endBlock() {
	if d.state = inHeader; d.last {
		d.unread()
		d.state = atEnd
	}
}

// bits takes n bits, at most 16.
func (d *decoder) bits(n uint) (uint, error) {
	d.fill()
	if d.held < n {
		return 0, ErrTruncated
	}
	v := uint(d.hold & (1<<n - 1))
	d.drop(n)
	return v, nil
}

// fill takes input until there are more than 56 bits, or no more input.
func (d *decoder) fill() {
	for d.held <= 56 && d.pos < len(d.src) {
		d.hold |= uint64(d.src[d.pos]) << d.held
		d.pos++
		d.held += 8
	}
}

func (d *decoder) drop(n uint) {
	d.hold >>= n
	d.held -= n
}

// fast decodes symbols while there is plenty of input and output.
func (d *decoder) fast(dst []byte, n int) (int, error) {
	src, pos, hold, held := d.src, d.pos, d.hold, d.held
	lit, dist := &d.lit, &d.dist
	var err error
loop:
	for pos <= len(src)-fastIn && n <= len(dst)-fastOut {
		hold |= binary.LittleEndian.Uint64(src[pos:]) << (held & 63)
		pos += int((63 - held) >> 3)
		held |= 56
		e := lit[hold&(1<<litBits-1)]
		// Up to three pairs of literals with one refill; a pair is always stored whole.
		if e&kindMask <= kindTwo {
			binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
			n += int(e>>12) & 3
			hold >>= e & 63
			held -= uint(e & 0xff)
			e = lit[hold&(1<<litBits-1)]
			if e&kindMask <= kindTwo {
				binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
				n += int(e>>12) & 3
				hold >>= e & 63
				held -= uint(e & 0xff)
				e = lit[hold&(1<<litBits-1)]
				if e&kindMask <= kindTwo {
					binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
					n += int(e>>12) & 3
					hold >>= e & 63
					held -= uint(e & 0xff)
					continue
				}
			}
			hold |= binary.LittleEndian.Uint64(src[pos:]) << (held & 63)
			pos += int((63 - held) >> 3)
			held |= 56
		}
		if e&kindMask == kindSub {
			hold >>= litBits
			held -= litBits
			e = lit[uint(e>>16)+uint(hold)&(1<<(e>>8&15)-1)]
			if e&kindMask == kindOne {
				dst[n] = byte(e >> 16)
				n++
				hold >>= e & 63
				held -= uint(e & 0xff)
				continue
			}
		}
		switch e & kindMask {
		case kindMatch:
		case kindEnd:
			hold >>= e & 63
			held -= uint(e & 0xff)
			d.state = inHeader
			break loop
		default:
			err = ErrCorrupt
			break loop
		}
		length := int(e>>16) + int(hold&(1<<(e&63)-1)>>(e>>8&15))
		hold >>= e & 63
		held -= uint(e & 0xff)
		e = dist[hold&(1<<distBits-1)]
		if e&kindMask == kindSub {
			hold >>= distBits
			held -= distBits
			e = dist[uint(e>>16)+uint(hold)&(1<<(e>>8&15)-1)]
		}
		if e&kindMask != kindMatch {
			err = ErrCorrupt
			break
		}
		back := int(e>>16) + int(hold&(1<<(e&63)-1)>>(e>>8&15))
		hold >>= e & 63
		held -= uint(e & 0xff)
		if back > n {
			err = ErrCorrupt
			break
		}
		match(dst, n, back, length)
		n += length
	}
	// What fast loads past held is loaded again by the next fill.
	d.pos, d.hold, d.held = pos, hold&(1<<held-1), held
	if d.state == inHeader {
		d.endBlock()
	}
	return n, err
}

// match copies length bytes to dst[n:] from back bytes before. It may write 7 bytes more.
func match(dst []byte, n, back, length int) {
	switch {
	case back >= length && length > 32:
		copy(dst[n:], dst[n-back:n-back+length])
	case back >= 8:
		from, to := dst[n-back:], dst[n:]
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
		}
	default:
		// The bytes repeat with the period back, and so does a word of them.
		p := &periods[back&7]
		v := binary.LittleEndian.Uint64(dst[n-back:]) & p.mask * p.repeat
		to, i := dst[n:], 0
		if p.step == 8 { // long runs of one value, as of background
			for ; i <= length-32; i += 32 {
				q := (*[32]byte)(to[i:])
				binary.LittleEndian.PutUint64(q[0:], v)
				binary.LittleEndian.PutUint64(q[8:], v)
				binary.LittleEndian.PutUint64(q[16:], v)
				binary.LittleEndian.PutUint64(q[24:], v)
			}
		}
		for ; i < length; i += p.step {
			binary.LittleEndian.PutUint64(to[i:], v)
		}
	}
}

// periods makes a word that repeats its lowest bytes, one line for each number of them, and
// says how many of the word's bytes are whole periods.
var periods = [8]struct {
	mask, repeat uint64
	step         int
}{
	{0, 0, 8}, // no match is so close
	{1<<8 - 1, 0x0101010101010101, 8},
	{1<<16 - 1, 0x0001000100010001, 8},
	{1<<24 - 1, 0x0001000001000001, 6},
	{1<<32 - 1, 0x0000000100000001, 8},
	{1<<40 - 1, 0x0000010000000001, 5},
	{1<<48 - 1, 0x0001000000000001, 6},
	{1<<56 - 1, 0x0100000000000001, 7},
}

// careful decodes symbols one at a time, near the ends of input and output.
func (d *decoder) careful(dst []byte, n int) (int, stop, error) {
	for {
		if plenty := d.pos <= len(d.src)-fastIn; plenty && n <= len(dst)-fastOut {
			return n, done, nil
		} else if !plenty && !d.eof {
			return n, needInput, nil
		}
		before := d.bitState
		s, err := d.symbol()
		switch {
		case err != nil:
			return n, 0, err
		case s.length == 0:
			d.endBlock()
			return n, done, nil
		case s.length > len(dst)-n:
			d.bitState = before
			return n, needOutput, nil
		case s.back > n:
			return n, 0, ErrCorrupt
		case s.back == 0:
			dst[n] = byte(s.literals)
			if s.length == 2 {
				dst[n+1] = byte(s.literals >> 8)
			}
		default:
			for i := n; i < n+s.length; i++ {
				dst[i] = dst[i-s.back]
			}
		}
		n += s.length
	}
}

// symbol is one or two literals where back is 0, else a match; length 0 ends the block.
type symbol struct {
	length, back int
	literals     uint16
}

func (d *decoder) symbol() (s symbol, err error) {
	e, more, err := d.code(d.lit[:], litBits)
	if err != nil {
		return s, err
	}
	switch e & kindMask {
	case kindOne, kindTwo:
		return symbol{length: int(e >> 12 & 3), literals: uint16(e >> 16)}, nil
	case kindEnd:
		return s, nil
	}
	s.length = int(e>>16) + more
	if e, more, err = d.code(d.dist[:], distBits); err != nil {
		return s, err
	}
	s.back = int(e>>16) + more
	return s, nil
}

// code takes a code and its extra bits.
func (d *decoder) code(table []entry, index uint) (e entry, more int, err error) {
	d.fill()
	e = table[d.hold&(1<<index-1)]
	if e&kindMask == kindSub && d.held >= index {
		d.drop(index)
		e = table[uint(e>>16)+uint(d.hold)&(1<<(e>>8&15)-1)]
	}
	n := uint(e & 0xff)
	switch {
	case d.held < n || e&kindMask == kindSub:
		return e, 0, ErrTruncated
	case e&kindMask == kindBad:
		return e, 0, ErrCorrupt
	}
	more = int(d.hold & (1<<n - 1) >> (e >> 8 & 15))
	d.drop(n)
	return e, more, nil
}
