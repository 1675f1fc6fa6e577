package tiffio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/google/tiff"
	"github.com/google/tiff/bigtiff"
)

const (
	maxDirectories = 1 << 20
	// maxValues bounds the bytes of the values that all directories together may have: this
	// and a sixteenth of the file.
	maxValues = 64 << 20
	// readAhead is read at once where directories are: neighbouring tags and directories
	// then cost no further request.
	readAhead = 16 << 10
)

// An entry is one tag of a directory. Values that do not fit into it stay in the file until
// they are asked for.
type entry struct {
	tag, typ uint16
	count    uint64
	off      int64   // of the values in the file, 0 where they are inline
	inline   [8]byte // values that fit
}

// A directory is a table of tags.
type directory struct {
	off, next int64
	entries   map[uint16]entry
}

// parser reads directories.
type parser struct {
	r      io.ReaderAt
	size   int64
	order  binary.ByteOrder
	big    bool
	values int64 // bytes of values that may still be read
	ahead  []byte
	at     int64 // offset of ahead
}

// readHeader reads the first 8 or 16 bytes of a file and returns the first directory's offset.
func (p *parser) readHeader() (first int64, err error) {
	var b [16]byte
	n, err := p.r.ReadAt(b[:min(16, p.size)], 0)
	if err != nil && (err != io.EOF || int64(n) < min(16, p.size)) {
		return 0, err
	}
	switch string(b[:2]) {
	case "II":
		p.order = binary.LittleEndian
	case "MM":
		p.order = binary.BigEndian
	default:
		return 0, ErrNotTIFF
	}
	switch v := p.order.Uint16(b[2:]); {
	case v == tiff.Version && n >= 8:
		return int64(p.order.Uint32(b[4:])), nil
	case v == bigtiff.Version && n >= 16:
		if size, zero := p.order.Uint16(b[4:]), p.order.Uint16(b[6:]); size != 8 || zero != 0 {
			return 0, unsupported("BigTIFF with offsets of %d bytes", size)
		}
		p.big = true
		return p.offset(p.order.Uint64(b[8:]))
	case n < 8 || v == bigtiff.Version:
		return 0, corrupt("the file ends in its header")
	default:
		return 0, fmt.Errorf("%w: version %d", ErrNotTIFF, v)
	}
}

// offset checks that a place lies in the file.
func (p *parser) offset(v uint64) (int64, error) {
	if v > math.MaxInt64 || int64(v) > p.size {
		return 0, corrupt("offset %d lies behind the end of the file at %d", v, p.size)
	}
	return int64(v), nil
}

// bytes reads n bytes at off, with what follows them in the same read. They hold until the
// next call.
func (p *parser) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > p.size-n {
		return nil, corrupt("%d bytes at %d leave the file, which ends at %d", n, off, p.size)
	}
	if k := off - p.at; p.at >= 0 && k >= 0 && k <= int64(len(p.ahead))-n {
		return p.ahead[k : k+n], nil
	}
	p.ahead = resize(p.ahead, int(max(n, min(readAhead, p.size-off))))
	b := p.ahead
	p.at = -1 // nowhere, should the read fail
	if k, err := p.r.ReadAt(b, off); k < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	p.at = off
	return b[:n], nil
}

// directory reads the table at off and checks what its entries claim.
func (p *parser) directory(off int64) (*directory, error) {
	head, size, link := int64(2), int64(12), int64(4)
	if p.big {
		head, size, link = 8, 20, 8
	}
	b, err := p.bytes(off, head)
	if err != nil {
		return nil, err
	}
	n := uint64(p.order.Uint16(b))
	if p.big {
		n = p.order.Uint64(b)
	}
	switch {
	case n == 0:
		return nil, corrupt("the directory is empty")
	case n > math.MaxUint16:
		return nil, corrupt("the directory claims %d entries, at most %d can be told apart", n, math.MaxUint16)
	}
	if b, err = p.bytes(off+head, int64(n)*size+link); err != nil {
		return nil, err
	}
	d := &directory{off: off, entries: make(map[uint16]entry, n)}
	for i := range int64(n) {
		e, err := p.entry(b[i*size:][:size])
		if err != nil {
			return nil, err
		}
		if _, again := d.entries[e.tag]; !again && e.typ != 0 {
			d.entries[e.tag] = e
		}
	}
	next := uint64(p.order.Uint32(b[int64(n)*size:]))
	if p.big {
		next = p.order.Uint64(b[int64(n)*size:])
	}
	d.next, err = p.offset(next)
	return d, err
}

// entry reads the entry in b. One of an unknown type, which a reader must skip (TIFF 6.0,
// section 2), has type 0.
func (p *parser) entry(b []byte) (e entry, err error) {
	e.tag, e.typ = p.order.Uint16(b), p.order.Uint16(b[2:])
	size := uint64(typeSize(e.typ))
	if size == 0 {
		return entry{tag: e.tag}, nil
	}
	value := b[8:]
	if e.count = uint64(p.order.Uint32(b[4:])); p.big {
		e.count, value = p.order.Uint64(b[4:]), b[12:]
	}
	if e.count > math.MaxInt64/size || int64(e.count*size) > p.size {
		return e, corrupt("tag %s claims %d values, the file has %d bytes", tagName(e.tag), e.count, p.size)
	}
	n := e.count * size
	if n <= uint64(len(value)) {
		copy(e.inline[:], value)
		return e, nil
	}
	v := uint64(p.order.Uint32(value))
	if p.big {
		v = p.order.Uint64(value)
	}
	if v > math.MaxInt64 || int64(v) > p.size-int64(n) {
		return e, corrupt("the %d values of tag %s at %d leave the file, which ends at %d", e.count, tagName(e.tag), v, p.size)
	}
	e.off = int64(v)
	return e, nil
}

