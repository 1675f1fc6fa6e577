package picture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/micropq/micropq/internal/inflate"
)

// PNGFile is the header of a PNG file (PNG 3rd edition), which can be read row by row in memory
// that does not depend on its height. image/png can only decode a whole picture.
type PNGFile struct {
	Width, Height int
	Depth         int  // bits of a sample: 1, 2, 4, 8 or 16
	Samples       int  // of a pixel: 1 for grey and for the indices of a palette
	Palette       bool // samples are indices
	Interlaced    bool // rows do not follow each other: [PNGFile.Rows] refuses it

	r    io.ReaderAt
	size int64
}

// pngHeader is where IHDR ends: the magic, then length, name, 13 bytes and checksum.
const pngHeader = 33

// pngSamples are the samples of a pixel by colour type.
var pngSamples = map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

// OpenPNG reads the header of a PNG file of size bytes.
func OpenPNG(r io.ReaderAt, size int64) (*PNGFile, error) {
	var b [pngHeader]byte
	if _, err := r.ReadAt(b[:], 0); err != nil && !(errors.Is(err, io.EOF) && size >= pngHeader) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, damaged("PNG: %w", err)
	}
	be := binary.BigEndian
	if string(b[:8]) != pngMagic || be.Uint32(b[8:]) != 13 || string(b[12:16]) != "IHDR" {
		return nil, damaged("no PNG: it does not begin like one")
	}
	if crc32.ChecksumIEEE(b[12:29]) != be.Uint32(b[29:]) {
		return nil, damaged("PNG: checksum of IHDR")
	}
	w, h := be.Uint32(b[16:]), be.Uint32(b[20:])
	p := &PNGFile{Width: int(w), Height: int(h), Depth: int(b[24]), Samples: pngSamples[b[25]], Palette: b[25] == 3, Interlaced: b[28] != 0, r: r, size: size}
	grey, depth := b[25] == 0, b[24]
	valid := depth == 8 || depth == 16 && !p.Palette || (depth == 1 || depth == 2 || depth == 4) && (grey || p.Palette)
	if w == 0 || h == 0 || w >= 1<<31 || h >= 1<<31 || p.Samples == 0 || !valid || b[26] != 0 || b[27] != 0 || b[28] > 1 {
		return nil, damaged("PNG: a header of %d by %d pixels, depth %d, colour type %d, compression %d, filter %d, interlace %d", w, h, b[24], b[25], b[26], b[27], b[28])
	}
	return p, nil
}

// Bytes of a sample as rows give it.
func (p *PNGFile) Bytes() int { return max(1, p.Depth/8) }

// PNGRows reads the rows of a PNG from the first on.
type PNGRows struct {
	png   *PNGFile
	z     *inflate.Reader
	y     int
	line  []byte // filter and bytes of a row as they are packed
	above []byte // bytes of the row before
	row   []byte
}

// Rows begins with the first row. onObject, which may be nil, is told of the bytes of every
// chunk of image data as it is read.
func (p *PNGFile) Rows(onObject func(off int64, encoded []byte)) (*PNGRows, error) {
	if p.Interlaced {
		return nil, errors.New("an interlaced PNG is not read: write it without interlacing")
	}
	stride := (int64(p.Width)*int64(p.Samples)*int64(p.Depth) + 7) / 8
	if stride > maxPNGRow {
		return nil, damaged("PNG: a row of %d bytes, at most %d are read", stride, maxPNGRow)
	}
	r := &PNGRows{png: p, line: make([]byte, stride+1), above: make([]byte, stride), row: make([]byte, stride)}
	r.z = inflate.NewZlibReader(&pngData{r: p.r, size: p.size, at: pngHeader, onObject: onObject})
	return r, nil
}

// maxPNGRow bounds a row in bytes.
const maxPNGRow = 1 << 28

// Y is the row that comes next.
func (r *PNGRows) Y() int { return r.y }

