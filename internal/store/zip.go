package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

const (
	methodStored  = 0
	methodDeflate = 8
	flagEncrypted = 1

	// maxRatio is the most that deflate can expand: 258 bytes for two bits (RFC 1951).
	maxRatio = 1032

	// maxInflated bounds the entry that is inflated for the sake of a part of it, in bytes.
	maxInflated = 1 << 30

	// localSlack is room for a local extra field that is longer than the directory's, as
	// zip64 sizes and time stamps make it.
	localSlack = 64
)

// methodNames are the methods met in the wild that are not read.
var methodNames = map[uint16]string{9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}

// archive is a zip archive read in place.
type archive struct {
	src     source
	name    string
	entries []*entry // sorted by key
	// together asks for a local header and the data behind it in one read: remotely a read
	// is a round trip, locally it would cost a copy.
	together bool
}

// openArchive reads the directory of the archive in src, and closes src if it fails.
func openArchive(ctx context.Context, src source, name string, together bool) (*archive, error) {
	entries, err := readIndex(ctx, src)
	if err != nil {
		src.Close()
		var bad *ArchiveError
		if !errors.As(err, &bad) {
			bad = &ArchiveError{Err: err}
		}
		bad.Archive = name
		return nil, bad
	}
	return &archive{src: src, name: name, entries: entries, together: together}, nil
}

func (z *archive) String() string { return z.name }

func (z *archive) Close() error { return z.src.Close() }

// find is the entry of a key.
func (z *archive) find(ctx context.Context, key string) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("%s: %w", z.name, err)
	}
	i, ok := slices.BinarySearchFunc(z.entries, key, func(e *entry, key string) int { return strings.Compare(e.key, key) })
	if !ok {
		return nil, fmt.Errorf("%s/%s: %w", z.name, key, ErrNotExist)
	}
	return z.entries[i], nil
}

func (e *entry) info() Info { return Info{Key: e.key, Size: e.size, Stored: e.packed} }

func (z *archive) Stat(ctx context.Context, key string) (Info, error) {
	e, err := z.find(ctx, key)
	if err != nil {
		return Info{}, err
	}
	return e.info(), nil
}

func (z *archive) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkPrefix(prefix); err != nil {
		return nil, fmt.Errorf("%s: %w", z.name, err)
	}
	from, _ := slices.BinarySearchFunc(z.entries, prefix, func(e *entry, key string) int { return strings.Compare(e.key, key) })
	var found []Info
	for _, e := range z.entries[from:] {
		if !strings.HasPrefix(e.key, prefix) {
			break
		}
		found = append(found, e.info())
	}
	return found, nil
}

func (z *archive) Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error) {
	e, err := z.find(ctx, key)
	if err != nil {
		return dst, err
	}
	if err := checkLimit(key, e.size, limit); err != nil {
		return dst, fmt.Errorf("%s: %w", z.name, err)
	}
	if err := e.readable(); err != nil {
		return dst, z.wrap(e, err)
	}
	all, err := z.decode(ctx, e, dst)
	if err != nil {
		return dst, z.wrap(e, err)
	}
	if got := crc32.ChecksumIEEE(all[len(dst):]); got != e.crc {
		return dst, &ChecksumError{Archive: z.name, Key: key, Want: e.crc, Got: got}
	}
	return all, nil
}

// GetRange reads only the range of a stored entry. A deflated entry has no places to begin
// at: it is inflated as a whole, and checked as one.
func (z *archive) GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error) {
	e, err := z.find(ctx, key)
	if err != nil {
		return dst, err
	}
	if err := checkRange(key, off, n, e.size); err != nil {
		return dst, fmt.Errorf("%s: %w", z.name, err)
	}
	if err := e.readable(); err != nil {
		return dst, z.wrap(e, err)
	}
	if e.method == methodDeflate {
		whole := borrow()
		defer giveBack(whole)
		if *whole, err = z.Get(ctx, key, (*whole)[:0], maxInflated); err != nil {
			return dst, err
		}
		return append(dst, (*whole)[off:off+n]...), nil
	}
	if err := z.resolve(ctx, e); err != nil {
		return dst, z.wrap(e, err)
	}
	all, added := extend(dst, n)
	if err := z.src.readAt(ctx, added, e.data.Load()+off); err != nil {
		return dst, z.wrap(e, err)
	}
	return all, nil
}

