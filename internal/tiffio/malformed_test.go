package tiffio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// builder writes TIFF files that no writer writes.
type builder struct {
	order binary.AppendByteOrder
	big   bool
	b     []byte
}

type field struct {
	tag, typ uint16
	count    uint64 // 0: the number of values
	values   []uint64
}

func newBuilder(big bool) *builder {
	t := &builder{order: binary.LittleEndian, big: big}
	if big {
		t.b = append(t.b, "II\x2b\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	} else {
		t.b = append(t.b, "II\x2a\x00\x00\x00\x00\x00"...)
	}
	return t
}

// data appends bytes and returns where they are.
func (t *builder) data(b ...byte) uint64 {
	at := len(t.b)
	t.b = append(t.b, b...)
	return uint64(at)
}

func (t *builder) word(v uint64) {
	if t.big {
		t.b = t.order.AppendUint64(t.b, v)
	} else {
		t.b = t.order.AppendUint32(t.b, uint32(v))
	}
}

// directory appends a directory that goes on at next and returns where it is. Values that do
// not fit their entry lie behind it.
func (t *builder) directory(next uint64, fields ...field) uint64 {
	slices.SortStableFunc(fields, func(a, b field) int { return int(a.tag) - int(b.tag) })
	at := uint64(len(t.b))
	head, size, word := uint64(2), uint64(12), uint64(4)
	if t.big {
		head, size, word = 8, 20, 8
		t.b = t.order.AppendUint64(t.b, uint64(len(fields)))
	} else {
		t.b = t.order.AppendUint16(t.b, uint16(len(fields)))
	}
	values := at + head + size*uint64(len(fields)) + word
	var behind []byte
	for _, f := range fields {
		t.b = t.order.AppendUint16(t.b, f.tag)
		t.b = t.order.AppendUint16(t.b, f.typ)
		n := f.count
		if n == 0 {
			n = uint64(len(f.values))
		}
		t.word(n)
		var v []byte
		for _, x := range f.values {
			switch typeSize(f.typ) {
			case 1:
				v = append(v, byte(x))
			case 2:
				v = t.order.AppendUint16(v, uint16(x))
			case 4:
				v = t.order.AppendUint32(v, uint32(x))
			default:
				v = t.order.AppendUint64(v, x)
			}
		}
		if uint64(len(v)) > word {
			t.word(values + uint64(len(behind)))
			behind = append(behind, v...)
			continue
		}
		t.b = append(t.b, append(v, make([]byte, word-uint64(len(v)))...)...)
	}
	t.word(next)
	t.b = append(t.b, behind...)
	return at
}

// first makes the header point to a directory.
func (t *builder) first(at uint64) []byte {
	if t.big {
		binary.LittleEndian.PutUint64(t.b[8:], at)
	} else {
		binary.LittleEndian.PutUint32(t.b[4:], uint32(at))
	}
	return t.b
}

func longs(tag uint16, v ...uint64) field { return field{tag: tag, typ: tLong, values: v} }

// grey are the fields of a grey image in one strip; more replace those of the same tag.
func grey(w, h, at, n uint64, more ...field) []field {
	fields := []field{longs(tagImageWidth, w), longs(tagImageLength, h), longs(tagBitsPerSample, 8), longs(tagPhotometric, 1),
		longs(tagStripOffsets, at), longs(tagRowsPerStrip, h), longs(tagStripByteCounts, n)}
	for _, m := range more {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.tag == m.tag }); i >= 0 {
			fields = slices.Delete(fields, i, i+1)
		}
		if m.typ != 0 { // else only to delete
			fields = append(fields, m)
		}
	}
	return fields
}

func without(tag uint16) field { return field{tag: tag} }

func deflated(n int) []byte { return deflatedBytes(make([]byte, n)) }

