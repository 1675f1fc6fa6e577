package tiffio

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// described is a file of pages of 8 x 8 whose first has a description. Page i is filled with i.
func described(text string, pages int) []byte {
	b := newBuilder(false)
	var at []uint64
	for i := range pages {
		at = append(at, b.data(bytes.Repeat([]byte{byte(i)}, 64)...))
	}
	next := uint64(0)
	for i := pages - 1; i >= 0; i-- {
		fields := grey(8, 8, at[i], 64)
		if i == 0 {
			var chars []uint64
			for _, c := range []byte(text) {
				chars = append(chars, uint64(c))
			}
			fields = append(fields, field{tag: tagDescription, typ: tASCII, values: append(chars, 0)})
		}
		next = b.directory(next, fields...)
	}
	return b.first(next)
}

// ome is OME-XML of one image.
func ome(pixels, inside string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:a">` +
		`<Image ID="Image:0" Name="cells"><Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" ` + pixels + `>` + inside + `</Pixels></Image></OME>`
}

// What a description says, and what is made of it where it cannot be so. planes are the pages
// in the order of the array's axes before YX.
func TestDescriptions(t *testing.T) {
	const sizes = `SizeZ="2" SizeC="3" SizeT="1"`
	for name, c := range map[string]struct {
		text     string
		pages    int
		by, axes string
		planes   string
		problem  string
		reason   string // why the pixel size is unknown
		refused  string
	}{
		"all pages":       {ome(sizes, `<TiffData/>`), 6, ByOME, "CZYX", "012345", "", "no PhysicalSizeX", ""},
		"no TiffData":     {ome(sizes, ``), 6, ByOME, "CZYX", "012345", "", "", ""},
		"one by one":      {ome(sizes, `<TiffData IFD="5" FirstC="0" FirstZ="0"/><TiffData IFD="4" FirstZ="1"/><TiffData IFD="0" FirstC="1" PlaneCount="4"/>`), 6, ByOME, "CZYX", "540123", "", "", ""},
		"order":           {strings.Replace(ome(sizes, `<TiffData/>`), "XYZCT", "XYCZT", 1), 6, ByOME, "CZYX", "031425", "", "", ""},
		"bad order":       {strings.Replace(ome(sizes, `<TiffData/>`), "XYZCT", "XYZZT", 1), 6, ByOME, "CZYX", "031425", `DimensionOrder is "XYZZT"`, "", ""},
		"too few pages":   {ome(sizes, `<TiffData/>`), 4, ByPages, "ZYX", "0123", "2 of them have no page", "", ""},
		"too many pages":  {ome(`SizeZ="1" SizeC="1" SizeT="1"`, `<TiffData/>`), 3, ByOME, "YX", "0", "", "", ""},
		"TheC":            {ome(sizes, `<TiffData/><Plane TheC="3" TheZ="1" TheT="0"/>`), 6, ByOME, "CZYX", "012345", "TheC 3, SizeC is 3", "", ""},
		"FirstC":          {ome(`SizeZ="1" SizeC="1" SizeT="1"`, `<TiffData FirstC="1"/>`), 1, ByOME, "YX", "0", "FirstC is 1", "", ""},
		"IFD":             {ome(`SizeZ="1" SizeC="2" SizeT="1"`, `<TiffData IFD="0"/><TiffData IFD="7" FirstC="1"/>`), 2, ByPages, "ZYX", "01", "TiffData names page 7", "", ""},
		"numbers":         {ome(`SizeZ="two" SizeC="-3" SizeT="1e9"`, `<TiffData/>`), 1, ByOME, "YX", "0", `SizeZ is "two"`, "", ""},
		"huge":            {ome(`SizeZ="99999" SizeC="99999" SizeT="99999"`, `<TiffData/>`), 2, ByPages, "ZYX", "01", "99999 x 99999", "", ""},
		"sizes":           {strings.Replace(ome(sizes, ""), `SizeX="8"`, `SizeX="9"`, 1), 6, ByOME, "CZYX", "012345", "SizeX is 9, the pages have 8", "", ""},
		"type":            {strings.Replace(ome(sizes, ""), "uint8", "float", 1), 6, ByOME, "CZYX", "012345", "Type is float", "", ""},
		"physical zero":   {ome(sizes+` PhysicalSizeX="0" PhysicalSizeY="0"`, ``), 6, ByOME, "CZYX", "012345", "", `PhysicalSizeX is "0"`, ""},
		"physical pixels": {ome(sizes+` PhysicalSizeX="2" PhysicalSizeXUnit="pixel" PhysicalSizeY="2"`, ``), 6, ByOME, "CZYX", "012345", "", `in "pixel"`, ""},
		"other file":      {ome(`SizeZ="1" SizeC="2" SizeT="1"`, `<TiffData IFD="0"/><TiffData FirstC="1"><UUID FileName="b.tif">urn:uuid:b</UUID></TiffData>`), 1, ByOME, "YX", "", "", "", "spread over several files"},
		"this file":       {ome(`SizeZ="1" SizeC="1" SizeT="1"`, `<TiffData IFD="0"><UUID FileName="other.tif">urn:uuid:a</UUID></TiffData>`), 1, ByOME, "YX", "0", "", "", ""},
		"no image":        {`<OME></OME>`, 2, ByPages, "ZYX", "01", "describes no image", "", ""},
		"broken":          {`<OME><Image></OME>`, 2, ByPages, "ZYX", "01", "OME-XML cannot be read", "", ""},
		"charset":         {`<?xml version="1.0" encoding="koi8-r"?><OME></OME>`, 1, ByPages, "YX", "0", "koi8-r", "", ""},
		"entities":        {`<!DOCTYPE a [<!ENTITY b "c">]><OME><Image Name="&b;"></Image></OME>`, 1, ByPages, "YX", "0", "cannot be read", "", ""},
		"ImageJ":          {"ImageJ=1.53\nimages=6\nchannels=3\nslices=2\n", 6, ByImageJ, "CZYX", "031425", "", "the unit is", ""},
		"ImageJ stack":    {"ImageJ=1.53\nimages=6\n", 6, ByImageJ, "ZYX", "012345", "", "", ""},
		"ImageJ counts":   {"ImageJ=1.53\nimages=6\nchannels=4\n", 6, ByPages, "ZYX", "012345", "are not 6 images", "", ""},
		"ImageJ pages":    {"ImageJ=1.53\nimages=7\n", 6, ByPages, "ZYX", "012345", "7 images, the file has 6 pages", "", ""},
		"ImageJ number":   {"ImageJ=1.53\nimages=six\n", 6, ByPages, "ZYX", "012345", `images is "six"`, "", ""},
		"ImageJ outside":  {"ImageJ=1.53\nimages=1000\n", 1, ByPages, "YX", "0", "leave the file", "", ""},
		"text":            {"hello", 2, ByPages, "ZYX", "01", "", "no tag XResolution", ""},
	} {
		b := described(c.text, c.pages)
		s := must(Open(t.Context(), bytes.NewReader(b), int64(len(b)), "a.tif")).Series()[0]
		if s.By != c.by || s.Axes != c.axes {
			t.Errorf("%s: %s by %s, want %s by %s; %q", name, s.Axes, s.By, c.axes, c.by, s.Problems)
		}
		if got := strings.Join(s.Problems, "; "); !strings.Contains(got, c.problem) || (got == "") != (c.problem == "") {
			t.Errorf("%s: problems %q, want %q", name, got, c.problem)
		}
		if s.PixelSize.Known() || s.PixelSize.Reason == "" || !strings.Contains(s.PixelSize.Reason, c.reason) {
			t.Errorf("%s: pixel size %+v, want none because %q", name, s.PixelSize, c.reason)
		}
		a, err := s.Array()
		if c.refused != "" {
			var u *UnsupportedError
			if !errors.As(err, &u) || !strings.Contains(u.What, c.refused) {
				t.Errorf("%s: %v, want it refused for %s", name, err, c.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		for i, v := range must(a.ReadAll(t.Context(), 1<<20)) {
			if i%64 == 0 {
				got += fmt.Sprint(v)
			}
		}
		if got != c.planes {
			t.Errorf("%s: planes %s, want %s", name, got, c.planes)
		}
	}
}

// Files that are odd and yet mean one thing only.
func TestOdd(t *testing.T) {
	px := make([]byte, 8*8)
	for i := range px {
		px[i] = byte(i)
	}
	check := func(name string, b, want []byte) {
		t.Helper()
		f, err := Open(t.Context(), bytes.NewReader(b), int64(len(b)), name)
		if err != nil {
			t.Error(err)
			return
		}
		got, err := must(f.pages[0].Array()).ReadAll(t.Context(), 1<<20)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	file := func(data []byte, more ...field) []byte {
		return one(false, data, func(at uint64) []field { return grey(8, 8, at, uint64(len(data)), more...) })
	}
	check("no byte counts", file(px, without(tagStripByteCounts)), px)
	check("no byte counts, packed", file(deflatedBytes(px), without(tagStripByteCounts), longs(tagCompression, 8)), px)
	check("bytes behind the strip", file(append(bytes.Clone(px), 1, 2, 3)), px)
	check("rows per strip of all ones", file(px, longs(tagRowsPerStrip, 1<<32-1)), px)
	full := append(bytes.Clone(px), make([]byte, 16)...) // 5 + 5 rows
	half := deflatedBytes(full[:40])
	rest := deflatedBytes(full[40:])
	check("a last strip with all its rows", file(append(bytes.Clone(half), rest...), longs(tagCompression, 8), longs(tagRowsPerStrip, 5),
		longs(tagStripOffsets, 8, 8+uint64(len(half))), longs(tagStripByteCounts, uint64(len(half)), uint64(len(rest)))), px)
	check("a strip left out", file(px[:32], longs(tagRowsPerStrip, 4), longs(tagStripOffsets, 8, 0), longs(tagStripByteCounts, 32, 0)), append(bytes.Clone(px[:32]), make([]byte, 32)...))
	check("a tag of an unknown type", file(px, field{tag: 60000, typ: 99, count: 1 << 30, values: []uint64{1}}), px)
	check("offsets by signed numbers", file(px, field{tag: tagStripOffsets, typ: tSLong, values: []uint64{8}}), px)
	check("tiles in tags of strips", file(append(bytes.Clone(px), make([]byte, 192)...), longs(tagTileWidth, 16), longs(tagTileLength, 16)), tileOf(px))
}

// tileOf is what an image of 8 x 8 reads as where the same bytes are a tile of 16 x 16.
func tileOf(px []byte) (out []byte) {
	tile := append(bytes.Clone(px), make([]byte, 192)...)
	for y := range 8 {
		out = append(out, tile[16*y:16*y+8]...)
	}
	return out
}