// raw gives the bytes of an entry's values, until the next call.
func (p *parser) raw(e entry) ([]byte, error) {
	n := int64(e.count) * int64(typeSize(e.typ))
	if n <= int64(len(e.inline)) && (p.big || n <= 4) {
		return e.inline[:n], nil
	}
	if p.values -= n; p.values < 0 {
		return nil, corrupt("the values of all tags take more than %d bytes", maxValues+p.size/16)
	}
	b, err := p.bytes(e.off, n)
	if err != nil {
		return nil, fmt.Errorf("tag %s: %w", tagName(e.tag), err)
	}
	return b, nil
}

// uints reads an entry of unsigned integers, nil where the directory has none.
func (p *parser) uints(d *directory, tag uint16) ([]uint64, error) {
	e, ok := d.entries[tag]
	if !ok {
		return nil, nil
	}
	b, err := p.raw(e)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, e.count)
	for i := range out {
		switch e.typ {
		case tByte, tUndefined:
			out[i] = uint64(b[i])
		case tShort:
			out[i] = uint64(p.order.Uint16(b[2*i:]))
		case tLong, tIFD:
			out[i] = uint64(p.order.Uint32(b[4*i:]))
		case tLong8, tIFD8:
			out[i] = p.order.Uint64(b[8*i:])
		case tSByte, tSShort, tSLong, tSLong8:
			v := p.signed(e.typ, b, i)
			if v < 0 {
				return nil, corrupt("tag %s is negative: %d", tagName(tag), v)
			}
			out[i] = uint64(v)
		default:
			return nil, corrupt("tag %s holds no integers but type %d", tagName(tag), e.typ)
		}
	}
	return out, nil
}

func (p *parser) signed(typ uint16, b []byte, i int) int64 {
	switch typ {
	case tSByte:
		return int64(int8(b[i]))
	case tSShort:
		return int64(int16(p.order.Uint16(b[2*i:])))
	case tSLong:
		return int64(int32(p.order.Uint32(b[4*i:])))
	}
	return int64(p.order.Uint64(b[8*i:]))
}

// uint reads the first value of an entry, or gives the default.
func (p *parser) uint(d *directory, tag uint16, otherwise uint64) (uint64, error) {
	v, err := p.uints(d, tag)
	switch {
	case err != nil:
		return 0, err
	case v == nil:
		return otherwise, nil
	case len(v) == 0:
		return 0, corrupt("tag %s has no value", tagName(tag))
	}
	return v[0], nil
}

// text reads an entry of characters up to the first NUL.
func (p *parser) text(d *directory, tag uint16) (string, error) {
	e, ok := d.entries[tag]
	if !ok {
		return "", nil
	}
	if e.typ != tASCII && e.typ != tByte && e.typ != tUndefined {
		return "", corrupt("tag %s holds no text but type %d", tagName(tag), e.typ)
	}
	b, err := p.raw(e)
	if err != nil {
		return "", err
	}
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return string(b), nil
}

// rational reads the first fraction of an entry; ok is false where there is none.
func (p *parser) rational(d *directory, tag uint16) (num, den uint64, ok bool, err error) {
	e, ok := d.entries[tag]
	if !ok || e.count == 0 {
		return 0, 0, false, nil
	}
	b, err := p.raw(e)
	if err != nil {
		return 0, 0, false, err
	}
	switch e.typ {
	case tRational:
		return uint64(p.order.Uint32(b)), uint64(p.order.Uint32(b[4:])), true, nil
	case tShort:
		return uint64(p.order.Uint16(b)), 1, true, nil
	case tLong:
		return uint64(p.order.Uint32(b)), 1, true, nil
	}
	return 0, 0, false, nil
}

// chain reads the directories from first on. A chain that comes back to a directory is an
// error: nobody can tell where the file was meant to end.
func (p *parser) chain(first int64) ([]*directory, error) {
	var all []*directory
	seen := map[int64]bool{}
	for off := first; off != 0; {
		switch {
		case seen[off]:
			return nil, &Error{Where: directoryAt(off), Err: corrupt("the chain of directories comes back to it")}
		case len(all) == maxDirectories:
			return nil, corrupt("there are more than %d directories", maxDirectories)
		}
		seen[off] = true
		d, err := p.directory(off)
		if err != nil {
			return nil, &Error{Where: directoryAt(off), Err: err}
		}
		all = append(all, d)
		off = d.next
	}
	if len(all) == 0 {
		return nil, corrupt("there is no directory")
	}
	return all, nil
}

func directoryAt(off int64) string { return fmt.Sprintf("directory at %d", off) }

// inFile names the file in an error.
func inFile(name string, err error) error {
	if e := (*Error)(nil); errors.As(err, &e) && e.File == "" {
		e.File = name
		return e
	}
	return &Error{File: name, Err: err}
}
