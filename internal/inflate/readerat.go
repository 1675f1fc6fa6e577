package inflate

import (
	"errors"
	"hash/crc32"
	"io"
	"sync"
)

const (
	// atBlock is what is decoded and kept as one.
	atBlock = 256 << 10
	// atBlocks is the number of blocks that are kept, those used last.
	atBlocks = 16
	// atPoints is how far points lie apart: reading backwards decodes this much at most, some
	// milliseconds, and the points of a gigabyte take 8 MiB.
	atPoints = 8 << 20
)

// ReaderAt reads a raw DEFLATE stream at any place in bounded memory: points to go on from are
// noted the first time that the stream is decoded, and the last few blocks of output are kept.
// Reading on and reading near by is as fast as decoding once. It is safe for concurrent use.
type ReaderAt struct {
	src    io.ReaderAt
	packed int64
	size   int64
	crc    uint32 // of the whole output

	mu     sync.Mutex
	r      *Reader
	at     int // block that r decodes next
	points []*Point
	blocks map[int][]byte
	recent []int // blocks kept, the one used last at the end
	front  int   // blocks before it were decoded in order
	sum    uint32
}

// NewReaderAt reads the stream in the first packed bytes of src, which decodes to size bytes
// with the CRC-32 crc. The checksum is checked when the stream has been decoded to its end.
func NewReaderAt(src io.ReaderAt, packed, size int64, crc uint32) *ReaderAt {
	return &ReaderAt{src: src, packed: packed, size: size, crc: crc, blocks: map[int][]byte{}}
}

// ReadAt implements io.ReaderAt.
func (a *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("inflate: negative offset")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for n < len(p) && off < a.size {
		b, err := a.block(int(off / atBlock))
		if err != nil {
			return n, err
		}
		k := copy(p[n:], b[off%atBlock:])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block is block i, decoded if need be.
func (a *ReaderAt) block(i int) ([]byte, error) {
	if b, ok := a.blocks[i]; ok {
		a.use(i)
		return b, nil
	}
	a.seek(i)
	for {
		k := a.at
		b, err := a.next()
		if err != nil {
			a.r = nil // in the middle of something
			return nil, err
		}
		if k == i {
			return b, nil
		}
	}
}

// seek sets r to where it decodes block i next, or one before it.
func (a *ReaderAt) seek(i int) {
	var from *Point
	for _, p := range a.points {
		if p.Out <= int64(i)*atBlock {
			from = p
		}
	}
	behind := a.r == nil || a.at > i
	if !behind && (from == nil || from.Out <= int64(a.at)*atBlock) {
		return
	}
	if a.r == nil {
		a.r = NewReader(nil)
	}
	if from == nil {
		a.r = NewReader(io.NewSectionReader(a.src, 0, a.packed))
		a.at = 0
		return
	}
	a.r.Resume(from, io.NewSectionReader(a.src, from.In, a.packed-from.In))
	a.at = int(from.Out / atBlock)
	// A point lies at the end of what was decoded, which need not be that of a block.
	if rest := from.Out % atBlock; rest > 0 {
		a.at++
		io.CopyN(io.Discard, a.r, atBlock-rest) // an error comes again with the next block
	}
}

// next decodes block a.at and keeps it.
func (a *ReaderAt) next() ([]byte, error) {
	i := a.at
	b, kept := a.blocks[i]
	if !kept {
		b = a.memory()[:min(atBlock, a.size-int64(i)*atBlock)]
	}
	if _, err := io.ReadFull(a.r, b); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = ErrTruncated
		}
		return nil, err
	}
	a.at++
	if err := a.check(i, b); err != nil {
		return nil, err
	}
	if a.use(i); !kept {
		a.blocks[i] = b
		a.recent = append(a.recent, i)
	}
	last := int64(0)
	if n := len(a.points); n > 0 {
		last = a.points[n-1].Out
	}
	if a.r.out-last >= atPoints {
		if p := a.r.Point(); p != nil {
			a.points = append(a.points, p)
		}
	}
	return b, nil
}

// check takes a block that comes next into the checksum, and checks that at the end.
func (a *ReaderAt) check(i int, b []byte) error {
	if i == a.front {
		a.front++
		a.sum = crc32.Update(a.sum, crc32.IEEETable, b)
	}
	if int64(i)*atBlock+int64(len(b)) < a.size {
		return nil
	}
	var more [1]byte
	switch n, err := io.ReadFull(a.r, more[:]); {
	case n > 0:
		return ErrTooLong
	case err != io.EOF:
		return err
	case a.sum != a.crc:
		return ErrChecksum
	}
	return nil
}

// use notes that block i was used last.
func (a *ReaderAt) use(i int) {
	for k, v := range a.recent {
		if v == i {
			a.recent = append(append(a.recent[:k], a.recent[k+1:]...), i)
			return
		}
	}
}

// memory is a block's memory: that of the one not used for longest once there are enough.
func (a *ReaderAt) memory() []byte {
	if len(a.recent) < atBlocks {
		return make([]byte, atBlock)
	}
	i := a.recent[0]
	a.recent = a.recent[1:]
	b := a.blocks[i]
	delete(a.blocks, i)
	return b[:cap(b)]
}
