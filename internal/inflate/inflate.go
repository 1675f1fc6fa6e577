package inflate

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
)

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// Decode decodes a raw DEFLATE stream to at most limit bytes, in dst's memory where that
// suffices, and returns the output and what follows the stream in src.
func Decode(dst, src []byte, limit int) (out, rest []byte, err error) {
	return appendDecoded(dst[:0], src, limit)
}

// appendDecoded decodes behind what dst holds, which the stream cannot refer to. The output
// as a whole is at most limit bytes.
func appendDecoded(dst, src []byte, limit int) (out, rest []byte, err error) {
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	d.reset(src, true)
	defer func() { d.src = nil }()
	begin := len(dst)
	buf := dst[:max(begin, min(cap(dst), limit))]
	for n := 0; ; {
		var why stop
		n, why, err = d.run(buf[begin:], n)
		switch {
		case err != nil:
			return nil, nil, err
		case why == done:
			return buf[:begin+n], src[d.pos:], nil
		case len(buf) >= limit:
			return nil, nil, ErrTooLong
		}
		// Grow as the stream shows itself to be long: a limit is only a claim.
		grown := make([]byte, min(limit, max(2*len(buf), begin+4*len(src), 4<<10)))
		copy(grown, buf[:begin+n])
		buf = grown
	}
}

// Zlib decodes a zlib stream (RFC 1950) as Decode does, and checks its checksum.
func Zlib(dst, src []byte, limit int) (out, rest []byte, err error) {
	if len(src) < 2 {
		return nil, nil, ErrTruncated
	}
	if err := zlibHeader(src); err != nil {
		return nil, nil, err
	}
	if out, rest, err = Decode(dst, src[2:], limit); err != nil {
		return nil, nil, err
	}
	if len(rest) < 4 {
		return nil, nil, ErrTruncated
	}
	if adler(adlerStart, out) != binary.BigEndian.Uint32(rest) {
		return nil, nil, ErrChecksum
	}
	return out, rest[4:], nil
}

// zlibHeader checks the two bytes that a zlib stream begins with.
func zlibHeader(b []byte) error {
	head := binary.BigEndian.Uint16(b)
	const dictionary = 1 << 5
	if head>>8&15 != 8 || head%31 != 0 || head&dictionary != 0 {
		return ErrCorrupt
	}
	return nil
}

// Gzip decodes a gzip file (RFC 1952), all members of it, as Decode does, and checks their
// checksums and sizes.
func Gzip(dst, src []byte, limit int) (out []byte, err error) {
	for out = dst[:0]; ; {
		body, err := gzipBody(src)
		if err != nil {
			return nil, err
		}
		begin := len(out)
		if out, src, err = appendDecoded(out, body, limit); err != nil {
			return nil, err
		}
		if len(src) < 8 {
			return nil, ErrTruncated
		}
		member := out[begin:]
		if crc32.ChecksumIEEE(member) != binary.LittleEndian.Uint32(src) || uint32(len(member)) != binary.LittleEndian.Uint32(src[4:]) {
			return nil, ErrChecksum
		}
		if src = src[8:]; len(src) == 0 {
			return out, nil
		}
	}
}

// gzipBody skips the header of a member.
func gzipBody(src []byte) ([]byte, error) {
	const header, text, hcrc, extra, name, comment = 10, 1, 2, 4, 8, 16
	if len(src) < header {
		return nil, ErrTruncated
	}
	flags := src[3]
	if src[0] != 0x1f || src[1] != 0x8b || src[2] != 8 || flags >= 32 {
		return nil, ErrCorrupt
	}
	at := header
	if flags&extra != 0 {
		if len(src) < at+2 {
			return nil, ErrTruncated
		}
		at += 2 + int(binary.LittleEndian.Uint16(src[at:]))
	}
	for _, f := range []byte{name, comment} {
		if flags&f == 0 {
			continue
		}
		for at < len(src) && src[at] != 0 {
			at++
		}
		at++
	}
	if flags&hcrc != 0 {
		at += 2
	}
	if at > len(src) {
		return nil, ErrTruncated
	}
	if flags&hcrc != 0 && uint16(crc32.ChecksumIEEE(src[:at-2])) != binary.LittleEndian.Uint16(src[at-2:]) {
		return nil, ErrChecksum
	}
	return src[at:], nil
}
