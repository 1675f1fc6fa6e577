package nclsmgen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Techniques are the folders of a release.
var Techniques = []string{"IMC", "IF"}

// sectionNames are the sections of a technique in order: two of one donor are among them.
var sectionNames = map[string][]string{
	"IMC": {"C03", "C03-2", "C01"},
	"IF":  {"S11", "S60"},
}

const (
	maxSections = 1000
	maxSide     = 1 << 16
)

// Options say what a release contains. The zero value is a small release.
type Options struct {
	Sections      int // of each technique; 2
	Techniques    []string
	Height, Width int    // pixels; 96 and 128
	Cell          int    // pitch of the fibres in pixels; 16
	Zip           bool   // write an archive of everything beside the folders
	Defect        string // one of DefectNames
	Seed          uint64
}

func (o Options) withDefaults() Options {
	if o.Sections == 0 {
		o.Sections = 2
	}
	if len(o.Techniques) == 0 {
		o.Techniques = Techniques
	}
	if o.Height == 0 {
		o.Height = 96
	}
	if o.Width == 0 {
		o.Width = 128
	}
	if o.Cell == 0 {
		o.Cell = 16
	}
	return o
}

// Validate reports every option that cannot be met, joined.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Sections < 1 || o.Sections > maxSections {
		bad("%d sections: want 1 to %d", o.Sections, maxSections)
	}
	for _, t := range o.Techniques {
		if !slices.Contains(Techniques, t) {
			bad("technique %q: want one of %v", t, Techniques)
		}
	}
	if min(o.Height, o.Width) < 4 || max(o.Height, o.Width) > maxSide {
		bad("%dx%d pixels: want sides of 4 to %d", o.Height, o.Width, maxSide)
	}
	if o.Cell < 8 {
		bad("cell %d: want at least 8 pixels", o.Cell)
	} else if n := ((o.Height + o.Cell - 1) / o.Cell) * ((o.Width + o.Cell - 1) / o.Cell); n > 1<<16-1 {
		bad("%d fibres a section: their ids do not fit 16 bits", n)
	}
	if o.Defect != "" && !slices.Contains(DefectNames(), o.Defect) {
		bad("defect %q: want one of %s", o.Defect, strings.Join(DefectNames(), ", "))
	}
	return errors.Join(errs...)
}

// Command is the command that makes the release again; DIR stands for its folder.
func (o Options) Command() string {
	o = o.withDefaults()
	s := fmt.Sprintf("go run ./testdata/gen nclsm -o DIR -sections %d -technique %s -size %d,%d -cell %d -seed %d",
		o.Sections, strings.Join(o.Techniques, ","), o.Height, o.Width, o.Cell, o.Seed)
	if o.Zip {
		s += " -zip"
	}
	if o.Defect != "" {
		s += " -defect " + o.Defect
	}
	return s
}

// Section names a section and says what it holds.
type Section struct {
	Technique, Name string
	*Tissue
}

// sections lists the release's sections.
func (o Options) sections() (out []Section) {
	for k, t := range o.Techniques {
		for i := range o.Sections {
			name := fmt.Sprintf("%c%02d", sectionNames[t][0][0], 100+i)
			if i < len(sectionNames[t]) {
				name = sectionNames[t][i]
			}
			out = append(out, Section{t, name, newTissue(hash(o.Seed, k, i), o.Height, o.Width, o.Cell)})
		}
	}
	return out
}
