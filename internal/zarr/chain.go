package zarr

import (
	"encoding/json"
	"fmt"

	"github.com/micropq/micropq/schemas"
)

// chain undoes the codecs of a chunk.
type chain struct {
	size  int    // bytes of a decoded chunk
	limit int64  // bytes of an encoded one: exactly, or at most where open is true
	open  bool   // a codec compresses
	steps []step // in order of decoding
	last  int    // index of the last step that needs memory for its output, -1 where none does
}

// step undoes one codec.
type step struct {
	name string
	size int  // of the output: exactly, or at most where open is true
	open bool // the output is what a compressor made
	// ratio is the most bytes that one byte of input can become.
	ratio int
	// One of the two is set: a step either changes its input in place, and may cut it, or
	// decodes it to at most limit bytes, in dst's memory where that suffices.
	inPlace func(b []byte) ([]byte, error)
	decode  func(w *workspace, dst, src []byte, limit int) ([]byte, error)
}

// slack is what the formats' own headers may add, on top of ratios and limits.
const slack = 64 << 10

// workspace is the memory that decoding a chunk takes beside the chunk's own. It serves one
// chunk at a time.
type workspace struct {
	encoded []byte    // the object, or the range of it
	sample  []byte    // a copy of it, see Reader.sample
	scratch [2][]byte // between two steps, in turn
	inner   []byte    // a chunk of a shard that is decoded as a whole
	sub     *workspace
}

// below is the workspace for the chunks of a shard that w decodes.
func (w *workspace) below() *workspace {
	if w.sub == nil {
		w.sub = new(workspace)
	}
	return w.sub
}

// decode turns the bytes of an encoded chunk into those of its elements, little-endian: in
// dst's memory where that suffices or, where no step needs memory, in encoded's.
func (c *chain) decode(w *workspace, dst, encoded []byte) ([]byte, error) {
	if err := checkSize(len(encoded), int(c.limit), c.open); err != nil {
		return nil, err
	}
	data, turn := encoded, 0
	for i := range c.steps {
		s := &c.steps[i]
		var err error
		switch {
		case s.inPlace != nil:
			data, err = s.inPlace(data)
		case i == c.last:
			data, err = s.into(w, dst, data)
		default:
			if data, err = s.into(w, w.scratch[turn], data); err == nil {
				w.scratch[turn], turn = data, 1-turn
			}
		}
		if err == nil {
			err = checkSize(len(data), s.size, s.open)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return data, nil
}

// into decodes src with room for no more than it can become.
func (s *step) into(w *workspace, dst, src []byte) ([]byte, error) {
	limit := s.size
	if most := (len(src)+64)*s.ratio + slack; most < limit {
		if !s.open {
			return nil, fmt.Errorf("%w: %d bytes cannot become the %d of the shape", ErrTruncated, len(src), limit)
		}
		limit = most
	}
	return s.decode(w, dst, src, limit)
}

// checkSize compares n bytes with what they should be, exactly or at most.
func checkSize(n, want int, atMost bool) error {
	switch {
	case n > want:
		return fmt.Errorf("%w: %d bytes instead of %d", ErrTooLong, n, want)
	case n < want && !atMost:
		return fmt.Errorf("%w: %d bytes of %d", ErrTruncated, n, want)
	}
	return nil
}

// builder makes a chain of codecs that are given in order of encoding.
type builder struct {
	path  string        // of the array, for errors
	flat  bool          // v2: codecs see bytes, and filters read their own types into them
	item  int           // bytes of an element that shuffle takes unless told otherwise
	dtype schemas.DType // v3: of the elements after the codecs so far
	size  int64         // bytes after the codecs so far: exactly, or at most where open is true
	open  bool
	steps []step // in order of encoding
}

// maxStage bounds the bytes between two codecs, so that sizes do not overflow.
const maxStage = 1 << 40

// codecs by their numcodecs ids.
var codecs = map[string]func(b *builder, config json.RawMessage) error{
	"gzip":             compressor("gzip", deflateRatio, gunzip),
	"zlib":             compressor("zlib", deflateRatio, unzlib),
	"zstd":             compressor("zstd", zstdRatio, unzstd),
	"bz2":              compressor("bz2", bz2Ratio, unbz2),
	"lz4":              compressor("lz4", lz4Ratio, unlz4),
	"blosc":            compressor("blosc", zstdRatio, unblosc),
	"crc32c":           (*builder).crc32c,
	"shuffle":          (*builder).shuffle,
	"delta":            (*builder).delta,
	"fixedscaleoffset": (*builder).fixedScaleOffset,
	"packbits":         (*builder).packBits,
}

// filters are the codecs whose decoded side is an array; the others turn bytes to bytes.
var filters = map[string]bool{"delta": true, "fixedscaleoffset": true, "packbits": true}

// push adds a step whose encoded side has size bytes.
func (b *builder) push(s step, size int64, open bool) error {
	s.size, s.open = int(b.size), b.open
	b.steps = append(b.steps, s)
	b.size, b.open = size, open
	if size > maxStage {
		return b.unsupported("chunks of %d bytes", b.size)
	}
	return nil
}

// compressor adds a codec whose output can have any size.
func compressor(name string, ratio int, decode func(dst, src []byte, limit int) ([]byte, error)) func(*builder, json.RawMessage) error {
	undo := func(_ *workspace, dst, src []byte, limit int) ([]byte, error) { return decode(dst, src, limit) }
	return func(b *builder, _ json.RawMessage) error {
		return b.push(step{name: name, ratio: ratio, decode: undo}, 2*b.size+slack, true)
	}
}

// swap adds the byte order of elements of the given size.
func (b *builder) swap(size int) error {
	return b.push(step{name: "bytes", inPlace: func(p []byte) ([]byte, error) {
		swapBytes(p, size)
		return p, nil
	}}, b.size, b.open)
}

func (b *builder) unsupported(format string, args ...any) error {
	return &UnsupportedError{b.path, fmt.Sprintf(format, args...)}
}

// chain finishes the chain of a chunk of size bytes.
func (b *builder) chain(size int) *chain {
	c := &chain{size: size, limit: b.size, open: b.open, last: -1}
	for i := len(b.steps) - 1; i >= 0; i-- {
		if b.steps[i].decode != nil {
			c.last = len(c.steps)
		}
		c.steps = append(c.steps, b.steps[i])
	}
	return c
}
