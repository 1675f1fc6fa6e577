package blosc

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	headerLen     = 16
	formatVersion = 2
	codecVersion  = 1                         // of every inner codec's format to date
	maxFrame      = math.MaxInt32             // sizes are int32 in the format
	maxDecoded    = math.MaxInt32 - headerLen // BLOSC_MAX_BUFFERSIZE
	maxTypeSize   = 255
	maxSplit      = 16  // largest type size whose blocks are split
	minStream     = 128 // shortest stream a block is split into, and shortest block size
)

const (
	flagByteShuffle = 1 << iota
	flagStored
	flagBitShuffle
	flagReserved
	flagNotSplit
	codecShift = iota
)

// header is the checked header of a frame.
type header struct {
	flags     byte
	typeSize  int
	decoded   int
	blockSize int
}

// parseHeader checks everything in the header of frame that can be checked without
// decoding a block, whatever the frame decodes to.
func parseHeader(frame []byte) (header, error) {
	if len(frame) < headerLen {
		return header{}, fmt.Errorf("%w: %d bytes, the header alone has %d", ErrCorrupt, len(frame), headerLen)
	}
	if frame[0] != formatVersion {
		return header{}, fmt.Errorf("%w: format version %d at byte 0, only %d (c-blosc 1.x) is read",
			ErrUnsupported, frame[0], formatVersion)
	}
	h := header{
		flags:     frame[2],
		typeSize:  int(frame[3]),
		decoded:   int(int32(binary.LittleEndian.Uint32(frame[4:]))),
		blockSize: int(int32(binary.LittleEndian.Uint32(frame[8:]))),
	}
	size := int(int32(binary.LittleEndian.Uint32(frame[12:])))
	if size != len(frame) {
		return header{}, fmt.Errorf("%w: frame size %d at byte 12, the frame has %d bytes", ErrCorrupt, size, len(frame))
	}
	if h.decoded < 0 || h.decoded > maxDecoded {
		return header{}, fmt.Errorf("%w: decoded size %d at byte 4", ErrCorrupt, h.decoded)
	}
	if h.decoded == 0 {
		return h, nil
	}
	return h, h.check(frame)
}

// check checks the fields that matter only when there is something to decode.
func (h header) check(frame []byte) error {
	if h.flags&flagReserved != 0 || h.flags&flagByteShuffle != 0 && h.flags&flagBitShuffle != 0 {
		return fmt.Errorf("%w: flags %#02x at byte 2", ErrUnsupported, h.flags)
	}
	if h.typeSize == 0 {
		return fmt.Errorf("%w: type size 0 at byte 3", ErrCorrupt)
	}
	if h.blockSize < 1 || h.blockSize > h.decoded {
		return fmt.Errorf("%w: block size %d at byte 8, decoded size is %d", ErrCorrupt, h.blockSize, h.decoded)
	}
	if h.flags&flagStored != 0 {
		if len(frame) != headerLen+h.decoded {
			return fmt.Errorf("%w: stored frame of %d bytes, its decoded size %d needs %d",
				ErrCorrupt, len(frame), h.decoded, headerLen+h.decoded)
		}
		return nil
	}
	if h.codec() >= numCodecs {
		return fmt.Errorf("%w: inner codec id %d at byte 2", ErrUnsupported, h.codec())
	}
	if frame[1] != codecVersion {
		return fmt.Errorf("%w: version %d of the %s format at byte 1", ErrUnsupported, frame[1], h.codec())
	}
	if h.blocks() > (len(frame)-headerLen)/4 {
		return fmt.Errorf("%w: %d blocks do not fit in %d bytes", ErrCorrupt, h.blocks(), len(frame))
	}
	return nil
}

func (h header) codec() codec { return codec(h.flags >> codecShift) }

func (h header) blocks() int { return (h.decoded + h.blockSize - 1) / h.blockSize }

// streams is the number of streams that a block of n bytes is cut into.
func (h header) streams(n int) int {
	if h.flags&flagNotSplit != 0 || n != h.blockSize || h.typeSize > maxSplit || n/h.typeSize < minStream {
		return 1
	}
	return h.typeSize
}
