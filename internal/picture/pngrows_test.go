package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// rowsOf reads every row.
func rowsOf(b []byte) (*PNGFile, []byte, error) {
	f, err := OpenPNG(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, nil, err
	}
	if f.Height > 1<<12 || f.Width > 1<<12 {
		return nil, nil, io.ErrShortBuffer // of a test
	}
	r, err := f.Rows(nil)
	if err != nil {
		return nil, nil, err
	}
	row := f.Width * f.Samples * f.Bytes()
	out := make([]byte, f.Height*row)
	for y := range f.Height {
		if err := r.Next(out[y*row:][:row]); err != nil {
			return nil, nil, err
		}
	}
	if err := r.Next(make([]byte, row)); err != io.EOF {
		return nil, nil, err
	}
	return f, out, nil
}

func encoded(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pictures are one of each kind that image/png writes, smooth so that every filter is used.
func pictures() map[string]image.Image {
	rng := rand.New(rand.NewPCG(1, 2))
	rect := image.Rect(0, 0, 201, 77)
	out := map[string]image.Image{}
	add := func(name string, img interface {
		image.Image
		Set(x, y int, c color.Color)
	}) {
		for y := range rect.Dy() {
			for x := range rect.Dx() {
				v := uint16(x*y*7+rng.IntN(900)) + uint16(x)<<8
				img.Set(x, y, color.NRGBA64{v, v * 3, uint16(y) << 9, 0xffff - v/3})
			}
		}
		out[name] = img
	}
	add("grey", image.NewGray(rect))
	add("grey 16", image.NewGray16(rect))
	add("NRGBA", image.NewNRGBA(rect))
	add("NRGBA 16", image.NewNRGBA64(rect))
	for name, n := range map[string]int{"palette 1": 2, "palette 2": 4, "palette 4": 16, "palette 8": 200} {
		var p color.Palette
		for i := range n {
			p = append(p, color.Gray{uint8(i * 255 / n)})
		}
		add(name, image.NewPaletted(rect, p))
	}
	opaque := image.NewRGBA(rect)
	for i := range opaque.Pix {
		opaque.Pix[i] = byte(i*i>>7) | byte(i&3/3*255)
	}
	out["RGB"] = opaque
	return out
}

// Rows have the samples that image/png finds.
func TestPNGRowsAgainstImagePNG(t *testing.T) {
	for name, img := range pictures() {
		t.Run(name, func(t *testing.T) {
			b := encoded(t, img)
			f, got, err := rowsOf(b)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := png.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			for y := range f.Height {
				for x := range f.Width {
					for c, want := range samplesAt(decoded, x, y)[:f.Samples] {
						i := ((y*f.Width+x)*f.Samples + c) * f.Bytes()
						have := uint16(got[i])
						if f.Bytes() == 2 {
							have = binary.LittleEndian.Uint16(got[i:])
						}
						if have != want {
							t.Fatalf("sample %d at %d, %d is %d, want %d", c, x, y, have, want)
						}
					}
				}
			}
		})
	}
}

func samplesAt(img image.Image, x, y int) []uint16 {
	switch m := img.(type) {
	case *image.Gray:
		return []uint16{uint16(m.GrayAt(x, y).Y)}
	case *image.Gray16:
		return []uint16{m.Gray16At(x, y).Y}
	case *image.Paletted:
		return []uint16{uint16(m.ColorIndexAt(x, y))}
	case *image.RGBA:
		c := m.RGBAAt(x, y)
		return []uint16{uint16(c.R), uint16(c.G), uint16(c.B)}
	case *image.NRGBA:
		c := m.NRGBAAt(x, y)
		return []uint16{uint16(c.R), uint16(c.G), uint16(c.B), uint16(c.A)}
	case *image.NRGBA64:
		c := m.NRGBA64At(x, y)
		return []uint16{c.R, c.G, c.B, c.A}
	}
	return nil
}

// header replaces bytes of IHDR and its checksum.
func header(b []byte, at int, v ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], v)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestPNGRowsRefuse(t *testing.T) {
	good := encoded(t, pictures()["RGB"])
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "EOF"},
		{"no PNG", bytes.Repeat([]byte("no picture"), 9), "does not begin"},
		{"cut in the header", good[:20], "EOF"},
		{"cut in the data", good[:len(good)/2], "of "},
		{"no end", good[:len(good)-20], "byte"},
		{"a bit of the header", flip(17), "checksum of IHDR"},
		{"a bit of the data", flip(len(good) / 2), "PNG"},
		{"a bit of a checksum", flip(len(good) - 13), "checksum of IDAT"},
		{"interlaced", header(good, 28, 1), "interlac"},
		{"no width", header(good, 16, 0, 0, 0, 0), "0 by 77"},
		{"depth 3", header(good, 24, 3), "depth 3"},
		{"colour type 5", header(good, 25, 5), "colour type 5"},
		{"more rows than data", header(good, 23, 78), "row 77"},
		{"more data than rows", header(good, 23, 76), "more rows"},
		{"a row without end", header(good, 16, 0x7f, 0xff, 0xff, 0xff), "a row of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := OpenPNG(bytes.NewReader(tt.b), int64(len(tt.b)))
			if err == nil {
				var r *PNGRows
				if r, err = f.Rows(nil); err == nil {
					row := make([]byte, f.Width*f.Samples*f.Bytes())
					for err == nil {
						err = r.Next(row)
					}
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
}

// Rows never panic, and what both read is the same.
func FuzzPNGRows(f *testing.F) {
	for _, img := range pictures() {
		small := img.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(image.Rect(0, 0, 9, 5))
		f.Add(encoded(f, small))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, got, err := rowsOf(b)
		if err != nil || head.Depth < 8 {
			return
		}
		decoded, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			return // it looks at chunks that rows skip
		}
		if want := samplesAt(decoded, 0, 0); len(want) == head.Samples && head.Depth == 8 && got[0] != byte(want[0]) {
			t.Errorf("the first sample is %d, image/png says %d", got[0], want[0])
		}
	})
}