// Next reads a row to dst: Width pixels of Samples samples of one byte, or of two,
// little-endian. Samples of less than 8 bits keep their value.
func (r *PNGRows) Next(dst []byte) error {
	p := r.png
	if r.y == p.Height {
		return io.EOF
	}
	if _, err := io.ReadFull(r.z, r.line); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return damaged("PNG: row %d: %w", r.y, err)
	}
	pixel := max(1, p.Samples*p.Depth/8)
	if len(r.row) < pixel || !unfilter(r.line[0], r.row, r.line[1:], r.above, pixel) {
		return damaged("PNG: filter %d in row %d", r.line[0], r.y)
	}
	r.above, r.row = r.row, r.above
	switch {
	case p.Depth == 16:
		swapRow(dst, r.above)
	case p.Depth == 8:
		copy(dst, r.above)
	default:
		r.spread(dst[:p.Width])
	}
	if r.y++; r.y == p.Height {
		return r.end()
	}
	return nil
}

// end checks that nothing but the stream's checksum follows the last row.
func (r *PNGRows) end() error {
	n, err := r.z.Read(r.line[:1])
	if n > 0 {
		return damaged("PNG: there are more rows than the %d of its header", r.png.Height)
	}
	if err != io.EOF {
		return damaged("PNG: behind the last row: %w", err)
	}
	return nil
}

// spread gives every sample of less than 8 bits a byte; the first has the highest bits.
func (r *PNGRows) spread(dst []byte) {
	depth := r.png.Depth
	per, mask := 8/depth, byte(1<<depth-1)
	for x := range dst {
		dst[x] = r.above[x/per] >> (8 - depth*(x%per+1)) & mask
	}
}

// pngData is the image data of a PNG: what its IDAT chunks hold, one after the other. The
// checksum of each is checked when its end is read.
type pngData struct {
	r        io.ReaderAt
	size     int64
	at       int64 // of the next chunk's length
	left     int64 // bytes of this chunk yet to be read, from off
	off      int64
	sum      uint32
	begun    bool
	onObject func(off int64, encoded []byte)
}

// maxPNGChunk is the largest length that a chunk may have by the standard.
const maxPNGChunk = 1<<31 - 1

func (d *pngData) Read(b []byte) (int, error) {
	for d.left == 0 {
		if err := d.next(); err != nil {
			return 0, err
		}
	}
	b = b[:min(int64(len(b)), d.left)]
	n, err := d.r.ReadAt(b, d.off)
	if n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	d.sum = crc32.Update(d.sum, crc32.IEEETable, b)
	if d.onObject != nil {
		d.onObject(d.off, b)
	}
	d.off, d.left = d.off+int64(n), d.left-int64(n)
	if d.left == 0 {
		return n, d.check()
	}
	return n, nil
}

// check compares the checksum behind a chunk that was read to its end.
func (d *pngData) check() error {
	var b [4]byte
	if _, err := d.r.ReadAt(b[:], d.off); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if binary.BigEndian.Uint32(b[:]) != d.sum {
		return fmt.Errorf("checksum of IDAT at byte %d", d.at)
	}
	d.at = d.off + 4
	return nil
}

// next finds the next IDAT chunk. They follow each other, so what comes behind the first of
// them is their end.
func (d *pngData) next() error {
	for {
		var b [8]byte
		if d.at > d.size-12 {
			return fmt.Errorf("cut off at byte %d: %w", d.at, io.ErrUnexpectedEOF)
		}
		if _, err := d.r.ReadAt(b[:], d.at); err != nil {
			return err
		}
		n, kind := int64(binary.BigEndian.Uint32(b[:])), string(b[4:])
		if n > maxPNGChunk || n > d.size-d.at-12 {
			return fmt.Errorf("a chunk of %d bytes at byte %d of %d", n, d.at, d.size)
		}
		switch {
		case kind == "IDAT":
			d.begun, d.off, d.left = true, d.at+8, n
			d.sum = crc32.Update(0, crc32.IEEETable, b[4:])
			if n == 0 {
				if err := d.check(); err != nil {
					return err
				}
				continue
			}
			return nil
		case kind == "IEND" || d.begun:
			return io.EOF
		}
		d.at += 12 + n
	}
}
