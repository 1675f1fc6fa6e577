package nclsmgen

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
)

// defects change the files of the first section, each in exactly one way.
var defects = map[string]func(s Section, files []*file) []*file{
	// The instance mask is a pixel narrower than the image.
	"size-mismatch": func(s Section, files []*file) []*file {
		m := in(files, "Mask_All_Myofibres")
		m.width--
		row, full := m.row, make([]byte, 2*s.Width)
		m.row = func(y int, dst []byte) { row(y, full); copy(dst, full) }
		return files
	},
	// The mask of freezing artefacts lies where no fibre is.
	"stray-class": func(s Section, files []*file) []*file {
		in(files, "Mask_Freezing").picture = s.mask(func(_, _ int, id uint32) uint8 { return white(id == 0) })
		return files
	},
	// A second file for the instances, with another extension.
	"two-masks": func(_ Section, files []*file) []*file {
		twin := *in(files, "Mask_All_Myofibres")
		twin.path = strings.TrimSuffix(twin.path, ".tiff") + ".tif"
		return append(files, &twin)
	},
	// A folder whose name means two classes.
	"ambiguous-folder": func(_ Section, files []*file) []*file {
		in(files, "Mask_Freezing").rename("Mask_FAM_NTM")
		return files
	},
	// A second folder for non-transverse myofibres.
	"twin-folder": func(_ Section, files []*file) []*file {
		twin := *in(files, "Mask_Non_Transverse")
		twin.rename("Mask_NTM")
		return append(files, &twin)
	},
	// No folder has a name that means anything.
	"unknown-folders": func(_ Section, files []*file) []*file {
		for i, f := range files {
			f.rename(string(rune('a' + i)))
		}
		return files
	},
	// The instance mask is float32.
	"float-mask": func(s Section, files []*file) []*file {
		m := in(files, "Mask_All_Myofibres")
		row := make([]uint32, s.Width)
		m.bytes, m.float = 4, true
		m.row = func(y int, dst []byte) {
			s.IDs(y, row)
			for x, id := range row {
				binary.LittleEndian.PutUint32(dst[4*x:], math.Float32bits(float32(id)))
			}
		}
		return files
	},
	// The mask of freezing artefacts claims the analysable myofibres too. It converts: the
	// contradiction is kept.
	Contradiction: func(s Section, files []*file) []*file {
		in(files, "Mask_Freezing").picture = s.mask(func(_, _ int, id uint32) uint8 {
			return white(id != 0 && s.class(id) != classNTM)
		})
		return files
	},
	// Blue is not empty. It converts: the channel is kept.
	Blue: func(s Section, files []*file) []*file {
		m := in(files, "/Images/")
		row := m.row
		m.row = func(y int, dst []byte) {
			row(y, dst)
			dst[2] = 7
		}
		return files
	},
}

// The defects that convert.
const (
	Contradiction = "contradiction"
	Blue          = "blue"
)

// DefectNames lists the defects.
func DefectNames() []string { return slices.Sorted(maps.Keys(defects)) }

// in is the file whose path has a part.
func in(files []*file, part string) *file {
	return files[slices.IndexFunc(files, func(f *file) bool { return strings.Contains(f.path, part) })]
}

// rename moves a file to another folder of its technique.
func (f *file) rename(folder string) {
	parts := strings.Split(f.path, "/")
	parts[1] = folder
	f.path = strings.Join(parts, "/")
}
