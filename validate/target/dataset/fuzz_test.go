package dataset_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/micropq/micropq/validate/target/dataset/datasettest"
)

// tiny has a row group of each table that is small enough for bytes to hit something.
func tiny(t testing.TB) *datasettest.Set {
	s := datasettest.New("tiny")
	s.Add(t, "a", "train", true, datasettest.Pattern("raw", 1, 2, 17, 20), datasettest.Labels("gt_instances", 1, 17, 20, [4]int{1, 1, 9, 9}, [4]int{10, 3, 16, 18}))
	return s
}

// FuzzDamage flips a byte of a file or cuts the file off. Whatever that does, validation comes to an end, without a
// panic; what the manifest's checksums cover is found.
func FuzzDamage(f *testing.F) {
	clean := f.TempDir()
	tiny(f).Write(f, clean)
	var names []string
	files := map[string][]byte{}
	err := filepath.WalkDir(clean, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(clean, path)
		names = append(names, name)
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	for file := range names {
		size := len(files[names[file]])
		for k := range 12 {
			f.Add(uint8(file), uint32(k*size/12), byte(0x41), false)
		}
		f.Add(uint8(file), uint32(size-6), byte(0x10), false)
		f.Add(uint8(file), uint32(size/2), byte(0), true)
		f.Add(uint8(file), uint32(size-1), byte(0), true)
	}
	f.Fuzz(func(t *testing.T, file uint8, at uint32, flip byte, cut bool) {
		name := names[int(file)%len(names)]
		data := append([]byte(nil), files[name]...)
		at %= uint32(len(data))
		if cut {
			data = data[:at]
		} else {
			data[at] ^= flip
		}
		dir := t.TempDir()
		for n, b := range files {
			if n == name {
				b = data
			}
			path := filepath.Join(dir, n)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		found := run(t, dir)
		if (cut || flip != 0) && len(found) == 0 && name != "manifest.json" {
			t.Errorf("%s, byte %d: nothing is found", name, at)
		}
	})
}
