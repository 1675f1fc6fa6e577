package nclsmgen

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNotEmpty is returned for a folder that holds files: a release is never mixed with
// what was there.
var ErrNotEmpty = errors.New("the folder is not empty: give a new one")

// ArchiveName is the file that holds everything else.
const ArchiveName = "NCL-SM.zip"

// Generate writes a release into dir, which must be absent or empty, and returns its
// sections. What it wrote before an error stays.
func Generate(ctx context.Context, dir string, o Options) ([]Section, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	sections := o.sections()
	for i, s := range sections {
		files := s.files()
		if i == 0 && o.Defect != "" {
			files = defects[o.Defect](s, files)
		}
		for _, f := range files {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err := f.write(dir); err != nil {
				return nil, fmt.Errorf("%s: %w", f.path, err)
			}
		}
	}
	if err := writeTexts(dir, sections, o); err != nil {
		return nil, err
	}
	if o.Zip {
		return sections, writeZip(ctx, dir)
	}
	return sections, nil
}

// file is a picture at a path below the release.
type file struct {
	path string
	picture
}

func (f *file) write(dir string) error {
	p := filepath.Join(dir, filepath.FromSlash(f.path))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return f.picture.write(p)
}

// files are the files of a section.
func (s Section) files() []*file {
	path := func(folder string) string { return s.Technique + "/" + folder + "/" + s.Name + ".tiff" }
	p := picture{height: s.Height, width: s.Width, samples: 1, bytes: 1, compression: "deflate", rowsPerStrip: 64}
	image, grey := p, p
	image.samples, image.row = 3, s.Image
	grey.row = s.grey
	return []*file{
		{path("Images"), image},
		{path("Greyscale_Images"), grey},
		{path("Mask_All_Myofibres"), s.ids(func(uint32) bool { return true })},
		{path("Mask_All_AM"), s.ids(func(id uint32) bool { return s.class(id) == classAM })},
		{path("Mask_AM_vs_NAM"), s.mask(func(_, _ int, id uint32) uint8 {
			switch {
			case id == 0:
				return 0
			case s.class(id) == classAM:
				return 1
			}
			return 2
		})},
		{path("Mask_Non_Transverse_Myofibres"), s.classMask(classNTM)},
		{path("Mask_Freezing_Artefact_Myofibres"), s.classMask(classFAM)},
		{path("Mask_Folded_Regions"), s.mask(func(y, x int, _ uint32) uint8 { return white(s.Folded(y, x)) })},
		{path("Mask_QA"), s.second()},
	}
}

func white(on bool) uint8 {
	if on {
		return 255
	}
	return 0
}

func (s Section) grey(y int, dst []byte) {
	rgb := make([]byte, 3*s.Width)
	s.Image(y, rgb)
	for x := range dst {
		dst[x] = rgb[3*x]
	}
}

// ids is an instance mask of the fibres that are wanted: uint16 in one strip.
func (s Section) ids(wanted func(id uint32) bool) picture {
	row := make([]uint32, s.Width)
	return picture{height: s.Height, width: s.Width, samples: 1, bytes: 2, compression: "deflate", ome: true,
		row: func(y int, dst []byte) {
			s.IDs(y, row)
			for x, id := range row {
				if id != 0 && !wanted(id) {
					id = 0
				}
				binary.LittleEndian.PutUint16(dst[2*x:], uint16(id))
			}
		}}
}

// mask is a uint8 mask.
func (s Section) mask(value func(y, x int, id uint32) uint8) picture {
	row := make([]uint32, s.Width)
	return picture{height: s.Height, width: s.Width, samples: 1, bytes: 1, compression: "deflate", rowsPerStrip: 128,
		row: func(y int, dst []byte) {
			s.IDs(y, row)
			for x, id := range row {
				dst[x] = value(y, x, id)
			}
		}}
}

func (s Section) classMask(class int) picture {
	return s.mask(func(_, _ int, id uint32) uint8 { return white(id != 0 && s.class(id) == class) })
}

// second is the other annotator's mask: uint32, LZW, one row a strip.
func (s Section) second() picture {
	return picture{height: s.Height, width: s.Width, samples: 1, bytes: 4, compression: "lzw", rowsPerStrip: 1, ome: true,
		row: func(y int, dst []byte) {
			for x := range s.Width {
				binary.LittleEndian.PutUint32(dst[4*x:], s.Second(y, x))
			}
		}}
}

// ClinicalName is the clinical table.
const ClinicalName = "clinical_info.csv"

// writeTexts writes the clinical table and the note on where the release comes from.
func writeTexts(dir string, sections []Section, o Options) error {
	table := "Imaging Technique,Tissue Section,Myofibre Count,Diagnosis,Biopsy,Consent Reference\n"
	for i, s := range sections {
		diagnosis := []string{"Healthy Control", "Mitochondrial Disease"}[below(hash(o.Seed, 8, i), 2)]
		table += fmt.Sprintf("%s,%s,%d,%s,ACL,made up\n", s.Technique, s.Name, s.Fibres(), diagnosis)
	}
	if err := os.WriteFile(filepath.Join(dir, ClinicalName), []byte(table), 0o644); err != nil {
		return err
	}
	note := "# Provenance\n\n" +
		"Made-up sections in the layout of the NCL-SM release (https://doi.org/10.25405/data.ncl.24125391): no pixel of it is real.\n" +
		"Written by micropq's own generator; this command makes the same bytes again, DIR being this folder:\n\n" +
		"    " + o.Command() + "\n"
	return os.WriteFile(filepath.Join(dir, "PROVENANCE.md"), []byte(note), 0o644)
}

// writeZip packs everything below dir. All entries have one date.
func writeZip(ctx context.Context, dir string) (err error) {
	f, err := os.Create(filepath.Join(dir, ArchiveName))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := zip.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == ArchiveName {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return addToZip(w, path, filepath.ToSlash(name))
	})
	if err != nil {
		return err
	}
	return w.Close()
}

func addToZip(w *zip.Writer, path, name string) error {
	header := &zip.FileHeader{Name: name, Method: zip.Store, Modified: time.Date(2023, 11, 17, 0, 0, 0, 0, time.UTC)}
	if strings.HasSuffix(name, "3.tiff") { // some deflated, some stored
		header.Method = zip.Deflate
	}
	out, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}
