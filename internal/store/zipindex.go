package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
	"sync/atomic"
)

// A zip archive, as far as it is read here (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5):
//
//	local header, name, extra, data      one for each entry
//	...
//	central directory                    one header for each entry: name, sizes, CRC, place
//	zip64 end record, zip64 locator      only where a number needs more than 32 bits
//	end record, comment
//
// The directory is parsed here rather than by archive/zip because that package keeps the
// place of the local header to itself: with it a remote entry costs one request instead of
// two, and entries that overlap (the zip bombs that share data) are noticed.
const (
	localSig   = "PK\x03\x04"
	centralSig = "PK\x01\x02"
	endSig     = "PK\x05\x06"
	end64Sig   = "PK\x06\x06"
	loc64Sig   = "PK\x06\x07"

	localLen   = 30
	centralLen = 46
	endLen     = 22
	end64Len   = 56
	loc64Len   = 20

	zip64Extra = 0x0001

	// tailLen is where all end records lie, the longest comment included.
	tailLen = endLen + math.MaxUint16 + loc64Len + end64Len

	// maxDirectory bounds the central directory, in bytes: over ten million entries.
	maxDirectory = 1 << 30
)

// source is the bytes of an archive.
type source interface {
	// readAt fills p from off; an end before that is io.ErrUnexpectedEOF.
	readAt(ctx context.Context, p []byte, off int64) error
	size() int64
	io.Closer
}

// entry is one entry of the central directory, with offsets in the archive.
type entry struct {
	key          string // the cleaned name
	name         string // as the archive spells it
	header       int64  // the local header
	end          int64  // where the next header or the central directory begins
	packed, size int64
	crc          uint32
	method       uint16
	flags        uint16
	extra        uint16       // length of the extra field in the directory; the local one may differ
	data         atomic.Int64 // where the data begins; 0 until the local header was read
}

// directory is where the central directory lies.
type directory struct {
	records, size, pos int64
	base               int64 // what lies before the archive, as in a self-extracting one
}

// readIndex reads the entries of an archive, sorted by key.
func readIndex(ctx context.Context, src source) ([]*entry, error) {
	d, err := findDirectory(ctx, src)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, d.size)
	if err := src.readAt(ctx, raw, d.pos); err != nil {
		return nil, fmt.Errorf("central directory: %w", err)
	}
	entries, err := parseDirectory(raw, d)
	if err != nil {
		return nil, err
	}
	if err := place(entries, d.pos); err != nil {
		return nil, err
	}
	return sortByKey(entries)
}

// findDirectory reads the end records.
func findDirectory(ctx context.Context, src source) (directory, error) {
	tail := make([]byte, min(tailLen, src.size()))
	if err := src.readAt(ctx, tail, src.size()-int64(len(tail))); err != nil {
		return directory{}, fmt.Errorf("end record: %w", err)
	}
	at := findEnd(tail)
	if at < 0 {
		return directory{}, errors.New("no end-of-central-directory record: the archive is truncated, or not a zip")
	}
	end := tail[at:]
	le := binary.LittleEndian
	endPos := src.size() - int64(len(tail)) + int64(at)
	d := directory{
		records: int64(le.Uint16(end[10:])),
		size:    int64(le.Uint32(end[12:])),
		pos:     int64(le.Uint32(end[16:])),
	}
	disk, disks := uint32(le.Uint16(end[4:])), uint32(0)
	if at >= loc64Len && string(tail[at-loc64Len:][:4]) == loc64Sig {
		locator := tail[at-loc64Len : at]
		endPos, disks = int64(le.Uint64(locator[8:])), le.Uint32(locator[16:])
		record := make([]byte, end64Len)
		if endPos < 0 || endPos > src.size()-end64Len {
			return d, errors.New("the zip64 end record lies outside the archive")
		}
		if err := src.readAt(ctx, record, endPos); err != nil {
			return d, fmt.Errorf("zip64 end record: %w", err)
		}
		if string(record[:4]) != end64Sig {
			return d, fmt.Errorf("no zip64 end record at %d", endPos)
		}
		disk = le.Uint32(record[16:])
		d.records, d.size, d.pos = int64(le.Uint64(record[32:])), int64(le.Uint64(record[40:])), int64(le.Uint64(record[48:]))
	}
	if disks > 1 || disk != 0 && disk != math.MaxUint16 {
		return d, errors.New("the archive is one part of several; join them first")
	}
	return d, d.settle(endPos)
}

// findEnd is the place of the end record, whose comment must fit behind it, or -1.
func findEnd(tail []byte) int {
	for at := len(tail) - endLen; at >= 0; at-- {
		if tail[at] == endSig[0] && string(tail[at:][:4]) == endSig &&
			int(binary.LittleEndian.Uint16(tail[at+20:])) <= len(tail)-at-endLen {
			return at
		}
	}
	return -1
}

