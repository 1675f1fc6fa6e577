package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/target/dataset"
	"github.com/micropq/micropq/validate/target/dataset/datasettest"
)

// planes is a data set of two sections with instances and a pyramid.
func planes(t *testing.T) *datasettest.Set {
	s := datasettest.New("test")
	for i, id := range []string{"a", "b"} {
		s.Add(t, id, "train", true, datasettest.Pattern("raw", i, 1, 40, 36),
			datasettest.Labels("gt_instances", 2, 40, 36, [4]int{2, 2, 12, 12}, [4]int{14, 3, 28, 30}))
	}
	return s
}

// plantedRows is a defect made of a change of planes, and its near miss.
func plantedRows(defect, near func(t *testing.T, s *datasettest.Set)) plant {
	return plantedIn(planes, defect, near)
}

func plantedIn(base func(t *testing.T) *datasettest.Set, defect, near func(t *testing.T, s *datasettest.Set)) plant {
	made := func(change func(t *testing.T, s *datasettest.Set)) func(t *testing.T, dir string) []validate.Target {
		return func(t *testing.T, dir string) []validate.Target {
			s := base(t)
			change(t, s)
			s.Write(t, dir)
			return []validate.Target{dataset.New(dir, dataset.Options{})}
		}
	}
	return plant{made(defect), made(near)}
}

// changed is a data set with a file changed after it was written.
func changed(name string, change func([]byte) []byte) func(t *testing.T, dir string) []validate.Target {
	return func(t *testing.T, dir string) []validate.Target {
		planes(t).Write(t, dir)
		path := filepath.Join(dir, filepath.FromSlash(name))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, change(data))
		return []validate.Target{dataset.New(dir, dataset.Options{})}
	}
}

func pointer[T any](v T) *T { return &v }

func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(string(replaceOnce(b, old, new))) }
}

func replaceOnce(b []byte, old, new string) []byte {
	for i := range b {
		if len(b)-i >= len(old) && string(b[i:i+len(old)]) == old {
			return slices.Concat(b[:i], []byte(new), b[i+len(old):])
		}
	}
	panic(old)
}

var datasetPlants = map[string]plant{
	// A newer minor version only adds what may be ignored.
	"DS001": {changed(schemas.ManifestName, replace(`"version": "1.1"`, `"version": "2.0"`)), changed(schemas.ManifestName, replace(`"version": "1.1"`, `"version": "1.9"`))},
	// The manifest may be written otherwise.
	"DS002": {
		changed("chunks/train-00000-of-00001.parquet", func(b []byte) []byte { b[len(b)/3] ^= 1; return b }),
		changed(schemas.ManifestName, func(b []byte) []byte { return append(b, "\n\n"...) }),
	},
	"DS003": plantedRows(
		func(_ *testing.T, s *datasettest.Set) { s.Instances = append(s.Instances, s.Instances[0]) },
		func(_ *testing.T, s *datasettest.Set) { // one and the same id in another array
			for i := range s.Instances[:2] {
				in := s.Instances[i]
				in.Array, in.Label = "regions_fr", nil
				s.Instances = append(s.Instances, in)
			}
		}),
	"DS004": plantedRows(
		func(_ *testing.T, s *datasettest.Set) { s.Chunks = slices.Delete(s.Chunks, 1, 2) },
		func(_ *testing.T, s *datasettest.Set) { // a chunk of fill is no missing chunk
			for i := range s.Chunks {
				if s.Chunks[i].Data == nil {
					return
				}
			}
			panic("no chunk of fill")
		}),
	"DS005": plantedIn(published, func(_ *testing.T, s *datasettest.Set) { s.Samples = s.Samples[1:] }, none),
	"DS006": plantedRows(
		func(_ *testing.T, s *datasettest.Set) { s.Samples[0].Dataset = pointer("Unknown") },
		func(_ *testing.T, s *datasettest.Set) {
			s.Samples[0].Dataset = nil
			s.Added = []schemas.Column{{Name: "dataset_resolved", Type: schemas.TypeString, Nullable: true}}
			s.Values = [][]any{{"held_et_al_2010_galt"}, {nil}}
		}),
	"DS007": plantedRows(
		func(_ *testing.T, s *datasettest.Set) { s.Samples[0].Licence = nil },
		func(_ *testing.T, s *datasettest.Set) { s.Samples[0].Licence = pointer("LicenseRef-none-of-the-usual") }),
}

// published is a data set of as many items as mu-Bench was published with.
func published(t *testing.T) *datasettest.Set {
	s := datasettest.New("ubench")
	s.RowGroup = 1 << 20
	for i := range 17315 {
		s.Samples = append(s.Samples, schemas.Sample{SampleID: fmt.Sprint("s", i), Split: "test", Source: "x"})
	}
	return s
}

// alien puts a chunk of another array of the same name into level 1.
func alien(t *testing.T, s *datasettest.Set, label uint16) {
	o := datasettest.Labels("gt_instances", 2, 40, 36, [4]int{2, 2, 12, 12}, [4]int{14, 3, 28, 30})
	o.Fill([4]int{2, 2, 4, 4}, label)
	from := datasettest.New("other")
	from.Add(t, "a", "train", false, o)
	find := func(c schemas.Chunk) bool { return c.SampleID == "a" && c.Array == "gt_instances" && c.Level == 1 }
	s.Chunks[slices.IndexFunc(s.Chunks, find)] = from.Chunks[slices.IndexFunc(from.Chunks, find)]
}

