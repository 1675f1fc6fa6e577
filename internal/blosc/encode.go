package blosc

import (
	"encoding/binary"
	"fmt"

	"github.com/micropq/micropq/internal/blosc/shuffle"
)

// Filter is what is done to the bytes of a block before they are compressed.
type Filter int

// The filters, by their numbers in c-blosc and numcodecs.
const (
	NoShuffle Filter = iota
	ByteShuffle
	BitShuffle
)

// Options says how Encode writes a frame. The zero value writes a stored frame of single
// bytes.
type Options struct {
	// Codec is "lz4", "lz4hc", "snappy", "zlib" or "zstd"; empty means "lz4".
	Codec string
	// Level is 0 (store) to 9 (smallest).
	Level int
	// Shuffle is the filter.
	Shuffle Filter
	// TypeSize is the number of bytes of an element, 1 to 255; 0 means 1.
	TypeSize int
	// BlockSize asks for blocks of about this many bytes; 0 leaves it to the level.
	BlockSize int
}

// Encode writes src as one frame into the memory of dst, from its start, and returns it;
// dst is replaced where its capacity does not suffice, and may be nil. The same src and
// options give the same bytes.
func Encode(dst, src []byte, o Options) ([]byte, error) {
	w, err := newWriter(o)
	if err != nil {
		return nil, err
	}
	if len(src) > maxDecoded {
		return nil, fmt.Errorf("%w: %d bytes, a frame holds at most %d", ErrUnsupported, len(src), maxDecoded)
	}
	h := w.header(len(src))
	if h.flags&flagStored == 0 {
		dst, err = w.blocks(append(dst[:0], make([]byte, headerLen+4*h.blocks())...), src, h)
		if err != nil {
			return nil, err
		}
		if len(dst) >= headerLen+len(src) {
			h.flags |= flagStored
		}
	}
	if h.flags&flagStored != 0 {
		dst = append(append(dst[:0], make([]byte, headerLen)...), src...)
	}
	dst[0], dst[1], dst[2], dst[3] = formatVersion, codecVersion, h.flags, byte(h.typeSize)
	binary.LittleEndian.PutUint32(dst[4:], uint32(h.decoded))
	binary.LittleEndian.PutUint32(dst[8:], uint32(h.blockSize))
	binary.LittleEndian.PutUint32(dst[12:], uint32(len(dst)))
	return dst, nil
}

// writer encodes the blocks of one frame.
type writer struct {
	Options
	compress compressor
	codec    codec
	filtered []byte
	planes   []byte
	stream   []byte
}

func newWriter(o Options) (*writer, error) {
	if o.Codec == "" {
		o.Codec = "lz4"
	}
	if o.TypeSize == 0 {
		o.TypeSize = 1
	}
	if o.Level < 0 || o.Level > 9 {
		return nil, fmt.Errorf("%w: level %d, not 0 to 9", ErrUnsupported, o.Level)
	}
	if o.Shuffle < NoShuffle || o.Shuffle > BitShuffle {
		return nil, fmt.Errorf("%w: shuffle %d, not 0 to 2", ErrUnsupported, o.Shuffle)
	}
	if o.TypeSize < 1 || o.TypeSize > maxTypeSize {
		return nil, fmt.Errorf("%w: type size %d, not 1 to %d", ErrUnsupported, o.TypeSize, maxTypeSize)
	}
	if o.BlockSize < 0 {
		return nil, fmt.Errorf("%w: block size %d", ErrUnsupported, o.BlockSize)
	}
	codec, compress, err := newCompressor(o.Codec, o.Level)
	return &writer{Options: o, codec: codec, compress: compress}, err
}

// header is the header of a frame of n bytes, but for what turns out while encoding.
func (w *writer) header(n int) header {
	h := header{typeSize: w.TypeSize, decoded: n, blockSize: w.blockSize(n), flags: byte(w.codec) << codecShift}
	switch w.Shuffle {
	case ByteShuffle:
		h.flags |= flagByteShuffle
	case BitShuffle:
		h.flags |= flagBitShuffle
	}
	// Streams of single byte positions help codecs without entropy coding; zstd does
	// better on whole blocks, and c-blosc never splits for it.
	if w.codec == codecZstd || h.streams(h.blockSize) != w.TypeSize {
		h.flags |= flagNotSplit
	}
	if w.Level == 0 || n < minStream {
		h.flags |= flagStored
	}
	return h
}

// autoBlock is the automatic block size at each level, in bytes.
var autoBlock = [10]int{8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 128 << 10, 256 << 10, 256 << 10, 256 << 10, 256 << 10}

// blockSize is the block size of a frame of n bytes: whole elements where it holds any.
func (w *writer) blockSize(n int) int {
	if n < w.TypeSize {
		return 1
	}
	size := w.BlockSize
	if size == 0 {
		size = autoBlock[w.Level]
	}
	size = min(max(size, minStream), n)
	if size > w.TypeSize {
		size -= size % w.TypeSize
	}
	return size
}

// blocks appends the blocks of src to dst and enters their starts in its table. It stops
// early once the frame is no smaller than a stored one.
func (w *writer) blocks(dst, src []byte, h header) ([]byte, error) {
	for i := range h.blocks() {
		if len(dst) >= headerLen+len(src) {
			return dst, nil
		}
		binary.LittleEndian.PutUint32(dst[headerLen+4*i:], uint32(len(dst)))
		block := w.filter(src[i*h.blockSize:min((i+1)*h.blockSize, len(src))], h)
		count := h.streams(len(block))
		n := len(block) / count
		for j := range count {
			var err error
			if dst, err = w.appendStream(dst, block[j*n:(j+1)*n]); err != nil {
				return nil, fmt.Errorf("blosc: block %d: %s: %w", i, w.Codec, err)
			}
		}
	}
	return dst, nil
}

func (w *writer) filter(block []byte, h header) []byte {
	filter := filterOf(h.flags, h.typeSize, len(block))
	if filter == NoShuffle {
		return block
	}
	if w.filtered == nil {
		w.filtered, w.planes = make([]byte, h.blockSize), make([]byte, h.blockSize)
	}
	if filter == ByteShuffle {
		shuffle.Shuffle(w.filtered, block, h.typeSize)
	} else {
		shuffle.BitShuffle(w.filtered, block, w.planes, h.typeSize)
	}
	return w.filtered[:len(block)]
}

// appendStream compresses plain and appends it with its size, or as it is where that is
// no longer.
func (w *writer) appendStream(dst, plain []byte) ([]byte, error) {
	var err error
	if w.stream, err = w.compress(w.stream[:0], plain); err != nil {
		return nil, err
	}
	stream := w.stream
	if len(stream) == 0 || len(stream) >= len(plain) {
		stream = plain
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(stream)))
	return append(dst, stream...), nil
}
