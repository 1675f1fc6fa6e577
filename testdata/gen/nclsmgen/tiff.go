package nclsmgen

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/klauspost/compress/zlib"
)

// picture is a TIFF to write.
type picture struct {
	height, width int
	samples       int // a pixel: 1, or 3 for RGB
	bytes         int // a sample
	float         bool
	compression   string // none, deflate or lzw
	rowsPerStrip  int    // 0 for one strip
	ome           bool   // describe it as the published masks are described
	// row writes row y, little-endian.
	row func(y int, dst []byte)
}

// Tags and values of TIFF 6.0.
const (
	tagWidth           = 256
	tagLength          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagDescription     = 270
	tagStripOffsets    = 273
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagXResolution     = 282
	tagYResolution     = 283
	tagResolutionUnit  = 296
	tagSampleFormat    = 339

	typeASCII    = 2
	typeShort    = 3
	typeLong     = 4
	typeRational = 5
)

var compressions = map[string]uint32{"none": 1, "lzw": 5, "deflate": 8}

// write writes the file: strips first, then the directory.
func (p *picture) write(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := &counter{w: bufio.NewWriterSize(f, 1<<20)}
	w.write([]byte("II*\x00\x00\x00\x00\x00"))
	var offsets, counts []uint32
	step := p.rowsPerStrip
	if step == 0 {
		step = p.height
	}
	for y := 0; y < p.height; y += step {
		start := w.n
		if err := p.strip(w, y, min(y+step, p.height)); err != nil {
			return err
		}
		offsets, counts = append(offsets, start), append(counts, w.n-start)
	}
	if w.n%2 == 1 {
		w.write([]byte{0})
	}
	at := w.n
	w.write(p.directory(at, step, offsets, counts))
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err == nil {
		_, w.err = f.WriteAt(binary.LittleEndian.AppendUint32(nil, at), 4)
	}
	return w.err
}

// counter counts what is written, up to the 4 GiB a classic TIFF may have.
type counter struct {
	w   *bufio.Writer
	n   uint32
	err error
}

func (c *counter) write(b []byte) {
	if c.err == nil && uint64(c.n)+uint64(len(b)) > 1<<32-1 {
		c.err = fmt.Errorf("the picture does not fit a TIFF of 4 GiB")
	}
	if c.err == nil {
		_, c.err = c.w.Write(b)
		c.n += uint32(len(b))
	}
}

func (c *counter) Write(b []byte) (int, error) {
	c.write(b)
	return len(b), c.err
}

// strip writes rows [lo, hi).
func (p *picture) strip(w *counter, lo, hi int) error {
	row := make([]byte, p.width*p.samples*p.bytes)
	switch p.compression {
	case "deflate":
		z := zlib.NewWriter(w)
		for y := lo; y < hi; y++ {
			p.row(y, row)
			if _, err := z.Write(row); err != nil {
				return err
			}
		}
		return z.Close()
	case "lzw":
		var data []byte
		for y := lo; y < hi; y++ {
			p.row(y, row)
			data = append(data, row...)
		}
		w.write(lzw(data))
	default:
		for y := lo; y < hi; y++ {
			p.row(y, row)
			w.write(row)
		}
	}
	return w.err
}

type entry struct {
	tag, kind uint16
	count     uint32
	data      []byte
}

// directory is the IFD and what it points to, to stand at an offset.
func (p *picture) directory(at uint32, rowsPerStrip int, offsets, counts []uint32) []byte {
	le := binary.LittleEndian
	short := func(tag uint16, vs ...uint16) entry {
		e := entry{tag: tag, kind: typeShort, count: uint32(len(vs))}
		for _, v := range vs {
			e.data = le.AppendUint16(e.data, v)
		}
		return e
	}
	long := func(tag uint16, vs ...uint32) entry {
		e := entry{tag: tag, kind: typeLong, count: uint32(len(vs))}
		for _, v := range vs {
			e.data = le.AppendUint32(e.data, v)
		}
		return e
	}
	each := func(v uint16) []uint16 {
		vs := make([]uint16, p.samples)
		for i := range vs {
			vs[i] = v
		}
		return vs
	}
	format, photometric := uint16(1), uint16(1)
	if p.float {
		format = 3
	}
	if p.samples == 3 {
		photometric = 2
	}
	es := []entry{
		long(tagWidth, uint32(p.width)), long(tagLength, uint32(p.height)),
		short(tagBitsPerSample, each(uint16(8*p.bytes))...),
		short(tagCompression, uint16(compressions[p.compression])), short(tagPhotometric, photometric),
	}
	if p.ome {
		text := append([]byte(p.description()), 0)
		es = append(es, entry{tagDescription, typeASCII, uint32(len(text)), text})
	}
	es = append(es, long(tagStripOffsets, offsets...), short(tagSamplesPerPixel, uint16(p.samples)),
		long(tagRowsPerStrip, uint32(rowsPerStrip)), long(tagStripByteCounts, counts...))
	if p.ome {
		// Infinity, as the writer of the published masks spells it.
		broken := le.AppendUint32(le.AppendUint32(nil, 1<<32-1), 0)
		es = append(es, entry{tagXResolution, typeRational, 1, broken}, entry{tagYResolution, typeRational, 1, broken}, short(tagResolutionUnit, 3))
	}
	es = append(es, short(tagSampleFormat, each(format)...))
	return encode(at, es)
}

func encode(at uint32, es []entry) []byte {
	le := binary.LittleEndian
	head := le.AppendUint16(nil, uint16(len(es)))
	var tail []byte
	start := at + uint32(2+12*len(es)+4)
	for _, e := range es {
		head = le.AppendUint32(le.AppendUint16(le.AppendUint16(head, e.tag), e.kind), e.count)
		if len(e.data) <= 4 {
			head = append(head, append(bytes.Clone(e.data), make([]byte, 4-len(e.data))...)...)
			continue
		}
		head = le.AppendUint32(head, start+uint32(len(tail)))
		tail = append(tail, e.data...)
		if len(tail)%2 == 1 {
			tail = append(tail, 0)
		}
	}
	return append(append(head, 0, 0, 0, 0), tail...)
}

// description is OME-XML with the flaws of the published masks: it claims a second channel,
// TheC is past the last of them, and the physical size is 0.
func (p *picture) description() string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">`+
		`<Image ID="Image:0" Name="mask"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint%d" SizeX="%d" SizeY="%d" SizeC="1" SizeZ="1" SizeT="1" `+
		`PhysicalSizeX="0.0" PhysicalSizeY="0.0"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>`+
		`<TiffData IFD="0" FirstC="0" FirstZ="0" FirstT="0" PlaneCount="1"/><Plane TheC="1" TheZ="0" TheT="0"/></Pixels></Image></OME>`,
		8*p.bytes, p.width, p.height)
}
