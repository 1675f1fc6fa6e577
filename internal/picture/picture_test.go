package picture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/bits"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// pillow is what testdata/images.py says of an image.
type pillow struct {
	Name   string
	Data   string // hexadecimal, as Pixels
	Format string
	Width  int
	Height int
	Mode   string
	Layout string
	Pixels string // of lossless images, in our layout
}

// Every mode and format, as Pillow writes and reads them.
func TestSameAsPillow(t *testing.T) {
	var images []pillow
	if err := json.Unmarshal(oracle.Run(t, oracle.Python(t), "testdata/images.py"), &images); err != nil {
		t.Fatal(err)
	}
	if len(images) < 20 {
		t.Fatalf("%d images", len(images))
	}
	for _, want := range images {
		t.Run(want.Name, func(t *testing.T) {
			data, _ := hex.DecodeString(want.Data)
			info, err := Probe(data)
			if err != nil {
				t.Fatal(err)
			}
			if info.Format != want.Format || info.Width != want.Width || info.Height != want.Height || info.Mode != want.Mode {
				t.Errorf("got %+v, want %s %dx%d %s", info, want.Format, want.Width, want.Height, want.Mode)
			}
			p, err := Decode(data)
			if want.Layout == "" {
				if !errors.Is(err, ErrUnsupported) {
					t.Errorf("got %v, want %v", err, ErrUnsupported)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Width != want.Width || p.Height != want.Height || p.Layout != want.Layout {
				t.Errorf("decoded to %dx%d %s, want %s", p.Width, p.Height, p.Layout, want.Layout)
			}
			if pixels, _ := hex.DecodeString(want.Pixels); want.Pixels != "" && !bytes.Equal(p.Data, pixels) {
				t.Error("other pixels")
			}
		})
	}
}

// The fast decoder of PNG gives what image/png gives, filter by filter.
func TestPNGFilters(t *testing.T) {
	for filter := range byte(5) {
		for _, colour := range []byte{0, 2, 4, 6} {
			for _, depth := range []byte{8, 16} {
				data := filtered(filter, colour, depth)
				p, err := Decode(data)
				if err != nil {
					t.Fatal(err)
				}
				m, err := png.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				info, err := Probe(data)
				if err != nil {
					t.Fatal(err)
				}
				want, err := fromImage(m, info)
				if err != nil || want.Layout != p.Layout || !bytes.Equal(want.Data, p.Data) {
					t.Errorf("filter %d, colour %d, %d bits: %s, want %s, %v", filter, colour, depth, p.Layout, want.Layout, err)
				}
			}
		}
	}
}

// filtered is a PNG whose rows all have one filter, which noise makes use every branch of.
func filtered(filter, colour, depth byte) []byte {
	const w, h = 37, 11
	m := noisy(64)
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.NoCompression}
	_ = e.Encode(&b, m.(*image.NRGBA).SubImage(image.Rect(0, 0, w, h)))
	samples := map[byte]int{0: 1, 2: 3, 4: 2, 6: 4}[colour]
	stride := w * samples * int(depth) / 8
	raw := make([]byte, (stride+1)*h)
	state := uint32(filter)*7 + uint32(colour)
	for i := range raw {
		state = state*1664525 + 1013904223
		raw[i] = byte(state >> 24)
		if i%(stride+1) == 0 {
			raw[i] = filter
		}
	}
	header := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h), depth, colour, 0, 0, 0)
	out := append([]byte(pngMagic), chunk("IHDR", header)...)
	out = append(out, chunk("IDAT", stored(raw))...)
	return append(out, chunk("IEND", nil)...)
}

func chunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func TestDigest(t *testing.T) {
	m := noisy(50)
	a, err := Decode(encodedPNG(t, m))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Decode(encodedPNG(t, m))
	if err != nil || a.Digest() != b.Digest() {
		t.Errorf("digests %x and %x, %v", a.Digest(), b.Digest(), err)
	}
	b.Data[10] ^= 1
	if a.Digest() == b.Digest() {
		t.Error("another pixel, the same digest")
	}
	// The same bytes in another shape are another image.
	c := &Pixels{Width: 100, Height: 25, Layout: a.Layout, Samples: a.Samples, Data: a.Data}
	if a.Digest() == c.Digest() {
		t.Error("another size, the same digest")
	}
}

// Copies that look alike have hashes that are near, others have not.
func TestHash(t *testing.T) {
	scene := func(shift int) image.Image {
		m := image.NewNRGBA(image.Rect(0, 0, 300, 200))
		for y := range 200 {
			for x := range 300 {
				v := uint8(0)
				for k := range 7 {
					dx, dy := x-(k*83+shift*57)%300, y-(k*59+shift*91)%200
					if dx*dx+dy*dy < 900 {
						v += 60
					}
				}
				m.SetNRGBA(x, y, color.NRGBA{v, uint8(x / 4), v / 2, 255})
			}
		}
		return m
	}
	hash := func(data []byte) uint64 {
		t.Helper()
		p, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash()
	}
	a := hash(encodedPNG(t, scene(0)))
	if d := bits.OnesCount64(a ^ hash(encodedJPEG(t, scene(0)))); d > 4 {
		t.Errorf("the same scene as JPEG differs in %d bits", d)
	}
	if d := bits.OnesCount64(a ^ hash(encodedPNG(t, scene(3)))); d < 12 {
		t.Errorf("another scene differs in %d bits", d)
	}
	for _, side := range []int{1, 2, 31, 32, 33} { // smaller than the grid, too
		hash(encodedPNG(t, noisy(side)))
	}
}

func TestDamaged(t *testing.T) {
	good := encodedPNG(t, noisy(20))
	bomb := bytes.Clone(good)
	binary.BigEndian.PutUint32(bomb[16:], 1<<30)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 1
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"empty":      {nil, ErrFormat},
		"text":       {[]byte("hello"), ErrFormat},
		"gif":        {[]byte("GIF89a..."), ErrFormat},
		"magic only": {good[:8], ErrDamaged},
		"cut":        {good[:len(good)/2], ErrDamaged},
		"flipped":    {flipped, ErrDamaged},
		"bomb":       {bomb, ErrDamaged},
		"jpeg cut":   {encodedJPEG(t, noisy(64))[:700], ErrDamaged},
		"jpeg head":  {[]byte("\xff\xd8\xff"), ErrDamaged},
		"tiff head":  {[]byte("II*\x00"), ErrDamaged},
		"tiff far":   {[]byte("II*\x00\xff\xff\xff\xff"), ErrDamaged},
	} {
		if _, err := Decode(test.data); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encodedPNG(f, noisy(9)))
	f.Add(encodedJPEG(f, noisy(9)))
	f.Add(filtered(4, 6, 16))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Probe(data)
		if err != nil || info.Width > 1<<12 || info.Height > 1<<10 {
			return
		}
		p, err := Decode(data)
		if err != nil {
			return
		}
		p.Digest()
		p.Hash()
	})
}
