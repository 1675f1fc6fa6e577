package store

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/semaphore"

	"github.com/micropq/micropq/internal/inflate"
)

const (
	// maxHeld is the largest deflated entry that a Reader holds in memory, in bytes.
	maxHeld = 4 << 20
	// remoteAhead is what is fetched of a remote entry at once while it is read on.
	remoteAhead = 1 << 20
)

// deflated reads a large deflated entry at any place without holding it.
type deflated struct {
	at   *inflate.ReaderAt
	src  *packedEntry
	turn *semaphore.Weighted // it reads for one caller at a time
	z    *archive
	e    *entry
}

func (z *archive) openDeflated(ctx context.Context, e *entry) (Reader, error) {
	if err := z.resolve(ctx, e); err != nil {
		return nil, err
	}
	src := &packedEntry{opened: ctx, z: z, e: e}
	return &deflated{inflate.NewReaderAt(src, e.packed, e.size, e.crc), src, semaphore.NewWeighted(1), z, e}, nil
}

func (d *deflated) ReadAt(p []byte, off int64) (int, error) {
	return d.ReadAtContext(d.src.opened, p, off)
}

func (d *deflated) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, &RangeError{Key: d.e.key, Off: off, N: int64(len(p)), Size: d.e.size}
	}
	if err := d.turn.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	defer d.turn.Release(1)
	var stop func()
	d.src.ctx, stop = either(ctx, d.src.opened)
	defer stop()
	n, err := d.at.ReadAt(p, off)
	if err != nil && err != io.EOF {
		if errors.Is(err, inflate.ErrTruncated) || errors.Is(err, inflate.ErrTooLong) || errors.Is(err, inflate.ErrCorrupt) || errors.Is(err, inflate.ErrChecksum) {
			err = &ArchiveError{Archive: d.z.name, Entry: d.e.name, Err: err}
		}
		return n, err
	}
	return n, err
}

func (d *deflated) Close() error { return nil }

// packedEntry is an entry's bytes as they lie in the archive, for one reader that mostly reads
// on.
type packedEntry struct {
	opened context.Context // of the reader
	ctx    context.Context // of the read under way
	z      *archive
	e      *entry
	ahead  []byte
	at     int64 // of ahead in the entry
}

func (s *packedEntry) ReadAt(p []byte, off int64) (int, error) {
	return readWithin(p, off, s.e.key, s.e.packed, func(p []byte) error {
		if !s.z.together { // local: nothing is gained by reading ahead
			return s.z.src.readAt(s.ctx, p, s.e.data.Load()+off)
		}
		for len(p) > 0 {
			if k := off - s.at; k < 0 || k >= int64(len(s.ahead)) {
				if err := s.fetch(off); err != nil {
					return err
				}
			}
			n := copy(p, s.ahead[off-s.at:])
			p, off = p[n:], off+int64(n)
		}
		return nil
	})
}

func (s *packedEntry) fetch(off int64) error {
	s.ahead, _ = extend(s.ahead[:0], min(remoteAhead, s.e.packed-off))
	s.at = off
	if err := s.z.src.readAt(s.ctx, s.ahead, s.e.data.Load()+off); err != nil {
		s.ahead = s.ahead[:0]
		return err
	}
	return nil
}
