package tiffio

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tool is the path of a program, whose answer to an option tells that it is the one meant.
// The test is skipped where it is not installed.
func tool(t *testing.T, word, option string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			if out, _ := exec.CommandContext(t.Context(), path, option).CombinedOutput(); bytes.Contains(out, []byte(word)) {
				return path
			}
		}
	}
	t.Skipf("no %s to compare with: none of %q is installed", word, names)
	return ""
}

// toolRun runs a program; ok is false where it cannot do what it is asked.
func toolRun(t *testing.T, path string, args ...string) (out []byte, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Logf("%s %s: %v: %s", filepath.Base(path), strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
		return nil, false
	}
	return stdout.Bytes(), true
}

// picture is an uncompressed file of smooth parts and noise.
func picture(w, h, samples, bits, format uint64) []byte {
	rng := rand.New(rand.NewPCG(w, bits))
	row := (w*samples*bits + 7) / 8
	px := make([]byte, row*h)
	for i := range px {
		px[i] = byte(uint64(i)%row/2 + uint64(i)/row)
		if rng.IntN(9) == 0 {
			px[i] += byte(rng.IntN(16))
		}
	}
	if format == formatFloat { // finite numbers only
		for i := 3; i < len(px); i += 4 {
			px[i] = 0x3f
		}
	}
	photometric := uint64(BlackIsZero)
	if samples == 3 {
		photometric = uint64(RGB)
	}
	each := func(v uint64) (all []uint64) {
		for range samples {
			all = append(all, v)
		}
		return all
	}
	return one(false, px, func(at uint64) []field {
		return grey(w, h, at, uint64(len(px)), longs(tagPhotometric, photometric), field{tag: tagSamplesPerPixel, typ: tShort, values: []uint64{samples}},
			field{tag: tagBitsPerSample, typ: tShort, values: each(bits)}, field{tag: tagSampleFormat, typ: tShort, values: each(format)})
	})
}

