package chunkcodec

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/micropq/micropq/internal/blosc/shuffle"
)

// maxLevel is the highest level of the zstd program.
const maxLevel = 22

// Encoder encodes chunks. It works on the caller's goroutine alone, is not safe for
// concurrent use, and allocates nothing once it has met the largest chunk. Equal chunks give
// equal payloads, whatever was encoded before.
type Encoder struct {
	encoding Encoding
	z        *zstd.Encoder // nil for Raw
	planes   []byte
}

// NewEncoder makes an encoder. The level is one of the zstd program, 1 to 22, of which the
// nearest that the library has is taken; 0 is the fastest. In the noise of a low byte plane
// there are no matches for a higher level to find: on 12-bit images it is several times
// slower and saves at most 2% (docs/benchmarks.md).
func NewEncoder(e Encoding, level int) (*Encoder, error) {
	if _, err := Parse(string(e)); err != nil {
		return nil, err
	}
	if level < 0 || level > maxLevel {
		return nil, fmt.Errorf("zstd level %d: want 1 to %d, or 0 for the default", level, maxLevel)
	}
	if e == Raw {
		return &Encoder{encoding: e}, nil
	}
	speed := zstd.SpeedFastest
	if level > 0 {
		speed = zstd.EncoderLevelFromZstd(level)
	}
	z, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(speed),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false),
		zstd.WithZeroFrames(true),    // a chunk without elements is a frame, too
		zstd.WithSingleSegment(true), // small frames have their content size, too
		// Without matches, too, the bytes of a plane are far from equally frequent.
		zstd.WithAllLitEntropyCompression(true),
	)
	if err != nil {
		return nil, err
	}
	return &Encoder{encoding: e, z: z}, nil
}

// Encode writes the payload of src, elements of itemSize bytes, over dst and returns it. The
// payload lies in the memory of dst where that is large enough.
func (e *Encoder) Encode(dst, src []byte, itemSize int) ([]byte, error) {
	if err := checkItems(len(src), itemSize); err != nil {
		return dst, err
	}
	if e.encoding == Raw {
		return append(dst[:0], src...), nil
	}
	if e.encoding == ShuffleZstd && itemSize > 1 {
		e.planes = grow(e.planes, len(src))
		shuffle.Shuffle(e.planes, src, itemSize)
		src = e.planes
	}
	return e.z.EncodeAll(src, dst[:0]), nil
}