var pyramidPlants = map[string]plant{
	"PX007": plantedRows(
		func(t *testing.T, s *datasettest.Set) { alien(t, s, 9) },
		func(t *testing.T, s *datasettest.Set) { alien(t, s, 1) }),
}

// box is where a fibre of a class mask is.
type maskBox struct {
	array string
	box   [4]int
	value uint16
}

// fibres is n sections of fibres with masks of classes; each section has 40 of them, the first am of them AM.
func fibres(values map[string]any, am []int, extra ...maskBox) func(t *testing.T) *datasettest.Set {
	return func(t *testing.T) *datasettest.Set {
		s := datasettest.New("test")
		s.Manifest.Options["layout"] = map[string]any{"files": []any{
			map[string]any{"role": "class", "class": "AM"}, map[string]any{"role": "class", "class": "NTM"},
			map[string]any{"role": "am_vs_nam", "values": values},
		}}
		for k, n := range am {
			gt := datasettest.Labels("gt_instances", 1, 50, 80)
			masks := map[string]*datasettest.Array{}
			for _, name := range []string{"mask_am", "mask_ntm", "mask_am_vs_nam"} {
				masks[name] = pointer(datasettest.Labels(name, 1, 50, 80))
			}
			for i := range 40 {
				y, x := i/8*10+1, i%8*10+1
				b := [4]int{y, x, y + 8, x + 8}
				gt.Fill(b, uint16(i+1))
				of, v := "mask_am", uint16(1)
				if i >= n {
					of, v = "mask_ntm", 2
				}
				masks[of].Fill(b, 1)
				masks["mask_am_vs_nam"].Fill(b, v)
			}
			for _, e := range extra {
				masks[e.array].Fill(e.box, e.value)
			}
			id := fmt.Sprintf("s%02d", k)
			s.Add(t, id, "train", true, datasettest.Pattern("raw", k, 1, 50, 80), gt, *masks["mask_am"], *masks["mask_ntm"], *masks["mask_am_vs_nam"])
			for i := range s.Instances {
				if in := &s.Instances[i]; in.SampleID == id {
					in.Class = pointer("NTM")
					if in.InstanceID <= int64(n) {
						in.Class = pointer("AM")
					}
				}
			}
		}
		return s
	}
}

var (
	meanings = map[string]any{"AM": []any{1}, "NAM": []any{2}}
	none     = func(*testing.T, *datasettest.Set) {}
	first    = [4]int{1, 1, 9, 9} // the box of fibre 1, which is AM
)

func with(base func(t *testing.T) *datasettest.Set, change func(t *testing.T, s *datasettest.Set)) func(t *testing.T, dir string) []validate.Target {
	return plantedIn(base, change, none).defect
}

var classMaskPlants = map[string]plant{
	// Two pixels are far from the share that claims a fibre.
	"CL002": {with(fibres(meanings, []int{20}, maskBox{"mask_ntm", first, 1}), none), with(fibres(meanings, []int{20}, maskBox{"mask_ntm", [4]int{1, 1, 2, 3}, 1}), none)},
	"CL003": {
		with(fibres(meanings, []int{20}), func(_ *testing.T, s *datasettest.Set) { s.Instances[0].Class = pointer("NTM") }),
		// An annotator may know better, and says so by a revision.
		with(fibres(meanings, []int{20}), func(_ *testing.T, s *datasettest.Set) {
			s.Instances[0].Class, s.Instances[0].Revision = pointer("NTM"), pointer(int32(1))
		}),
	},
	"CL004": {
		with(fibres(meanings, []int{20, 21, 19, 20, 22, 18, 20, 21, 1}), none),
		with(fibres(meanings, []int{20, 21, 19, 20, 22, 18, 20, 21, 12}), none),
	},
	"CL005": {
		with(fibres(meanings, []int{20}, maskBox{"mask_am_vs_nam", first, 3}), none),
		// A layout that says nothing of values leaves them out on purpose.
		with(fibres(nil, []int{20}, maskBox{"mask_am_vs_nam", first, 3}), none),
	},
}

// Where AM meets another class by a pixel the masks contradict each other, whatever the fibres are.
func TestMasksThatMeet(t *testing.T) {
	for _, box := range [][4]int{first, {1, 1, 2, 2}} {
		dir := t.TempDir()
		fibres(meanings, []int{20}, maskBox{"mask_ntm", box, 1})(t).Write(t, dir)
		if n := findings(t, "CL003", tuned(), []validate.Target{dataset.New(dir, dataset.Options{})}); n != 1 {
			t.Errorf("%v: %d findings of CL003, want one", box, n)
		}
	}
}

// A map of classes names all of them, or says which are left out.
func TestClassMap(t *testing.T) {
	dir := t.TempDir()
	fibres(meanings, []int{20})(t).Write(t, dir)
	for want, classes := range []map[string]string{{"AM": "fibre", "NTM": ""}, {"AM": "fibre"}, {}} {
		if n := findings(t, "CL005", tuned(), []validate.Target{dataset.New(dir, dataset.Options{Classes: classes})}); n != want {
			t.Errorf("%v: %d findings of CL005, want %d", classes, n, want)
		}
	}
}