// pictures are written to a folder; the paths are by name.
func pictures(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths := map[string]string{}
	for name, p := range map[string][5]uint64{
		"bilevel": {101, 77, 1, 1, 1}, "grey8": {101, 77, 1, 8, 1}, "grey16": {101, 77, 1, 16, 1}, "rgb8": {101, 77, 3, 8, 1},
		"rgb16": {101, 77, 3, 16, 1}, "grey32": {101, 77, 1, 32, 1}, "float": {101, 77, 1, 32, 3},
	} {
		paths[name] = filepath.Join(dir, name+".tif")
		if err := os.WriteFile(paths[name], picture(p[0], p[1], p[2], p[3], p[4]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// pixels reads the first page of a file.
func pixels(t *testing.T, path string) ([]byte, *Array, error) {
	t.Helper()
	a, err := openFile(t, path).pages[0].Array()
	if err != nil {
		return nil, nil, err
	}
	b, err := a.ReadAll(t.Context(), 1<<28)
	return b, a, err
}

// What libtiff's tiffcp makes of a file reads equal, or is refused by name.
func TestLibtiff(t *testing.T) {
	tiffcp := tool(t, "LIBTIFF", "-h", "tiffcp")
	dir := t.TempDir()
	base := pictures(t, dir)
	codecs := map[string][]string{
		"bilevel": {"none", "lzw", "zip", "packbits", "g3:1d", "g3:1d:fill", "g3:2d", "g4", "zstd"},
		"grey8":   {"none", "lzw", "lzw:2", "zip", "zip:2", "packbits", "jpeg", "lzma", "lzma:2", "zstd", "zstd:2", "webp", "sgilog"},
		"grey16":  {"lzw", "lzw:2", "zip:2", "lzma:2", "zstd:2"},
		"rgb8":    {"none", "lzw:2", "zip:2", "jpeg", "jpeg:r", "jpeg:75", "zstd", "lerc"},
		"rgb16":   {"lzw:2", "zip:2"},
		"grey32":  {"lzw:2", "zip", "zip:2"},
		"float":   {"lzw:3", "zip:3", "zip:2", "zstd:3", "lzma:3"},
	}
	layouts := [][]string{{"-s", "-r", "77"}, {"-s", "-r", "16", "-B"}, {"-t", "-w", "32", "-l", "16", "-8"}, {"-s", "-r", "8", "-f", "lsb2msb"}, {"-t", "-w", "48", "-l", "32", "-p", "separate", "-B"}}
	read, refused, cannot := 0, 0, 0
	for name, path := range base {
		want, _, err := pixels(t, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, codec := range codecs[name] {
			for i, layout := range layouts {
				what := fmt.Sprintf("%s-%s-%d", name, codec, i)
				made := filepath.Join(dir, strings.ReplaceAll(what, ":", "_")+".tif")
				if _, ok := toolRun(t, tiffcp, append(append([]string{"-c", codec}, layout...), path, made)...); !ok {
					cannot++ // tiffcp cannot write it
					continue
				}
				expect, tolerance := want, 0
				// Where tiffcp loses something itself, it is what libtiff reads that counts: JPEG
				// does, and big-endian floats go in turned around once too often.
				lossy := strings.HasPrefix(codec, "jpeg")
				if lossy || strings.HasSuffix(codec, ":3") && slices.Contains(layout, "-B") {
					plain := made + ".none.tif"
					if _, ok := toolRun(t, tiffcp, "-c", "none", "-p", "contig", made, plain); !ok {
						continue
					}
					if expect, _, err = pixels(t, plain); err != nil {
						t.Fatal(err)
					}
					if lossy {
						tolerance = 3
					}
				}
				got, a, err := pixels(t, made)
				var u *UnsupportedError
				switch {
				case errors.As(err, &u):
					t.Logf("%s: %v", what, u)
					refused++
				case err != nil:
					t.Errorf("%s: %v", what, err)
				case !near(got, expect, tolerance):
					t.Errorf("%s: pixels differ", what)
				default:
					read++
					checkWindows(t, what, a, got, limits{whole: 1, band: 500})
				}
			}
		}
	}
	t.Logf("%d files read equal, %d refused by name, %d that tiffcp cannot write", read, refused, cannot)
	if read < 100 {
		t.Errorf("only %d files were compared", read)
	}
}

// near tells whether bytes differ by no more than tolerance.
func near(a, b []byte, tolerance int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if abs(int(a[i])-int(b[i])) > tolerance {
			return false
		}
	}
	return true
}

// What ImageMagick makes of a file reads as ImageMagick reads it, or is refused by name.
func TestImageMagick(t *testing.T) {
	magick := tool(t, "ImageMagick", "-version", "magick", "convert")
	dir := t.TempDir()
	base := pictures(t, dir)
	options := map[string][]string{
		"none": {"-compress", "None"}, "lzw": {"-compress", "LZW"}, "zip": {"-compress", "Zip"}, "rle": {"-compress", "RLE"},
		"jpeg": {"-compress", "JPEG"}, "zstd": {"-compress", "Zstd"}, "lzma": {"-compress", "LZMA"}, "g4": {"-compress", "Group4"}, "fax": {"-compress", "Fax"},
		"predictor": {"-compress", "Zip", "-define", "tiff:predictor=2"}, "tiles": {"-compress", "LZW", "-define", "tiff:tile-geometry=32x32"},
		"msb": {"-endian", "MSB", "-compress", "Zip"}, "planes": {"-interlace", "plane", "-compress", "LZW"}, "rows": {"-define", "tiff:rows-per-strip=3", "-compress", "RLE"},
		"fill": {"-define", "tiff:fill-order=lsb", "-compress", "LZW"}, "alpha": {"-alpha", "set", "-compress", "Zip"}, "palette": {"-type", "Palette", "-compress", "Zip"},
		"min-white": {"-define", "quantum:polarity=min-is-white"}, "12": {"-depth", "12"}, "big": {"tiff64:"},
	}
	read, refused := 0, 0
	for name, depth := range map[string]string{"bilevel": "8", "grey8": "8", "grey16": "16", "rgb8": "8"} {
		for what, args := range options {
			made := filepath.Join(dir, name+"-"+what+".tif")
			target := made
			if name == "bilevel" && what == "alpha" {
				continue // ImageMagick writes it right and reads it inverted
			}
			if what == "big" {
				args, target = nil, "tiff64:"+made
			}
			if _, ok := toolRun(t, magick, append(append([]string{base[name]}, args...), target)...); !ok {
				continue
			}
			got, a, err := pixels(t, made)
			var u *UnsupportedError
			if errors.As(err, &u) {
				t.Logf("%s-%s: %v", name, what, u)
				refused++
				continue
			}
			if err != nil {
				t.Errorf("%s-%s: %v", name, what, err)
				continue
			}
			got, format, bits := raw(a, got, depth)
			expect, ok := toolRun(t, magick, made, "-depth", bits, "-endian", "LSB", format+":-")
			if !ok {
				continue
			}
			tolerance := 0
			if what == "jpeg" {
				tolerance = 3
			}
			if !near(got, expect, tolerance) {
				t.Errorf("%s-%s: pixels differ (%v %v %s, %d and %d bytes)", name, what, a.pages[0].Photometric, a.Shape(), a.DType(), len(got), len(expect))
				continue
			}
			read++
		}
	}
	t.Logf("%d files read equal, %d refused by name", read, refused)
	if read < 60 {
		t.Errorf("only %d files were compared", read)
	}
}

// raw is an array as ImageMagick writes raw pixels: interleaved, of 8 or 16 bits and the
// whole range, black as zero, colours for indices. format and bits are what to ask it for.
func raw(a *Array, px []byte, depth string) (out []byte, format, bits string) {
	p := a.pages[0]
	size := p.DType.Size()
	n := p.Width * p.Height
	format, bits = map[int]string{1: "gray", 2: "graya", 3: "rgb", 4: "rgba"}[p.Samples], map[int]string{1: "8", 2: "16"}[size]
	top := uint64(1)<<p.Bits - 1
	full := uint64(1)<<(8*size) - 1
	if p.Photometric == Palette {
		format, bits = "rgb", "16"
	}
	for i := range n {
		for s := range p.Samples {
			at := (s*n + i) * size
			v := uint64(px[at])
			if size == 2 {
				v |= uint64(px[at+1]) << 8
			}
			if p.Photometric == Palette {
				k := len(p.ColorMap) / 3
				for c := range 3 {
					rgb := p.ColorMap[c*k+int(v)]
					out = append(out, byte(rgb), byte(rgb>>8))
				}
				continue
			}
			if p.Photometric == WhiteIsZero && s == 0 {
				v = top - v
			}
			v = (v*full + top/2) / top
			out = append(out, byte(v))
			if size == 2 {
				out = append(out, byte(v>>8))
			}
		}
	}
	return out, format, bits
}
