package contactsheet

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

func TestDraw(t *testing.T) {
	red := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for i := range red.Pix {
		red.Pix[i] = []byte{200, 0, 0, 255}[i%4]
	}
	cells := []Cell{
		{red, []Line{{Text: "short"}, {strings.Repeat("a word and another ", 10), true}}},
		{nil, []Line{{Text: strings.Repeat("x", 500)}}},
		{red, []Line{{Text: strings.Repeat("many lines ", 1000)}}},
	}
	data, err := Draw(cells, 2)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Bounds().Dx(); w != 2*cellWidth {
		t.Errorf("%d pixels wide", w)
	}
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA) }
	if c := at(margin+picture/2, margin+picture/4); c != (color.NRGBA{200, 0, 0, 255}) {
		t.Errorf("the image is %v", c)
	}
	if c := at(margin+picture/2, margin+picture-2); c != (color.NRGBA{250, 250, 250, 255}) {
		t.Errorf("below a wide image is %v", c)
	}
	again, err := Draw(cells, 2)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("another picture the second time, %v", err)
	}
}

func TestDrawNothing(t *testing.T) {
	if _, err := Draw(nil, 3); err == nil {
		t.Error("no error")
	}
}

func TestWrap(t *testing.T) {
	face, err := newFace()
	if err != nil {
		t.Fatal(err)
	}
	lines := wrap(face, []Line{{Text: strings.Repeat("word ", 40)}})
	if len(lines) < 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if strings.Trim(l.Text, " ") != l.Text || strings.ReplaceAll(l.Text, "word", "") != strings.Repeat(" ", strings.Count(l.Text, "word")-1) {
			t.Errorf("line %q", l.Text)
		}
	}
	if n := len(wrap(face, []Line{{Text: strings.Repeat("word ", 4000)}})); n != maxLines {
		t.Errorf("%d lines", n)
	}
}