// settle checks the directory against the archive before anything is allocated for it, and
// moves it by what was put before the archive.
func (d *directory) settle(endPos int64) error {
	if d.pos < 0 || d.size < 0 || d.size > endPos || d.pos > endPos-d.size {
		return fmt.Errorf("the central directory (%d bytes at %d) overlaps its end record at %d", d.size, d.pos, endPos)
	}
	if d.size > maxDirectory {
		return fmt.Errorf("the central directory has %d bytes, more than the %d supported", d.size, maxDirectory)
	}
	if d.records < 0 || d.records > d.size/centralLen {
		return fmt.Errorf("%d entries do not fit into a central directory of %d bytes", d.records, d.size)
	}
	d.base = endPos - d.size - d.pos
	d.pos += d.base
	return nil
}

// parseDirectory parses the central directory.
func parseDirectory(raw []byte, d directory) ([]*entry, error) {
	entries := make([]*entry, 0, d.records)
	for i := range d.records {
		e, n, err := parseEntry(raw)
		if err != nil {
			if e != nil {
				return nil, &ArchiveError{Entry: e.name, Err: err}
			}
			return nil, fmt.Errorf("entry %d of %d: %w", i, d.records, err)
		}
		e.header += d.base
		entries = append(entries, e)
		raw = raw[n:]
	}
	return entries, nil
}

// parseEntry parses the first header of raw and returns its length.
func parseEntry(raw []byte) (*entry, int, error) {
	if len(raw) < centralLen || string(raw[:4]) != centralSig {
		return nil, 0, errors.New("the central directory is cut short or overwritten")
	}
	le := binary.LittleEndian
	name, extra, comment := int(le.Uint16(raw[28:])), int(le.Uint16(raw[30:])), int(le.Uint16(raw[32:]))
	n := centralLen + name + extra + comment
	if len(raw) < n {
		return nil, 0, errors.New("the central directory is cut short")
	}
	e := &entry{
		name:   string(raw[centralLen:][:name]),
		flags:  le.Uint16(raw[8:]),
		method: le.Uint16(raw[10:]),
		crc:    le.Uint32(raw[16:]),
		packed: int64(le.Uint32(raw[20:])),
		size:   int64(le.Uint32(raw[24:])),
		header: int64(le.Uint32(raw[42:])),
		extra:  uint16(extra),
	}
	if err := e.widen(raw[centralLen+name:][:extra]); err != nil {
		return e, 0, err
	}
	var err error
	e.key, err = entryKey(e.name)
	return e, n, err
}

// widen replaces the numbers that stand as 0xFFFFFFFF by those of the zip64 extra field,
// which holds only these, in this order.
func (e *entry) widen(extra []byte) error {
	var wide []byte
	for len(extra) >= 4 {
		n := int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			break // not a list of fields; some writers pad
		}
		if binary.LittleEndian.Uint16(extra) == zip64Extra {
			wide = extra[4:][:n]
			break
		}
		extra = extra[4+n:]
	}
	for _, field := range []*int64{&e.size, &e.packed, &e.header} {
		if *field != math.MaxUint32 {
			continue
		}
		if len(wide) < 8 {
			return errors.New("its zip64 field is missing or short")
		}
		*field = int64(binary.LittleEndian.Uint64(wide))
		if *field < 0 {
			return errors.New("its zip64 field holds a number over 2^63")
		}
		wide = wide[8:]
	}
	return nil
}

// entryKey is the key of an entry's name: "" for a folder. Names that mean a place outside
// of the archive on any system are refused.
func entryKey(name string) (string, error) {
	switch {
	case name == "" || strings.ContainsAny(name, "\\\x00"):
		return "", fmt.Errorf("%w: it is empty or holds a backslash or a NUL", ErrUnsafeName)
	case name[0] == '/' || len(name) > 1 && name[1] == ':':
		return "", fmt.Errorf("%w: it is absolute", ErrUnsafeName)
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", fmt.Errorf("%w: it climbs", ErrUnsafeName)
	case strings.HasSuffix(name, "/"):
		return "", nil
	}
	key := path.Clean(name)
	if key == "." {
		return "", fmt.Errorf("%w: it is the folder itself", ErrUnsafeName)
	}
	return key, nil
}

// place finds where each entry ends, and refuses entries that overlap.
func place(entries []*entry, directory int64) error {
	byPlace := slices.Clone(entries)
	slices.SortStableFunc(byPlace, func(a, b *entry) int { return cmp.Compare(a.header, b.header) })
	for i, e := range byPlace {
		e.end = directory
		if i+1 < len(byPlace) {
			e.end = byPlace[i+1].header
		}
		if room := e.end - e.header - localLen - int64(len(e.name)); e.header < 0 || room < 0 || e.packed > room {
			return &ArchiveError{Entry: e.name, Err: fmt.Errorf(
				"its %d bytes at %d overlap the next entry or the central directory at %d", e.packed, e.header, e.end)}
		}
	}
	return nil
}

// sortByKey drops folders and refuses a key that stands twice.
func sortByKey(entries []*entry) ([]*entry, error) {
	entries = slices.DeleteFunc(entries, func(e *entry) bool { return e.key == "" })
	slices.SortStableFunc(entries, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	for i := 1; i < len(entries); i++ {
		if entries[i].key == entries[i-1].key {
			return nil, &ArchiveError{Entry: entries[i].name, Err: ErrDuplicate}
		}
	}
	return entries, nil
}
