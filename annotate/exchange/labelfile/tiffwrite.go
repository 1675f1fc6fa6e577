package labelfile

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/klauspost/compress/zlib"
)

// The file is little-endian, its strips are deflated, and its directories stand behind the
// elements (TIFF 6.0; BigTIFF where offsets may need more than 32 bits):
//
//	header | strips of page 0 | directory of page 0 | strips of page 1 | ...

// Tags, types and values of TIFF 6.0 that are written.
const (
	tagWidth         = 256
	tagLength        = 257
	tagBits          = 258
	tagCompression   = 259
	tagPhotometric   = 262
	tagDescription   = 270
	tagOffsets       = 273
	tagSamples       = 277
	tagRowsPerStrip  = 278
	tagByteCounts    = 279
	tagXResolution   = 282
	tagYResolution   = 283
	tagUnit          = 296
	tagSoftware      = 305
	tagSampleFormat  = 339
	typeASCII        = 2
	typeShort        = 3
	typeLong         = 4
	typeRational     = 5
	typeLong8        = 16
	adobeDeflate     = 8
	minIsBlack       = 1
	perCentimetre    = 3
	unsignedIntegers = 1
)

// stripBytes is about the size of a decoded strip.
const stripBytes = 1 << 20

// tiffWriter writes pages one after the other.
type tiffWriter struct {
	file  *os.File
	texts TIFF
	at    int64
	wide  bool  // BigTIFF
	link  int64 // where the offset of the next directory goes
}

// field is a directory entry whose value is laid out already.
type field struct {
	tag, kind uint16
	count     int
	value     []byte
}

func writeTIFF(ctx context.Context, path string, d *Drawing, texts TIFF) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	total := int64(d.RowBytes()) * int64(d.Canvas.Y) * int64(d.Canvas.Z)
	// Deflate makes nothing larger by more than a thousandth; a directory takes little.
	w := &tiffWriter{file: f, texts: texts, wide: total > math.MaxUint32/100*95}
	if err := w.header(); err != nil {
		return err
	}
	for z := range d.Canvas.Z {
		if err := w.page(ctx, d, z); err != nil {
			return err
		}
	}
	return nil
}

