package tiffio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

// FuzzDirectories reads whatever bytes as a file: its directories, what they mean, and the
// pixels where they are few.
func FuzzDirectories(f *testing.F) {
	paths, err := filepath.Glob("testdata/malformed/*.tif")
	if err != nil || len(paths) == 0 {
		f.Fatal(len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, b := range valid() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := readFileBytes(t, b, "fuzz.tif")
		var u *UnsupportedError
		var e *Error
		if err != nil && (!errors.As(err, &e) || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotTIFF) && !errors.Is(err, ErrTooLarge) && !errors.As(err, &u)) {
			t.Fatalf("%T %v", err, err)
		}
	})
}

// valid are small files of many kinds.
func valid() map[string][]byte {
	files := map[string][]byte{}
	px := make([]byte, 64)
	for i := range px {
		px[i] = byte(i * i)
	}
	for _, big := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "big"}[big]
		files[name] = one(big, px, func(at uint64) []field { return grey(8, 8, at, 64) })
	}
	packed := func(name string, data []byte, more ...field) {
		files[name] = one(false, data, func(at uint64) []field { return grey(8, 8, at, uint64(len(data)), more...) })
	}
	packed("deflate", deflated(64), longs(tagCompression, 8), longs(tagPredictor, 2))
	packed("float", deflated(256), longs(tagCompression, 8), longs(tagPredictor, 3), longs(tagBitsPerSample, 32), longs(tagSampleFormat, 3))
	packed("packbits", []byte{129 + 64, 7}, longs(tagCompression, uint64(PackBits)))
	packed("lzw", []byte{0x80, 0x00, 0x20, 0x50, 0x28, 0x10}, longs(tagCompression, 5), longs(tagImageWidth, 2), longs(tagImageLength, 2), longs(tagRowsPerStrip, 2))
	packed("bits", px, longs(tagBitsPerSample, 12), longs(tagImageWidth, 5))
	t := newBuilder(false)
	at := t.data(px...)
	ome := `<OME><Image Name="a"><Pixels DimensionOrder="XYCZT" SizeX="8" SizeY="8" SizeC="2" SizeZ="1" SizeT="1"><TiffData/></Pixels></Image></OME>`
	var text []uint64
	for _, c := range ome {
		text = append(text, uint64(c))
	}
	second := t.directory(0, grey(8, 8, at, 64)...)
	files["ome"] = t.first(t.directory(second, grey(8, 8, at, 64, field{tag: tagDescription, typ: tASCII, values: text})...))
	return files
}

func TestValid(t *testing.T) {
	for name, b := range valid() {
		if err := readFileBytes(t, b, name); err != nil && name != "packbits" && name != "lzw" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzLZW decodes whatever bytes, whole and piece by piece, which must agree.
func FuzzLZW(f *testing.F) {
	f.Add([]byte{0x80, 0x00, 0x20, 0x50, 0x28, 0x10})
	f.Add([]byte{0x00, 0x01, 0x02, 0x04, 0x08})
	f.Add(bytes.Repeat([]byte{0x80, 0x3f, 0xe0, 0x50}, 9))
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 20
		whole := make([]byte, limit)
		n, err := decodeLZW(whole, src)
		agree(t, whole[:n], err, newLZWReader(bytes.NewReader(src)), limit)
		agree(t, whole[:n], err, newLZWReader(iotest.OneByteReader(bytes.NewReader(src))), limit)
	})
}

// FuzzPackBits decodes whatever bytes, whole and piece by piece, which must agree.
func FuzzPackBits(f *testing.F) {
	f.Add([]byte{0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x80})
	f.Add([]byte{5, 1, 2, 3})
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 16
		whole := make([]byte, limit)
		n, err := decodePackBits(whole, src)
		agree(t, whole[:n], err, &packBitsReader{src: bufio.NewReader(bytes.NewReader(src))}, limit)
	})
}

// agree compares what a stream gives with what the whole decoder did.
func agree(t *testing.T, whole []byte, err error, r io.Reader, limit int) {
	t.Helper()
	got, streamErr := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case errors.Is(err, ErrTooLong): // the two stop at different places
		if n := min(len(got), len(whole)); !bytes.Equal(got[:n], whole[:n]) {
			t.Fatal("piece by piece differs")
		}
	case (err == nil) != (streamErr == nil) && len(got) <= limit:
		t.Fatalf("whole: %v, piece by piece: %v", err, streamErr)
	case err == nil && !bytes.Equal(got[:min(len(got), len(whole))], whole):
		t.Fatalf("%d bytes piece by piece differ from %d as a whole", len(got), len(whole))
	}
}

