package tiffio

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The parts of OME-XML that are read (schema 2016-06). Numbers are text here: one that is
// none is a problem of its own and no reason to drop the rest.
type (
	omeXML struct {
		UUID   string     `xml:"UUID,attr"`
		Images []omeImage `xml:"Image"`
	}
	omeImage struct {
		ID     string    `xml:"ID,attr"`
		Name   string    `xml:"Name,attr"`
		Lower  string    `xml:"name,attr"` // as some writers spell it
		Pixels omePixels `xml:"Pixels"`
	}
	omePixels struct {
		Order    string        `xml:"DimensionOrder,attr"`
		Type     string        `xml:"Type,attr"`
		SizeX    string        `xml:"SizeX,attr"`
		SizeY    string        `xml:"SizeY,attr"`
		SizeZ    string        `xml:"SizeZ,attr"`
		SizeC    string        `xml:"SizeC,attr"`
		SizeT    string        `xml:"SizeT,attr"`
		X        string        `xml:"PhysicalSizeX,attr"`
		Y        string        `xml:"PhysicalSizeY,attr"`
		Z        string        `xml:"PhysicalSizeZ,attr"`
		UnitX    string        `xml:"PhysicalSizeXUnit,attr"`
		UnitY    string        `xml:"PhysicalSizeYUnit,attr"`
		UnitZ    string        `xml:"PhysicalSizeZUnit,attr"`
		Channels []omeChannel  `xml:"Channel"`
		Data     []omeTiffData `xml:"TiffData"`
		Planes   []omePlane    `xml:"Plane"`
	}
	omeChannel struct {
		Name    string `xml:"Name,attr"`
		Samples string `xml:"SamplesPerPixel,attr"`
	}
	omeTiffData struct {
		IFD   string `xml:"IFD,attr"`
		Count string `xml:"PlaneCount,attr"`
		C     string `xml:"FirstC,attr"`
		Z     string `xml:"FirstZ,attr"`
		T     string `xml:"FirstT,attr"`
		UUID  *struct {
			FileName string `xml:"FileName,attr"`
			Value    string `xml:",chardata"`
		} `xml:"UUID"`
	}
	omePlane struct {
		C string `xml:"TheC,attr"`
		Z string `xml:"TheZ,attr"`
		T string `xml:"TheT,attr"`
	}
)

func isOME(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasSuffix(text, "OME>") && strings.Contains(text, "<OME") || strings.HasSuffix(text, ":OME>")
}

// parseOME reads OME-XML.
func parseOME(text string) (o omeXML, err error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "utf-8", "us-ascii", "ascii":
			return in, nil
		case "iso-8859-1", "latin1", "windows-1252":
			b, err := io.ReadAll(in)
			if err != nil {
				return nil, err
			}
			out := make([]rune, len(b))
			for i, c := range b {
				out[i] = rune(c)
			}
			return bytes.NewReader([]byte(string(out))), nil
		}
		return nil, unsupported("OME-XML in charset %q", label)
	}
	if err := d.Decode(&o); err != nil {
		return o, fmt.Errorf("OME-XML cannot be read: %w", err)
	}
	return o, nil
}

// omeSeries are the images that OME-XML describes, or the reasons why it is not followed.
func (f *File) omeSeries(text string) (all []*Series, problems []string) {
	o, err := parseOME(text)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for i := range o.Images {
		s := &Series{By: ByOME, Name: o.Images[i].Name + o.Images[i].Lower}
		if s.Name == "" {
			s.Name = o.Images[i].ID
		}
		px := omeReader{file: f, uuid: o.UUID, px: &o.Images[i].Pixels, s: s}
		if !px.planes() {
			problems = append(problems, s.Problems...)
			continue
		}
		px.channels()
		px.compare()
		s.merge(px.pixelSize())
		s.pyramid()
		all = append(all, s)
	}
	if len(o.Images) == 0 {
		problems = append(problems, "OME-XML describes no image")
	}
	if len(all) > 0 && len(problems) > 0 { // an image that cannot be made out, beside some that can
		for _, p := range problems {
			all[0].problem("%s", p)
		}
	}
	return all, problems
}

// omeReader makes a series of one image.
type omeReader struct {
	file *File
	uuid string
	px   *omePixels
	s    *Series
	size [3]int // of t, c in pages, z
}

// number parses an index or extent, which has a default where it is left out.
func (r *omeReader) number(what, text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > maxExtent {
		r.s.problem("OME-XML: %s is %q; %d is taken", what, text, otherwise)
		return otherwise
	}
	return n
}