func (w *tiffWriter) header() error {
	w.at, w.link = 8, 4
	h := []byte("II\x2a\x00\x00\x00\x00\x00")
	if w.wide {
		w.at, w.link = 16, 8
		h = []byte("II\x2b\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	}
	_, err := w.file.WriteAt(h, 0)
	return err
}

// write appends, beginning at an even offset.
func (w *tiffWriter) write(b []byte) (at int64, err error) {
	w.at += w.at & 1
	at = w.at
	_, err = w.file.WriteAt(b, at)
	w.at += int64(len(b))
	return at, err
}

func (w *tiffWriter) page(ctx context.Context, d *Drawing, z int) error {
	rows := max(1, min(d.Canvas.Y, stripBytes/max(1, d.RowBytes())))
	var offsets, counts []uint64
	buf := make([]byte, rows*d.RowBytes())
	var packed bytes.Buffer
	for y := 0; y < d.Canvas.Y; y += rows {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(rows, d.Canvas.Y-y)
		for k := range n {
			d.Row(buf[k*d.RowBytes():][:d.RowBytes()], z, y+k)
		}
		packed.Reset()
		if err := deflate(&packed, buf[:n*d.RowBytes()]); err != nil {
			return err
		}
		at, err := w.write(packed.Bytes())
		if err != nil {
			return err
		}
		offsets, counts = append(offsets, uint64(at)), append(counts, uint64(packed.Len()))
	}
	return w.directory(w.fields(d, z, rows, offsets, counts))
}

func deflate(w io.Writer, data []byte) error {
	z, err := zlib.NewWriterLevel(w, zlib.BestSpeed)
	if err != nil {
		return err
	}
	_, err = z.Write(data)
	return errors.Join(err, z.Close())
}

// fields are the entries of a page's directory, by tag. The first page's description gives
// the shape in tifffile's way, for pages do not say what they are planes of.
func (w *tiffWriter) fields(d *Drawing, z, rows int, offsets, counts []uint64) []field {
	c := d.Canvas
	fields := []field{
		longs(tagWidth, uint32(c.X)), longs(tagLength, uint32(c.Y)),
		shorts(tagBits, uint16(8*d.DType.Size())), shorts(tagCompression, adobeDeflate),
		shorts(tagPhotometric, minIsBlack), w.offsets(tagOffsets, offsets), shorts(tagSamples, 1),
		longs(tagRowsPerStrip, uint32(rows)), w.offsets(tagByteCounts, counts),
		shorts(tagSampleFormat, unsignedIntegers),
	}
	if z == 0 {
		text := w.texts.Description
		if text == "" {
			shape, _ := json.Marshal(c.Shape()) // of integers, which always have one
			text = fmt.Sprintf("{\"shape\": %s, \"axes\": \"%s\"}", shape, c.Axes)
		}
		fields = append(fields, ascii(tagDescription, text))
		if w.texts.Software != "" {
			fields = append(fields, ascii(tagSoftware, w.texts.Software))
		}
	}
	if n := len(c.PixelSizeUM); n >= 2 {
		x, okX := perCM(c.PixelSizeUM[n-1])
		y, okY := perCM(c.PixelSizeUM[n-2])
		if okX && okY {
			fields = append(fields, field{tagXResolution, typeRational, 1, x}, field{tagYResolution, typeRational, 1, y}, shorts(tagUnit, perCentimetre))
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.tag, b.tag) })
	return fields
}

func ascii(tag uint16, text string) field {
	return field{tag, typeASCII, len(text) + 1, append([]byte(text), 0)}
}

// perCM is the pixels of a centimetre as a rational of two 32-bit numbers.
func perCM(micrometres float64) ([]byte, bool) {
	const denominator = 1000
	n := math.Round(10000 / micrometres * denominator)
	if !(n >= 1 && n <= math.MaxUint32) {
		return nil, false
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(n))
	return binary.LittleEndian.AppendUint32(b, denominator), true
}

func shorts(tag uint16, v ...uint16) field {
	f := field{tag: tag, kind: typeShort, count: len(v)}
	for _, n := range v {
		f.value = binary.LittleEndian.AppendUint16(f.value, n)
	}
	return f
}

func longs(tag uint16, v ...uint32) field {
	f := field{tag: tag, kind: typeLong, count: len(v)}
	for _, n := range v {
		f.value = binary.LittleEndian.AppendUint32(f.value, n)
	}
	return f
}

func (w *tiffWriter) offsets(tag uint16, v []uint64) field {
	f := field{tag: tag, kind: typeLong, count: len(v)}
	if w.wide {
		f.kind = typeLong8
	}
	for _, n := range v {
		if w.wide {
			f.value = binary.LittleEndian.AppendUint64(f.value, n)
		} else {
			f.value = binary.LittleEndian.AppendUint32(f.value, uint32(n))
		}
	}
	return f
}

// directory writes values that do not fit in their entries, then the entries, and links them.
func (w *tiffWriter) directory(fields []field) error {
	word := 4
	if w.wide {
		word = 8
	}
	le := binary.LittleEndian
	var b []byte
	if w.wide {
		b = le.AppendUint64(b, uint64(len(fields)))
	} else {
		b = le.AppendUint16(b, uint16(len(fields)))
	}
	for _, f := range fields {
		value := f.value
		if len(value) > word {
			at, err := w.write(value)
			if err != nil {
				return err
			}
			value = le.AppendUint64(nil, uint64(at))[:word]
		}
		b = le.AppendUint16(le.AppendUint16(b, f.tag), f.kind)
		b = append(b, le.AppendUint64(nil, uint64(f.count))[:word]...)
		b = append(b, value...)
		b = append(b, make([]byte, word-len(value))...)
	}
	b = append(b, make([]byte, word)...) // no directory follows, so far
	at, err := w.write(b)
	if err != nil {
		return err
	}
	if !w.wide && w.at > math.MaxUint32 {
		return errors.New("tif: the file outgrew 4 GiB")
	}
	_, err = w.file.WriteAt(le.AppendUint64(nil, uint64(at))[:word], w.link)
	w.link = w.at - int64(word)
	return err
}
