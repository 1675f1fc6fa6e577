// Package contactsheet draws many images with a few lines of text each on one picture.
package contactsheet

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Cell is an image and what is written below it.
type Cell struct {
	Image image.Image // nil for none
	Lines []Line
}

// Line is a paragraph: it is broken to the width of the cell.
type Line struct {
	Text   string
	Strong bool // in another colour
}

// Sizes in pixels.
const (
	cellWidth = 300
	picture   = 224 // side of the square that an image is fitted into
	margin    = 10
	fontSize  = 12
	maxLines  = 24 // of a cell
)

var (
	background = color.Gray{250}
	ink        = color.Gray{30}
	strongInk  = color.NRGBA{0, 100, 160, 255}
)

// Draw draws cells row by row, so many side by side, as a PNG. A row is as high as its
// highest cell.
func Draw(cells []Cell, columns int) ([]byte, error) {
	if len(cells) == 0 || columns < 1 {
		return nil, fmt.Errorf("contact sheet of %d cells in %d columns", len(cells), columns)
	}
	face, err := newFace()
	if err != nil {
		return nil, err
	}
	defer face.Close()
	lineHeight := face.Metrics().Height.Ceil() + 1
	text := make([][]Line, len(cells))
	var rowHeights []int
	for i, c := range cells {
		text[i] = wrap(face, c.Lines)
		height := picture + 3*margin + len(text[i])*lineHeight
		if i%columns == 0 {
			rowHeights = append(rowHeights, 0)
		}
		last := &rowHeights[len(rowHeights)-1]
		*last = max(*last, height)
	}
	total := 0
	for _, h := range rowHeights {
		total += h
	}
	sheet := image.NewRGBA(image.Rect(0, 0, cellWidth*min(columns, len(cells)), total))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	y := 0
	for i, c := range cells {
		x := i % columns * cellWidth
		if i > 0 && x == 0 {
			y += rowHeights[i/columns-1]
		}
		drawImage(sheet, c.Image, image.Pt(x+margin, y+margin))
		drawText(sheet, face, text[i], image.Pt(x+margin, y+picture+2*margin), lineHeight)
	}
	var out bytes.Buffer
	err = png.Encode(&out, sheet)
	return out.Bytes(), err
}

func newFace() (font.Face, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: fontSize, DPI: 72, Hinting: font.HintingFull})
}

// drawImage fits an image into the square at a point.
func drawImage(sheet *image.RGBA, m image.Image, at image.Point) {
	if m == nil || m.Bounds().Empty() {
		return
	}
	size := m.Bounds().Size()
	w, h := picture, picture
	if size.X > size.Y {
		h = max(1, picture*size.Y/size.X)
	} else {
		w = max(1, picture*size.X/size.Y)
	}
	draw.ApproxBiLinear.Scale(sheet, image.Rectangle{at, at.Add(image.Pt(w, h))}, m, m.Bounds(), draw.Over, nil)
}

func drawText(sheet *image.RGBA, face font.Face, lines []Line, at image.Point, height int) {
	d := font.Drawer{Dst: sheet, Face: face}
	for i, l := range lines {
		d.Src = image.NewUniform(ink)
		if l.Strong {
			d.Src = image.NewUniform(strongInk)
		}
		d.Dot = fixed.P(at.X, at.Y+i*height+fontSize)
		d.DrawString(l.Text)
	}
}

// wrap breaks lines to the width of a cell, and says where it leaves some out.
func wrap(face font.Face, lines []Line) (out []Line) {
	width := fixed.I(cellWidth - 2*margin)
	for _, l := range lines {
		rest := []rune(strings.Join(strings.Fields(l.Text), " "))
		for len(rest) > 0 {
			n := fit(face, rest, width)
			out = append(out, Line{string(rest[:n]), l.Strong})
			rest = []rune(strings.TrimLeft(string(rest[n:]), " "))
			if len(out) > maxLines {
				return append(out[:maxLines-1], Line{Text: "..."})
			}
		}
	}
	return out
}

// fit is how many characters fit into a width, up to the end of a word where there is one.
func fit(face font.Face, text []rune, width fixed.Int26_6) int {
	used, word := fixed.Int26_6(0), 0
	for i, r := range text {
		advance, _ := face.GlyphAdvance(r)
		if used += advance; used > width && i > 0 {
			if word > 0 {
				return word
			}
			return i
		}
		if r == ' ' {
			word = i
		}
	}
	return len(text)
}