// FuzzPredictor undoes what was done to rows, for every predictor and size of samples.
func FuzzPredictor(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef"), uint8(1))
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, samples uint8) {
		spp := int(samples)%5 + 1
		for _, size := range []int{1, 2, 4, 8} {
			row := data[:len(data)/(spp*size)*spp*size]
			if len(row) == 0 {
				continue
			}
			got := difference(row, spp, size)
			accumulate(got, spp, size)
			if !bytes.Equal(got, row) {
				t.Fatalf("predictor 2 with %d samples of %d bytes", spp, size)
			}
			got = toFloat(row, spp, size)
			unfloat(got, make([]byte, len(got)), spp, size)
			if !bytes.Equal(got, row) {
				t.Fatalf("predictor 3 with %d samples of %d bytes", spp, size)
			}
			twice := bytes.Clone(row)
			swap(twice, size)
			swap(twice, size)
			if !bytes.Equal(twice, row) {
				t.Fatalf("elements of %d bytes swapped twice", size)
			}
		}
		for width := uint(1); width <= 64; width++ {
			if n := uint(len(data)) * 8 / width; n > 0 {
				takeAgrees(t, data, (n-1)*width, width)
			}
		}
	})
}

// takeAgrees compares take with bits taken one at a time.
func takeAgrees(t *testing.T, b []byte, at, width uint) {
	t.Helper()
	var want uint64
	for i := at; i < at+width; i++ {
		want = want<<1 | uint64(b[i/8]>>(7-i%8)&1)
	}
	if got := take(b, at, width); got != want {
		t.Fatalf("%d bits at %d: %x, want %x", width, at, got, want)
	}
}

// difference is predictor 2 by its definition.
func difference(row []byte, spp, size int) []byte {
	out := bytes.Clone(row)
	var b [8]byte
	value := func(i int) uint64 {
		b = [8]byte{}
		copy(b[:], row[i*size:][:size])
		return binary.LittleEndian.Uint64(b[:])
	}
	for i := spp; i < len(row)/size; i++ {
		binary.LittleEndian.PutUint64(b[:], value(i)-value(i-spp))
		v := b
		copy(out[i*size:][:size], v[:size])
	}
	return out
}

// toFloat is predictor 3 by its definition.
func toFloat(row []byte, spp, size int) []byte {
	n := len(row) / size
	planes := make([]byte, len(row))
	for i := range n {
		for k := range size {
			planes[k*n+i] = row[i*size+size-1-k]
		}
	}
	out := bytes.Clone(planes)
	for i := spp; i < len(out); i++ {
		out[i] = planes[i] - planes[i-spp]
	}
	return out
}

// FuzzOME makes series of whatever text, in a file of three pages.
func FuzzOME(f *testing.F) {
	f.Add(`<OME><Image ID="1" Name="a"><Pixels DimensionOrder="XYCZT" Type="uint8" SizeX="8" SizeY="8" SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="0.5"><Channel Name="x"/><TiffData/><Plane TheC="1" TheZ="9"/></Pixels></Image></OME>`)
	f.Add(`<OME UUID="urn:1"><Image><Pixels DimensionOrder="XYZTC" SizeC="2" SizeZ="99999999999" SizeT="-1"><TiffData IFD="1" FirstC="5" PlaneCount="7"><UUID FileName="b.tif">urn:2</UUID></TiffData></Pixels></Image></OME>`)
	f.Add("ImageJ=1.53\nimages=3\nchannels=3\nunit=micron\nspacing=0.5\n")
	f.Add("ImageJ=1.53\nimages=3\nslices=1048577\nframes=1048577\nchannels=1048577\n")
	f.Fuzz(func(t *testing.T, text string) {
		b := newBuilder(false)
		at := b.data(make([]byte, 64)...)
		third := b.directory(0, grey(8, 8, at, 64)...)
		second := b.directory(third, grey(8, 8, at, 64)...)
		var chars []uint64
		for _, c := range []byte(text) {
			chars = append(chars, uint64(c))
		}
		raw := b.first(b.directory(second, grey(8, 8, at, 64, field{tag: tagDescription, typ: tASCII, values: chars})...))
		file, err := Open(t.Context(), bytes.NewReader(raw), int64(len(raw)), "fuzz.tif")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range file.Series() {
			a, err := s.Array()
			if err != nil {
				continue
			}
			if _, err := a.ReadAll(t.Context(), 1<<20); err != nil {
				t.Fatal(err)
			}
		}
	})
}
