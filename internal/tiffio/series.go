package tiffio

import (
	"fmt"
	"slices"
)

// What a series was made by.
const (
	ByPages  = "pages"
	ByOME    = "OME-XML"
	ByImageJ = "ImageJ"
)

// Series is the N-D array that one page or several mean together.
type Series struct {
	Name      string
	By        string // ByPages, ByOME or ByImageJ
	Axes      string // of the array: a part of "TCZYX" that ends in YX
	Channels  []Channel
	PixelSize PixelSize
	// Problems are what the file's descriptions say that cannot be so, in words. They do not
	// keep the series from being read.
	Problems []string

	lead   [3]int // extents of t, c in pages, z
	levels [][]*Page
	err    error
}

// Channel is what is known of a channel. Index is its place along C.
type Channel struct {
	Index int
	Name  string
}

// Levels is the number of resolutions, at least 1. The first is the largest.
func (s *Series) Levels() int { return len(s.levels) }

// Pages are the pages of level 0, in the order of T, C, Z.
func (s *Series) Pages() []*Page { return s.levels[0] }

// Array is the series at its full resolution.
func (s *Series) Array() (*Array, error) { return s.Level(0) }

// Level is the series at a resolution.
func (s *Series) Level(i int) (*Array, error) {
	if i < 0 || i >= len(s.levels) {
		return nil, fmt.Errorf("series %q has no level %d but %d of them", s.Name, i, len(s.levels))
	}
	if s.err != nil {
		return nil, s.err
	}
	return newArray(s.Axes, s.lead, s.levels[i])
}

// problem notes what is wrong with the file's descriptions.
func (s *Series) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(s.Problems) < maxProblems && !slices.Contains(s.Problems, text) {
		s.Problems = append(s.Problems, text)
	}
}

const maxProblems = 20

// Series are the arrays that the pages of the file mean, by OME-XML, by an ImageJ
// description, or else by their sizes: neighbouring pages of one size and type are a stack
// along Z. Descriptions that the pages contradict are told as problems, and the pages stand.
func (f *File) Series() []*Series {
	f.once.Do(func() { f.series = f.findSeries() })
	return f.series
}

func (f *File) findSeries() []*Series {
	var problems []string
	text := f.pages[0].Description
	switch {
	case isOME(text):
		all, why := f.omeSeries(text)
		if len(all) > 0 {
			return all
		}
		problems = why
	case isImageJ(text):
		s, why := f.imageJSeries(text)
		if s != nil {
			return []*Series{s}
		}
		problems = why
	}
	all := f.pageSeries()
	all[0].Problems = append(all[0].Problems, problems...)
	return all
}

// pageSeries groups neighbouring pages of one kind. Smaller pages that follow and say that
// they are of reduced resolution are levels of the page before them.
func (f *File) pageSeries() []*Series {
	var all []*Series
	for _, p := range f.pages {
		var last *Series
		if len(all) > 0 {
			last = all[len(all)-1]
		}
		switch {
		case last != nil && p.Reduced && len(last.Pages()) == 1 && last.takes(p):
			last.levels = append(last.levels, []*Page{p})
		case last != nil && !p.Reduced && p.err == nil && last.err == nil && p.IsMask == last.Pages()[0].IsMask &&
			len(last.levels) == 1 && p.like(last.Pages()[0]):
			last.levels[0] = append(last.levels[0], p)
		default:
			all = append(all, &Series{Name: p.Name, By: ByPages, PixelSize: p.PixelSize, levels: [][]*Page{{p}}, err: p.err})
		}
	}
	for _, s := range all {
		s.lead = [3]int{1, 1, len(s.Pages())}
		s.name()
		s.pyramid()
	}
	return all
}

// takes tells whether a page can be the next level of a series.
func (s *Series) takes(p *Page) bool {
	last := s.levels[len(s.levels)-1][0]
	return p.err == nil && s.err == nil && p.Samples == last.Samples && p.DType == last.DType &&
		p.Width <= last.Width && p.Height <= last.Height && p.IsMask == last.IsMask
}

// name names the axes by the extents, and leaves out those of extent 1.
func (s *Series) name() {
	s.Axes = ""
	for i, n := range []int{s.lead[0], s.lead[1] * s.Pages()[0].Samples, s.lead[2]} {
		if n > 1 {
			s.Axes += "TCZ"[i : i+1]
		}
	}
	s.Axes += "YX"
}

// pyramid takes the directories below the pages as levels, where every page has them alike.
func (s *Series) pyramid() {
	pages := s.Pages()
	for k := range pages[0].SubIFDs {
		level := make([]*Page, 0, len(pages))
		for _, p := range pages {
			if k >= len(p.SubIFDs) || !p.SubIFDs[k].like(pages[0].SubIFDs[k]) {
				s.problem("%s has no SubIFD %d like that of %s; levels end there", p.Name, k, pages[0].Name)
				return
			}
			level = append(level, p.SubIFDs[k])
		}
		if !s.takes(level[0]) {
			return
		}
		s.levels = append(s.levels, level)
	}
}

// merge joins what is known of the pixel size: told stands, the file's resolution fills in.
func (s *Series) merge(told PixelSize) {
	s.PixelSize = told
	if told.Known() {
		return
	}
	page := s.Pages()[0].PixelSize
	if page.Known() {
		page.Z = told.Z
		s.PixelSize = page
		return
	}
	s.PixelSize.Reason = told.Reason + "; " + page.Reason
}