func deflatedBytes(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// one is a file of one directory.
func one(big bool, data []byte, fields func(at uint64) []field) []byte {
	t := newBuilder(big)
	at := t.data(data...)
	return t.first(t.directory(0, fields(at)...))
}

// malformed are files that contradict themselves, by name.
func malformed() map[string][]byte {
	files := map[string][]byte{
		"empty":             {},
		"short":             []byte("II\x2a\x00"),
		"not-tiff":          []byte("\x89PNG\r\n\x1a\n00000000"),
		"version":           []byte("II\x2c\x00\x08\x00\x00\x00"),
		"big-short":         []byte("II\x2b\x00\x08\x00\x00\x00"),
		"big-offsets":       []byte("II\x2b\x00\x10\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"),
		"no-directory":      newBuilder(false).b,
		"first-outside":     newBuilder(false).first(1 << 30),
		"big-first-outside": newBuilder(true).first(1 << 63),
	}
	px := make([]byte, 64)
	// plain is an image of 8 x 8 with some fields replaced.
	plain := func(name string, more ...field) {
		files[name] = one(false, px, func(at uint64) []field { return grey(8, 8, at, 64, more...) })
	}
	plain("no-width", without(tagImageWidth))
	plain("zero-width", longs(tagImageWidth, 0))
	plain("zero-height", longs(tagImageLength, 0))
	plain("huge", longs(tagImageWidth, 1<<32-1), longs(tagImageLength, 1<<32-1))
	plain("negative-width", field{tag: tagImageWidth, typ: tSLong, values: []uint64{1<<32 - 8}})
	plain("width-text", field{tag: tagImageWidth, typ: tASCII, values: []uint64{'8', 0}})
	plain("width-none", field{tag: tagImageWidth, typ: tLong, count: 0})
	plain("strip-outside", longs(tagStripOffsets, 1<<31))
	plain("strip-too-long", longs(tagStripByteCounts, 1<<31))
	plain("strip-header", longs(tagStripOffsets, 0))
	plain("strip-no-bytes", longs(tagStripByteCounts, 0))
	plain("strip-short", longs(tagStripByteCounts, 63))
	plain("strips-missing", longs(tagRowsPerStrip, 2))
	plain("strips-disagree", longs(tagRowsPerStrip, 4), longs(tagStripOffsets, 8, 40))
	plain("no-offsets", without(tagStripOffsets))
	plain("no-counts-packed", without(tagStripByteCounts), longs(tagCompression, uint64(LZW)), longs(tagRowsPerStrip, 4), longs(tagStripOffsets, 8, 40))
	plain("rows-zero", longs(tagRowsPerStrip, 0))
	plain("samples-zero", longs(tagSamplesPerPixel, 0))
	plain("samples-many", longs(tagSamplesPerPixel, 65535))
	plain("bits-zero", longs(tagBitsPerSample, 0))
	plain("planar", longs(tagPlanarConfig, 7))
	plain("fill-order", longs(tagFillOrder, 3))
	plain("compression", longs(tagCompression, 1<<20))
	plain("color-map", longs(tagPhotometric, 3), field{tag: tagColorMap, typ: tShort, values: []uint64{1, 2, 3}})
	plain("tile-zero", longs(tagTileWidth, 0), longs(tagTileLength, 16))
	plain("tiles-missing", longs(tagTileWidth, 16), longs(tagTileLength, 16), longs(tagTileOffsets, 8, 8), longs(tagTileByteCounts, 1, 1))
	plain("sparse-huge", longs(tagStripOffsets, 0), longs(tagStripByteCounts, 0), longs(tagImageWidth, 1<<20), longs(tagImageLength, 1<<20), longs(tagRowsPerStrip, 1<<20))
	plain("bomb-deflate", longs(tagCompression, uint64(Deflate)), longs(tagImageLength, 1<<31), longs(tagRowsPerStrip, 1<<31))
	plain("bomb-jpeg", longs(tagCompression, uint64(JPEG)), longs(tagImageLength, 1<<20), longs(tagRowsPerStrip, 1<<20))
	plain("claim", field{tag: tagStripOffsets, typ: tLong, count: 1 << 31, values: []uint64{8}})
	plain("description-outside", field{tag: tagDescription, typ: tASCII, count: 100, values: []uint64{1, 2, 3, 4}})
	files["claim-2-40"] = one(true, px, func(at uint64) []field {
		return grey(8, 8, at, 64, field{tag: tagStripOffsets, typ: tLong8, count: 1 << 40, values: []uint64{8}})
	})
	files["claim-2-63"] = one(true, px, func(at uint64) []field {
		return grey(8, 8, at, 64, field{tag: tagStripOffsets, typ: tLong8, count: 1 << 63, values: []uint64{8}})
	})
	files["negative-count"] = one(true, px, func(at uint64) []field {
		return grey(8, 8, at, 64, field{tag: tagStripByteCounts, typ: tSLong8, values: []uint64{1<<64 - 64}})
	})
	packed := func(name string, c Compression, data []byte, more ...field) {
		files[name] = one(false, data, func(at uint64) []field {
			return grey(8, 8, at, uint64(len(data)), append(more, longs(tagCompression, uint64(c)))...)
		})
	}
	packed("strip-inflates-short", AdobeDeflate, deflated(63))
	packed("strip-inflates-long", AdobeDeflate, deflated(1<<20))
	packed("strip-cut-off", AdobeDeflate, deflated(64)[:7])
	sum := deflated(64)
	packed("strip-checksum", AdobeDeflate, append(sum[:len(sum)-4], 1, 2, 3, 4))
	packed("strip-no-deflate", AdobeDeflate, []byte("\x78\x9c\xff\xff\xff\xff"))
	tile := deflated(256 + 1)
	packed("tile-inflates-long", AdobeDeflate, tile, longs(tagTileWidth, 16), longs(tagTileLength, 16), longs(tagTileOffsets, 8), longs(tagTileByteCounts, uint64(len(tile))))
	packed("lzw-code", LZW, []byte{0x80, 0x3f, 0xff, 0xff, 0xff, 0xff})
	packed("lzw-short", LZW, []byte{0x80, 0x00, 0x20})
	packed("lzw-old-code", LZW, []byte{0x00, 0x01, 0xff, 0xff, 0xff, 0xff})
	packed("packbits-cut-off", PackBits, []byte{63, 1, 2, 3})
	packed("packbits-long", PackBits, []byte{129, 7, 129, 7, 129, 7})
	packed("zstd", Zstd, []byte("\x28\xb5\x2f\xfd\x00\x00\x00\x00"))
	packed("lzma", LZMA, []byte("\xfd7zXZ\x00\x00\x04"))
	packed("jpeg", JPEG, []byte("\xff\xd8\xff\xc0\x00\x11"))
	packed("fax", CCITTG4, []byte{0, 0, 0, 0}, longs(tagBitsPerSample, 1))
	chains(files, px)
	return files
}

// chains adds files whose directories are linked wrongly.
func chains(files map[string][]byte, px []byte) {
	t := newBuilder(false)
	at := t.data(px...)
	next := uint64(len(t.b))
	files["loop-self"] = t.first(t.directory(next, grey(8, 8, at, 64)...))
	t = newBuilder(false)
	at = t.data(px...)
	a := t.directory(0, grey(8, 8, at, 64)...)
	b := t.directory(a, grey(8, 8, at, 64)...)
	binary.LittleEndian.PutUint32(t.b[int(a)+2+7*12:], uint32(b))
	files["loop-two"] = t.first(a)
	files["next-outside"] = one(false, px, func(at uint64) []field { return grey(8, 8, at, 64) })
	binary.LittleEndian.PutUint32(files["next-outside"][8+64+2+7*12:], 1<<31)
	t = newBuilder(false)
	at = t.data(px...)
	self := uint64(len(t.b))
	files["subifd-self"] = t.first(t.directory(0, grey(8, 8, at, 64, longs(tagSubIFDs, self))...))
	t = newBuilder(false)
	at = t.data(px...)
	a = t.directory(0, grey(8, 8, at, 64, longs(tagSubIFDs, 1))...)
	b = t.directory(0, grey(8, 8, at, 64, longs(tagSubIFDs, a))...)
	binary.LittleEndian.PutUint32(t.b[int(a)+2+7*12+8:], uint32(b))
	files["subifd-cycle"] = t.first(a)
	files["subifd-outside"] = one(false, px, func(at uint64) []field { return grey(8, 8, at, 64, longs(tagSubIFDs, 1<<31)) })
	t = newBuilder(false)
	t.b = append(t.b, 0, 0, 0, 0, 0, 0)
	files["directory-empty"] = t.first(8)
	t = newBuilder(false)
	t.b = append(t.b, 0xff, 0xff, 0, 0)
	files["directory-cut-off"] = t.first(8)
	t = newBuilder(true)
	t.b = t.order.AppendUint64(t.b, 1<<40)
	files["directory-claim"] = t.first(16)
}

// readFile opens a file and reads all of it.
func readFileBytes(t testing.TB, b []byte, name string) error {
	f, err := Open(t.Context(), bytes.NewReader(b), int64(len(b)), name)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range f.Series() {
		a, err := s.Array()
		if err == nil {
			_, err = a.ReadAll(t.Context(), 1<<24)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Every malformed file is refused, with an error that says what and where. The files
// themselves lie in testdata/malformed, for the fuzz targets.
func TestMalformed(t *testing.T) {
	var lines []string
	for name, b := range malformed() {
		path := filepath.Join("testdata", "malformed", name+".tif")
		if *update {
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, b) {
			t.Errorf("%s is not what this test makes (%v); run it with -update", path, err)
		}
		err := readFileBytes(t, b, name+".tif")
		var u *UnsupportedError
		if err == nil || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotTIFF) && !errors.As(err, &u) {
			t.Errorf("%s: error %v, want ErrCorrupt, ErrNotTIFF or an *UnsupportedError", name, err)
		}
		lines = append(lines, fmt.Sprint(err))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	golden := filepath.Join("testdata", "malformed", "errors.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != got {
		t.Errorf("errors differ from %s (%v); got\n%s", golden, err, got)
	}
}