func (z *archive) openReader(ctx context.Context, key string) (Reader, int64, error) {
	e, err := z.find(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	if err := e.readable(); err != nil {
		return nil, 0, z.wrap(e, err)
	}
	if e.method == methodStored {
		return &rangeReader{ctx: ctx, store: z, key: key, size: e.size}, e.size, nil
	}
	if e.size > maxHeld {
		r, err := z.openDeflated(ctx, e)
		if err != nil {
			return nil, 0, z.wrap(e, err)
		}
		return r, e.size, nil
	}
	whole, err := z.Get(ctx, key, nil, maxHeld)
	if err != nil {
		return nil, 0, err
	}
	return memoryReader{bytes.NewReader(whole)}, e.size, nil
}

func (z *archive) wrap(e *entry, err error) error {
	return &ArchiveError{Archive: z.name, Entry: e.name, Err: err}
}

// readable refuses what cannot be read, and sizes that cannot be true, before anything is
// allocated.
func (e *entry) readable() error {
	switch {
	case e.flags&flagEncrypted != 0:
		return fmt.Errorf("%w: it is encrypted (method %d); decrypt the archive first", ErrUnsupported, e.method)
	case e.method == methodStored && e.packed != e.size:
		return fmt.Errorf("it is stored in %d bytes but says it has %d", e.packed, e.size)
	case e.method == methodDeflate && e.size/maxRatio > e.packed:
		return fmt.Errorf("its %d bytes cannot inflate to the %d it says it has", e.packed, e.size)
	case e.method != methodStored && e.method != methodDeflate:
		return fmt.Errorf("%w compression method %d (%s); pack the archive with stored or deflated entries",
			ErrUnsupported, e.method, methodNames[e.method])
	}
	return nil
}

// decode appends the entry's bytes to dst.
func (z *archive) decode(ctx context.Context, e *entry, dst []byte) ([]byte, error) {
	if e.method == methodStored {
		return z.raw(ctx, e, dst)
	}
	packed := borrow()
	defer giveBack(packed)
	var err error
	if *packed, err = z.raw(ctx, e, (*packed)[:0]); err != nil {
		return dst, err
	}
	all, added := extend(dst, e.size)
	return all, unpack(added, *packed)
}

// raw appends the entry's bytes as they lie in the archive to dst.
func (z *archive) raw(ctx context.Context, e *entry, dst []byte) ([]byte, error) {
	if z.together && e.data.Load() == 0 {
		return z.rawTogether(ctx, e, dst)
	}
	if err := z.resolve(ctx, e); err != nil {
		return dst, err
	}
	all, added := extend(dst, e.packed)
	return all, z.src.readAt(ctx, added, e.data.Load())
}

// rawTogether is raw with the local header in the same read. The header's extra field may be
// longer than was guessed; then what is missing is read after it.
func (z *archive) rawTogether(ctx context.Context, e *entry, dst []byte) ([]byte, error) {
	span := borrow()
	defer giveBack(span)
	n := min(e.end-e.header, localLen+int64(len(e.name))+int64(e.extra)+localSlack+e.packed)
	*span, _ = extend((*span)[:0], n)
	if err := z.src.readAt(ctx, *span, e.header); err != nil {
		return dst, err
	}
	if err := e.locate(*span); err != nil {
		return dst, err
	}
	all, added := extend(dst, e.packed)
	begin := min(e.data.Load()-e.header, n)
	have := copy(added, (*span)[begin:])
	if have == len(added) {
		return all, nil
	}
	return all, z.src.readAt(ctx, added[have:], e.data.Load()+int64(have))
}

// resolve finds where the entry's data begins, once.
func (z *archive) resolve(ctx context.Context, e *entry) error {
	if e.data.Load() != 0 {
		return nil
	}
	header := make([]byte, localLen+len(e.name))
	if err := z.src.readAt(ctx, header, e.header); err != nil {
		return err
	}
	return e.locate(header)
}

// locate finds the data behind a local header, of which the name must be there too.
func (e *entry) locate(header []byte) error {
	le := binary.LittleEndian
	if string(header[:4]) != localSig {
		return fmt.Errorf("no local header at %d: the archive is damaged", e.header)
	}
	name, extra := int(le.Uint16(header[26:])), int64(le.Uint16(header[28:]))
	if name != len(e.name) || string(header[localLen:][:name]) != e.name {
		return fmt.Errorf("the local header at %d belongs to another entry: the archive is damaged", e.header)
	}
	data := e.header + localLen + int64(name) + extra
	if data+e.packed > e.end {
		return fmt.Errorf("its %d bytes at %d overlap the next entry at %d", e.packed, data, e.end)
	}
	e.data.Store(data)
	return nil
}
